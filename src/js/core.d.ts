// The border to Rust: what `src/wasm` exports, as the build binds it. The other direction is `Environment`.
import type { Call } from "./core/request.js";
import type { Environment } from "./core/env.js";

/** Gives the bindings the exports of the wasm. */
export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
/**
 * Reads a stranger's text. `kind` is as `core/parsers.ts` numbers it; `caveats` is the JSON text of an array. Gives the
 * JSON text of the parts, or for the last kind a token. Throws `[code, message]`.
 */
export function parse(kind: number, text: string, caveats: string): string;

/**
 * The core of one paying fetch. A token is known by a number: below 0 where it was bought for another resource, 0 for
 * none.
 */
export class Core {
  /** `config` and `about` are JSON text. Throws `[code, message]`. */
  constructor(config: string, env: Environment, traits: number, about: string);
  /** Goes on with a task of `Environment.continuation`. */
  static run(task: number): void;
  /** The same core in a narrower scope. `limits` is JSON text, the list of `Level`. */
  within(name: string | undefined, limits: string, env: Environment, traits: number): Core;
  has_tokens(): boolean;
  /** The token to send with a call. */
  token(call: Call): number;
  /** Reads what the store has for a call. */
  read(call: Call): Promise<void>;
  /** JSON text: `{ authorization, payment, expiresAt }`. */
  credential(token: number): string;
  /** Notes that a server took the token. */
  accepted(token: number): void;
  /** What a server attests in this header, as JSON text; undefined if it is not of the payment of this token. */
  attested(token: number, header: string): string | undefined;
  /**
   * Takes a call from its first response to its end: the last response, and the receipt or null as JSON text. Without a
   * response the call is sent first.
   */
  answer(call: Call, token: number, response?: Response): Promise<[Response, string]>;
  /** JSON text: the quote, or null where nothing is to be paid. */
  quote(call: Call): Promise<string>;
  /** Pays a further deposit for a session (hex), by the challenge that comes to a call. Gives what `answer` gives. */
  top_up(call: Call, session: string): Promise<[Response, string]>;
  /** Asks the ledger one of the questions of `core/client.ts`. Gives JSON text. */
  records(question: number, subject?: string, preimage?: string): Promise<string | undefined>;
}
/** What the wasm imports. */
export const imports: WebAssembly.Imports;
