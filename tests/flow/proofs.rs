//! Proofs of x402 whose answers are lost, late or odd, and proofs that are for another body.

use crate::bound::{decoded, entry, finish, hex, mint, required, shop, Bound, EXPIRY_S, MAINNET};
use crate::executor::Later;
use crate::host::{
    begin, call, client, end, fetch, get, refused, soon, Call, End, Response, Sent, Store, World, PAID, URL,
};
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
fn post_shop(world: &Rc<World>, body: &Rc<RefCell<&'static [u8]>>, lost: &Rc<Cell<bool>>) {
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

fn post(body: &[u8]) -> Rc<Call> {
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

/// Every request that carries a proof is lost; all others are answered by this.
fn loses_proofs(world: &Rc<World>, shop: &Rc<crate::bound::Shop>) {
    let inner = shop.clone();
    world.answers(move |sent| match sent.authorization {
        Some(_) => Err("reset"),
        None => Ok(inner.answer(sent)),
    });
}

#[test]
fn a_restart_right_after_a_crash_does_not_pay_again() {
    let (world, store) = (World::new(), Store::new());
    let shop = shop(&world, 409);
    loses_proofs(&world, &shop);
    let (first, host) = client(&world, Some(&store), Config::new(100));
    fetch(&first, &host, get(URL));
    assert_eq!(world.paid(), 1);
    // the process ends, and its successor begins a second later
    drop((first, host));
    store.lapse();
    world.executor.run(1_000);
    shop.opens();
    let (second, other) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&second, &other, get(URL)), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 1, "the proof in the store was never used");
}

#[test]
fn nothing_else_is_paid_for_a_body_whose_payment_is_unsettled() {
    for is_bound_first in [true, false] {
        let (world, client, host) = begin();
        let (inner, asked) = (world.clone(), Cell::new(0));
        world.answers(move |sent| {
            let bound = Bound { method: "POST", body: b"one", ..Bound::get(URL) };
            asked.set(asked.get() + 1);
            if (asked.get() == 1) == is_bound_first {
                let mut response = Response::status(402, sent);
                response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
                return Ok(response);
            }
            Ok(Response::challenge(&inner.mint.offer(&crate::mint::Terms::default(), inner.now()).header(), sent))
        });
        world.wallet_says(l402_fetch::flow::host::Answer::Threw("offline"));
        let first = finish(&client, &host, post(b"one"));
        assert!(matches!(first, End::Raised { code: Code::PaymentUnknown, .. }), "{first:?}");
        let second = finish(&client, &host, post(b"one"));
        assert!(matches!(second, End::Raised { code: Code::PaymentUnknown, .. }), "{second:?}");
        assert_eq!(world.paid(), 1, "the same request, by another protocol (x402 first: {is_bound_first})");
    }
}

#[test]
fn a_proof_that_was_refused_twice_goes_on_being_tried() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    let inner = shop.clone();
    // a server that learns late
    world.answers(move |sent| Ok(inner.answer(&Sent { authorization: None, ..sent.clone() })));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    for _ in 0..3 {
        assert!(matches!(fetch(&client, &host, get(URL)), End::Raised { code: Code::NotHonored, .. }));
    }
    shop.opens();
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, Some(false)), "it is kept and tried first");
    assert_eq!(world.paid(), 1);
}

#[test]
fn proofs_for_many_bodies_are_all_kept() {
    const BODIES: [&[u8]; 10] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"];
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(1000));
    let (body, lost) = (Rc::new(RefCell::new(&b""[..])), Rc::new(Cell::new(true)));
    post_shop(&world, &body, &lost);
    for each in BODIES {
        body.replace(each);
        finish(&first, &host, post(each));
    }
    assert_eq!(world.paid(), 10);
    drop((first, host));
    world.executor.run(61_000);
    lost.set(false);
    let (second, host) = client(&world, Some(&store), Config::new(1000));
    for each in BODIES {
        body.replace(each);
        assert_eq!(finish(&second, &host, post(each)), End::Answer(200, Some(false)), "{each:?}");
    }
    assert_eq!(world.paid(), 10);
}

#[test]
fn a_proof_that_has_expired_is_not_shown_for_ever() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    loses_proofs(&world, &shop);
    fetch(&client, &host, get(URL));
    world.executor.run((EXPIRY_S + 61) * 1000);
    let (inner, old) = (shop.clone(), world.credentials()[0].clone());
    // a server that answers what has expired as malformed
    world.answers(move |sent| match &sent.authorization {
        Some(credential) if *credential == old => Ok(Response::status(400, sent)),
        _ => Ok(inner.answer(sent)),
    });
    let ends: Vec<End> = (0..4).map(|_| fetch(&client, &host, get(URL))).collect();
    assert!(ends.contains(&PAID), "{ends:?}");
}

#[test]
fn a_redirect_that_attests_nothing_leaves_the_proof() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    let inner = shop.clone();
    // `redirect: "manual"`, and a server that sends everybody elsewhere before it looks at the proof
    world.answers(move |sent| match sent.authorization {
        Some(_) => Ok(Response::status(307, sent)),
        None => Ok(inner.answer(sent)),
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(307, Some(true)));
    shop.opens();
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 1);
}

/// As in `the_price_of_one_body_refuses_no_other`, but beside an offer that can't be paid.
#[test]
fn the_price_of_one_body_refuses_no_other_where_another_offer_comes_first() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let times = Cell::new(0);
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
        let bad = crate::mint::Terms { mismatch: true, ..crate::mint::Terms::default() };
        let mut response = Response::challenge(&inner.mint.offer(&bad, inner.now()).header(), sent);
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
fn nobody_is_charged_for_a_body_whose_caller_gave_up() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let times = Cell::new(0);
    world.answers(move |sent| {
        if sent.authorization.is_some() {
            return Ok(Response::status(200, sent));
        }
        times.set(times.get() + 1);
        let body: &'static [u8] = if times.get() == 1 { b"one" } else { b"two" };
        let bound = Bound { method: "POST", body, ..Bound::get(URL) };
        let bad = crate::mint::Terms { mismatch: true, ..crate::mint::Terms::default() };
        let mut response = Response::challenge(&inner.mint.offer(&bad, inner.now()).header(), sent);
        response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
        Ok(response)
    });
    let user = host.user_waits();
    let run = |calling: Rc<Call>| {
        let (client, request) = (client.clone(), calling.request.clone());
        host.world.executor.start(async move { end(&client.fetch(calling, request).await) })
    };
    let (one, two) = (post(b"one"), post(b"two"));
    let running = [run(one.clone()), run(two)];
    world.executor.run_ready();
    one.aborted.set(true);
    user.bring(Ok(true));
    until_done(&host, &running);
    assert_eq!(world.paid(), 1, "only for the body that is still wanted");
}

#[test]
fn a_proof_in_the_store_is_found_beside_the_callers_own_authorization() {
    let (world, store) = (World::new(), Store::new());
    let shop = shop(&world, 409);
    loses_proofs(&world, &shop);
    let request = || Request { brought: Brought { authorization: true, payment: false }, ..get(URL) };
    let (first, host) = client(&world, Some(&store), Config::new(100));
    fetch(&first, &host, request());
    assert_eq!(world.paid(), 1);
    drop((first, host));
    // long after whoever bought it may still have shown it, and long before it expires
    world.executor.run(100_000);
    shop.opens();
    let (second, other) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&second, &other, request()), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_proof_that_another_instance_left_is_found_by_one_that_runs_for_long() {
    let (world, store) = (World::new(), Store::new());
    let shop = shop(&world, 409);
    shop.opens();
    let (lasting, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&lasting, &host, get(URL)), PAID);
    loses_proofs(&world, &shop);
    let (other, its) = client(&world, Some(&store), Config::new(100));
    fetch(&other, &its, get(URL));
    assert_eq!(world.paid(), 2);
    drop((other, its));
    world.executor.run(100_000);
    shop.opens();
    assert_eq!(fetch(&lasting, &host, get(URL)), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_proof_whose_request_froze_before_it_was_shown_is_shown_later() {
    let (world, client, host) = begin();
    host.isolated.set(true);
    let shop = shop(&world, 409);
    let inner = shop.clone();
    world.on_send.replace(Some(Box::new(move |sent| match sent.authorization {
        Some(_) => Some(crate::host::never()),
        None => Some(soon(Ok(inner.answer(sent)))),
    })));
    let _gone = start(&client, &host, get(URL));
    world.executor.run(1_000);
    assert_eq!(world.paid(), 1);
    let _frozen = {
        let frozen = host.frozen.take();
        frozen.freeze();
        frozen
    };
    world.executor.run(100_000);
    shop.opens();
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_proof_that_was_settled_in_the_future_is_shown() {
    let (world, store) = (World::new(), Store::new());
    let shop = shop(&world, 409);
    loses_proofs(&world, &shop);
    let (first, host) = client(&world, Some(&store), Config::new(100));
    let inner = host.clone();
    // the clock of this machine is set while the wallet pays
    let pays = world.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        inner.ahead_ms.set(3_600_000);
        soon(pays.proof(invoice))
    })));
    fetch(&first, &host, get(URL));
    assert_eq!(world.paid(), 1);
    drop((first, host));
    world.executor.run(100_000);
    shop.opens();
    world.on_pay.replace(None);
    let (second, other) = client(&world, Some(&store), Config::new(100));
    assert_eq!(
        fetch(&second, &other, get(URL)),
        End::Answer(200, Some(false)),
        "an entry from the future counts as now"
    );
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_proof_that_was_refused_is_not_dropped_for_that_of_another_body() {
    let (world, client, host) = begin();
    let (body, lost) = (Rc::new(RefCell::new(&b"one"[..])), Rc::new(Cell::new(false)));
    post_shop(&world, &body, &lost);
    let inner = world.on_send.take().unwrap();
    let is_late = Rc::new(Cell::new(true));
    let late = is_late.clone();
    // a server that learns late
    world.on_send.replace(Some(Box::new(move |sent| {
        let authorization = sent.authorization.clone().filter(|_| !late.get());
        inner(&Sent { authorization, ..sent.clone() })
    })));
    assert_eq!(finish(&client, &host, post(b"one")), End::Answer(402, Some(true)));
    is_late.set(false);
    body.replace(b"two");
    assert_eq!(finish(&client, &host, post(b"two")), PAID);
    body.replace(b"one");
    assert_eq!(finish(&client, &host, post(b"one")), End::Answer(200, Some(false)));
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_token_for_many_requests_is_not_dropped_for_a_proof_of_one() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let until = world.now() / 1000 + 120;
    let own = |authorization| Request { brought: Brought { authorization, payment: false }, ..get(URL) };
    let is_own = Rc::new(Cell::new(false));
    let beside = is_own.clone();
    world.answers(move |sent| {
        if sent.authorization.is_some() {
            return Ok(Response::status(200, sent));
        }
        if !beside.get() {
            let terms = crate::mint::Terms {
                caveats: vec![format!("data_valid_until={until}")],
                ..crate::mint::Terms::default()
            };
            return Ok(Response::challenge(&inner.mint.offer(&terms, inner.now()).header(), sent));
        }
        let bound = Bound::get(URL);
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, own(false)), PAID);
    assert_eq!(fetch(&client, &host, own(false)), End::Answer(200, Some(false)));
    is_own.set(true);
    assert_eq!(fetch(&client, &host, own(true)), PAID);
    is_own.set(false);
    assert_eq!(fetch(&client, &host, own(false)), End::Answer(200, Some(false)), "the L402 token is good still");
    assert_eq!(world.paid(), 2);
}

#[test]
fn the_buyer_goes_first_also_where_one_invoice_is_offered_to_all() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let bound = Bound::get(URL);
    let header = RefCell::new(required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]));
    let used = Rc::new(RefCell::new(Vec::<String>::new()));
    let shown = Cell::new(0);
    world.on_send.replace(Some(Box::new(move |sent| {
        assert!(inner.sends() < 100, "it is asked for ever");
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(header.borrow().clone());
        let Some(credential) = sent.authorization.clone() else { return Some(soon(Ok(response))) };
        shown.set(shown.get() + 1);
        // The first proof is long on its way. Each opens once. Then another invoice is offered.
        let (wait, executor, sent, used) =
            (if shown.get() == 1 { 2_000 } else { 1 }, inner.executor.clone(), sent.clone(), used.clone());
        header.replace(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
        Some(Box::pin(async move {
            executor.sleep(wait).await;
            let is_used = used.borrow().contains(&credential);
            used.borrow_mut().push(credential);
            Ok(Response::status(if is_used { 409 } else { 200 }, &sent))
        }))
    })));
    let running: Vec<_> = (0..2).map(|_| start(&client, &host, get(URL)).1).collect();
    let ends = until_done(&host, &running);
    assert_eq!(ends[0], PAID, "{ends:?}");
}

#[test]
fn answers_that_take_longer_than_their_invoices_live_stop_no_buying() {
    let (world, client, host) = begin();
    let (shop, executor) = (shop(&world, 409), world.executor.clone());
    world.on_send.replace(Some(Box::new(move |sent| {
        let (shop, sent, executor) = (shop.clone(), sent.clone(), executor.clone());
        Some(Box::pin(async move {
            let answer = shop.answer(&sent);
            executor.sleep(if sent.authorization.is_some() { 600_000 } else { 1 }).await;
            Ok(answer)
        }))
    })));
    let mut running: Vec<_> = (0..2).map(|_| start(&client, &host, get(URL)).1).collect();
    world.executor.run((EXPIRY_S + 61) * 1000);
    assert_eq!(world.paid(), 2);
    running.push(start(&client, &host, get(URL)).1);
    assert_eq!(until_done(&host, &running), [PAID, PAID, PAID]);
}

#[test]
fn one_lost_answer_stops_no_buying_though_the_next_call_comes_after_the_expiry() {
    for used_up in [402, 409] {
        let (world, client, host) = begin();
        let shop = shop(&world, used_up);
        let inner = shop.clone();
        // the server takes the proof, and its answer is lost
        world.answers(move |sent| {
            let answer = inner.answer(sent);
            sent.authorization.as_ref().map_or(Ok(answer), |_| Err("reset"))
        });
        fetch(&client, &host, get(URL));
        shop.opens();
        world.executor.run((EXPIRY_S + 61) * 1000);
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "{used_up}");
        assert_eq!(world.paid(), 2);
    }
}

#[test]
fn a_proof_that_was_never_shown_and_came_too_late_stops_no_buying() {
    let (world, client, host) = begin();
    let shop = shop(&world, 402);
    loses_proofs(&world, &shop);
    fetch(&client, &host, get(URL));
    world.executor.run((EXPIRY_S + 61) * 1000);
    let (inner, old) = (shop.clone(), world.credentials()[0].clone());
    world.answers(move |sent| {
        if sent.authorization.as_ref() != Some(&old) {
            return Ok(inner.answer(sent));
        }
        let mut response = inner.answer(&Sent { authorization: None, ..sent.clone() });
        let said = json!({ "success": false, "errorReason": "invalid_exact_lnbtc_invoice_expired" });
        response.head.payment_response = Some(base64::encode(said.to_string()));
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
}
