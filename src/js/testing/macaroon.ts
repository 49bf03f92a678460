// Makes and checks macaroons: the binary format, version 2, with first-party caveats.
// https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, randomBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64 } from "@scure/base";

const VERSION = 2;
const END = 0;
const LOCATION = 1;
const IDENTIFIER = 2;
const SIGNATURE = 6;

/** What a macaroon says, once its signature was checked. */
export interface Checked {
  identifier: Uint8Array;
  caveats: string[];
}

/** Signs macaroons under a key of its own. */
export class Mint {
  readonly #key = hmac(sha256, utf8ToBytes("macaroons-key-generator"), randomBytes(32));

  /** In base64. */
  make(identifier: Uint8Array, caveats: string[]): string {
    const texts = caveats.map((caveat) => utf8ToBytes(caveat));
    return base64.encode(
      concatBytes(
        Uint8Array.of(VERSION),
        packet(LOCATION, utf8ToBytes("shop")),
        packet(IDENTIFIER, identifier),
        Uint8Array.of(END),
        ...texts.flatMap((text) => [packet(IDENTIFIER, text), Uint8Array.of(END)]),
        Uint8Array.of(END),
        packet(SIGNATURE, this.#signature([identifier, ...texts])),
      ),
    );
  }

  /** Reads a macaroon that may have got further caveats since. null: it is none, or none of this mint. */
  check(token: string): Checked | null {
    try {
      const reader = new Reader(base64.decode(token));
      reader.expect(VERSION);
      if (reader.type === LOCATION) reader.packet(LOCATION);
      const identifier = reader.packet(IDENTIFIER);
      reader.expect(END);
      const texts: Uint8Array[] = [];
      while (reader.type !== END) {
        texts.push(reader.packet(IDENTIFIER));
        reader.expect(END);
      }
      reader.expect(END);
      const signature = base64.encode(reader.packet(SIGNATURE));
      if (signature !== base64.encode(this.#signature([identifier, ...texts]))) return null;
      return { identifier, caveats: texts.map((text) => new TextDecoder().decode(text)) };
    } catch {
      return null;
    }
  }

  /** Each signature is the key of the next one. */
  #signature(texts: Uint8Array[]): Uint8Array {
    return texts.reduce<Uint8Array>((key, text) => hmac(sha256, key, text), this.#key);
  }
}

/** A type, a length in groups of seven bits, the lowest first, and so many bytes. */
function packet(type: number, bytes: Uint8Array): Uint8Array {
  const head = [type];
  let length = bytes.length;
  for (; length > 127; length >>>= 7) head.push((length & 127) | 128);
  return concatBytes(Uint8Array.of(...head, length), bytes);
}

/** Reads packets one after another. Throws at whatever is not as expected. */
class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next byte, which stays to be read. */
  get type(): number | undefined {
    return this.#bytes[this.#at];
  }

  expect(byte: number): void {
    if (this.#bytes[this.#at++] !== byte) throw new Error("another byte");
  }

  packet(type: number): Uint8Array {
    this.expect(type);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || shift > 14) throw new Error("no length");
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("no end");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
