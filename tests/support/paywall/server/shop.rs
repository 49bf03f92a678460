//! `/shop/<id>/...` and `/free/<id>/...`: resources, sold or free.

use super::answer::{self, Answer, Payload};
use super::charge;
use super::hex::{self, Hash};
use super::mint::{self, Asked};
use super::session;
use super::settings::{Scheme, Scope, Settings};
use super::state::{Shop, Token, World};
use super::x402;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How much of a `size=` body goes out at once.
const CHUNK: usize = 16 * 1024;

/// A request to a shop, its body read.
pub struct Visit {
    pub shop: Arc<Shop>,
    pub method: Method,
    /// As the client knows it.
    pub url: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub paid: bool,
}

impl Visit {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a request shows for what it wants, by the header it comes in.
#[derive(Clone, Copy)]
enum Shown<'a> {
    Authorization(&'a str),
    PaymentAuthorization(&'a str),
    PaymentSignature(&'a str),
}

/// The headers that may hold a credential.
const CREDENTIALS: [&str; 3] = ["authorization", "payment-authorization", "payment-signature"];
/// Why a token is refused that was good before.
const USED: &str = "a token that was used before";
/// Why one is refused that will be good later.
const EARLY: &str = "a payment that is not known yet";

/// The answer; None where the connection is to be cut without one.
pub async fn visit(world: &World, visit: Visit, settings: &Settings) -> Option<Answer> {
    let header = |name: &str| visit.header(name);
    let authorization = header("authorization");
    let (scheme, value) = match authorization.map(|line| line.split_once(' ').unwrap_or((line, ""))) {
        Some((scheme, value)) => (Some(scheme), Some(value)),
        None => (None, None),
    };
    let mut gate = visit.shop.gate();
    let entry = json!({
        "method": visit.method.as_str(), "path": visit.path, "query": visit.query,
        "authorization": authorization, "scheme": scheme, "credential": value,
        "bodyLength": visit.body.len(), "cookies": header("cookie"), "origin": header("origin"),
        "contentType": header("content-type"),
        "paymentAuthorization": header("payment-authorization"), "paymentSignature": header("payment-signature"),
    });
    visit.shop.write(|book| {
        book.requests += 1;
        book.log.push(entry);
    });
    if settings.cut {
        return None;
    }
    tokio::time::sleep(Duration::from_millis(settings.delay)).await;
    let is_paid = CREDENTIALS.iter().any(|name| visit.headers.contains_key(*name));
    if settings.holds(is_paid) {
        let _ = gate.changed().await;
    }
    if let Some(target) = &settings.redirect {
        let away = answer::bytes(settings.redirect_status, "text/plain", "");
        return Some(answer::with(away, "location", target));
    }
    if let Some(status) = settings.closed.filter(|_| is_paid) {
        visit.shop.write(|book| book.refused += 1);
        return Some(answer::error(status, "no credential is let through"));
    }
    if !visit.paid {
        return Some(goods(&visit, settings, &json!({ "free": visit.path })));
    }
    if settings.scheme == Scheme::Session {
        return Some(session::visit(world, &visit, settings));
    }
    let Some(shown) = shown(&visit, settings) else {
        return Some(challenge(world, &visit, settings, x402::UNPAID));
    };
    match admit(world, &visit, settings, shown) {
        Admission::Granted(hash) => {
            visit.shop.write(|book| book.accepted += 1);
            let bought = if visit.path.ends_with("/weather") { forecast() } else { json!({ "bought": visit.path }) };
            let goods = goods(&visit, settings, &bought);
            // L402 has no receipts
            Some(match shown {
                Shown::PaymentSignature(_) => answer::with(goods, "payment-response", &x402::receipt(settings, &hash)),
                Shown::Authorization(line) | Shown::PaymentAuthorization(line) => match line.strip_prefix("Payment ") {
                    Some(credential) => answer::with(goods, "payment-receipt", &charge::receipt(credential, &hash)),
                    None => goods,
                },
            })
        }
        Admission::Dropped => {
            visit.shop.write(|book| book.dropped += 1);
            None
        }
        Admission::Refused(why) => {
            visit.shop.write(|book| book.refused += 1);
            let is_x402 = matches!(shown, Shown::PaymentSignature(_));
            let status = match settings.refuse {
                None if is_x402 && why == x402::DUPLICATE => StatusCode::CONFLICT,
                None if is_x402 => StatusCode::PAYMENT_REQUIRED,
                _ => settings.refusal(),
            };
            let mut refusal = match status {
                StatusCode::PAYMENT_REQUIRED => {
                    challenge(world, &visit, settings, if is_x402 { &why } else { x402::UNPAID })
                }
                status => answer::error(status, &why),
            };
            if is_x402 {
                refusal = answer::with(refusal, "payment-response", &x402::refusal(settings, &why));
            }
            Some(match settings.retry_after {
                Some(seconds) => answer::with(refusal, "retry-after", &seconds.to_string()),
                None => refusal,
            })
        }
    }
}

/// What of a request is judged. What can be no credential here is the caller's own business.
fn shown<'a>(visit: &'a Visit, settings: &Settings) -> Option<Shown<'a>> {
    let signature = visit.header("payment-signature").filter(|_| settings.scheme.has_x402());
    let apart = visit.header("payment-authorization").filter(|_| settings.payment_authorization);
    let usual = visit.header("authorization").filter(|line| match settings.scheme {
        Scheme::X402 => false,
        Scheme::Mpp if settings.payment_authorization => line.starts_with("Payment "),
        _ => true,
    });
    let signature = signature.map(Shown::PaymentSignature);
    signature.or(apart.map(Shown::PaymentAuthorization)).or(usual.map(Shown::Authorization))
}

enum Admission {
    /// With the payment hash of what was shown.
    Granted(Hash),
    Refused(String),
    Dropped,
}

/// Judges a credential by its scheme.
fn admit(world: &World, visit: &Visit, settings: &Settings, shown: Shown) -> Admission {
    let (line, is_apart) = match shown {
        Shown::PaymentSignature(header) => return admit_x402(world, visit, settings, header),
        Shown::PaymentAuthorization(line) => (line, true),
        Shown::Authorization(line) => (line, false),
    };
    match line.strip_prefix("Payment ") {
        Some(_) if is_apart != settings.payment_authorization => {
            Admission::Refused("a charge in another header than the challenge says".into())
        }
        Some(credential) => match world.mint.verify_charge(credential, &visit.body) {
            Ok((name, preimage)) => admit_token(visit, settings, &name, Some(&preimage), &[]),
            Err(why) => Admission::Refused(why),
        },
        None if is_apart => Admission::Refused("no charge".into()),
        None => admit_l402(world, visit, settings, line),
    }
}

/// Judges a payment of x402. A refusal is in the words of its specification.
fn admit_x402(world: &World, visit: &Visit, settings: &Settings, header: &str) -> Admission {
    let refused = |why: &str| Admission::Refused(why.to_string());
    match x402::verify(world, visit, settings, header) {
        Ok((name, preimage)) => match admit_token(visit, settings, &name, Some(&preimage), &[]) {
            Admission::Refused(why) if why == USED => refused(x402::DUPLICATE),
            Admission::Refused(why) if why == EARLY => refused(x402::NOT_PAID),
            Admission::Refused(_) => refused("unexpected_settle_error"),
            admission => admission,
        },
        Err(why) => refused(why),
    }
}

/// Judges a token: form, macaroon, preimage, caveats, scope; in this order.
fn admit_l402(world: &World, visit: &Visit, settings: &Settings, authorization: &str) -> Admission {
    let refused = |why: &str| Admission::Refused(why.to_string());
    // upper case only and lower-case hex only, as aperture takes them
    let Some(credential) = authorization.strip_prefix("L402 ").or_else(|| authorization.strip_prefix("LSAT ")) else {
        return refused("no L402 credential");
    };
    let (token, preimage) = match credential.rsplit_once(':') {
        Some((token, preimage)) => (token, Some(preimage)),
        None => (credential, None),
    };
    let (name, caveats) = match world.mint.verify(token) {
        Ok(verified) => verified,
        Err(why) => return Admission::Refused(why),
    };
    admit_token(visit, settings, &name, preimage, &caveats)
}

fn admit_token(
    visit: &Visit,
    settings: &Settings,
    name: &[u8],
    preimage: Option<&str>,
    caveats: &[String],
) -> Admission {
    let refused = |why: &str| Admission::Refused(why.to_string());
    visit.shop.write(|book| {
        let Some(known) = book.tokens.get_mut(name) else {
            return refused("a token of another shop");
        };
        match preimage {
            Some(preimage) => {
                let proven = hex::hash(preimage).filter(|bytes| hex::encode(bytes) == preimage);
                if proven.map(|bytes| hex::sha256(&bytes)) != Some(known.hash) {
                    return refused("wrong preimage");
                }
            }
            None if settings.bare && book.wallet.get(&known.hash).is_some_and(|paid| paid.times > 0) => {}
            None => return refused("no preimage"),
        }
        known.shown += 1;
        if known.shown <= settings.drop {
            return Admission::Dropped;
        }
        if known.shown <= settings.late {
            return refused(EARLY);
        }
        if let Some(why) = broken_caveat(caveats, visit) {
            return Admission::Refused(why);
        }
        match spend(known, visit) {
            Some(why) => refused(why),
            None => Admission::Granted(known.hash),
        }
    })
}

fn broken_caveat(caveats: &[String], visit: &Visit) -> Option<String> {
    caveats
        .iter()
        .find(|caveat| {
            let Some((condition, value)) = caveat.split_once('=') else {
                return false;
            };
            match (condition.trim(), value.trim()) {
                ("RequestPath", path) => path != visit.path,
                ("RequestMethod", method) => method != visit.method.as_str(),
                // others hold: a caveat that a server does not know is none of its own
                (name, until) => {
                    name.ends_with("_valid_until") && until.parse().map_or(true, |until: u64| until < mint::now())
                }
            }
        })
        .map(|caveat| format!("caveat not met: {caveat}"))
}

fn spend(token: &mut Token, visit: &Visit) -> Option<&'static str> {
    if token.revoked || token.scope == Scope::Never {
        return Some("a token that is good for nothing");
    }
    if token.scope == Scope::Path && token.path != visit.path {
        return Some("a token for another path");
    }
    if let Some(left) = &mut token.uses_left {
        match left.checked_sub(1) {
            Some(fewer) => *left = fewer,
            None => return Some(USED),
        }
    }
    None
}

/// A 402. `error` is why x402 says it is one.
fn challenge(world: &World, visit: &Visit, settings: &Settings, error: &str) -> Answer {
    let binding = settings.scheme.has_x402().then(|| x402::binding(visit, &settings.bind)).transpose();
    let binding = match binding {
        Ok(binding) => binding,
        Err(why) => return answer::error(StatusCode::BAD_REQUEST, &why),
    };
    // what is bound to one request is no offer for another
    let key = format!("{}?{}{}", visit.path, visit.query, binding.as_deref().unwrap_or_default());
    let standing = settings.reuse_invoice.then(|| visit.shop.read(|book| book.standing.get(&key).cloned())).flatten();
    let challenge = match standing {
        Some(standing) => standing,
        None => {
            let asked = Asked { method: visit.method.as_str(), path: &visit.path, body: &visit.body, binding };
            match world.mint.challenge(settings, &asked) {
                Ok(fresh) => {
                    visit.shop.remember(&fresh, settings, &visit.path);
                    fresh
                }
                Err(why) => return answer::error(StatusCode::BAD_REQUEST, &why),
            }
        }
    };
    visit.shop.write(|book| {
        book.challenges += 1;
        if settings.reuse_invoice {
            book.standing.insert(key, challenge.clone());
        }
    });
    let mut answer = answer::bytes(StatusCode::PAYMENT_REQUIRED, "text/plain", "payment required\n");
    if settings.grpc {
        answer = answer::bytes(StatusCode::OK, "application/grpc-web+proto", "");
        answer = answer::with(answer, "grpc-status", "13");
        answer = answer::with(answer, "grpc-message", "payment required");
    }
    if settings.challenge {
        for line in &challenge.lines {
            answer = answer::with(answer, "www-authenticate", line);
        }
        if let Some(offer) = &challenge.offer {
            answer = answer::with(answer, "payment-required", &x402::required(offer, visit, settings, error));
        }
    }
    if let Some(seconds) = settings.cache {
        answer = answer::with(answer, "cache-control", &format!("max-age={seconds}"));
    }
    answer
}

/// What a visitor came for.
pub fn goods(visit: &Visit, settings: &Settings, plain: &Value) -> Answer {
    let mut answer = if settings.echo {
        let headers: Vec<_> = visit
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
            .collect();
        let body = String::from_utf8_lossy(&visit.body);
        answer::json(settings.after, &json!({ "method": visit.method.as_str(), "headers": headers, "body": body }))
    } else if let Some(size) = settings.size {
        stream(visit.shop.clone(), size, settings)
    } else {
        answer::json(settings.after, plain)
    };
    if let Some(name) = &settings.cookie {
        answer = answer::with(answer, "set-cookie", &format!("{name}=1; Path=/"));
    }
    answer
}

/// `size` bytes, the letter x; with `gate`, the second half only after a release.
fn stream(shop: Arc<Shop>, size: u64, settings: &Settings) -> Answer {
    let (sender, receiver) = mpsc::channel(4);
    let mut gate = settings.gate.then(|| shop.gate());
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'x'; CHUNK]);
        let mut left = size;
        while left > 0 {
            if left <= size / 2 {
                if let Some(mut gate) = gate.take() {
                    let _ = gate.changed().await;
                }
            }
            let half = if left > size / 2 { left - size / 2 } else { left };
            let length = half.min(CHUNK as u64);
            left -= length;
            if sender.send(chunk.slice(..length as usize)).await.is_err() {
                return;
            }
        }
    });
    let mut answer = Response::new(Payload::Stream(receiver));
    *answer.status_mut() = settings.after;
    answer::with(answer, "content-type", "application/octet-stream")
}

fn forecast() -> Value {
    json!({
        "place": "Longyearbyen",
        "unit": "°C",
        "days": [
            { "day": "Monday", "sky": "snow", "low": -14, "high": -9 },
            { "day": "Tuesday", "sky": "clear", "low": -18, "high": -12 },
            { "day": "Wednesday", "sky": "cloud", "low": -11, "high": -7 },
        ],
    })
}
