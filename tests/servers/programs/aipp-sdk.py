"""A middleware of aipp-sdk under FastAPI, named by the first argument: a JWT for the whole app, for an hour."""

import os
import sys

import loopback
from aipp import Aipp, middleware
from fastapi import FastAPI

app = FastAPI()
app.add_middleware(
    getattr(middleware, sys.argv[1]),
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
