//! Proofs of x402 whose answers are lost, late or odd, and proofs that are for another body.

use crate::bound::{decoded, entry, finish, hex, mint, required, shop, Bound, EXPIRY_S, MAINNET};
use crate::executor::Later;
use crate::host::{begin, call, client, end, fetch, get, refused, soon, Call, End, Response, Store, World, PAID, URL};
use crate::parallel::{start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Request;
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::Code;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The server says that it took the payment, beside whatever it answers.
fn attests(response: &mut Response, credential: &str) {
    let invoice = decoded(credential)["accepted"]["extra"]["invoice"].as_str().unwrap().to_owned();
    let hash = Invoice::decode(&invoice).unwrap().payment_hash.to_hex();
    let said = json!({ "success": true, "transaction": hash, "network": MAINNET });
    response.head.payment_response = Some(base64::encode(said.to_string()));
}

#[test]
fn a_409_of_the_resource_itself_that_attests_the_payment_is_its_answer() {
    // paid in this call
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    let inner = shop.clone();
    world.answers(move |sent| {
        let mut response = inner.answer(sent);
        if let Some(credential) = sent.authorization.as_deref().filter(|_| response.head.status == 200) {
            response.head.status = 409;
            attests(&mut response, credential);
        }
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(409, Some(true)));
    // each call pays for itself, as after any other answer
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(409, Some(true)), "paid now");
}

#[test]
fn a_409_that_attests_a_kept_payment_is_not_paid_again() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    let inner = shop.clone();
    world.answers(move |sent| match sent.authorization {
        Some(_) => Err("reset"), // before the server saw it
        None => Ok(inner.answer(sent)),
    });
    fetch(&client, &host, get(URL));
    assert_eq!(world.paid(), 1);
    world.answers(move |sent| {
        let mut response = shop.answer(sent);
        if let Some(credential) = sent.authorization.as_deref().filter(|_| response.head.status == 200) {
            response.head.status = 409;
            attests(&mut response, credential);
        }
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(409, Some(false)));
    assert_eq!(world.paid(), 1, "the server took the first payment for this very answer");
}

#[test]
fn a_shop_whose_resource_always_fails_is_not_paid_for_ever() {
    for used_up in [402, 409] {
        let (world, client, host) = begin();
        let shop = shop(&world, used_up);
        world.answers(move |sent| {
            let mut response = shop.answer(sent);
            if response.head.status == 200 {
                response.head.status = 500;
                response.head.payment_response = None;
            }
            Ok(response)
        });
        for _ in 0..6 {
            fetch(&client, &host, get(URL));
        }
        assert!(world.paid() <= 2, "{} payments, none of which opened it ({used_up})", world.paid());
    }
}

#[test]
fn an_answer_that_attested_the_payment_is_not_asked_for_again() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    world.answers(move |sent| {
        let mut response = shop.answer(sent);
        if response.head.status == 200 {
            // settled, and the resource behind is busy
            response.head.status = 503;
            response.head.retry_after_ms = Some(1000);
        }
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(503, Some(true)));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(503, Some(true)));
}

#[test]
fn a_refusal_of_the_request_that_took_no_payment_leaves_the_proof() {
    for status in [404, 413, 422, 431] {
        let (world, client, host) = begin();
        let shop = shop(&world, 409);
        let inner = shop.clone();
        // servers of x402 settle only what they answer with success
        world.answers(move |sent| match sent.authorization {
            Some(_) => Ok(Response::status(status, sent)),
            None => Ok(inner.answer(sent)),
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
        shop.opens();
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, Some(false)), "{status}");
        assert_eq!(world.paid(), 1, "{status}");
    }
}

/// Sells each body of a POST for itself. `body` is that of the request that comes next.
pub fn post_shop(world: &Rc<World>, body: &Rc<RefCell<&'static [u8]>>, lost: &Rc<Cell<bool>>) {
    let (inner, body, lost) = (world.clone(), body.clone(), lost.clone());
    let used = RefCell::new(Vec::new());
    world.answers(move |sent| {
        let bound = Bound { method: "POST", body: *body.borrow(), ..Bound::get(URL) };
        if let Some(credential) = &sent.authorization {
            if lost.get() {
                return Err("reset");
            }
            let accepted = decoded(credential)["accepted"].clone();
            if accepted["extra"]["requestHash"] == json!(hex(&bound.hash())) {
                if !used.borrow().contains(&accepted) {
                    used.borrow_mut().push(accepted);
                    return Ok(Response::status(200, sent));
                }
                return Ok(Response::status(409, sent));
            }
        }
        let mut response = Response::status(402, sent);
        let mut json: Value = decoded(&required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
        json["error"] = "invalid_exact_lnbtc_request_mismatch".into();
        response.head.payment_required = Some(base64::encode(json.to_string()));
        Ok(response)
    });
}

pub fn post(body: &[u8]) -> Rc<Call> {
    let calling = call(Request { method: "POST".into(), ..get(URL) });
    calling.outgoing.borrow_mut().body_hash = Some(Sha256::digest(body).into());
    calling
}

#[test]
fn a_lost_answer_to_one_body_does_not_stand_in_the_way_of_another() {
    let (world, client, host) = begin();
    let (body, lost) = (Rc::new(RefCell::new(&b"one"[..])), Rc::new(Cell::new(true)));
    post_shop(&world, &body, &lost);
    finish(&client, &host, post(b"one"));
    assert_eq!(world.paid(), 1);
    lost.set(false);
    body.replace(b"two");
    assert_eq!(finish(&client, &host, post(b"two")), PAID);
    body.replace(b"one");
    assert_eq!(finish(&client, &host, post(b"one")), End::Answer(200, Some(false)), "what was paid for is not lost");
    assert_eq!(world.paid(), 2);
}

#[test]
fn the_price_of_one_body_refuses_no_other() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let times = Cell::new(0);
    // The first to ask is asked for 1000 sat, which is over the limit, the second for 10.
    world.answers(move |sent| {
        if sent.authorization.is_some() {
            return Ok(Response::status(200, sent));
        }
        times.set(times.get() + 1);
        let (body, msat): (&'static [u8], u64) =
            if times.get() == 1 { (b"dear", 1_000_000) } else { (b"cheap", 10_000) };
        let bound = Bound { method: "POST", body, ..Bound::get(URL) };
        let mut entry = entry(&bound, &mint(&inner, &bound, |terms| terms.amount_msat = Some(msat)));
        entry["amount"] = json!(msat.to_string());
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(required(URL, &[entry]));
        Ok(response)
    });
    let run = |calling: Rc<Call>| {
        let (client, request) = (client.clone(), calling.request.clone());
        host.world.executor.start(async move { end(&client.fetch(calling, request).await) })
    };
    let running = [run(post(b"dear")), run(post(b"cheap"))];
    assert_eq!(until_done(&host, &running), [refused(Code::OverLimit), PAID]);
}

#[test]
fn calls_at_once_with_other_bodies_each_get_their_own_answer() {
    let (world, client, host) = begin();
    let inner = world.clone();
    // By the order in which they are sent: each first request asks; a proof tells by its hash which body it is for. The
    // answer to the first proof is lost.
    let asked = Cell::new(0);
    let proofs = Cell::new(0);
    world.answers(move |sent| {
        let two = Bound { method: "POST", body: b"two", ..Bound::get(URL) };
        let one = Bound { method: "POST", body: b"one", ..Bound::get(URL) };
        let mut bound = two.clone();
        if let Some(credential) = &sent.authorization {
            proofs.set(proofs.get() + 1);
            if proofs.get() == 1 {
                return Err("reset");
            }
            // all later requests are of the call with the body "two"
            if decoded(credential)["accepted"]["extra"]["requestHash"] == json!(hex(&two.hash())) {
                return Ok(Response::status(200, sent));
            }
        } else {
            asked.set(asked.get() + 1);
            if asked.get() == 1 {
                bound = one;
            }
        }
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
        Ok(response)
    });
    let run = |calling: Rc<Call>| {
        let (client, request) = (client.clone(), calling.request.clone());
        host.world.executor.start(async move { end(&client.fetch(calling, request).await) })
    };
    let running = [run(post(b"one")), run(post(b"two"))];
    let ends = until_done(&host, &running);
    assert!(matches!(ends[0], End::Raised { code: Code::RequestFailed, .. }));
    assert_eq!(ends[1], PAID);
}

#[test]
fn a_shop_that_offers_one_invoice_for_ever_ends_the_call() {
    for used_up in [402, 409] {
        let (world, client, host) = begin();
        let bound = Bound::get(URL);
        let header = required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]);
        let (used, counted) = (Cell::new(false), world.clone());
        world.answers(move |sent| {
            assert!(counted.sends() < 100, "it is asked for ever");
            if sent.authorization.is_some() && !used.replace(true) {
                return Ok(Response::status(200, sent));
            }
            let mut response = Response::status(402, sent);
            response.head.payment_required = Some(header.clone());
            if sent.authorization.is_some() {
                response.head.status = used_up;
                let said = json!({ "success": false, "errorReason": "duplicate_settlement" });
                response.head.payment_response = Some(base64::encode(said.to_string()));
                response.head.payment_required = response.head.payment_required.filter(|_| used_up == 402);
            }
            Ok(response)
        });
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        for _ in 0..3 {
            let end = fetch(&client, &host, get(URL));
            println!("{used_up}: {end:?} after {} requests", world.sends());
        }
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn a_proof_that_has_expired_is_no_reason_to_quote_nothing() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    let inner = shop.clone();
    world.answers(move |sent| match sent.authorization {
        Some(_) => Err("reset"),
        None => Ok(inner.answer(sent)),
    });
    fetch(&client, &host, get(URL));
    shop.opens();
    world.executor.run((EXPIRY_S + 61) * 1000);
    let request = get(URL);
    let quote = world.run(async move { client.quote(call(request.clone()), request).await });
    assert!(quote.ok().unwrap().is_some(), "the proof opens nothing any more");
}

#[test]
fn an_abandoned_order_for_one_body_is_not_paid_for_another() {
    let (world, store) = (World::new(), Store::new());
    let instance = || {
        let (client, host) = client(&world, Some(&store), Config::new(100));
        host.wallet.replace(Wallet { id: Some("lnd".into()), settles_once: true, finds: true, ..Wallet::default() });
        (client, host)
    };
    let (body, lost) = (Rc::new(RefCell::new(&b"one"[..])), Rc::new(Cell::new(false)));
    post_shop(&world, &body, &lost);
    let (first, host) = instance();
    let _never = world.wallet_waits();
    let running = {
        let (client, calling) = (first.clone(), post(b"one"));
        let request = calling.request.clone();
        host.world.executor.start(async move { end(&client.fetch(calling, request).await) })
    };
    world.executor.run_ready();
    assert!(!running.is_done());
    world.payments.take();
    store.lapse();
    world.on_pay.replace(None);
    world.lookup_says(Fact::NotFound);
    let (second, host) = instance();
    body.replace(b"two");
    let ended = finish(&second, &host, post(b"two"));
    // Either is right: the open order stands in the way, or the other body is bought for itself.
    let is_open = matches!(ended, End::Raised { code: Code::PaymentUnknown, .. });
    assert!(is_open || ended == PAID, "{ended:?} after {} payments", world.paid());
}

#[test]
fn of_two_instances_the_one_that_paid_gets_the_answer() {
    let (world, store) = (World::new(), Store::new());
    let instance = || client(&world, Some(&store), Config::new(100));
    let shop = shop(&world, 409);
    let (gate, inner) = (Later::new(), shop.clone());
    // the first proof takes its time on the network
    let (later, count) = (gate.clone(), Cell::new(0));
    world.on_send.replace(Some(Box::new(move |sent| {
        let shop = inner.clone();
        let sent = sent.clone();
        if sent.authorization.is_some() {
            count.set(count.get() + 1);
            if count.get() == 1 {
                let late = later.get();
                return Some(Box::pin(async move {
                    late.await;
                    Ok(shop.answer(&sent))
                }));
            }
        }
        Some(soon(Ok(shop.answer(&sent))))
    })));
    let (first, host) = instance();
    let (_, payer) = start(&first, &host, get(URL));
    world.executor.run_ready();
    assert_eq!(world.paid(), 1);
    let (second, other) = instance();
    let (_, late) = start(&second, &other, get(URL));
    world.executor.run_ready();
    gate.bring(());
    let ends = [until_done(&host, &[payer]).remove(0), until_done(&other, &[late]).remove(0)];
    assert_eq!(ends[0], PAID, "{ends:?}");
}

#[test]
fn after_another_body_was_refused_a_proof_that_was_used_is_no_fraud() {
    let (world, client, host) = begin();
    let (body, lost) = (Rc::new(RefCell::new(&b"one"[..])), Rc::new(Cell::new(false)));
    post_shop(&world, &body, &lost);
    let inner = world.on_send.take().unwrap();
    let is_first = Cell::new(true);
    // the server takes the proof, and its answer is lost
    world.on_send.replace(Some(Box::new(move |sent| {
        let answer = inner(sent);
        if sent.authorization.is_some() && is_first.replace(false) {
            return Some(soon(Err("reset")));
        }
        answer
    })));
    finish(&client, &host, post(b"one"));
    body.replace(b"two");
    finish(&client, &host, post(b"two"));
    body.replace(b"one");
    assert_eq!(finish(&client, &host, post(b"one")), PAID, "bought anew, as it was used");
}

#[test]
fn a_401_of_the_resource_itself_that_attests_the_payment_is_its_answer() {
    // The caller's own Authorization beside the payment was not good enough.
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    world.answers(move |sent| {
        let mut response = shop.answer(sent);
        if sent.authorization.is_some() && response.head.status == 200 {
            response.head.status = 401;
        }
        Ok(response)
    });
    let request = Request { brought: Brought { authorization: true, payment: false }, ..get(URL) };
    assert_eq!(fetch(&client, &host, request.clone()), End::Answer(401, Some(true)));
    assert_eq!(world.sends(), 2);
}

#[test]
fn calls_at_once_whose_answers_take_long_each_pay_for_their_own_body() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let asked = Cell::new(0);
    // By the order in which they are sent: the first request asks for "one", all others for "two". An answer takes
    // 20 s.
    world.on_send.replace(Some(Box::new(move |sent| {
        let bound = |body| Bound { method: "POST", body, ..Bound::get(URL) };
        let mut next = bound(b"two");
        if let Some(credential) = &sent.authorization {
            let hash = decoded(credential)["accepted"]["extra"]["requestHash"].clone();
            let is_first = hash == json!(hex(&bound(b"one").hash())) && asked.replace(2) == 1;
            if is_first || hash == json!(hex(&bound(b"two").hash())) {
                let (executor, sent) = (inner.executor.clone(), sent.clone());
                return Some(Box::pin(async move {
                    executor.sleep(20_000).await;
                    Ok(Response::status(200, &sent))
                }));
            }
        } else if asked.get() == 0 {
            asked.set(1);
            next = bound(b"one");
        }
        assert!(inner.sends() < 100, "it is asked for ever");
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(required(URL, &[entry(&next, &mint(&inner, &next, |_| {}))]));
        Some(soon(Ok(response)))
    })));
    let run = |calling: Rc<Call>| {
        let (client, request) = (client.clone(), calling.request.clone());
        host.world.executor.start(async move { end(&client.fetch(calling, request).await) })
    };
    let running = [run(post(b"one")), run(post(b"two"))];
    let ends = until_done(&host, &running);
    assert_eq!(ends, [PAID, PAID], "{} payments, {} requests", world.paid(), world.sends());
}
