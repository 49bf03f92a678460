// React Native has no WebAssembly: its tools must take the package all the same, and the first 402 must say so.
import { program } from "../lib/ways.mjs";

async function bundled(project) {
  await project.write(
    "metro.config.js",
    `const { getDefaultConfig, mergeConfig } = require("@react-native/metro-config");

module.exports = mergeConfig(getDefaultConfig(__dirname), {
  // no part of React Native itself: the bundle is run outside of it
  serializer: { getModulesRunBeforeMainModule: () => [], getPolyfills: () => [] },
});
`,
  );
  await project.write("babel.config.js", `module.exports = { presets: ["@react-native/babel-preset"] };`);
  await project.write(
    "start.js",
    `// Node's own fetch needs WebAssembly for its first request
const [base] = process.argv.slice(-2);
fetch(base).then((response) => response.text()).then(() => {
  delete globalThis.WebAssembly;
  require("./out/bundle.js");
});
`,
  );
  await project.run("mkdir", ["out"]);
  await project.run("metro", [
    "build",
    "program.js",
    "--platform",
    "android",
    "--dev",
    "false",
    "--minify",
    "true",
    "--out",
    "out/bundle.js",
    "--config",
    "metro.config.js",
  ]);
  await project.run(project.path("node_modules/hermes-compiler/hermesc/linux64-bin/hermesc"), [
    "-emit-binary",
    "-O",
    "-out",
    "out/bundle.hbc",
    "out/bundle.js",
  ]);
  return { size: await project.size("out") };
}

export default [
  {
    name: "React Native",
    version: "0.88.1",
    home: "reactnative",
    packages: {
      "react-native": "0.88.1",
      react: "19.3.1",
      metro: "0.87.1",
      "@react-native/metro-config": "0.88.1",
      "@react-native/babel-preset": "0.88.1",
      "@babel/core": "7.29.13",
    },
    manifest: {},
    stages: [
      {
        open: bundled,
        rows: [
          {
            name: "Metro and hermesc; run without WebAssembly",
            note: "no WebAssembly there: it builds, and the first 402 is an error that says so; nothing is paid",
            ask: program("node", ["start.js"]),
            fails: { code: "load_failed", says: /WebAssembly/ },
          },
        ],
      },
    ],
  },
];
