// `node --import ./world/node.js example.mjs`, with WORLD as JSON: `{ base, id, scene }`.
import { createFetch } from "l402-fetch";
import { ENVIRONMENT } from "./nodes.js";
import { enter } from "./world.js";

const { base, id, scene } = JSON.parse(process.env.WORLD);
const wallet = enter(base, id);
Object.assign(process.env, ENVIRONMENT);
globalThis.WebSocket ??= class {};

const scenes = {
  /** A wallet, and a fetch that has paid nothing yet. */
  async plain() {
    Object.assign(globalThis, { wallet, pay: createFetch({ wallet, limits: { perPayment: 100 } }) });
  },
  /** The environment describes LND alone. */
  async "one wallet"() {
    for (const name of Object.keys(ENVIRONMENT)) if (!name.startsWith("LND_")) delete process.env[name];
    process.env.LND_REST_URL = "https://127.0.0.1:8080";
  },
  /** A model of the AI SDK that buys the weather, and says how it is. */
  async "scripted model"() {
    await scenes.plain();
    const { MockLanguageModelV4 } = await import("ai/test");
    const input = JSON.stringify({ url: "https://api.example.com/weather" });
    const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
    const step = (content, unified) => ({ content: [content], finishReason: { unified }, usage, warnings: [] });
    globalThis.model = new MockLanguageModelV4({
      doGenerate: [
        step({ type: "tool-call", toolCallId: "1", toolName: "l402_fetch", input }, "tool-calls"),
        step({ type: "text", text: "It is sunny." }, "stop"),
      ],
    });
  },
  /** The wallet pays, and its answers are lost; its history has the preimages. */
  async "lost answers"() {
    const forgetful = async (invoice) => {
      await wallet(invoice);
      throw new Error("the connection broke");
    };
    const searchMyWallet = async (hash) => (await fetch(`https://wallet.example.com/lookup/${hash}`)).json();
    Object.assign(globalThis, { wallet: forgetful, searchMyWallet });
  },
  /** The same, and a fetch whose payment is open. */
  async "open payment"() {
    await scenes["lost answers"]();
    const pay = createFetch({ wallet: globalThis.wallet, limits: { perPayment: 100 } });
    const error = await pay("https://api.example.com/weather").then(
      () => undefined,
      (error) => error,
    );
    if (error?.code !== "payment_unknown") throw new Error(`the scene is not set: ${error?.code}`);
    globalThis.pay = pay;
  },
};
await scenes[scene]();
