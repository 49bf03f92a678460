const VERSION = 1;
/**
 * A lock is held for this many milliseconds without a sign of life from its holder. The stub's module sends several in
 * this time.
 */
const LEASE = 20_000;
/** UTF-16 units in one stored piece of a value: objects without SQLite take 128 KiB, and a unit is up to 2 bytes. */
const PIECE = 60_000;

/** The part of `DurableObjectState` that is used. */
export interface LedgerState {
  /** The object's own storage. */
  storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
    delete(key: string): Promise<boolean>;
  };
}

/** A question to the object. */
type Question = { key: string; value: string | null; name: string; holder: string };
/** The holder of a lock, the end of the lease, and the time when a holder last lost the lock without freeing it. */
type Lock = { holder: string | null; until: number; takenOver: number };

/**
 * The Durable Object to export from a Worker: tokens, journal and locks of a fleet of Workers. It is asked through
 * `fetch`, so it works with any compatibility date, and with both kinds of storage (SQLite-backed classes are the
 * better choice).
 *
 * Between its reads and writes nothing else runs: while storage is at work, the runtime delivers no other request.
 */
export class L402Ledger {
  #storage: LedgerState["storage"];
  #checked = false;

  constructor(state: LedgerState, _env?: unknown) {
    this.#storage = state.storage;
  }

  /** Answers a request of `durableObjectStore()`. */
  async fetch(request: Request): Promise<Response> {
    try {
      const { op, ...rest } = (await request.json()) as Question & { op: string };
      await this.#checkVersion();
      switch (op) {
        case "get":
          return Response.json({ value: await this.#get(rest.key) });
        case "set":
          return Response.json(await this.#set(rest));
        case "lock":
          return Response.json(await this.#lock(rest));
        case "renew":
          return Response.json(await this.#renew(rest));
        case "unlock":
          return Response.json(await this.#unlock(rest));
        default:
          throw new Error("the ledger does not know this request: deploy the same version of l402-fetch everywhere");
      }
    } catch (error) {
      return Response.json({ error: String((error as Partial<Error> | undefined)?.message ?? error) }, { status: 500 });
    }
  }

  async #checkVersion(): Promise<void> {
    if (this.#checked) return;
    const version = await this.#storage.get("version");
    if (version === undefined) await this.#storage.put("version", VERSION);
    else if (version !== VERSION)
      throw new Error("the ledger was written by a later version of l402-fetch: update to use it");
    this.#checked = true;
  }

  async #get(key: string): Promise<string | null> {
    const count = (await this.#storage.get(`count/${key}`)) as number | undefined;
    if (count === undefined) return null;
    const pieces = await Promise.all(
      Array.from({ length: count }, (_, index) => this.#storage.get(`piece/${index}/${key}`)),
    );
    if (pieces.some((piece) => typeof piece !== "string"))
      throw new Error(`the ledger's ${key} is damaged: nothing is overwritten`);
    return pieces.join("");
  }

  /** Sets a value, or deletes it if it is null. If `holder` is given, it must still have the lock `name`. */
  async #set({ key, value, name, holder }: Question) {
    const before = ((await this.#storage.get(`count/${key}`)) as number | undefined) ?? 0;
    if (name !== undefined && (await this.#lockOf(name))?.holder !== holder) return { lost: true };
    // Writes without an await between them are one.
    const writes: Promise<unknown>[] = [];
    const count = value === null ? 0 : Math.ceil(value.length / PIECE);
    for (let index = 0; index < count; index++) {
      writes.push(this.#storage.put(`piece/${index}/${key}`, value?.slice(index * PIECE, (index + 1) * PIECE)));
    }
    for (let index = count; index < before; index++) writes.push(this.#storage.delete(`piece/${index}/${key}`));
    writes.push(value === null ? this.#storage.delete(`count/${key}`) : this.#storage.put(`count/${key}`, count));
    await Promise.all(writes);
    return {};
  }

  async #lockOf(name: string) {
    return (await this.#storage.get(`lock/${name}`)) as Lock | undefined;
  }

  /** Gives the lock. Or tells how many milliseconds at most another holds it. */
  async #lock({ name, holder }: Question) {
    const before = await this.#lockOf(name);
    const now = Date.now();
    const isHeld = before?.holder && before.holder !== holder;
    // A lease can't be longer than this. So a clock that was set back frees nothing late.
    const left = isHeld ? Math.min(before.until - now, LEASE) : 0;
    if (left > 0) return { wait: left };
    const takenOver = isHeld ? now : (before?.takenOver ?? 0);
    await this.#storage.put(`lock/${name}`, { holder, until: now + LEASE, takenOver });
    return { takenOver };
  }

  async #renew({ name, holder }: Question) {
    const lock = await this.#lockOf(name);
    if (lock?.holder !== holder) return { lost: true };
    await this.#storage.put(`lock/${name}`, { ...lock, until: Date.now() + LEASE });
    return {};
  }

  async #unlock({ name, holder }: Question) {
    const lock = await this.#lockOf(name);
    if (lock?.holder !== holder) return { lost: true };
    // Later holders learn when the lock was last taken from a holder that did not free it.
    if (lock.takenOver) await this.#storage.put(`lock/${name}`, { holder: null, until: 0, takenOver: lock.takenOver });
    else await this.#storage.delete(`lock/${name}`);
    return {};
  }
}
