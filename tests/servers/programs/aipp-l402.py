"""The L402Middleware of aipp-sdk under FastAPI: a JWT for the whole app, for an hour."""

import os

import loopback
from aipp import Aipp, L402Middleware
from fastapi import FastAPI

app = FastAPI()
app.add_middleware(
    L402Middleware,
    client=Aipp("key", os.environ["NODE"]),
    jwt_secret="a secret of this test alone",
    resource_id="weather",
    amount_sats=loopback.PRICE,
)


@app.get("/weather")
async def weather():
    return "sunny"


@app.get("/news")
async def news():
    return "sunny"


loopback.serve(app)
