"""The middleware for FastAPI of the package l402: it fails before it can answer 402."""

import loopback
from fastapi import FastAPI
from fewsats import authenticator, price
from l402.server.middlewares import FastAPIL402Middleware

app = FastAPI()
app.add_middleware(FastAPIL402Middleware, authenticator=authenticator, pricing_func=price)


@app.get("/weather")
async def weather():
    return "sunny"


loopback.serve(app)
