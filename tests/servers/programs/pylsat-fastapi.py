"""pylsat under FastAPI: each token opens one request."""

import datetime
from contextlib import asynccontextmanager
from types import SimpleNamespace

import loopback
from fastapi import Depends, FastAPI, Request
from pylsat import L402Validator, Pricing, pylsat

pylsat.datetime = SimpleNamespace(datetime=loopback.Later, timedelta=datetime.timedelta)


async def invoice(sats, label, description):
    return {"bolt11": loopback.invoice(sats, description)[1]}


@asynccontextmanager
async def lifespan(app):
    # it starts a task of its own, so it has to be made where a loop runs
    app.state.validator = L402Validator("a key of this test alone", 3600, invoice, "weather", Pricing(loopback.PRICE))
    yield


async def paid(request: Request):
    return await request.app.state.validator(request)


app = FastAPI(lifespan=lifespan)


@app.get("/weather")
async def weather(request=Depends(paid)):
    return "sunny"


@app.get("/news")
async def news(request=Depends(paid)):
    return "sunny"


loopback.serve(app)
