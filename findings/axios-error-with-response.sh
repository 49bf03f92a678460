#!/bin/sh
# axios, with its fetch adapter and a fetch of one's own, loses an error of that fetch which has a Response as `response`.
# The caller gets a TypeError in its place, without cause: axios writes to `error.response.headers`, of which a Response has
# only a getter.
#
# Seen with axios 1.21.1 on Node 20:
#
#   without response: Error: over the limit, code over_limit
#   with response: TypeError: Cannot set property headers of #<_Response> which has only a getter, code undefined, cause undefined
#
# Errors of paying fetches have such a `response`: the unread 402. So code, price and whether money has moved are lost.
# docs/options.md shows a fetch that wraps them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --loglevel=error axios@1.21.1 > /dev/null
cat > try.mjs <<'END'
import axios from "axios";

const seen = [];
for (const [name, members] of [
  ["without response", {}],
  ["with response", { response: new Response("", { status: 402 }) }],
]) {
  const fetch = async () => {
    throw Object.assign(new Error("over the limit"), { code: "over_limit" }, members);
  };
  const client = axios.create({ adapter: "fetch", env: { fetch } });
  const error = await client.get("https://api.example.com/").catch((error) => error);
  seen.push(error.name);
  const cause = error.name === "TypeError" ? `, cause ${error.cause}` : "";
  console.log(`${name}: ${error.name}: ${error.message}, code ${error.code}${cause}`);
}
if (seen.join() !== "Error,TypeError") {
  console.error("this has changed: expected an Error and a TypeError");
  process.exitCode = 1;
}
END
node try.mjs
