// A page that buys, with IndexedDB.
import { indexedDBStore } from "l402-fetch/stores/indexeddb";
import { actor } from "./actor.js";
import { work } from "./work.js";

const { hub, worker } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.working = work(hub, worker, actor(indexedDBStore));
