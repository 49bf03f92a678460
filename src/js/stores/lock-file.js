import { createHash } from "node:crypto";
import { mkdir, open, readFile, readdir, readlink, stat, unlink, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

/** How often a holder shows that it lives, in milliseconds. */
const BEAT = 2_000;
/** A waiter takes the lock over after it has seen no sign of life for this many milliseconds. */
const STALE = 20_000;

/*
 * A lock is a row of files `ID.1`, `ID.2`, … in a folder that is named by the first two digits of its ID. Only the
 * file with the highest number counts. The lock is free if that file begins with FREE. The process that creates the
 * next file holds the lock: the file system lets only one process create it. So nobody has to remove a lock that may
 * have a new holder, and a former holder can tell that it has lost the lock.
 */
const FREE = "free";
const HELD = "held";

/**
 * Waits for a lock among all processes that use `folder`. If `folder` is missing, it is made, but not its parents.
 *
 * @returns {Promise<{ generation: number, inherited: boolean, takenOver: number, isHeld(): Promise<boolean>, release():
 *   Promise<void> }>} `generation` is higher than that of every earlier holder. `inherited`: the holder before did not
 *   free the lock. `takenOver`: when this last happened, in milliseconds since the Unix epoch, or 0.
 */
export async function takeLock(folder, name) {
  const id = createHash("sha256").update(name).digest("hex").slice(0, 32);
  // The file of a free lock stays, and taking a lock reads its folder. So many locks are spread over many folders.
  const place = join(folder, id.slice(0, 2));
  const me = { pid: process.pid, host: await host() };
  const watch = {};
  for (;;) {
    const top = await highest(place, id);
    const before = top === 0 ? { isFree: true, takenOver: 0 } : await examine(join(place, `${id}.${top}`), me, watch);
    const generation = top + 1;
    if (before && (before.isFree || before.isGone)) {
      const takenOver = before.isFree ? before.takenOver : Date.now();
      if (await create(place, id, generation, { ...me, takenOver })) {
        return hold(place, id, generation, { inherited: !before.isFree, takenOver });
      }
    } else if (before) {
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 30));
    }
  }
}

async function highest(folder, id) {
  let top = 0;
  for (const file of await list(folder)) {
    if (file.startsWith(`${id}.`)) top = Math.max(top, Number(file.slice(id.length + 1)) || 0);
  }
  return top;
}

async function list(folder) {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    for (const missing of [dirname(folder), folder]) {
      await mkdir(missing, { mode: 0o700 }).catch((cause) => {
        if (cause.code !== "EEXIST") throw cause;
      });
    }
    return readdir(folder);
  }
}

/** The content of a lock's highest file. Undefined if the file is gone. */
async function examine(path, me, watch) {
  let text;
  let beat;
  try {
    text = await readFile(path, "utf8");
    beat = (await stat(path)).mtimeMs;
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
  let owner = {};
  try {
    owner = JSON.parse(text.slice(HELD.length));
  } catch {
    // Its holder is about to write it, or ended before it did.
  }
  if (text.startsWith(FREE)) return { isFree: true, takenOver: Number(owner.takenOver) || 0 };

  // Only the waiter's own clock counts: that of another machine may be wrong.
  const now = performance.now();
  if (watch.path !== path || watch.beat !== beat) Object.assign(watch, { path, beat, since: now });
  return { isGone: (me.host && owner.host === me.host && isDead(owner.pid)) || now - watch.since > STALE };
}

/** Whether it is certain that there is no such process. */
function isDead(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: it is another user's process. In Deno no process may be asked without --allow-run.
    return error.code === "ESRCH";
  }
}

/** The name of the space that process ids are counted in. Empty if that can't be known. */
async function host() {
  try {
    const space = process.platform === "linux" ? await readlink("/proc/self/ns/pid") : "";
    return `${hostname()} ${space}`;
  } catch {
    return "";
  }
}

async function create(folder, id, generation, owner) {
  const path = join(folder, `${id}.${generation}`);
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(`${HELD}${JSON.stringify(owner)}`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  // Others may have gone on since the folder was read, and removed the files that would show it. Then this number is
  // old.
  if ((await highest(folder, id)) === generation) return true;
  await unlink(path).catch(() => {});
  return false;
}

async function hold(folder, id, generation, { inherited, takenOver }) {
  const path = join(folder, `${id}.${generation}`);
  for (const file of await list(folder)) {
    if (file.startsWith(`${id}.`) && Number(file.slice(id.length + 1)) < generation)
      await unlink(join(folder, file)).catch(() => {});
  }
  const timer = setInterval(() => {
    const now = new Date();
    // If the file is gone, the lock is lost. isHeld() tells that.
    utimes(path, now, now).catch(() => {});
  }, BEAT);
  timer.unref?.();
  return {
    generation,
    inherited,
    takenOver,
    isHeld: async () => (await highest(folder, id)) === generation,
    async release() {
      clearInterval(timer);
      try {
        const file = await open(path, "r+");
        try {
          await file.write(FREE, 0);
        } finally {
          await file.close();
        }
      } catch (error) {
        // Another process took the lock over, and removed the file.
        if (error.code !== "ENOENT") throw error;
      }
    },
  };
}
