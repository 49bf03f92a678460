"""What both servers of the package l402 need: invoices of the node, and keys in memory."""

import loopback
from l402.server import Authenticator
from l402.server.invoice_provider import InvoiceProvider
from l402.server.macaroons import MacaroonService


class Invoices(InvoiceProvider):
    async def create_invoice(self, amount, currency, description):
        payment_hash, text = loopback.invoice(amount, description)
        return text, payment_hash


class Keys(MacaroonService):
    def __init__(self):
        self.keys = {}

    async def insert_root_key(self, token_id, root_key, macaroon):
        self.keys[token_id] = root_key

    async def get_root_key(self, token_id):
        return self.keys[token_id]


authenticator = Authenticator("loopback", Invoices(), Keys())


def price(request):
    return loopback.PRICE, "SAT", "weather"
