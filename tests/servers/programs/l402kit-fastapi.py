"""l402kit under FastAPI, with its own client of LNbits: each token opens one request."""

import os

import loopback
from fastapi import FastAPI, Request
from l402kit.middleware import l402_required
from l402kit.providers.lnbits import LNbitsProvider

app = FastAPI()
node = LNbitsProvider("key", os.environ["NODE"])


@app.get("/weather")
@l402_required(price_sats=loopback.PRICE, lightning=node)
async def weather(request: Request):
    return "sunny"


@app.get("/news")
@l402_required(price_sats=loopback.PRICE, lightning=node)
async def news(request: Request):
    return "sunny"


loopback.serve(app)
