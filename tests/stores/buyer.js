// A Worker that buys: a request is a job, and its paying fetches live in the module, as a user would keep them.
import { durableObjectStore } from "l402-fetch/stores/durable-object";
import { actor } from "./actor.js";

let env;
/** How often the object was asked. */
let asked = 0;

const act = actor((place, { cached }) => {
  // a stub of its own for each question: this store serves many requests
  const stub = () => {
    asked++;
    return env.LEDGER.get(env.LEDGER.idFromName(place));
  };
  return durableObjectStore(stub, cached ? { cache: env.CACHE } : {});
});

export default {
  async fetch(request, given) {
    env = given;
    const { leave, ...job } = await request.json();
    const before = asked;
    const task = act(job);
    if (leave) {
      // The handler returns while its wallet pays: from then on workerd runs nothing of it.
      await fetch(leave);
      return Response.json({ result: "left" });
    }
    return Response.json({ ...(await task), asked: asked - before });
  },
};
