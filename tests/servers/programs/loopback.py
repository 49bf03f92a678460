"""What the servers in Python share: a way to serve on a port that the system picks, invoices, and a clock.

NODE names the fake node. A server prints its address once it listens. `GET /-later?SECONDS` moves its clock on.
"""

import datetime
import json
import os
import socket
import time
import urllib.parse
import urllib.request

PRICE = 10
_real = time.time
_ahead = 0


def _now():
    return _real() + _ahead


time.time = _now


class Later(datetime.datetime):
    """datetime.datetime by the same clock, for a module that asks it instead of time.time."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(_now(), tz)


def invoice(sats, memo):
    """A new invoice of the node, asked for as phoenixd is: its payment hash in hex, and its text."""
    form = urllib.parse.urlencode({"amountSat": sats, "description": memo}).encode()
    with urllib.request.urlopen(f"{os.environ['NODE']}/createinvoice", form, timeout=10) as answer:
        made = json.load(answer)
    return made["paymentHash"], made["serialized"]


def _move(query):
    global _ahead
    _ahead += int(query)


def _listen():
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    return listener


def serve(app):
    """Serves an ASGI application, until it is killed."""
    import uvicorn

    async def outer(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/-later":
            _move(scope["query_string"])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(outer, log_level="warning"))
    server.run(sockets=[_listen()])


def serve_wsgi(app):
    """Serves a WSGI application, until it is killed."""
    from werkzeug.serving import make_server

    def outer(environ, start_response):
        if environ["PATH_INFO"] == "/-later":
            _move(environ["QUERY_STRING"])
            start_response("204 No Content", [])
            return [b""]
        return app(environ, start_response)

    listener = _listen()
    make_server("127.0.0.1", 0, outer, threaded=True, fd=listener.fileno()).serve_forever()
