// A Worker that keeps one paying fetch for each shop in its module, so that requests share it.
import { createFetch, receiptOf } from "l402-fetch";

const instances = new Map();

function instanceOf({ control, id, timeout }) {
  if (!instances.has(id)) {
    const wallet = {
      pay: async ({ paymentRequest }) => (await fetch(`${control}/wallet/${id}/pay?answer=hold`, { method: "POST", body: paymentRequest })).json(),
      lookup: async (hash) => (await fetch(`${control}/wallet/${id}/lookup/${hash}`)).json(),
    };
    instances.set(id, createFetch({ wallet, limits: { perPayment: 100 }, networks: ["regtest"], ...(timeout && { paymentTimeout: Number(timeout) }) }));
  }
  return instances.get(id);
}

export default {
  async fetch(request) {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    try {
      const task = instanceOf(query)(`${query.base}/shop/${query.id}/${query.path}`);
      if (query.leave) {
        // The handler returns while its wallet pays: from then on workerd runs nothing of it.
        task.catch(() => {});
        await fetch(`${query.control}/stats/${query.id}/wait?asked=1`);
        return Response.json({ left: true });
      }
      const response = await task;
      await response.arrayBuffer();
      return Response.json({ status: response.status, paidNow: receiptOf(response)?.paidNow });
    } catch (error) {
      return Response.json({ code: error.code, error: String(error) });
    }
  },
};
