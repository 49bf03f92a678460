#!/bin/sh
# In Node `import "node:http"` loads all of undici, which `require("node:http")` does not: it makes the start of a small
# program 20 ms slower. An import of a module that Node brings reads each of its exports at once, and `http.WebSocket`
# and its events are getters that load undici. The same holds for whatever imports `node:http` in between.
#
# Seen with Node 22.13.0 and 24.9.0:
#
#   import: internal/deps/undici/undici
#   require: nothing of undici
#   process.getBuiltinModule: nothing of undici
#
# A command that sends a request without `fetch`, and wants to be quick, has to take `http` with one of the other two.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "allowScripts": { "node": true } }' > package.json
npm install --no-audit --no-fund --loglevel=error node@24.9.0 > /dev/null
look='console.log(process.moduleLoadList.filter((name) => /undici/.test(name)).join().replace("NativeModule ", "") || "nothing of undici")'
node=node_modules/node/bin/node
imported=$("$node" --input-type=module -e "import \"node:http\"; $look")
required=$("$node" -e "require(\"node:http\"); $look")
given=$("$node" --input-type=module -e "process.getBuiltinModule(\"node:http\"); $look")
printf 'import: %s\nrequire: %s\nprocess.getBuiltinModule: %s\n' "$imported" "$required" "$given"
if [ "$imported" != internal/deps/undici/undici ] || [ "$required$given" != "nothing of undicinothing of undici" ]; then
  echo "this has changed: expected undici, nothing and nothing" >&2
  exit 1
fi
