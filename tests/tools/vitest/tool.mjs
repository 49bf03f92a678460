// Vitest in its three usual environments.
import { withEnv } from "../lib/ways.mjs";

const buys = (environment, env) =>
  withEnv("vitest", ["run", "--globals", "--environment", environment, "buys.test.js"], { env });

export default [
  {
    name: "Vitest",
    version: "5.1.2",
    home: "vitest",
    packages: { vitest: "5.1.2", vite: "8.4.0", jsdom: "31.0.1", "happy-dom": "21.0.4" },
    stages: [
      {
        quick: true,
        rows: [
          { name: "node", ask: buys("node") },
          { name: "jsdom", ask: buys("jsdom") },
          { name: "happy-dom", ask: buys("happy-dom") },
          {
            name: "happy-dom, a server without CORS headers",
            note: "its fetch keeps to CORS as a browser does: the error is its own, and comes before anything is paid",
            ask: buys("happy-dom", { SETTINGS: "&cors=none" }),
            fails: { code: undefined, says: /Cross-Origin Request Blocked/ },
          },
        ],
      },
    ],
  },
];
