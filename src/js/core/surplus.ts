/** How many settled payments, rows of tokens and paths without an accepted token are kept. */
const MOST = 10_000;
/** So many times more are let in before all that is too much goes at once. One look then serves many purchases. */
const SLACK = 1.1;

// What is read of a row. Quotes within its texts are escaped, so what is found is a member.
const SETTLED = /"settledAt":(\d+),.*"invoiceExpiresAt":(\d+)/;
const TOKENS = /(?:"expiresAt":(\d+),)?"accepted":(true|false),"ownRefusals":(\d+)/g;

/** The keys of one kind of rows, in the order in which they were last written, each with its end in Unix seconds. */
class Kept extends Map<string, number> {
  #most = MOST * SLACK;

  /**
   * Removes the keys that are too many, and returns them. Those whose end has come go first, then the oldest. Of
   * payments only the oldest may go, and only at their end.
   */
  take(now: number, arePayments: boolean): string[] {
    if (this.size <= this.#most) return [];
    const excess = this.size - MOST;
    const all = [...this.keys()];
    const hasEnded = (key: string) => (this.get(key) as number) < now;
    const taken = arePayments
      ? all.slice(0, excess).filter(hasEnded)
      : [...all.filter(hasEnded), ...all.filter((key) => !hasEnded(key))].slice(0, excess);
    for (const key of taken) this.delete(key);
    this.#most = Math.max(this.size, MOST) * SLACK;
    return taken;
  }
}

/** Tells which rows a store in memory has too many of. Their form is decided in `src/ledger`. */
export class Surplus {
  #payments = new Kept();
  #tokens = new Kept();
  #paths = new Kept();
  /** The keys of a payment's indexes, by its hash. */
  #indexes = new Map<string, string[]>();
  /** Unix seconds, by the clock of whoever settles payments. */
  #now = 0;

  /** Notes a row that is written. Null: it is deleted. */
  note(key: string, value: string | null): void {
    const [kind] = key.split("/", 1);
    const name = nameOf(key);
    if (kind === "payment") {
      this.#payments.delete(key);
      const [, settledAt, expiresAt] = SETTLED.exec(value ?? "") ?? [];
      if (settledAt) {
        this.#now = Number(settledAt);
        this.#payments.set(key, Number(expiresAt));
      }
      if (value === null) this.#indexes.delete(name);
    } else if (kind === "token") {
      this.#tokens.delete(key);
      if (value !== null) this.#tokens.set(key, endOf(value));
    } else if (kind === "path") {
      this.#paths.delete(key);
      if (value !== null) this.#paths.set(key, Infinity);
    } else if (value !== null && /^(time|of|in)$/.test(kind as string)) {
      this.#indexes.set(name, [...(this.#indexes.get(name) ?? []), key]);
    }
  }

  /** The keys of all rows that have to go now. */
  take(): string[] {
    const payments = this.#payments.take(this.#now, true);
    return [
      ...payments.flatMap((key) => [key, ...(this.#indexes.get(nameOf(key)) ?? [])]),
      ...this.#tokens.take(this.#now, false),
      ...this.#paths.take(this.#now, false),
    ];
  }
}

/** The part of a key after the last slash. */
const nameOf = (key: string) => key.slice(key.lastIndexOf("/") + 1);

/** When the last token of a row ends. One that is used up has ended. */
function endOf(row: string): number {
  const ends = [...row.matchAll(TOKENS)].map(([, expiresAt, accepted, refusals]) => {
    if (accepted === "true" && refusals !== "0") return 0;
    return expiresAt ? Number(expiresAt) : Infinity;
  });
  return Math.max(...ends);
}
