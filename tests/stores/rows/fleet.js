// A Worker of a fleet: does what it is told on a store, and says how often the object was asked.
import { durableObjectStore } from "../../../durable-object.js";

export default {
  async fetch(request, env) {
    const { place, cached, calls, count } = await request.json();
    let asked = 0;
    const stub = () => {
      asked++;
      return env.LEDGER.get(env.LEDGER.idFromName(place));
    };
    const store = durableObjectStore(stub, cached ? { cache: env.CACHE } : {});
    const answers = [];
    try {
      for (const [method, ...args] of calls ?? []) answers.push(await store[method](...args));
      for (let left = count ?? 0; left > 0; ) {
        const [value] = await store.read(["count"]);
        if (await store.write({ count: String(Number(value ?? 0) + 1) }, { count: value })) left--;
      }
    } catch (error) {
      return Response.json({ error: error.message });
    }
    return Response.json({ answers, asked });
  },
};
