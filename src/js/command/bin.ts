#!/usr/bin/env node
// What the shell starts. Older versions of Node must be able to read this file, so it imports nothing at first.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 13)) {
  import("./main.js").then(({ main }) => main(process.argv.slice(2)));
} else {
  process.stderr.write(
    `l402-fetch: this command needs Node 22.13 or later, and this is ${process.versions.node} (${process.execPath})\n`,
  );
  process.exitCode = 2;
}
