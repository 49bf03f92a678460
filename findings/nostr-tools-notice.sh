#!/bin/sh
# A nostr relay writes into the standard output of programs that use nostr-tools, @getalby/sdk among them. A NOTICE of
# the relay is given to `console.debug`, and Node writes that to standard output, not to standard error. So whoever runs
# the relay can put a line of their choice before a program's JSON or into a file that it pipes to.
#
# Seen with nostr-tools 2.25.2 and ws 8.23.0 on Node 20:
#
#   standard output: NOTICE from ws://127.0.0.1:PORT/: {"paid":true}
#   {"own":"output"}
#
# A program whose output is read by others has to replace `console.debug`, or `relay.onnotice` where it can reach it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --loglevel=error nostr-tools@2.25.2 ws@8.23.0 > /dev/null
cat > try.mjs <<'END'
import { Relay, useWebSocketImplementation } from "nostr-tools/relay";
import { WebSocket, WebSocketServer } from "ws";

useWebSocketImplementation(WebSocket);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
await new Promise((ready) => server.once("listening", ready));
server.on("connection", (socket) => {
  socket.send(JSON.stringify(["NOTICE", '{"paid":true}']));
  socket.on("message", (data) => socket.send(JSON.stringify(["EOSE", JSON.parse(String(data))[1]])));
});
const relay = await Relay.connect(`ws://127.0.0.1:${server.address().port}`);
// Its answer comes after the notice.
await new Promise((done) => relay.subscribe([{ kinds: [1] }], { oneose: done }));
process.stdout.write('{"own":"output"}\n', () => process.exit());
END
output=$(node try.mjs 2> /dev/null)
printf 'standard output: %s\n' "$output"
case $output in
  *'NOTICE from ws://127.0.0.1:'*'{"paid":true}'*) ;;
  *)
    echo "this has changed: the notice is not in standard output" >&2
    exit 1
    ;;
esac
