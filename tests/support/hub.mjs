// Where those who work elsewhere, in a process, a tab or a worker, fetch what they are to do, and bring what came of
// it.
import { createServer } from "node:http";
import { bodyOf, listen } from "./listen.mjs";

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-max-age": "600",
};

/**
 * Listens on a port of the system's choice. `GET /next/WORKER` answers with the next job of a worker, as JSON, once
 * there is one. `POST /done/NUMBER` brings what came of a job. `POST /signal/NAME` tells that something has happened.
 */
export async function openHub() {
  const queues = new Map();
  const asked = new Map();
  const signals = new Map();
  const lost = new Set();
  let jobs = 0;

  const queueOf = (worker) => {
    if (!queues.has(worker)) queues.set(worker, { jobs: [], waiting: undefined });
    return queues.get(worker);
  };
  function deliver(queue) {
    if (!queue.waiting || queue.jobs.length === 0) return;
    const response = queue.waiting;
    queue.waiting = undefined;
    response.end(JSON.stringify(queue.jobs.shift()));
  }
  const signalOf = (name) => {
    if (!signals.has(name)) {
      const signal = {};
      signal.happened = new Promise((happen) => {
        signal.happen = happen;
      });
      signals.set(name, signal);
    }
    return signals.get(name);
  };

  const server = createServer(async (request, response) => {
    const [, verb, name] = request.url.split("/").map(decodeURIComponent);
    for (const [header, value] of Object.entries(CORS)) response.setHeader(header, value);
    if (request.method === "OPTIONS") return response.end();
    if (verb === "next") {
      const queue = queueOf(name);
      queue.waiting = response;
      response.on("close", () => {
        if (queue.waiting === response) queue.waiting = undefined;
      });
      return deliver(queue);
    }
    if (verb === "done") {
      const body = JSON.parse(await bodyOf(request));
      asked.get(Number(name))?.resolve(body);
    } else {
      signalOf(name).happen();
    }
    response.end("{}");
  });
  const { url, close } = await listen(server);

  return {
    url,
    close,
    /** Resolves with what comes of a job, whose members are of JSON. Rejects if the worker is lost before. */
    async ask(worker, job) {
      if (lost.has(worker)) throw new Error(`${worker} is gone`);
      const number = ++jobs;
      const queue = queueOf(worker);
      queue.jobs.push({ ...job, number });
      const done = new Promise((resolve, reject) => asked.set(number, { worker, resolve, reject }));
      deliver(queue);
      return done.finally(() => asked.delete(number));
    },
    /** The worker is gone: nothing more comes of its jobs. */
    lose(worker) {
      lost.add(worker);
      for (const job of asked.values()) if (job.worker === worker) job.reject(new Error(`${worker} is gone`));
    },
    /** Resolves once there was such a signal. */
    until: (name) => signalOf(name).happened,
  };
}
