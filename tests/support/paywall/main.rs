//! A real L402 server, for the demo and the tests: it mints macaroons (crate `macaroon`), signs BOLT11 invoices (crate
//! `lightning-invoice`), sells resources for them, and has a wallet that pays them, each well or badly as the request
//! says. It shares no code with `l402-fetch`, so that it checks that crate's parsers independently. State is in memory.
//!
//! ```text
//! paywall [--port N] [--www DIR] [--package DIR] [--mount /PATH/=DIR]... [--until-stdin-closes]
//! ```
//! Port 0, the default, is any. It listens on 127.0.0.1 and, where there is one, on `[::1]` at the same port: so
//! `http://127.0.0.1:PORT` and `http://localhost:PORT` are two origins of one server. The first line on stdout is
//! `paywall listening on http://127.0.0.1:PORT`. With `--until-stdin-closes` it ends when its stdin does.
//! Paths are percent-encoded as ever; `<id>` is any text without a slash. Everything below is separate for each `<id>`,
//! made at first use. An unknown query parameter or value is answered 400 `{"error"}`, so that a typo can't weaken a
//! test.
//!
//! # Resources: `/shop/<id>/...` (sold) and `/free/<id>/...` (not), any method, any further path
//! A shop answers `{"bought": path}`, or a forecast where the path ends in `/weather`; a free resource `{"free":
//! path}`. A credential is `L402 <token>:<preimage>` or `LSAT ...`, upper case, the preimage in lower-case hex, as
//! aperture takes it; `Payment <base64url>` as the credential of a charge of MPP; or a `PAYMENT-SIGNATURE` of x402.
//!
//! Settings, by query (flags are `1` or `0`):
//!
//! The invoice:
//! - `price=10` sat, or `msat=`, or `amount=none`; `network=bcrt`, `bc`, `tb`, `tbs` or `sb`; `expiry=3600` s; `age=0`:
//!   issued so many s ago; `amp=1|optional`: for AMP alone, or also for it; `payee=1`; `description=paywall`;
//!   `description_hash=1`: only the hash of it
//! - `hash=<hex>`: over this payment hash (one of another invoice of this server: its wallet still pays)
//! - `reuse_invoice=1`: the same challenge again for the same path and query, until it is paid
//!
//! The token:
//! - `token=v2`, `v1`, `json` (V2 JSON), `hexid` (identifier of 132 hex digits), `rawid` (identifier is the payment
//!   hash), `opaque` (no macaroon), `pair` (two macaroons, joined by a comma); `base64=std` or `url`; `pad=1`;
//!   `mismatch=1`: commits to another hash
//! - `valid_until=<s from now>` (as `paywall_valid_until`), `caveat_path=1`, `caveat_method=1`: caveats that are
//!   enforced; `caveat=<text>`, repeatable: any other; `services=paywall:0` is always there
//!
//! The header:
//! - `scheme=l402`, `lsat`, `both` (two lines, LSAT then L402, as aperture), `lower`, `mpp` (a charge that says
//!   regtest), `l402mpp` (two lines with one invoice), `session`,
//!   `x402` (no line, but `PAYMENT-REQUIRED`) or `l402x402` (both,
//!   with one invoice); `param=token`, `macaroon` or `both` (`version="0"` comes with `token`); `quote=double`,
//!   `single` or `none`; `sep=comma`, `space` or `semicolon`
//! - `header=<text>`: this instead, with `{token}` and `{invoice}` replaced; `nochallenge=1`: none;
//!   `grpc=1`: the 402 is an answer of gRPC-Web, with status 200
//! - `hidden=1`: no `Access-Control-Expose-Headers`; `cache=<s>`: the 402 has `Cache-Control: max-age=<s>`
//!
//! Charges of MPP:
//! - `in=payment-authorization`: the challenge says `header="Payment-Authorization"`. The credential is taken in that
//!   header alone. With `scheme=mpp` any other Authorization is the caller's own.
//! - `digest=1`: the challenge has a `digest` of the body, and is good for that body alone
//!
//! Sessions of MPP (`scheme=session`), by the draft: `price` is that of a unit. A challenge is good once; a refusal has
//! a problem that names its reason. `topUp` and `close` are answered by JSON of their own. A refund goes to the wallet
//! of the same `<id>`.
//! - `deposit=20`: a deposit is for so many units
//! - `chunks=N`: what is sold is a stream of N events, a unit each. It waits for a further deposit where one is needed.
//!
//! x402 (`exact` on `lnbtc`, profile `http:1`). The invoice is one of `network=bc`, the default here, or `tb`. Others'
//! entry comes first. Unknown members and large numbers are in ours and in `extensions`. Both have to come back byte
//! for byte.
//! - `bind=<names>`: the headers that are bound, in lower case and in order, separated by commas; none by default
//! - `grace=60`: a payment is taken so many s after the invoice has expired
//! - `fault=`: what is wrong with the offer. `amount`, `payto`, `hash` (`requestHash`) or `expiry`: not those of the
//!   invoice; `network`: not that of the invoice; `unknown`: a network that nobody knows; `description`: the invoice is
//!   for another request; `inline`: it has a description in words; `future`: it was issued two minutes from now;
//!   `url`: `resource.url` has another origin; `params`: one parameter of the binding too many; `base64`: the header is
//!   not base64
//! - A payment is good once, if a wallet here made it. `PAYMENT-RESPONSE` comes with what was bought. A second use is
//!   answered 409, any other bad payment 402 with a fresh offer, whose `error` is the specification's word for it.
//!   `refuse=` is for all of them. Each has a `PAYMENT-RESPONSE` too. `scope=never` and `uses=N` hold for payments too;
//!   `bare=1` does not.
//!
//! After payment:
//! - `scope=origin` (good for the whole `<id>`), `path` (for the path it was bought for), `single` (once; then 401),
//!   `never` (for nothing); `uses=N`: good so many times. Both are set by the request that was answered 402.
//! - `refuse=<status>`: what a bad credential gets; 402 with a fresh challenge by default, 401 with `scope=single`
//! - `bare=1`: a token without preimage will do, once the wallet has paid its invoice
//! - `late=N`: the first N requests with this token are refused, as by a server that learns of the payment late;
//!   `retry_after=<s>`: what a refusal says in `Retry-After`
//! - `drop=N`: the first N requests with this token lose their connection, unanswered; later ones are judged as usual
//!
//! Any answer of both:
//! - `after=200`: the status of what is given; `body=echo`: `{"method", "headers": [[name, value]], "body"}`; `size=N`:
//!   streams N bytes; `gate=1`: the second half of them after a release; `cookie=<name>`: sets a cookie
//! - `closed=<status>`: the answer to whatever carries an Authorization, Payment-Authorization or PAYMENT-SIGNATURE,
//!   good or bad
//! - `redirect=<url>` with `status=302`: before anything is sold; `cut=1`: the connection is cut, unanswered
//! - `hold=unpaid`, `paid` (requests with one of those headers) or `all`: answered after a release; `delay=<ms>`
//! - `cors=full`: every method and header, and credentials; `cors=plain`: any origin, GET, no request header of its
//!   own; `cors=none`: no CORS headers. Else as aperture: any origin, WWW-Authenticate exposed, methods GET, POST,
//!   OPTIONS, request headers Authorization and Grpc-Metadata-macaroon; not Content-Type. What MPP and x402 need is
//!   exposed and let through beside these
//! - `n=<text>`: means nothing, makes URLs differ
//!
//! # Counts: `/stats/<id>`
//! - `GET /stats/<id>`: the counts `requests`, `preflights`, `challenges` (402s), `invoices`, `asked` (the wallet, to
//!   pay), `payments` (a second one of the same hash too), `accepted`, `refused`, `dropped`, `lookups`; `paidMsat`,
//!   `feesMsat`; `paid`: `{hash: payments of it}`; and `log`: for each request `{method, path, query, authorization,
//!   scheme, credential, bodyLength, cookies, origin, contentType, paymentAuthorization, paymentSignature}`, null where
//!   there was none. `?log=0` leaves the log out.
//! - `GET /stats/<id>/wait?<count>=N`: answers the same, without the log, once the count is N or more; 408 after 30 s
//! - `POST /stats/<id>/close`: the shop closes all its sessions, and refunds them
//! - `POST /stats/<id>/release`: lets go all that is held now, in shop and wallet; `POST /stats/<id>/revoke`: no token
//!   so far is good any more
//!
//! # Wallet: `/wallet/<id>`. A payment counts in the `<id>` of the wallet, whichever shop issued the invoice.
//! - `POST /wallet/<id>/pay`, body the invoice or `{"invoice"}`: pays and answers `{"preimage", "feeMsat"}`. Query:
//!   `delay=<ms>` before paying; `fee=<msat>`; `answer=good`, `zeros`, `invoice`, `other` (another preimage), `none`
//!   (`{}`), `true`, `failed` (`{"failed": "no route"}`), `error` (500), `hang` (pays, never answers), `hold` (pays and
//!   answers after a release); `paid=1` or `0`: whether the payment goes out, by default in all but `failed` and
//!   `error`. 400 for an invoice of elsewhere. A payment goes on though its asker has gone.
//! - `POST /wallet/<id>/invoice?<settings>`: `{"invoice"}`, which pays this wallet. `GET /wallet/<id>/received/<hash>`:
//!   `{"msat"}` that came in on one
//! - `POST /wallet/<id>/release`: as `/stats/<id>/release`
//! - `GET /wallet/<id>/lookup/<hash>`: `{"state": "paid", "preimage"}`, `{"state": "pending"}`, `{"state": "failed"}`;
//!   the last with status 404 where the wallet was never asked
//! - `POST /wallet/<id>/set/<hash>?state=paid`, `pending` or `failed`: what lookups say from now on; counts no payment
//!
//! # Decoding
//! - `GET /invoice?<settings>`: `{invoice, network, amountMsat, paymentHash, preimage, description, descriptionHash,
//!   payee, timestamp, expiresAt, unknownFeatureRequired}`: what `lightning-invoice` reads in it; payee only with
//!   `payee=1`
//! - `GET /challenge?<settings>`: `{header, lines, token, paymentHash, preimage, macaroon: {location, identifier,
//!   caveats, signature} | null, invoice}`
//!
//! # Pages
//! `--www DIR` is served at `/`, `--package DIR` at `/package/`, `--mount` anywhere. `GET /config.json`: `{"shop":
//! "/shop/demo/weather", "wallet": "/wallet/demo/pay", "stats": "/stats/demo"}`.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)] // counts that no test run overflows; no index of a stranger

// `cargo test` for wasm builds every example, and there is nothing to listen on
#[cfg(not(target_family = "wasm"))]
mod server;

#[cfg(not(target_family = "wasm"))]
fn main() {
    if let Err(why) = server::run() {
        eprintln!("paywall: {why}");
        std::process::exit(1);
    }
}

#[cfg(target_family = "wasm")]
fn main() {}
