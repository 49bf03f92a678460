// The size of each module of the crate, and of each dependency, in a wasm file that still has its names.

/** `[name, bytes, functions]` for each, the largest first, and the data. */
export function modulesOf(wasm) {
  const sizes = [];
  const names = new Map();
  let imported = 0;
  let data = 0;
  for (const { id, name, reader } of sections(wasm)) {
    if (id === 2)
      imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(
        ({ kind }) => kind === "function",
      ).length;
    if (id === 10) for (let left = reader.number(); left > 0; left--) sizes.push(reader.skip(reader.number()));
    if (id === 11) data = reader.end - reader.at;
    if (name === "name") readNames(reader, names);
  }
  const groups = new Map();
  for (const [index, size] of sizes.entries()) {
    const group = groupOf(names.get(imported + index) ?? "");
    const [bytes, functions] = groups.get(group) ?? [0, 0];
    groups.set(group, [bytes + size, functions + 1]);
  }
  const rows = [...groups].map(([group, [bytes, functions]]) => [group, bytes, functions]);
  return { rows: rows.sort((a, b) => b[1] - a[1]), data };
}

/** The owner of a function is the first path in its name: `<core[0123]::iter::Map<…> as …>::next` belongs to core. */
function groupOf(name) {
  const [, crate, module] = /([a-z_]\w*)(?:\[[0-9a-f]+\])?::(?:(\w+))?/.exec(name) ?? [];
  if (!crate) return "exports and glue";
  return crate === "l402_fetch" && module ? `l402_fetch::${module}` : crate;
}

function readNames(reader, names) {
  while (reader.at < reader.end) {
    const kind = reader.byte();
    const end = reader.number() + reader.at;
    if (kind === 1) for (let left = reader.number(); left > 0; left--) names.set(reader.number(), reader.text());
    reader.at = end;
  }
}

function* sections(wasm) {
  const file = new Reader(wasm, 8, wasm.length);
  while (file.at < file.end) {
    const id = file.byte();
    const size = file.number();
    const reader = new Reader(wasm, file.at, file.at + size);
    yield { id, name: id === 0 ? reader.text() : "", reader };
    file.skip(size);
  }
}

class Reader {
  constructor(bytes, at, end) {
    Object.assign(this, { bytes, at, end });
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** LEB128, unsigned. */
  number() {
    let value = 0;
    for (let place = 1; ; place *= 128) {
      const byte = this.byte();
      value += (byte & 127) * place;
      if (byte < 128) return value;
    }
  }

  text() {
    const length = this.number();
    this.skip(length);
    return this.bytes.subarray(this.at - length, this.at).toString("utf8");
  }

  skip(size) {
    this.at += size;
    return size;
  }
}
