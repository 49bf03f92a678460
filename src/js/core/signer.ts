// The key that signed an invoice. The curve is as large as all that is loaded before the first 402, and few offers need
// it, so this is a module of its own.
import { etc, recoverPublicKey } from "@noble/secp256k1";

/** A signature as the core reads it: hex, and the number of the key among those that could have made it. */
export interface Signature {
  digest: string;
  compact: string;
  recoveryId: number;
}

/** The compressed public key in hex; null where no key has made this signature. */
export function signerOf({ digest, compact, recoveryId }: Signature): string | null {
  try {
    const signature = Uint8Array.of(recoveryId, ...etc.hexToBytes(compact));
    return etc.bytesToHex(recoverPublicKey(signature, etc.hexToBytes(digest), { prehash: false }));
  } catch {
    return null;
  }
}

/** Loads this module. */
export type LoadSigner = () => Promise<{ signerOf: typeof signerOf }>;
