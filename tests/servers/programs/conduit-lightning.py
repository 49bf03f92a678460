"""The L402Middleware of conduit-lightning under FastAPI: tokens are good for the origin, for an hour.

It asks a client of lnd over gRPC for its invoices; here a stand-in with the one method that it calls.
"""

import os
from types import SimpleNamespace

os.environ.update(L402_ENABLED="true", L402_SECRET_KEY="a secret of this test alone")

import loopback
from conduit.api.middleware.l402 import L402Middleware
from conduit.services import l402
from fastapi import FastAPI

l402.datetime = loopback.Later


def create_invoice(amount_msats, memo, expiry):
    payment_hash, text = loopback.invoice(amount_msats // 1000, memo)
    return SimpleNamespace(payment_hash=payment_hash, payment_request=text)


app = FastAPI()
app.add_middleware(L402Middleware, get_lnd_fn=lambda: SimpleNamespace(create_invoice=create_invoice))


@app.get("/weather")
async def weather():
    return "sunny"


@app.get("/news")
async def news():
    return "sunny"


loopback.serve(app)
