#!/bin/sh
# The L402 middleware for FastAPI in the package l402 0.0.8 (PyPI) answers 500 to every request that has not paid, so that
# nobody ever sees an offer: it sets a header on an HTTPException that was made without headers. The decorator for Flask in
# the same package answers 402 with the offer. An invoice is made and lost each time.
#
# Seen with Python 3.11, l402 0.0.8, fastapi 0.165.0, starlette 1.10.0, flask 3.1.2:
#
#   FastAPI: 500, offer: no, invoices made: 1
#   Flask: 402, offer: yes, invoices made: 1
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check l402==0.0.8 fastapi==0.165.0 starlette==1.10.0 flask==3.1.2 httpx==0.28.1
cat > seen.py <<'END'
import sys
from fastapi import FastAPI
from fastapi.testclient import TestClient
from flask import Flask
from l402.server import Authenticator
from l402.server.invoice_provider import InvoiceProvider
from l402.server.macaroons import MacaroonService
from l402.server.middlewares import FastAPIL402Middleware, Flask_l402_decorator


class Invoices(InvoiceProvider):
    made = 0

    async def create_invoice(self, amount, currency, description):
        self.made += 1
        return "lnbcrt1", "00" * 32


class Keys(MacaroonService):
    async def insert_root_key(self, token_id, root_key, macaroon):
        pass

    async def get_root_key(self, token_id):
        return b""


def price(request):
    return 10, "USD", "weather"


def told(name, status, headers, invoices):
    offer = "yes" if "www-authenticate" in {key.lower() for key in headers.keys()} else "no"
    line = f"{name}: {status}, offer: {offer}, invoices made: {invoices.made}"
    print(line)
    return line


first = Invoices()
api = FastAPI()
api.add_middleware(FastAPIL402Middleware, authenticator=Authenticator("here", first, Keys()), pricing_func=price)
api.get("/weather")(lambda: "sunny")
answer = TestClient(api, raise_server_exceptions=False).get("/weather")

second = Invoices()
site = Flask("site")
paid = Flask_l402_decorator(Authenticator("here", second, Keys()), price)
site.route("/weather")(paid(lambda: "sunny"))
other = site.test_client().get("/weather")

lines = [
    told("FastAPI", answer.status_code, answer.headers, first),
    told("Flask", other.status_code, other.headers, second),
]
expected = ["FastAPI: 500, offer: no, invoices made: 1", "Flask: 402, offer: yes, invoices made: 1"]
if lines != expected:
    sys.exit("this has changed")
END
env/bin/python seen.py
