"""lightning-toll under FastAPI: tokens are bound to a path and a method, and expire after an hour."""

from types import SimpleNamespace

import loopback
from fastapi import Depends, FastAPI, Request
from lightning_toll import create_toll


class Wallet:
    async def create_invoice(self, amount_sats, description, expiry):
        payment_hash, text = loopback.invoice(amount_sats, description)
        return SimpleNamespace(payment_hash=payment_hash, invoice=text)


app = FastAPI()
gate = create_toll(wallet=Wallet(), secret="a secret of this test alone")(sats=loopback.PRICE)


async def toll(request: Request):
    return await gate(request)


@app.get("/weather")
async def weather(payment=Depends(toll)):
    return "sunny"


@app.get("/news")
async def news(payment=Depends(toll)):
    return "sunny"


loopback.serve(app)
