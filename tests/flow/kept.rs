//! Proofs that are kept until they are shown: by other processes, beside other bodies, after crashes and late answers.

use crate::bound::{entry, finish, mint, required, shop, Bound, EXPIRY_S};
use crate::host::{
    begin, call, client, end, fetch, get, refused, soon, Call, End, Response, Sent, Store, World, PAID, URL,
};
use crate::parallel::{start, until_done};
use crate::proofs::{post, post_shop};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Request;
use l402_fetch::wire::credential::Brought;
use l402_fetch::Code;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

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

/// What `Payment` charges for the body that comes next, bound to it by its digest. It names no expiry.
fn charge_for(world: &World, body: &[u8]) -> String {
    let offer = world.mint.offer(&crate::mint::Terms::default(), world.now());
    let details = json!({ "invoice": offer.invoice, "paymentHash": offer.hash.to_hex() });
    let request = json!({ "amount": "10", "currency": "sat", "methodDetails": details });
    let request = base64::encode_config(request.to_string(), base64::URL_SAFE_NO_PAD);
    let digest = base64::encode(Sha256::digest(body));
    let rest = format!(r#"request="{request}", digest="sha-256=:{digest}:""#);
    format!(r#"Payment id="x1", realm="a.example", method="lightning", intent="charge", {rest}"#)
}

#[test]
fn charges_for_many_bodies_that_were_all_taken_leave_a_short_row() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(1_000_000));
    let body = Rc::new(RefCell::new(Vec::<u8>::new()));
    let (inner, next) = (world.clone(), body.clone());
    world.answers(move |sent| match sent.authorization {
        Some(_) => Ok(Response::status(200, sent)),
        None => Ok(Response::challenge(&charge_for(&inner, &next.borrow()), sent)),
    });
    let mut sizes = Vec::new();
    for number in 0..60_u32 {
        body.replace(number.to_string().into_bytes());
        assert_eq!(finish(&client, &host, post(number.to_string().as_bytes())), PAID);
        sizes.push(store.text("token/").matches("paymentHash\":").count());
    }
    assert!(*sizes.last().unwrap() <= 8, "tokens in one row after each purchase: {sizes:?}");
}

#[test]
fn x402_for_many_bodies_that_were_all_taken_leaves_a_short_row() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(1_000_000));
    const BODIES: [&[u8]; 12] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9", b"a", b"b"];
    let (body, lost) = (Rc::new(RefCell::new(&b""[..])), Rc::new(Cell::new(false)));
    post_shop(&world, &body, &lost);
    for each in BODIES {
        body.replace(each);
        assert_eq!(finish(&client, &host, post(each)), PAID);
    }
    world.executor.run(10_000);
    let size = store.text("token/").matches("paymentHash\":").count();
    assert!(size <= 2, "{size}");
    assert!(store.keys("open/").is_empty(), "{:?}", store.keys("open/"));
}

#[test]
fn answers_that_nothing_was_modified_stop_no_buying() {
    let (world, client, host) = begin();
    let shop = shop(&world, 409);
    // a conditional GET: the server takes the proof, and attests nothing
    world.answers(move |sent| {
        let mut response = shop.answer(sent);
        if response.head.status == 200 {
            response.head.status = 304;
            response.head.payment_response = None;
        }
        Ok(response)
    });
    for times in 1..6 {
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(304, Some(true)), "call {times}");
    }
}

#[test]
fn forget_unlocks_no_body_whose_payment_is_unsettled() {
    let (world, client, host) = begin();
    let (inner, asked) = (world.clone(), Cell::new(0));
    world.answers(move |sent| {
        let bound = Bound { method: "POST", body: b"one", ..Bound::get(URL) };
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            let mut response = Response::status(402, sent);
            response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
            return Ok(response);
        }
        Ok(Response::challenge(&inner.mint.offer(&crate::mint::Terms::default(), inner.now()).header(), sent))
    });
    world.wallet_says(l402_fetch::flow::host::Answer::Threw("offline"));
    let first = finish(&client, &host, post(b"one"));
    assert!(matches!(first, End::Raised { code: Code::PaymentUnknown, .. }), "{first:?}");
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(None).await.ok().unwrap() });
    let second = finish(&client, &host, post(b"one"));
    assert_eq!(world.paid(), 1, "the wallet was asked for both: {second:?}");
}

/// Each process makes one call, as commands and serverless functions do.
#[test]
fn that_l402_tokens_are_good_once_is_learnt_by_processes_of_one_call() {
    let (world, store) = (World::new(), Store::new());
    world.server.single_use.set(true);
    let mut sends = Vec::new();
    for _ in 0..8 {
        let (client, host) = client(&world, Some(&store), Config::new(1000));
        let before = world.sends();
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        sends.push(world.sends() - before);
        world.executor.run(1_000);
    }
    assert_eq!(sends[4..], [2, 2, 2, 2], "what was used is sent at each call: {sends:?}");
}

#[test]
fn a_buyer_whose_answer_never_comes_holds_up_no_other_call() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let bound = Bound::get(URL);
    let first = required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]);
    let is_fresh = Rc::new(Cell::new(false));
    let (fresh, hung) = (is_fresh.clone(), Cell::new(false));
    world.on_send.replace(Some(Box::new(move |sent| {
        if sent.authorization.is_some() {
            return Some(if hung.replace(true) { soon(Ok(Response::status(200, sent))) } else { crate::host::never() });
        }
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(match fresh.get() {
            false => first.clone(),
            true => required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]),
        });
        Some(soon(Ok(response)))
    })));
    let (_, _buyer) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    assert_eq!(world.paid(), 1);
    // the same invoice is offered to the next one, whose caller gives up
    let (second, _waits) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    second.aborted.set(true);
    world.executor.run(60_000);
    // and a fresh one to whoever comes then
    is_fresh.set(true);
    let (_, third) = start(&client, &host, get(URL));
    world.executor.run(250_000);
    assert!(third.is_done(), "it hangs for as long as the buyer's request does");
}

#[test]
fn a_left_proof_whose_answer_never_comes_holds_up_no_other_call() {
    let (world, store) = (World::new(), Store::new());
    let shop = shop(&world, 409);
    loses_proofs(&world, &shop);
    let (first, host) = client(&world, Some(&store), Config::new(100));
    fetch(&first, &host, get(URL));
    drop((first, host));
    world.executor.run(100_000);
    let (second, other) = client(&world, Some(&store), Config::new(100));
    let (inner, hung) = (shop.clone(), Cell::new(false));
    world.on_send.replace(Some(Box::new(move |sent| match sent.authorization {
        Some(_) if !hung.replace(true) => Some(crate::host::never()),
        _ => Some(soon(Ok(inner.answer(sent)))),
    })));
    let (_, _hangs) = start(&second, &other, get(URL));
    world.executor.run(1_000);
    let (_, next) = start(&second, &other, get(URL));
    world.executor.run(250_000);
    assert!(next.is_done(), "it hangs for as long as the other's request does");
}

#[test]
fn an_l402_token_is_not_dropped_for_proofs_of_others() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(1_000_000));
    let body = Rc::new(RefCell::new(Vec::<u8>::new()));
    let (inner, next) = (world.clone(), body.clone());
    let own = |authorization| {
        let calling = post(b"");
        let request = Request { brought: Brought { authorization, payment: false }, ..calling.request.clone() };
        call(request)
    };
    let is_lost = Rc::new(Cell::new(false));
    let loses = is_lost.clone();
    world.answers(move |sent| match sent.authorization {
        Some(_) if loses.get() => Err("reset"),
        Some(_) => Ok(Response::status(200, sent)),
        None if next.borrow().is_empty() => {
            Ok(Response::challenge(&inner.mint.offer(&crate::mint::Terms::default(), inner.now()).header(), sent))
        }
        None => {
            let bound =
                Bound { method: "POST", body: Box::leak(next.borrow().clone().into_boxed_slice()), ..Bound::get(URL) };
            let mut response = Response::status(402, sent);
            response.head.payment_required = Some(required(URL, &[entry(&bound, &mint(&inner, &bound, |_| {}))]));
            Ok(response)
        }
    });
    assert_eq!(finish(&client, &host, own(false)), PAID);
    is_lost.set(true);
    for number in 0..9_u32 {
        let text = number.to_string().into_bytes();
        let calling = own(true);
        calling.outgoing.borrow_mut().body_hash = Some(Sha256::digest(&text).into());
        body.replace(text);
        finish(&client, &host, calling);
    }
    assert!(store.text("token/").contains("\"l402\""), "the L402 token is gone from the store");
}

/// Several processes that want the same, as workers of one service do. Each buys for itself.
#[test]
fn processes_that_share_a_store_do_not_wait_for_each_others_answers_in_turn() {
    let (world, store) = (World::new(), Store::new());
    let (shop, executor) = (shop(&world, 409), world.executor.clone());
    world.on_send.replace(Some(Box::new(move |sent| {
        let (shop, sent, executor) = (shop.clone(), sent.clone(), executor.clone());
        Some(Box::pin(async move {
            // a model that thinks for long
            let answer = shop.answer(&sent);
            executor.sleep(if answer.head.status == 200 { 45_000 } else { 10 }).await;
            Ok(answer)
        }))
    })));
    let all: Vec<_> = (0..12).map(|_| client(&world, Some(&store), Config::new(10_000))).collect();
    let began = world.now();
    let running: Vec<_> = all.iter().map(|(client, host)| start(client, host, get(URL)).1).collect();
    let ends = until_done(&all[0].1, &running);
    let took_s = (world.now() - began) / 1000;
    let failed: Vec<_> = ends.iter().filter(|end| **end != PAID).collect();
    assert!(failed.is_empty() && took_s < 200, "{took_s} s, {} payments, failed: {failed:?}", world.paid());
}
