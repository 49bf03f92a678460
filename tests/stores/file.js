// Node, Deno and Bun: `file.js RUNTIME BASE OTHER FOLDER` prints the results as one line of JSON. FOLDER is empty, and
// its own.
import { spawn, spawnSync } from "node:child_process";
import { chmod, mkdir, open, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as pkg from "l402-fetch";
import { fileStore } from "l402-fetch/stores/file";
import { runSuite } from "../runtimes/harness.js";
import { openShop } from "../runtimes/shop.js";
import suite from "./suite.js";

const [runtime, base, other, folder] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const children = new Set();
let places = 0;
const newPath = () => join(folder, `store-${++places}.json`);

/** Another process of this runtime: `say(line)`, `hear()` the next line, `kill(signal)`, `ended`. */
function start(...args) {
  return startWith((program, flags) => [program, flags], ...args);
}

/** The same in a shell that lets a file grow to 64 KiB. */
const startShortOfDisk = (...args) =>
  startWith((program, flags) => ["sh", ["-c", 'ulimit -f 128; exec "$0" "$@"', program, ...flags]], ...args);

/** Another process buys, and is killed while its wallet pays. */
async function killWhilePaying(t, shop, path) {
  const buyer = start("buy", path, shop.url("a"), base, other, shop.id, "100", "answer=hold");
  t.equal(await buyer.hear(), "ready");
  buyer.say("go");
  await shop.until("asked", 1);
  buyer.kill("SIGKILL");
  await buyer.ended;
}

function startWith(command, ...args) {
  // in Deno, where it can be tried, with the permissions alone that the README names
  const allow = args[0] === "count" ? [`--allow-read=${folder}`, `--allow-write=${folder}`] : ["--allow-all"];
  const flags = runtime === "deno" ? ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", ...allow] : [];
  const child = spawn(...command(process.execPath, [...flags, join(here, "child.js"), ...args]), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.add(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((done) => {
    child.on("exit", () => {
      children.delete(child);
      done();
    });
  });
  return {
    say: (line) => child.stdin.write(`${line}\n`),
    hear: async () => (await lines.next()).value,
    // Deno's own kill can't send SIGCONT
    kill: (signal) => spawnSync("kill", ["-s", signal.slice(3), String(child.pid)]),
    ended,
  };
}

const cases = [
  {
    name: "the file is one JSON object with its version on top, for its owner only",
    async run(t) {
      const path = newPath();
      const store = fileStore(path);
      await store.set("a", "1");
      await store.set("b", "ü");
      const text = await readFile(path, "utf8");
      t.equal(text, '{"version":1,"values":{"a":"1","b":"ü"}}\n');
      t.equal((await stat(path)).mode & 0o777, 0o600);
      await chmod(path, 0o644);
      await store.set("a", "2");
      t.equal((await stat(path)).mode & 0o777, 0o600, "the mode after the next write");
      t.equal((await stat(`${path}.locks`)).mode & 0o777, 0o700, "the locks' folder");
      const name = path.slice(folder.length + 1);
      t.same(
        (await readdir(folder)).filter((file) => file.startsWith(name)).sort(),
        [name, `${name}.locks`],
        "files left",
      );
      t.equal(
        (await readdir(`${path}.locks`, { recursive: true })).length,
        2,
        "one file for each lock that was used, in its folder",
      );
    },
  },
  {
    name: "what is written is on the disk before it takes the old file's place, and the folder before set() resolves",
    alone: true,
    async run(t) {
      const path = newPath();
      const store = fileStore(path);
      await store.set("a", "1");
      const handle = await open(path);
      const methods = Object.getPrototypeOf(handle);
      await handle.close();
      const { sync } = methods;
      const synced = [];
      methods.sync = async function () {
        synced.push(JSON.parse(await readFile(path, "utf8")).values.a);
        return sync.call(this);
      };
      try {
        await store.set("a", "2");
      } finally {
        methods.sync = sync;
      }
      t.same(synced, ["1", "2"], "what the path held at each sync");
    },
  },
  ...Object.entries({
    "a text that is no JSON": "<!doctype html>",
    "an empty file": "",
    "half of a file": '{"version":1,"values":{"a":"1"',
    "another JSON": '{"hello":"world"}',
    "a value that is no text": '{"version":1,"values":{"a":1}}',
    "a list of values": '{"version":1,"values":["a"]}',
    "bytes that are no UTF-8": Uint8Array.of(
      ...new TextEncoder().encode('{"version":1,"values":{"a":"'),
      0xff,
      0x22,
      0x7d,
      0x7d,
    ),
    "a later version": '{"version":2,"values":{}}',
  }).map(([name, content]) => ({
    name: `${name}: an error, nothing is paid, and the file stays as it is`,
    async run(t) {
      const path = newPath();
      await writeFile(path, content);
      const before = await readFile(path, "hex");
      const store = fileStore(path);
      const expected = name === "a later version" ? /later version/ : /damaged/;
      for (const task of [() => store.get("a"), () => store.set("a", "1"), () => store.delete("a")]) {
        t.ok(expected.test((await t.rejects(task())).message), name);
      }
      const shop = openShop(t);
      const pay = shop.client({ store });
      t.equal((await pay(shop.free("a"))).status, 200);
      const error = await t.rejects(pay(shop.url("a")), "store_failed");
      t.ok(expected.test(error.cause.message), "the cause");
      t.equal(await readFile(path, "hex"), before);
      await shop.counts({ payments: 0, asked: 0 });
    },
  })),
  {
    name: "a folder that is missing is an error, and is not made",
    async run(t) {
      const path = join(folder, `missing-${++places}`, "store.json");
      const store = fileStore(path);
      for (const task of [
        () => store.get("a"),
        () => store.set("a", "1"),
        () => store.lock("a", async () => t.ok(false, "ran")),
      ]) {
        t.ok(/folder of .* is missing/.test((await t.rejects(task())).message));
      }
      await t.rejects(stat(dirname(path)), "ENOENT");
      await mkdir(dirname(path));
      await store.set("a", "1");
      t.equal(await store.get("a"), "1");
    },
  },
  {
    name: "a link to the file is the same store, and stays a link",
    async run(t) {
      const [path, link] = [newPath(), newPath()];
      await fileStore(path).set("a", "1");
      await symlink(path, link);
      await fileStore(link).set("a", "2");
      t.equal(await fileStore(path).get("a"), "2");
      await t.rejects(stat(`${link}.locks`), "ENOENT");
    },
  },
  {
    name: "a path that is no text: invalid_options",
    async run(t) {
      for (const path of [undefined, "", 5, new URL("file:///a")]) t.throws(() => fileStore(path), "invalid_options");
    },
  },
  {
    name: "the locks of many resources are not all in the way of each",
    async run(t) {
      const path = newPath();
      const store = fileStore(path);
      const names = Array.from({ length: 500 }, (_, index) => `l402-fetch/purchase/GET https://a.example/${index}`);
      for (const name of names) await store.lock(name, async () => {});
      const folders = await readdir(`${path}.locks`);
      const sizes = await Promise.all(folders.map(async (name) => (await readdir(join(`${path}.locks`, name))).length));
      t.equal(
        sizes.reduce((sum, size) => sum + size),
        names.length,
        "free locks leave one file",
      );
      t.ok(Math.max(...sizes) < 20, `${Math.max(...sizes)} in one folder`);
    },
  },
  {
    name: "processes that count in one file lose nothing",
    timeout: 60_000,
    async run(t) {
      const path = newPath();
      const processes = [1, 2, 3].map(() => start("count", path, "20"));
      for (const process of processes) t.equal(await process.hear(), "done");
      t.equal(await fileStore(path).get("a"), "60");
    },
  },
  {
    name: "a process that can't write the whole file, or is ended for it, leaves the last good one",
    async run(t) {
      const path = newPath();
      await fileStore(path).set("a", "before");
      const before = await readFile(path, "utf8");
      const writer = startShortOfDisk("grow", path);
      // an error, or the end: runtimes differ in what they make of the system's signal
      t.ok((await writer.hear()) !== "written");
      await writer.ended;
      t.equal(await readFile(path, "utf8"), before);
      await fileStore(path).set("b", "after");
      t.equal(await fileStore(path).get("a"), "before");
      t.equal(await start("grow", path).hear(), "written", "where there is room");
      const name = path.slice(folder.length + 1);
      t.same(
        (await readdir(folder)).filter((file) => file.startsWith(name)).sort(),
        [name, `${name}.locks`],
        "files left",
      );
    },
  },
  {
    name: "a process that is killed with the lock keeps nobody waiting for long, and says that it was",
    async run(t) {
      const path = newPath();
      const holder = start("hold", path, "a");
      t.equal(await holder.hear(), "held");
      const began = Date.now();
      holder.kill("SIGKILL");
      await holder.ended;
      const { takenOver } = await fileStore(path).lock("a", async (state) => state);
      t.ok(Date.now() - began < 10_000, "at once, as the process can be seen to be gone");
      t.ok(takenOver >= began, "when it was taken over");
      // the next one is told, too
      t.equal((await fileStore(path).lock("a", async (state) => state)).takenOver, takenOver);
    },
  },
  {
    name: "a process that hangs with the lock is passed over, and can write nothing when it comes back",
    timeout: 60_000,
    async run(t) {
      const path = newPath();
      const holder = start("hang", path);
      t.equal(await holder.hear(), "held");
      holder.kill("SIGSTOP");
      const store = fileStore(path);
      await store.lock("l402-fetch/ledger", async () => {
        t.equal(await store.get("a"), "before");
        await store.set("a", "ours");
      });
      holder.kill("SIGCONT");
      holder.say("write");
      t.ok(/changed by another process/.test(await holder.hear()));
      t.equal(await store.get("a"), "ours");
      holder.kill("SIGKILL");
    },
  },
  {
    name: "what changed since it was read in the ledger's lock is not overwritten",
    async run(t) {
      const path = newPath();
      const [one, two] = [fileStore(path), fileStore(path)];
      await one.lock("l402-fetch/ledger", async () => {
        t.ok((await one.get("a")) == null);
        await two.set("a", "theirs");
        await t.rejects(one.set("a", "ours"));
        await one.set("b", "ours");
      });
      t.equal(await one.get("a"), "theirs");
      await one.set("a", "later");
      t.equal(await two.get("a"), "later");
    },
  },
  {
    name: "two processes that ask for the same at once pay once",
    async run(t) {
      const shop = openShop(t);
      const path = newPath();
      const buyers = [1, 2].map(() => start("buy", path, shop.url("a"), base, other, shop.id));
      for (const buyer of buyers) t.equal(await buyer.hear(), "ready");
      for (const buyer of buyers) buyer.say("go");
      const receipts = await Promise.all(buyers.map(async (buyer) => JSON.parse(await buyer.hear())));
      t.same(
        receipts.map(({ status }) => status),
        [200, 200],
      );
      t.same(receipts.map(({ paidNow }) => paidNow).sort(), [false, true]);
      await shop.counts({ payments: 1, asked: 1, accepted: 2 });
    },
  },
  {
    name: "processes share their limits",
    async run(t) {
      const shop = openShop(t);
      const path = newPath();
      const buyers = [1, 2, 3].map((number) =>
        start("buy", path, shop.url(`${number}`, { scope: "path" }), base, other, shop.id, "15"),
      );
      for (const buyer of buyers) t.equal(await buyer.hear(), "ready");
      for (const buyer of buyers) buyer.say("go");
      const ends = await Promise.all(buyers.map(async (buyer) => JSON.parse(await buyer.hear())));
      t.same(ends.map(({ status, code }) => code ?? status).sort(), [200, "over_limit", "over_limit"]);
      await shop.counts({ payments: 1, asked: 1 });
    },
  },
  {
    name: "a process that is killed while its wallet pays: the next one looks it up and pays nothing",
    async run(t) {
      const shop = openShop(t);
      const path = newPath();
      await killWhilePaying(t, shop, path);
      const wallet = { pay: () => t.ok(false, "asked to pay"), lookup: shop.lookup };
      const error = await t.rejects(shop.client({ store: fileStore(path), wallet })(shop.url("a")), "payment_unknown");
      t.equal(error.payment.state, "pending");
      await shop.release();
      await shop.until("payments", 1);
      const later = shop.client({ store: fileStore(path), wallet });
      t.same(
        (await later.payments()).map(({ state }) => state),
        ["paid"],
        "looked up before it is told",
      );
      const response = await shop.client({ store: fileStore(path), wallet })(shop.url("a"));
      t.equal(response.status, 200);
      await shop.counts({ payments: 1, asked: 1, accepted: 1 });
    },
  },
  {
    name: "a killed process's payment that a lookup calls failed is not bought anew: another wallet's word ends nothing",
    async run(t) {
      const shop = openShop(t);
      const path = newPath();
      await killWhilePaying(t, shop, path);
      const wallet = { pay: shop.wallet(), lookup: async () => ({ state: "failed" }) };
      // a wallet without an id is another one in each process
      for (const time of [1, 2]) {
        const error = await t.rejects(
          shop.client({ store: fileStore(path), wallet })(shop.url("a")),
          "payment_unknown",
        );
        t.equal(error.payment.state, "pending", `call ${time}`);
      }
      await shop.counts({ payments: 0, asked: 1 });
      const pay = shop.client({ store: fileStore(path), wallet, now: () => Date.now() + 300_000 });
      await t.rejects(pay(shop.url("a")), "payment_unknown");
      t.equal((await pay.spent()).total, 10);
      await shop.counts({ payments: 0, asked: 1 });
    },
  },
];

const context = { pkg, base, other, runtime, open: (place) => fileStore(join(folder, place)) };
const results = await runSuite([...suite, ...cases], context);
for (const child of children) child.kill("SIGKILL");
console.log(JSON.stringify(results));
// a keep-alive connection to the paywall would hold the process for seconds
process.exit(0);
