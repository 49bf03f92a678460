// A worker that buys for its page, whichever kind of worker it is.
import * as pkg from "l402-fetch";
import { buy } from "./buy.js";

const answer =
  (port) =>
  async ({ data }) => {
    const { base, shop } = Object.fromEntries(new URLSearchParams(data));
    port.postMessage(await buy(pkg, base, shop));
  };
globalThis.onmessage = answer(globalThis);
globalThis.onconnect = ({ ports: [port] }) => (port.onmessage = answer(port));
