//! Sessions of MPP, by the draft and by no code of `l402-fetch`: a deposit, requests or chunks of a stream that draw on
//! it, further deposits, and the refund of what is left.

use super::answer::{self, Answer, Payload};
use super::charge::{encode, id};
use super::hex::{self, Hash};
use super::settings::Settings;
use super::shop::{goods, Visit};
use super::state::{Book, Shop, World};
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a stream waits for a further deposit.
const PATIENCE: Duration = Duration::from_secs(20);

/// An account of satoshis.
#[derive(Clone, Default)]
pub struct Account {
    deposit: u64,
    spent: u64,
    return_invoice: String,
    closed: bool,
}

/// The answer to a request for what is sold by sessions.
pub fn visit(world: &World, visit: &Visit, settings: &Settings) -> Answer {
    let shown = visit.header("authorization").and_then(|line| line.strip_prefix("Payment "));
    let Some(credential) = shown else { return challenge(world, visit, settings) };
    match carry_out(world, visit, settings, credential) {
        Ok(answer) => {
            visit.shop.write(|book| book.accepted += 1);
            answer
        }
        Err(why) => {
            visit.shop.write(|book| book.refused += 1);
            let mut answer = challenge(world, visit, settings);
            if answer.status() == StatusCode::PAYMENT_REQUIRED {
                let problem = json!({ "type": format!("https://paymentauth.org/problems/lightning/{why}") });
                let headers = answer.headers().clone();
                answer = answer::bytes(StatusCode::PAYMENT_REQUIRED, "application/problem+json", problem.to_string());
                for line in headers.get_all("www-authenticate") {
                    answer.headers_mut().append("www-authenticate", line.clone());
                }
            }
            answer
        }
    }
}

fn unit(settings: &Settings) -> u64 {
    settings.amount_msat.unwrap_or_default() / 1000
}

fn challenge(world: &World, visit: &Visit, settings: &Settings) -> Answer {
    let sat = unit(settings).saturating_mul(settings.deposit);
    let terms = Settings { amount_msat: Some(sat.saturating_mul(1000)), ..settings.clone() };
    let (invoice, hash) = match world.mint.invoice(&terms) {
        Ok(made) => made,
        Err(why) => return answer::error(StatusCode::BAD_REQUEST, &why),
    };
    // serde_json sorts names, as JCS does
    let request = json!({
        "amount": unit(settings).to_string(), "currency": "sat", "depositAmount": sat.to_string(),
        "depositInvoice": invoice, "idleTimeout": "300", "paymentHash": hex::encode(&hash), "unitType": "unit",
    });
    let params = json!({
        "realm": "paywall", "method": "lightning", "intent": "session", "request": encode(&request),
        // so that no two challenges have one id
        "opaque": hex::encode(&hash),
    });
    let shown: Vec<_> = ["realm", "method", "intent", "request", "opaque"]
        .iter()
        .map(|name| format!("{name}={}", params[*name]))
        .collect();
    let line = format!("Payment id=\"{}\", {}", id(world.mint.seed(), &params), shown.join(", "));
    visit.shop.write(|book| {
        book.challenges += 1;
        book.invoices += 1;
    });
    let answer = answer::bytes(StatusCode::PAYMENT_REQUIRED, "text/plain", "payment required\n");
    answer::with(answer, "www-authenticate", &line)
}

fn carry_out(world: &World, visit: &Visit, settings: &Settings, credential: &str) -> Result<Answer, &'static str> {
    let bytes = base64::decode_config(credential, base64::URL_SAFE_NO_PAD).map_err(|_| "malformed-credential")?;
    let credential: Value = serde_json::from_slice(&bytes).map_err(|_| "malformed-credential")?;
    let (challenge, payload) = (&credential["challenge"], &credential["payload"]);
    let own_id = id(world.mint.seed(), challenge);
    if challenge["id"].as_str() != Some(&own_id) {
        return Err("unknown-challenge");
    }
    let hash_of = |name: &str| payload[name].as_str().and_then(hex::hash).ok_or("malformed-credential");
    let offered = challenge["opaque"].as_str().and_then(hex::hash).ok_or("unknown-challenge")?;
    let invoiced = request_of(challenge);
    let sat = |name: &str| invoiced[name].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let is_paid = |name: &str| Ok(hex::sha256(&hash_of(name)?) == offered && world.is_paid(&offered));
    let action = payload["action"].as_str().unwrap_or_default();
    let session = if action == "open" { offered } else { hash_of("sessionId")? };
    match action {
        "open" | "topUp" => {
            if !is_paid(if action == "open" { "preimage" } else { "topUpPreimage" })? {
                return Err("invalid-preimage");
            }
        }
        "bearer" | "close" if hex::sha256(&hash_of("preimage")?) != session => return Err("invalid-preimage"),
        "bearer" | "close" => {}
        _ => return Err("malformed-credential"),
    }
    // an action whose answer is lost is carried out all the same
    let told = visit.shop.write(|book| {
        let known = book.sessions.get(&session).cloned();
        let mut account = match (action, known) {
            ("open", Some(_)) => return Err("unknown-challenge"),
            ("open", None) => {
                let text = payload["returnInvoice"].as_str().unwrap_or_default();
                match world.mint.own(text) {
                    Some((_, None)) => Account { return_invoice: text.into(), ..Account::default() },
                    _ => return Err("invalid-return-invoice"),
                }
            }
            (_, None) => return Err("session-not-found"),
            (_, Some(known)) if known.closed => return Err("session-closed"),
            (_, Some(known)) => known,
        };
        if !book.consumed.insert(own_id.clone()) {
            return Err("unknown-challenge");
        }
        match action {
            "open" | "topUp" => account.deposit += sat("depositAmount"),
            "close" => account.closed = true,
            _ => {}
        }
        // a stream is paid by the chunk
        if action == "bearer" && settings.chunks.is_none() {
            if account.deposit - account.spent < sat("amount") {
                book.consumed.remove(&own_id);
                return Err("insufficient-balance");
            }
            account.spent += sat("amount");
        }
        let rest = account.deposit - account.spent;
        if action == "close" {
            refund(world, book, &account);
        }
        book.sessions.insert(session, account);
        Ok(rest)
    })?;
    let mut receipt = json!({ "method": "lightning", "reference": hex::encode(&session), "status": "success" });
    let answer = match action {
        "topUp" => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
        "close" => {
            let status = if told > 0 { "succeeded" } else { "skipped" };
            receipt["refundSats"] = told.into();
            receipt["refundStatus"] = status.into();
            answer::json(StatusCode::OK, &json!({ "status": "closed", "refundSats": told, "refundStatus": status }))
        }
        _ => match settings.chunks {
            Some(chunks) => stream(visit.shop.clone(), session, unit(settings), chunks),
            None => goods(visit, settings, &json!({ "bought": visit.path })),
        },
    };
    Ok(answer::with(answer, "payment-receipt", &encode(&receipt)))
}

fn request_of(challenge: &Value) -> Value {
    let bytes =
        challenge["request"].as_str().and_then(|text| base64::decode_config(text, base64::URL_SAFE_NO_PAD).ok());
    serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or(Value::Null)
}

/// Pays what is left of an account to the wallet of the same name.
fn refund(world: &World, book: &mut Book, account: &Account) {
    let rest = account.deposit - account.spent;
    if let Some((hash, _)) = world.mint.own(&account.return_invoice).filter(|_| rest > 0) {
        book.received.insert(hash, rest.saturating_mul(1000));
    }
}

/// Closes every session of a shop, as after an idle time.
pub fn close_all(world: &World, shop: &Shop) {
    shop.write(|book| {
        let open: Vec<Hash> = book.sessions.iter().filter(|(_, known)| !known.closed).map(|(hash, _)| *hash).collect();
        for hash in open {
            if let Some(mut account) = book.sessions.remove(&hash) {
                account.closed = true;
                refund(world, book, &account);
                book.sessions.insert(hash, account);
            }
        }
    });
}

/// A stream of so many events, each for the price of a unit. It waits where the deposit is used up.
fn stream(shop: Arc<Shop>, session: Hash, unit: u64, chunks: u64) -> Answer {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for number in 0..chunks {
            let mut is_told = false;
            loop {
                let (is_enough, spent) = shop.write(|book| match book.sessions.get_mut(&session) {
                    Some(account) if account.deposit - account.spent >= unit => {
                        account.spent += unit;
                        (true, account.spent)
                    }
                    account => (false, account.map_or(0, |account| account.spent)),
                });
                if is_enough {
                    break;
                }
                let balance = json!({
                    "sessionId": hex::encode(&session), "balanceSpent": spent, "balanceRequired": unit,
                });
                let event = |name: &str| Bytes::from(format!("event: {name}\ndata: {balance}\n\n"));
                if !std::mem::replace(&mut is_told, true) && sender.send(event("payment-need-topup")).await.is_err() {
                    return;
                }
                let has_more = |book: &Book| {
                    book.sessions.get(&session).is_some_and(|account| account.deposit - account.spent >= unit)
                };
                if tokio::time::timeout(PATIENCE, shop.until(has_more)).await.is_err() {
                    let _ = sender.send(event("session-timeout")).await;
                    return;
                }
            }
            if sender.send(Bytes::from(format!("data: {number}\n\n"))).await.is_err() {
                return;
            }
        }
        let _ = sender.send(Bytes::from_static(b"data: [DONE]\n\n")).await;
    });
    let answer = Response::new(Payload::Stream(receiver));
    answer::with(answer, "content-type", "text/event-stream")
}
