// A Durable Object on a real disk, shared by Workers, with Workers KV. What is killed is all of workerd.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startWorkers } from "../../support/workerd.mjs";

export async function workerd({ folder }) {
  const disk = join(folder, "disk");
  await mkdir(disk);
  const begin = () => startWorkers(join(folder, "stores/workerd"), { disk });
  let running = await begin();
  const post = (worker, body, path = "") => fetch(`${running.urls[worker]}${path}`, { method: "POST", body });
  let own = 0;
  return {
    async start(name, { own: isOwn }) {
      // a new one is whichever was not asked last
      const worker = isOwn ? ["one", "two"][own++ % 2] : name;
      return {
        ask: async (job) => (await post(worker, JSON.stringify(job))).json(),
        async kill() {
          await running.close("SIGKILL");
          running = await begin();
        },
      };
    },
    offers: ["kill", "clock", "leave", "cache"],
    alone: ({ name, needs }) => !!needs || /restart|hangs/.test(name),
    more: {
      kv: async () => (await fetch(running.urls.kv)).json(),
      tellKv: (what, body) => post("kv", body, `/-/${what}`),
    },
    close: () => running.close("SIGKILL"),
  };
}
