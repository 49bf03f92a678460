"""The decorator for Flask of the package l402: tokens without caveats, good for the origin and for ever."""

import loopback
from fewsats import authenticator, price
from flask import Flask
from l402.server.middlewares import Flask_l402_decorator

app = Flask("weather")
paid = Flask_l402_decorator(authenticator, price)


@app.get("/weather")
@paid
def weather():
    return "sunny"


@app.get("/news")
@paid
def news():
    return "sunny"


loopback.serve_wsgi(app)
