"""pympp under FastAPI, with a method for charges over Lightning on its Method API, since it has none of its own.

Each credential opens one request, as the specification of charges over Lightning has it. With the argument
requires_auth it wants them in Payment-Authorization.
"""

import base64
import hashlib
import json
import sys
from datetime import UTC, datetime

import loopback
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from mpp import Receipt
from mpp.server import CredentialReplayedError, Method, Mpp, ServerMethod, VerificationFailedError, pay
from mpp.store import MemoryStore
from pydantic import BaseModel


class Charge(BaseModel):
    amount: str
    currency: str
    methodDetails: dict[str, str]


class Payload(BaseModel):
    preimage: str


used = MemoryStore()


def resolve_request(context):
    if context.credential:
        # what was offered is compared with what is offered now: it has to be the same invoice
        text = context.credential.challenge.request
        offered = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return {**context.request, "methodDetails": offered["methodDetails"]}
    payment_hash, invoice = loopback.invoice(int(context.request["amount"]), "weather")
    details = {"invoice": invoice, "paymentHash": payment_hash, "network": "regtest"}
    return {**context.request, "methodDetails": details}


async def verify(context):
    payment_hash = context.challenge.request["methodDetails"]["paymentHash"]
    preimage = bytes.fromhex(context.credential.payload.preimage)
    if hashlib.sha256(preimage).hexdigest() != payment_hash:
        raise VerificationFailedError("the preimage is of another payment")
    if not await used.put_if_absent(payment_hash, True):
        raise CredentialReplayedError("the payment was used before")
    return Receipt(status="success", timestamp=datetime.now(UTC), reference=payment_hash, method="lightning")


method = Method(name="lightning", intent="charge", request_model=Charge, payload_model=Payload)
mpp = Mpp(
    methods=ServerMethod(method=method, verify=verify, resolve_request=resolve_request),
    realm="loopback",
    secret_key="a secret of this test alone",
    requires_auth="requires_auth" in sys.argv,
)
app = FastAPI()


@app.get("/weather")
@pay(mpp.charge(amount=str(loopback.PRICE), currency="sat"))
async def weather(request: Request, credential, receipt):
    return PlainTextResponse("sunny")


@app.get("/news")
@pay(mpp.charge(amount=str(loopback.PRICE), currency="sat"))
async def news(request: Request, credential, receipt):
    return PlainTextResponse("sunny")


loopback.serve(app)
