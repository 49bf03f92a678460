// A Worker of a fleet: one paying fetch for each shop in its module, all on the same ledger, and with Workers KV where
// it is bound.
import { createFetch, receiptOf } from "l402-fetch";
import { durableObjectStore } from "l402-fetch/stores/durable-object";

const instances = new Map();

/** How often the ledger was asked. */
let asked = 0;

function instanceOf(env, { other, id, wallet = "", total = 100, fresh }) {
  const key = `${id} ${wallet} ${total}`;
  const found = instances.get(key);
  if (found && !fresh) return found;
  const instance = createFetch({
    wallet: {
      pay: async ({ paymentRequest }) =>
        (await fetch(`${other}/wallet/${id}/pay?${wallet}`, { method: "POST", body: paymentRequest })).json(),
      lookup: async (hash) => (await fetch(`${other}/wallet/${id}/lookup/${hash}`)).json(),
    },
    limits: { perPayment: 100, total: Number(total) },
    networks: ["regtest"],
    // a stub of its own for each question: this instance serves many requests
    store: durableObjectStore(
      () => {
        asked++;
        return env.LEDGER.get(env.LEDGER.idFromName(id));
      },
      { cache: env.CACHE },
    ),
  });
  instances.set(key, instance);
  return instance;
}

export default {
  async fetch(request, env) {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    const before = asked;
    try {
      const pay = instanceOf(env, query);
      const task = pay(`${query.base}/shop/${query.id}/${query.path}`);
      if (query.leave) {
        // The handler returns while its wallet pays: from then on workerd runs nothing of it.
        task.catch(() => {});
        await fetch(`${query.other}/stats/${query.id}/wait?asked=1`);
        return Response.json({ left: true });
      }
      const response = await task;
      await response.arrayBuffer();
      return Response.json({
        status: response.status,
        paidNow: receiptOf(response)?.paidNow,
        ...(query.count && { asked: asked - before }),
      });
    } catch (error) {
      return Response.json({ code: error.code ?? String(error), ...(query.debug && { error: String(error.cause) }) });
    }
  },
};
