//! Which path is answered by what.

use super::answer::{self, Answer};
use super::files::{self, Mount};
use super::hex;
use super::mint::{self, Asked};
use super::session;
use super::settings::{Cors, Settings, TokenKind};
use super::shop::{self, Visit};
use super::state::{Shop, World};
use super::wallet;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use lightning_invoice::{RawTaggedField, SignedRawBolt11Invoice, TaggedField};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// A request body beyond this is answered 413.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long a test may wait for a count.
const MAX_WAIT: Duration = Duration::from_secs(30);

pub struct Server {
    pub world: Arc<World>,
    pub mounts: Vec<Mount>,
}

/// Marks a connection that is to be cut: hyper closes it where a service fails.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cut on request")
    }
}

impl std::error::Error for Cut {}

pub async fn serve(server: Arc<Server>, stream: TcpStream) {
    let service = hyper::service::service_fn(move |request| {
        let server = server.clone();
        async move { server.answer(request).await.ok_or(Cut) }
    });
    // a connection ends in an error when it was cut, by either side: nothing to report
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Option<Answer> {
        let preflight = answer::is_preflight(&request);
        let asked = request.headers().clone();
        let path = request.uri().path().to_string();
        let query = request.uri().query().unwrap_or_default().to_string();
        let (area, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_matches('/'), ""));
        let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let open = Settings { cors: Cors::Full, ..Settings::default() };
        let (settings, answer) = match area {
            "shop" | "free" => match Settings::parse(&query) {
                Err(why) => (open, answer::error(StatusCode::BAD_REQUEST, &why)),
                Ok(settings) if preflight => {
                    self.shop(id).write(|book| book.preflights += 1);
                    (settings, answer::bytes(StatusCode::OK, "text/plain", ""))
                }
                Ok(settings) => {
                    let (shop, paid) = (self.shop(id), area == "shop");
                    let (head, body) = request.into_parts();
                    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
                    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
                    let url = format!("http://{host}{target}");
                    let answer = match read(body).await {
                        Err(refusal) => refusal,
                        Ok(body) => {
                            let (method, headers) = (head.method, head.headers);
                            let visit = Visit { shop, method, url, path, query, headers, body, paid };
                            shop::visit(&self.world, visit, &settings).await?
                        }
                    };
                    (settings, answer)
                }
            },
            _ if preflight => (open, answer::bytes(StatusCode::OK, "text/plain", "")),
            "stats" => (open, self.stats(request.method(), id, rest, &query).await),
            "wallet" => (open, self.wallet(request, id, rest, &query).await),
            "invoice" => (open, self.decode(&query, invoice)),
            "challenge" => (open, self.decode(&query, challenge)),
            "config.json" => {
                let config =
                    json!({ "shop": "/shop/demo/weather", "wallet": "/wallet/demo/pay", "stats": "/stats/demo" });
                (open, answer::json(StatusCode::OK, &config))
            }
            _ => (open, files::serve(&self.mounts, &path)),
        };
        Some(answer::cors(answer, &asked, &settings, preflight))
    }

    fn shop(&self, id: &str) -> Arc<Shop> {
        self.world.shop(&files::decode(id).unwrap_or_else(|| id.to_string()))
    }

    async fn stats(&self, method: &Method, id: &str, rest: &str, query: &str) -> Answer {
        let shop = self.shop(id);
        match (method.as_str(), rest) {
            ("GET", "") => answer::json(StatusCode::OK, &shop.read(|book| book.report(query != "log=0"))),
            ("GET", "wait") => {
                let parsed = query.split_once('=').and_then(|(name, count)| Some((name, count.parse::<u64>().ok()?)));
                let Some((name, count)) = parsed.filter(|(name, _)| shop.read(|book| book.count(name).is_some()))
                else {
                    return answer::error(StatusCode::BAD_REQUEST, "wait for <count>=N, a count of /stats");
                };
                let enough = shop.until(|book| book.count(name).is_some_and(|reached| reached >= count));
                let status = match tokio::time::timeout(MAX_WAIT, enough).await {
                    Ok(()) => StatusCode::OK,
                    Err(_) => StatusCode::REQUEST_TIMEOUT,
                };
                answer::json(status, &shop.read(|book| book.report(false)))
            }
            ("POST", "release") => {
                shop.release();
                answer::json(StatusCode::OK, &json!({}))
            }
            ("POST", "close") => {
                session::close_all(&self.world, &shop);
                answer::json(StatusCode::OK, &json!({}))
            }
            ("POST", "revoke") => {
                shop.write(|book| book.tokens.values_mut().for_each(|token| token.revoked = true));
                answer::json(StatusCode::OK, &json!({}))
            }
            _ => answer::error(StatusCode::NOT_FOUND, "no such route"),
        }
    }

    async fn wallet(&self, request: Request<Incoming>, id: &str, rest: &str, query: &str) -> Answer {
        let shop = self.shop(id);
        let method = request.method().clone();
        let hash = |text: &str| hex::hash(text);
        match (method.as_str(), rest.split_once('/').unwrap_or((rest, ""))) {
            ("POST", ("pay", "")) => match read(request.into_body()).await {
                Ok(body) => wallet::pay(self.world.clone(), shop, query, &String::from_utf8_lossy(&body)).await,
                Err(refusal) => refusal,
            },
            ("POST", ("release", "")) => {
                shop.release();
                answer::json(StatusCode::OK, &json!({}))
            }
            ("POST", ("invoice", "")) => {
                let made = Settings::parse(query).and_then(|settings| self.world.mint.invoice(&settings));
                match made {
                    Ok((invoice, _)) => answer::json(StatusCode::OK, &json!({ "invoice": invoice })),
                    Err(why) => answer::error(StatusCode::BAD_REQUEST, &why),
                }
            }
            ("GET", ("received", text)) => match hash(text) {
                Some(hash) => {
                    let msat = shop.read(|book| book.received.get(&hash).copied().unwrap_or_default());
                    answer::json(StatusCode::OK, &json!({ "msat": msat }))
                }
                None => answer::error(StatusCode::BAD_REQUEST, "a payment hash has 64 hex digits"),
            },
            ("GET", ("lookup", text)) => match hash(text) {
                Some(hash) => wallet::lookup(&self.world, &shop, &hash),
                None => answer::error(StatusCode::BAD_REQUEST, "a payment hash has 64 hex digits"),
            },
            ("POST", ("set", text)) => match hash(text) {
                Some(hash) => wallet::set(&shop, hash, query),
                None => answer::error(StatusCode::BAD_REQUEST, "a payment hash has 64 hex digits"),
            },
            _ => answer::error(StatusCode::NOT_FOUND, "no such route"),
        }
    }

    fn decode(&self, query: &str, make: fn(&World, &Settings) -> Result<Value, String>) -> Answer {
        match Settings::parse(query).and_then(|settings| make(&self.world, &settings)) {
            Ok(made) => answer::json(StatusCode::OK, &made),
            Err(why) => answer::error(StatusCode::BAD_REQUEST, &why),
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, Answer> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(answer::error(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body can't be read: {error}"))),
    }
}

fn invoice(world: &World, settings: &Settings) -> Result<Value, String> {
    let (text, hash) = world.mint.invoice(settings)?;
    describe(world, &text, &hash)
}

/// What `lightning-invoice` reads in an invoice.
fn describe(world: &World, text: &str, hash: &hex::Hash) -> Result<Value, String> {
    let signed: SignedRawBolt11Invoice = text.parse().map_err(|error| format!("no such invoice: {error}"))?;
    let raw = signed.raw_invoice();
    let network = match raw.currency() {
        lightning_invoice::Currency::Bitcoin => "bitcoin",
        lightning_invoice::Currency::BitcoinTestnet => "testnet",
        lightning_invoice::Currency::Signet => "signet",
        lightning_invoice::Currency::Simnet => "simnet",
        lightning_invoice::Currency::Regtest => "regtest",
    };
    let timestamp = raw.data.timestamp.as_unix_timestamp();
    let expiry = raw.expiry_time().map_or(3600, |expiry| expiry.as_seconds());
    let features = raw.data.tagged_fields.iter().any(|field| {
        let RawTaggedField::KnownSemantics(TaggedField::Features(features)) = field else { return false };
        features.requires_unknown_bits()
    });
    Ok(json!({
        "invoice": text,
        "network": network,
        "amountMsat": raw.amount_pico_btc().map(|pico| pico / 10),
        "paymentHash": hex::encode(hash),
        "preimage": world.mint.preimage(hash).map(|preimage| hex::encode(&preimage)),
        "description": raw.description().map(|description| description.to_string()),
        "descriptionHash": raw.description_hash().map(|hash| hash.0.to_string()),
        "payee": raw.payee_pub_key().map(|key| key.0.to_string()),
        "timestamp": timestamp,
        "expiresAt": timestamp.saturating_add(expiry),
        "unknownFeatureRequired": features,
    }))
}

fn challenge(world: &World, settings: &Settings) -> Result<Value, String> {
    let made =
        world.mint.challenge(settings, &Asked { method: "GET", path: "/challenge", body: b"", binding: None })?;
    let first = made.token.split(',').next().unwrap_or_default();
    let macaroon = if settings.token == TokenKind::Opaque {
        Value::Null
    } else {
        let macaroon = mint::parse(first)?;
        let caveats: Vec<_> = macaroon.first_party_caveats().iter().filter_map(mint::condition).collect();
        json!({
            "location": macaroon.location(),
            "identifier": hex::encode(&macaroon.identifier().0),
            "caveats": caveats,
            "signature": hex::encode(&macaroon.signature()),
        })
    };
    Ok(json!({
        "header": made.lines.join(", "),
        "lines": made.lines,
        "token": made.token,
        "macaroon": macaroon,
        "paymentHash": hex::encode(&made.hash),
        "preimage": world.mint.preimage(&made.hash).map(|preimage| hex::encode(&preimage)),
        "invoice": describe(world, &made.invoice, &made.hash)?,
    }))
}
