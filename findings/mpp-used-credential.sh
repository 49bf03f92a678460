#!/bin/sh
# A credential of the scheme Payment that is good for one request, sent a second time, is answered in two ways by the
# two libraries of the protocol, each with the error that it has for this: mppx says 402 and offers a fresh challenge,
# pympp says 403 and offers none, so that no client pays again by itself. To a client that 403 looks like any other,
# but for the problem type in its body. So it has to ask again without the credential, or to know that a charge is
# good for one request.
#
# Seen with Node 20.20 and Python 3.11, mppx 0.11.0, pympp 0.16.0:
#
#   mppx: first 402, paid 200, again 402, a challenge: yes, type: verification-failed
#   pympp: first 402, paid 200, again 403, a challenge: no, type: verification-failed
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pympp==0.16.0 httpx==0.28.1 pydantic==2.14.4
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps mppx@0.11.0 viem@2.57.20

cat > seen.mjs <<'END_OF_JS'
import { Challenge, Credential, Errors, Method, Receipt, z } from "mppx";
import { Mppx } from "mppx/server/core";

const definition = Method.from({
  name: "example",
  intent: "charge",
  schema: {
    credential: { payload: z.object({ proof: z.string() }) },
    request: z.object({ amount: z.string(), currency: z.string() }),
  },
});
const used = new Set();
const method = Method.toServer(definition, {
  async verify({ credential: { payload } }) {
    if (used.has(payload.proof)) throw new Errors.VerificationFailedError({ reason: "used before" });
    used.add(payload.proof);
    return Receipt.from({ method: "example", reference: "1", status: "success", timestamp: new Date().toISOString() });
  },
});
const mppx = Mppx.create({ methods: [method], realm: "here", secretKey: "a secret that has 32 bytes or more" });
const paid = mppx.charge({ amount: "10", currency: "sat" });
const ask = async (headers = {}) => {
  const result = await paid(new Request("http://127.0.0.1/weather", { headers }));
  return result.status === 402 ? result.challenge : result.withReceipt(new Response("sunny"));
};
const first = await ask();
const challenge = Challenge.fromResponse(first);
const authorization = Credential.serialize({ challenge, payload: { proof: "p" } });
const second = await ask({ authorization });
const third = await ask({ authorization });
const offer = third.headers.has("www-authenticate") ? "yes" : "no";
const type = (await third.json()).type.split("/").at(-1);
console.log(
  `mppx: first ${first.status}, paid ${second.status}, again ${third.status}, a challenge: ${offer}, type: ${type}`,
);
END_OF_JS

cat > seen.py <<'END_OF_PYTHON'
import asyncio
import json
from datetime import UTC, datetime

from mpp import Challenge, Credential, Receipt
from mpp.server import CredentialReplayedError, Method, Mpp, Request, ServerMethod
from pydantic import BaseModel


class Charge(BaseModel):
    amount: str
    currency: str


class Payload(BaseModel):
    proof: str


used = set()


async def verify(context):
    proof = context.credential.payload.proof
    if proof in used:
        raise CredentialReplayedError("used before")
    used.add(proof)
    return Receipt(status="success", timestamp=datetime.now(UTC), reference="1", method="example")


method = Method(name="example", intent="charge", request_model=Charge, payload_model=Payload)
mpp = Mpp(ServerMethod(method=method, verify=verify), realm="here", secret_key="a secret that has 32 bytes or more")
paid = mpp.charge(amount="10", currency="sat")


async def main():
    async def ask(headers=None):
        return await paid(Request("GET", "http://127.0.0.1/weather", headers))

    first = await ask()
    challenge = Challenge.from_www_authenticate(first.challenge.headers["www-authenticate"])
    authorization = Credential(challenge=challenge.to_echo(), payload={"proof": "p"}).to_authorization()
    second = await ask({"authorization": authorization})
    third = await ask({"authorization": authorization})
    offer = "yes" if "www-authenticate" in third.challenge.headers else "no"
    type = json.loads(third.challenge.body)["type"].split("/")[-1]
    print(
        f"pympp: first {first.status}, paid {second.status}, again {third.status}, a challenge: {offer}, type: {type}"
    )


asyncio.run(main())
END_OF_PYTHON

node seen.mjs | tee seen.txt
env/bin/python seen.py | tee -a seen.txt
cat > expected.txt <<'END_OF_TEXT'
mppx: first 402, paid 200, again 402, a challenge: yes, type: verification-failed
pympp: first 402, paid 200, again 403, a challenge: no, type: verification-failed
END_OF_TEXT
cmp -s seen.txt expected.txt || { echo "this has changed"; exit 1; }
