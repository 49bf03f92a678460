import { invalid } from "./options.js";

/** What shall go wrong, and how many more times. */
export class Faults<Name extends string> {
  readonly #names: readonly Name[];
  readonly #left = new Map<Name, number>();

  constructor(names: readonly Name[]) {
    this.#names = names;
  }

  set(name: Name, times = Infinity): void {
    if (!this.#names.includes(name)) throw invalid(`there is no fault ${String(name)}: ${this.#names.join(", ")}`);
    if (!(Number.isInteger(times) || times === Infinity) || times < 0)
      throw invalid(`times must be a whole number, not ${String(times)}`);
    this.#left.set(name, times);
  }

  /** Whether it goes wrong this time, which counts. */
  take(name: Name): boolean {
    const left = this.#left.get(name) ?? 0;
    if (left > 0) this.#left.set(name, left - 1);
    return left > 0;
  }

  clear(): void {
    this.#left.clear();
  }
}
