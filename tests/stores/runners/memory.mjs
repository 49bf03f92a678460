// The store in memory, shared by several paying fetches of this process.
import { pathToFileURL } from "node:url";
import { join } from "node:path";

export async function memory({ folder }) {
  const load = (path) => import(pathToFileURL(join(folder, path)));
  const { memoryStore } = await load("node_modules/l402-fetch/dist/node.js");
  const { actor } = await load("stores/actor.js");
  const places = new Map();
  const open = (place) => {
    if (!places.has(place)) places.set(place, memoryStore());
    return places.get(place);
  };
  return {
    offers: [],
    // what would be killed is only left alone
    start: async () => ({ ask: actor(open), kill: async () => {} }),
    close: async () => {},
  };
}
