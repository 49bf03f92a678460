import type { Range } from "./range.js";

/** The most keys in one leaf. To move this many takes less time than one more level would. */
const LEAF = 512;

/**
 * Keys in order: leaves of at most 512 keys, in one array. To add, remove or find a key takes two binary searches and
 * moves at most a leaf. Among a million keys this takes hardly longer than among a thousand.
 */
export class SortedKeys {
  #leaves: string[][] = [];

  /** Adds a key that is not there. */
  add(key: string): void {
    const at = this.#leafOf(key);
    const leaf = this.#leaves[at];
    if (!leaf) {
      this.#leaves.push([key]);
      return;
    }
    leaf.splice(positionOf(leaf, key), 0, key);
    if (leaf.length > LEAF) this.#leaves.splice(at + 1, 0, leaf.splice(LEAF / 2));
  }

  /** Removes a key that is there. */
  remove(key: string): void {
    const at = this.#leafOf(key);
    const leaf = this.#leaves[at] as string[];
    leaf.splice(positionOf(leaf, key), 1);
    if (leaf.length === 0) this.#leaves.splice(at, 1);
  }

  /** At most `limit` keys of a range. With `reverse` the highest comes first. */
  list({ from, open, to }: Range, limit: number, reverse = false): string[] {
    const found: string[] = [];
    const step = reverse ? -1 : 1;
    const begin = reverse ? to : from;
    let at = this.#leafOf(begin);
    let leaf = this.#leaves[at];
    let index = leaf ? positionOf(leaf, begin) : 0;
    if (reverse) index--;
    else if (open && leaf?.[index] === from) index++;
    while (leaf && found.length < limit) {
      const key = leaf[index];
      if (key === undefined) {
        at += step;
        leaf = this.#leaves[at];
        index = reverse && leaf ? leaf.length - 1 : 0;
        continue;
      }
      if (reverse ? key < from : key >= to) break;
      found.push(key);
      index += step;
    }
    return found;
  }

  /** The leaf that holds a key, or would hold it: the last leaf whose first key is not above the key. */
  #leafOf(key: string): number {
    let [low, high] = [0, this.#leaves.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#leaves[middle]?.[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The place of a key in a leaf, or the place where it would be put. */
function positionOf(leaf: string[], key: string): number {
  let [low, high] = [0, leaf.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((leaf[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
