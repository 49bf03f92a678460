//! `/wallet/<id>/...`: pays the invoices of this server, well or badly.

use super::answer::{self, Answer};
use super::hex::{self, Hash};
use super::state::{Shop, State, World};
use hyper::StatusCode;
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
enum Reply {
    Good,
    Zeros,
    Invoice,
    Other,
    None,
    True,
    Failed,
    Error,
    Hang,
    Hold,
}

struct Order {
    delay: u64,
    fee: u64,
    reply: Reply,
    pays: bool,
}

/// Pays an invoice, and answers as the query says.
pub async fn pay(world: Arc<World>, shop: Arc<Shop>, query: &str, body: &str) -> Answer {
    let bad = |why: &str| answer::error(StatusCode::BAD_REQUEST, why);
    let order = match order(query) {
        Ok(order) => order,
        Err(why) => return bad(&why),
    };
    let from_json = serde_json::from_str::<Value>(body).ok();
    let invoice = match from_json.as_ref().and_then(|value| value.get("invoice")).and_then(Value::as_str) {
        Some(invoice) => invoice,
        None => body.trim(),
    }
    .to_string();
    let Some((hash, amount)) = world.mint.own(&invoice) else {
        return bad("not an invoice of this server");
    };
    let mut gate = shop.gate();
    shop.write(|book| {
        book.asked += 1;
        book.wallet.entry(hash).or_default();
    });
    // a task of its own: a payment goes on though who asked for it has gone
    let payment = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(order.delay)).await;
        if order.reply == Reply::Hold {
            let _ = gate.changed().await;
        }
        shop.write(|book| {
            if order.pays {
                book.pay(hash, amount.unwrap_or_default(), order.fee);
            } else if order.reply == Reply::Failed {
                book.wallet.entry(hash).or_default().state = State::Failed;
            }
        });
        if order.reply == Reply::Hang {
            std::future::pending::<()>().await;
        }
        reply(&world, &order, &invoice, &hash)
    });
    payment.await.unwrap_or_else(|_| answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the payment broke"))
}

fn order(query: &str) -> Result<Order, String> {
    let mut order = Order { delay: 0, fee: 0, reply: Reply::Good, pays: true };
    let mut pays = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let bad = || format!("unknown setting or value: {name}={value}");
        match (&*name, &*value) {
            ("delay", _) => order.delay = value.parse().map_err(|_| bad())?,
            ("fee", _) => order.fee = value.parse().map_err(|_| bad())?,
            ("paid", "1") => pays = Some(true),
            ("paid", "0") => pays = Some(false),
            ("answer", "good") => order.reply = Reply::Good,
            ("answer", "zeros") => order.reply = Reply::Zeros,
            ("answer", "invoice") => order.reply = Reply::Invoice,
            ("answer", "other") => order.reply = Reply::Other,
            ("answer", "none") => order.reply = Reply::None,
            ("answer", "true") => order.reply = Reply::True,
            ("answer", "failed") => order.reply = Reply::Failed,
            ("answer", "error") => order.reply = Reply::Error,
            ("answer", "hang") => order.reply = Reply::Hang,
            ("answer", "hold") => order.reply = Reply::Hold,
            _ => return Err(bad()),
        }
    }
    order.pays = pays.unwrap_or(!matches!(order.reply, Reply::Failed | Reply::Error));
    Ok(order)
}

fn reply(world: &World, order: &Order, invoice: &str, hash: &Hash) -> Answer {
    let with = |preimage: &str| json!({ "preimage": preimage, "feeMsat": order.fee });
    let body = match order.reply {
        Reply::Good | Reply::Hold | Reply::Hang => match world.mint.preimage(hash) {
            Some(preimage) => with(&hex::encode(&preimage)),
            None => {
                return answer::error(StatusCode::BAD_REQUEST, "an invoice over a hash whose preimage nobody knows")
            }
        },
        Reply::Zeros => with(&hex::encode(&[0; 32])),
        Reply::Invoice => with(invoice),
        Reply::Other => with(&hex::encode(&world.mint.fresh())),
        Reply::None => json!({}),
        Reply::True => json!(true),
        Reply::Failed => json!({ "failed": "no route" }),
        Reply::Error => return answer::error(StatusCode::INTERNAL_SERVER_ERROR, "the wallet broke"),
    };
    answer::json(StatusCode::OK, &body)
}

/// What became of a payment. One that was never asked for has failed, and is not found.
pub fn lookup(world: &World, shop: &Shop, hash: &Hash) -> Answer {
    let known = shop.write(|book| {
        book.lookups += 1;
        book.wallet.get(hash).copied()
    });
    let preimage = world.mint.preimage(hash).map(|preimage| hex::encode(&preimage));
    match known.map(|paid| paid.state) {
        None => answer::json(StatusCode::NOT_FOUND, &json!({ "state": "failed" })),
        Some(State::Pending) => answer::json(StatusCode::OK, &json!({ "state": "pending" })),
        Some(State::Failed) => answer::json(StatusCode::OK, &json!({ "state": "failed" })),
        Some(State::Paid) => answer::json(StatusCode::OK, &json!({ "state": "paid", "preimage": preimage })),
    }
}

/// Makes later lookups say so. Counts no payment.
pub fn set(shop: &Shop, hash: Hash, query: &str) -> Answer {
    let state = match query {
        "state=paid" => State::Paid,
        "state=pending" => State::Pending,
        "state=failed" => State::Failed,
        _ => return answer::error(StatusCode::BAD_REQUEST, "state is paid, pending or failed"),
    };
    shop.write(|book| book.wallet.entry(hash).or_default().state = state);
    answer::json(StatusCode::OK, &json!({}))
}
