// A Worker that keeps one paying fetch for each shop in its module, so that requests share it. What a request may pay
// at most, and for which path, stands in an AsyncLocalStorage: `cap`, in millisatoshis.
// capnp: compatibilityFlags = ["nodejs_als"],
import { AsyncLocalStorage } from "node:async_hooks";
import { createFetch, receiptOf } from "l402-fetch";
import { moveClock } from "../shop.js";

const instances = new Map();
let moveBack = () => {};
/** Called when a person is asked who never answers. */
let personAsked = () => {};
const storage = new AsyncLocalStorage();

function approve({ url, amountMsat }) {
  if (url.endsWith("/unanswered")) return new Promise(() => personAsked());
  const { path, cap } = storage.getStore();
  if (cap && !new URL(url).pathname.endsWith(`/${path}`))
    throw new Error(`${url} is decided on in the context of ${path}`);
  return !cap || amountMsat <= Number(cap);
}

function instanceOf({ control, id, timeout, total, answer = "hold" }) {
  if (!instances.has(id)) {
    const wallet = {
      pay: async ({ paymentRequest }) =>
        (await fetch(`${control}/wallet/${id}/pay?answer=${answer}`, { method: "POST", body: paymentRequest })).json(),
      lookup: async (hash) => (await fetch(`${control}/wallet/${id}/lookup/${hash}`)).json(),
    };
    instances.set(
      id,
      createFetch({
        wallet,
        approve,
        limits: { perPayment: 100, ...(total && { total: Number(total) }) },
        networks: ["regtest"],
        ...(timeout && { paymentTimeout: Number(timeout) }),
      }),
    );
  }
  return instances.get(id);
}

export default {
  async fetch(request) {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    try {
      // All payments are looked at. From then on the clock of this Worker is ahead, until it is set back.
      if (query.clock) {
        const payments = await instanceOf(query).payments();
        moveBack();
        moveBack = moveClock(Number(query.clock));
        return Response.json({ payments: payments.map(({ state }) => state) });
      }
      const settings = query.scope ? `?scope=${query.scope}` : "";
      const task = storage.run(query, () =>
        instanceOf(query)(`${query.base}/shop/${query.id}/${query.path}${settings}`),
      );
      if (query.leave) {
        // The handler returns while its wallet pays, or a person is asked: from then on workerd runs nothing of it.
        task.catch(() => {});
        if (query.leave === "approve") await new Promise((resolve) => (personAsked = resolve));
        else await fetch(`${query.control}/stats/${query.id}/wait?asked=1`);
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
