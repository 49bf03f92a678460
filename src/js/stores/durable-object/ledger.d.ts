/**
 * The Durable Object to export from a Worker: tokens, journal and locks of a fleet of Workers. It is asked through `fetch`,
 * so it works with any compatibility date, and with both kinds of storage (SQLite-backed classes are the better choice).
 */
export class L402Ledger {
  constructor(state: LedgerState, env?: unknown);
  fetch(request: Request): Promise<Response>;
}

/** What it uses of `DurableObjectState`. */
export interface LedgerState {
  storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
    delete(key: string): Promise<boolean>;
  };
}
