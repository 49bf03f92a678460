// Runs the suite's cases in any runtime. It needs only the language and timers.

/**
 * Runs cases, several at a time. Cases that are `alone` run one by one after the others. A case may have its own
 * `timeout` in milliseconds. Resolves with one `{ name, ok, error?, ms }` for each, in their order.
 */
export async function runSuite(cases, context, { atOnce = 4, timeout = 30_000 } = {}) {
  const results = new Array(cases.length);
  const runThose = async (wanted, workers) => {
    const indices = [...cases.keys()].filter((index) => wanted(cases[index])).values();
    const worker = async () => {
      for (const index of indices)
        results[index] = await runCase(cases[index], context, cases[index].timeout ?? timeout);
    };
    await Promise.all(Array.from({ length: workers }, worker));
  };
  await runThose(({ alone }) => !alone, atOnce);
  await runThose(({ alone }) => alone, 1);
  return results;
}

async function runCase({ name, run }, context, timeout) {
  const start = Date.now();
  let timer;
  try {
    const late = new Promise((_, fail) => {
      timer = setTimeout(() => fail(new Error(`not done after ${timeout} ms`)), timeout);
    });
    await Promise.race([run({ ...context, ...assertions }), late]);
    return { name, ok: true, ms: Date.now() - start };
  } catch (error) {
    return { name, ok: false, error: describe(error), ms: Date.now() - start };
  } finally {
    clearTimeout(timer);
  }
}

function describe(error) {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const code = error.code ? `[${error.code}] ` : "";
  // Firefox and WebKit leave the message out of the stack.
  const stack = String(error.stack ?? "");
  const text = code + (stack.includes(error.message) ? stack : `${error.name}: ${error.message}\n${stack}`);
  return error.cause === undefined ? text : `${text}\ncaused by ${describe(error.cause)}`;
}

const show = (value) => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

function fail(message) {
  throw new Error(message);
}

const assertions = {
  ok(value, what = "value") {
    if (!value) fail(`${what}: expected something true, got ${show(value)}`);
  },
  equal(actual, expected, what = "value") {
    if (!Object.is(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
  },
  /** Compares as JSON, whatever the order of keys. */
  same(actual, expected, what = "value") {
    const sorted = (value) =>
      JSON.stringify(value, (_, part) =>
        part && typeof part === "object" && !Array.isArray(part)
          ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
          : part,
      );
    if (sorted(actual) !== sorted(expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
  },
  /** Resolves with the error, which must have this code. */
  async rejects(promise, code) {
    let value;
    try {
      value = await promise;
    } catch (error) {
      if (code !== undefined && error?.code !== code) fail(`expected a rejection with ${code}, got ${describe(error)}`);
      return error;
    }
    return fail(`expected a rejection with ${code ?? "any error"}, got ${show(value)}`);
  },
  throws(task, code) {
    try {
      task();
    } catch (error) {
      if (code !== undefined && error?.code !== code) fail(`expected a throw of ${code}, got ${describe(error)}`);
      return error;
    }
    return fail(`expected a throw of ${code ?? "any error"}`);
  },
};
