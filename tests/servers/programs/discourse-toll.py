"""discourse-toll under FastAPI: its offer is in the body of the 402 alone."""

import loopback
from discourse_toll import TollConfig, create_toll
from fastapi import Depends, FastAPI, Request


class Wallet:
    async def create_invoice(self, sats, description):
        payment_hash, text = loopback.invoice(sats, description)
        return {"payment_hash": payment_hash, "invoice": text}


app = FastAPI()
gate = create_toll(TollConfig(secret="a secret of this test alone", wallet=Wallet()))()


async def toll(request: Request):
    return await gate(request)


@app.get("/weather")
async def weather(paid=Depends(toll)):
    return "sunny"


loopback.serve(app)
