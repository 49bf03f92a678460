// Random compare-and-swaps of several rows at once, and the proof that they were as if one came after another: every
// row's versions are a chain, and there is an order of all writes in which each saw what it said it had seen.

const random = (below) => Math.floor(Math.random() * below);
const pick = (list, count) => {
  const from = [...list];
  return Array.from({ length: Math.min(count, from.length) }, () => from.splice(random(from.length), 1)[0]);
};

/**
 * Makes `times` writes through `stores`, `atOnce` at a time. Each key comes with a second one, `KEY#`, which always
 * names its last write, so that a row that was deleted and written anew is told from one that was let be.
 *
 * @returns how many writes won and lost, and what was wrong, in words
 */
export async function storm(stores, { times, atOnce = 16, keys = 12 }) {
  const names = Array.from({ length: keys }, (_, index) => `storm/${index}`);
  const both = names.flatMap((name) => [name, `${name}#`]);
  const wins = [];
  const wrong = [];
  let [left, lost] = [times, 0];

  const worker = async () => {
    for (let number = left--; number > 0; number = left--) {
      const store = stores[random(stores.length)];
      const read = pick(names, 1 + random(4));
      const values = await store.read(read.flatMap((name) => [name, `${name}#`]));
      const id = `write ${number}`;
      const write = { id, saw: new Map(), changed: pick(read, random(4)) };
      const [seen, changes] = [{}, {}];
      for (const [index, name] of read.entries()) {
        const [value, version] = values.slice(2 * index, 2 * index + 2);
        if (value !== null && value !== version) wrong.push(`${name} was torn: ${value} beside ${version}`);
        Object.assign(seen, { [name]: value, [`${name}#`]: version });
        write.saw.set(name, version);
      }
      for (const name of write.changed) Object.assign(changes, { [name]: random(5) ? id : null, [`${name}#`]: id });
      if (await store.write(changes, seen)) wins.push(write);
      else lost++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));

  const values = await stores[0].read(both);
  const last = new Map(names.map((name, index) => [name, values[2 * index + 1]]));
  wrong.push(...check(names, wins, last));
  return { won: wins.length, lost, wrong: wrong.slice(0, 10) };
}

/** What keeps these writes from being one after another, with these last versions; nothing, where they are. */
export function check(names, wins, last) {
  const wrong = [];
  const writes = new Map(wins.map((write) => [write.id, write]));
  /** Who replaced a version of a row. */
  const next = new Map(names.map((name) => [name, new Map()]));
  for (const write of wins) {
    for (const name of write.changed) {
      const replaced = write.saw.get(name);
      const other = next.get(name).get(replaced);
      if (other) wrong.push(`${other.id} and ${write.id} both replaced ${name} of ${replaced}`);
      next.get(name).set(replaced, write);
    }
  }
  for (const name of names) {
    let [version, count] = [null, 0];
    while (next.get(name).has(version)) {
      version = next.get(name).get(version).id;
      count++;
    }
    if (version !== last.get(name)) wrong.push(`${name} is of ${last.get(name)}, and should be of ${version}`);
    if (count !== next.get(name).size) wrong.push(`${name} has versions that nobody wrote`);
  }

  /** Each write after those whose rows it saw, and before those that replaced what it saw. */
  const after = new Map(wins.map((write) => [write, new Set()]));
  for (const write of wins) {
    for (const [name, version] of write.saw) {
      if (version !== null && !writes.has(version)) wrong.push(`${write.id} saw ${name} of ${version}, which lost`);
      else if (version !== null) after.get(writes.get(version)).add(write);
      const replacer = next.get(name).get(version);
      if (replacer && replacer !== write) after.get(write).add(replacer);
    }
  }
  const before = new Map(wins.map((write) => [write, 0]));
  for (const later of after.values()) for (const write of later) before.set(write, before.get(write) + 1);
  const free = wins.filter((write) => before.get(write) === 0);
  for (const write of free) {
    for (const later of after.get(write)) {
      before.set(later, before.get(later) - 1);
      if (before.get(later) === 0) free.push(later);
    }
  }
  if (free.length < wins.length) wrong.push(`${wins.length - free.length} writes are in no order`);
  return wrong;
}
