// Jest with CommonJS (by babel, as most projects have it) and with modules.
import { withEnv } from "../lib/ways.mjs";

const MODULES = "--experimental-vm-modules";
const babel =
  (config = {}) =>
  async (project) => {
    await project.write(
      "babel.config.cjs",
      `module.exports = { presets: [["@babel/preset-env", { targets: { node: "current" } }]] };`,
    );
    await project.write("jest.config.cjs", `module.exports = ${JSON.stringify({ testTimeout: 60_000, ...config })};`);
    await project.set({ type: "commonjs" });
  };
const modules = async (project) => {
  await project.write("jest.config.js", `export default { transform: {}, testTimeout: 60_000 };`);
};
const buys = (options, ...args) => withEnv("jest", ["--ci", ...args], options);

export default [
  {
    name: "Jest",
    version: "30.5.2",
    home: "jest",
    packages: {
      jest: "30.5.2",
      "jest-environment-jsdom": "30.5.2",
      "babel-jest": "30.5.2",
      "@babel/core": "7.29.13",
      "@babel/preset-env": "7.29.14",
    },
    stages: [
      { quick: true, open: babel(), rows: [{ name: "CommonJS by babel", ask: buys() }] },
      {
        quick: true,
        open: modules,
        rows: [
          {
            name: "ES modules",
            setting: "`NODE_OPTIONS=--experimental-vm-modules`, Jest's own for modules",
            ask: buys({ env: { NODE_OPTIONS: MODULES } }),
          },
        ],
      },
      {
        open: modules,
        rows: [
          {
            name: "ES modules, jsdom",
            note: "its environment has no fetch: give one as the option `fetch`",
            ask: buys({ env: { NODE_OPTIONS: MODULES } }, "--env=jsdom"),
            fails: { code: "invalid_options", says: /fetch is missing/ },
          },
        ],
      },
    ],
  },
];
