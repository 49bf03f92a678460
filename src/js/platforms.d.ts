// What some platforms have that the types of the DOM do not know. Only what is used here is declared.

/** In workerd alone. */
declare const WebSocketPair: unknown;
/** In workers, and in older workerd. */
declare function importScripts(...urls: string[]): void;
/** In CommonJS: the folder of this file. */
declare const __dirname: string;

declare module "node:fs" {
  export function readFileSync(path: string | URL): Uint8Array<ArrayBuffer>;
}

/** What is used of the package of that name. */
declare module "@getalby/sdk/nwc" {
  export class NWCClient {
    constructor(options: { nostrWalletConnectUrl: string });
    close(): void;
    payInvoice(args: { invoice: string }): Promise<{ preimage: string; fees_paid?: number }>;
  }
  export class Nip47NetworkError extends Error {}
  export class Nip47UnsupportedEncryptionError extends Error {}
  export class Nip47WalletError extends Error {}
}
