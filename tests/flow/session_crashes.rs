//! Sessions of MPP where a store, an answer, a caller or a process is lost at any step, or several act at once.

use crate::host::{
    begin_with, call, client, end, fetch, get, open, payments, refused, spent, Call, End, Fake, Op, Response,
    TheClient, World, ORIGIN, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{start, until_done};
use crate::session_shop::{Kind, Shop};
use crate::session_world::{begin, close, config, held, sessions, stored, KINDS};
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

// Should be: a call ends, whatever the store does.
#[test]
fn a_store_that_can_not_be_written_after_a_deposit_makes_no_endless_requests() {
    let (world, shop, store, (client, host)) = stored(Kind::Aperture);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    shop.close_all();
    // The proof is written. What the server says of it is not.
    let seen = store.clone();
    store.fails_at(move |op, keys| {
        let is_proven = seen.text("payment/").matches(r#""state":"paid""#).count() == 2;
        op == Op::Write && is_proven && keys.iter().any(|key| key.starts_with("session/"))
    });
    fetch(&client, &host, get(URL));
    assert_eq!(world.paid(), 2);
}

// Should be: after a crash at any operation of the store, one deposit is paid for one request, and it is drawn on.
#[test]
fn a_store_that_dies_at_any_operation_costs_no_second_deposit() {
    for kind in KINDS {
        for dies_at in 0..40 {
            let (world, shop, store, (first, first_host)) = stored(kind);
            let (mint, paid) = (world.clone(), world.clone());
            world.on_lookup.replace(Some(Box::new(move |hash| {
                let is_paid =
                    paid.payments.borrow().iter().any(|invoice| {
                        l402_fetch::wire::invoice::Invoice::decode(invoice).unwrap().payment_hash == *hash
                    });
                crate::host::soon(match is_paid {
                    true => Fact::Paid { preimage: mint.mint.preimage(hash).unwrap(), fee_msat: None },
                    false => Fact::NotFound,
                })
            })));
            let done = Cell::new(0);
            store.fails_at(move |_, _| done.replace(done.get() + 1) >= dies_at);
            let told = fetch(&first, &first_host, get(URL));
            store.works();
            drop(first);
            store.lapse();
            world.executor.pass(200_000);
            let (second, second_host) = client(&world, Some(&store), config());
            let next = fetch(&second, &second_host, get(URL));
            let last = fetch(&second, &second_host, get(URL));
            assert_eq!(last, REUSED, "{kind:?} {dies_at}: {told:?}, {next:?}");
            assert_eq!(world.paid(), 1, "{kind:?} {dies_at}: {told:?}, {next:?}");
            assert_eq!(shop.actions().iter().filter(|action| *action == "open").count(), 1);
            assert_eq!(spent(&world, &second), 20);
        }
    }
}

// Should be: the same for an addition, in the instance that made it and in another.
#[test]
fn a_store_that_dies_at_any_operation_of_an_addition_costs_no_second_deposit() {
    for kind in KINDS {
        for dies_at in 0..40 {
            for is_closed in [false, true] {
                let (world, shop, store, (first, first_host)) = stored(kind);
                shop.deposit.set(2);
                shop.price.set(2);
                assert_eq!(fetch(&first, &first_host, get(URL)), PAID);
                shop.deposit.set(20);
                let (mint, paid) = (world.clone(), world.clone());
                world.on_lookup.replace(Some(Box::new(move |hash| {
                    let is_paid = paid.payments.borrow().iter().any(|invoice| {
                        l402_fetch::wire::invoice::Invoice::decode(invoice).unwrap().payment_hash == *hash
                    });
                    crate::host::soon(match is_paid {
                        true => Fact::Paid { preimage: mint.mint.preimage(hash).unwrap(), fee_msat: None },
                        false => Fact::NotFound,
                    })
                })));
                if kind == Kind::Aperture || is_closed {
                    fetch(&first, &first_host, get(URL));
                }
                if is_closed {
                    shop.close_all();
                }
                let before = world.paid();
                let done = Cell::new(0);
                store.fails_at(move |_, _| done.replace(done.get() + 1) >= dies_at);
                let told = fetch(&first, &first_host, get(URL));
                store.works();
                let of_first = fetch(&first, &first_host, get(URL));
                drop(first);
                store.lapse();
                world.executor.pass(200_000);
                let (second, second_host) = client(&world, Some(&store), config());
                let next = fetch(&second, &second_host, get(URL));
                assert_eq!(
                    next,
                    REUSED,
                    "{kind:?} {dies_at} {is_closed}: {told:?}, {of_first:?}, {:?}",
                    shop.actions()
                );
                assert!(world.paid() <= before + 1, "{kind:?} {dies_at} {is_closed}: {told:?}, {of_first:?}");
            }
        }
    }
}

// Should be: calls at the same time each pay once at most, and the deposits stay within their limit.
#[test]
fn instances_at_the_same_time_stay_within_the_limit() {
    for kind in KINDS {
        for (count, price, deposit) in [(3, 2, 2), (6, 2, 4), (12, 4, 8), (8, 10, 20), (6, 20, 20), (9, 2, 20)] {
            for isolated in [false, true] {
                let (world, shop, store, first) = stored(kind);
                shop.most_sends.set(20_000);
                shop.price.set(price);
                shop.deposit.set(deposit);
                let second = client(&world, Some(&store), config());
                let third = client(&world, Some(&store), config());
                let all = [first, second, third];
                all.iter().for_each(|(_, host)| host.isolated.set(isolated));
                for round in 0..3 {
                    let mut running = Vec::new();
                    for number in 0..count {
                        let (client, host) = &all[number % 3];
                        running.push(start(client, host, get(&format!("{ORIGIN}/{}", number % 4))).1);
                        world.executor.run(u64::try_from(number * round).unwrap());
                    }
                    let ends = until_done(&all[0].1, &running);
                    let told = format!("{kind:?} {count} {price} {deposit} {isolated} {round}: {ends:?}");
                    for end in ends {
                        // Another process may show the deposit first, and use it up.
                        let is_taken = end == End::Answer(402, Some(true));
                        let is_good = is_taken || end == PAID || end == REUSED || end == refused(Code::OverLimit);
                        assert!(is_good, "{told} {:?}", shop.actions());
                    }
                    let paid: u64 = payments(&world, &all[0].0).iter().map(|payment| payment.amount_msat / 1000).sum();
                    // This shop adds a deposit twice if two processes show it at once.
                    assert!(paid <= 50 && held(&shop) >= paid, "{told}: {paid} of {}", held(&shop));
                }
            }
        }
    }
}

// Should be: a proof that comes after the payment's time is shown at the next call.
#[test]
fn a_late_proof_of_a_deposit_is_shown_at_the_next_call() {
    for kind in KINDS {
        let (world, _, client, host) = begin(kind);
        let answer = world.wallet_waits();
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        world.on_pay.replace(None);
        let hash = payments(&world, &client)[0].payment_hash;
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        answer.bring(world.proof_of(&hash));
        world.executor.run(1_000);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{kind:?}");
        assert_eq!((world.paid(), spent(&world, &client)), (1, 20));
    }
}

// Should be: each answer that is lost, or 500, costs no second deposit.
#[test]
fn lost_and_broken_answers_cost_no_second_deposit() {
    for kind in KINDS {
        for broken in [None, Some(500), Some(403), Some(302), Some(404)] {
            for at in ["open", "bearer"] {
                let (world, shop, client, host) = begin(kind);
                let was = Cell::new(false);
                shop.instead.replace(Some(Box::new(move |action, sent| {
                    (action == at && !was.replace(true)).then(|| match broken {
                        None => Err("connection lost"),
                        Some(status) => Ok(Response::status(status, sent)),
                    })
                })));
                let told: Vec<End> = (0..4).map(|_| fetch(&client, &host, get(URL))).collect();
                assert_eq!(told[3], REUSED, "{kind:?} {broken:?} {at}: {told:?}");
                assert_eq!(
                    (world.paid(), held(&shop)),
                    (1, 20),
                    "{kind:?} {broken:?} {at}: {told:?} {:?}",
                    shop.actions()
                );
            }
        }
    }
}

// Should be: a session that was closed while the answer was lost is closed.
#[test]
fn a_lost_answer_to_an_end_is_asked_again() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        shop.loses.replace(Some("close"));
        assert!(close(&world, &client).is_none());
        let ended = close(&world, &client).unwrap();
        assert_eq!(ended.len(), 1, "{kind:?}");
        sessions(&world, &client);
        assert_eq!(spent(&world, &client), 0, "{kind:?}");
    }
}

// Should be: while nobody knows whether a charge for a body was paid, no deposit is paid for the same request, and the
// other way round.
#[test]
fn nothing_is_paid_beside_an_open_payment_for_the_same_resource() {
    for is_deposit_first in [true, false] {
        for method in ["GET", "POST"] {
            let (world, client, host) = begin_with(|given| *given = config());
            let mut request = get(URL);
            request.method = method.into();
            let shop = Shop::open(&world, Kind::Draft);
            let offer = world.mint.offer(&Terms::default(), world.now());
            let digest = base64::encode(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest([])));
            let charge = crate::session_shop::base64url(&serde_json::json!({
                "amount": "10", "currency": "sat", "methodDetails": { "invoice": offer.invoice },
            }));
            let charge = format!(
                r#"Payment id="x", realm="api", method="lightning", intent="charge", digest="sha-256=:{digest}:", request="{charge}""#
            );
            let sells_charges = Rc::new(Cell::new(!is_deposit_first));
            let (inner, is_charge) = (shop.clone(), sells_charges.clone());
            shop.instead.replace(Some(Box::new(move |action, sent| {
                (action.is_empty() && is_charge.get()).then(|| {
                    let mut response = inner.challenge(sent);
                    response.head.challenge = Some(charge.clone());
                    Ok(response)
                })
            })));
            world.wallet_says(l402_fetch::flow::host::Answer::NoPreimage("undefined".into()));
            assert_eq!(fetch(&client, &host, request.clone()), open(Code::NoPreimage, State::Unknown));
            world.on_pay.replace(None);
            sells_charges.set(is_deposit_first);
            let told = fetch(&client, &host, request);
            assert_eq!(told, open(Code::PaymentUnknown, State::Unknown), "{is_deposit_first} {method}");
            assert_eq!(world.paid(), 1);
        }
    }
}

fn aborting(world: &Rc<World>, client: &TheClient, host: &Fake, at: usize) -> End {
    let (given, running): (Rc<Call>, _) = start(client, host, get(URL));
    let (sends, inner) = (world.sends(), world.clone());
    for _ in 0..2_000 {
        if inner.sends() >= sends + at {
            given.aborted.set(true);
        }
        world.executor.run(1);
        if running.is_done() {
            break;
        }
    }
    world.executor.run(300_000);
    running.take()
}

// Should be: a caller that gives up at any request costs no second deposit.
#[test]
fn an_abort_at_any_request_costs_no_second_deposit() {
    for kind in KINDS {
        for at in 1..4 {
            let (world, shop, client, host) = begin(kind);
            let told = aborting(&world, &client, &host, at);
            for _ in 0..2 {
                let next = fetch(&client, &host, get(URL));
                assert!(next == PAID || next == REUSED, "{kind:?} {at} {told:?} {next:?}");
            }
            assert_eq!((world.paid(), held(&shop)), (1, 20), "{kind:?} {at} {told:?}");
        }
    }
}

// Should be: calls that wait while one of them adds to the session draw on what it has added.
#[test]
fn calls_that_find_the_session_used_up_share_what_one_of_them_adds() {
    for kind in KINDS {
        for count in [2, 3, 5] {
            let (world, shop, client, host) = begin(kind);
            shop.price.set(2);
            shop.deposit.set(2);
            assert_eq!(fetch(&client, &host, get(URL)), PAID);
            assert_eq!(fetch(&client, &host, get(URL)), REUSED);
            shop.deposit.set(20);
            let url = |number| get(&format!("{ORIGIN}/{number}"));
            let running: Vec<_> = (0..count).map(|number| start(&client, &host, url(number)).1).collect();
            let ends = until_done(&host, &running);
            let told = format!("{kind:?} {count} {ends:?} {:?}", shop.actions());
            assert!(ends.iter().all(|end| *end == PAID || *end == REUSED), "{told}");
            assert_eq!(world.paid(), 2, "{told}");
        }
    }
}

// Should be: a session that is closed twice at once, or while it is drawn on and added to, loses and counts nothing
// twice.
#[test]
fn ends_at_the_same_time_as_anything_else_count_once() {
    for kind in KINDS {
        for shift in 0..12 {
            let (world, shop, store, (first, host)) = stored(kind);
            let (second, second_host) = client(&world, Some(&store), config());
            assert_eq!(fetch(&first, &host, get(URL)), PAID);
            assert_eq!(fetch(&first, &host, get(URL)), REUSED);
            let id = sessions(&world, &first)[0].session_id;
            let (one, two, stream) = (first.clone(), second.clone(), first.clone());
            let closing = world.executor.start(async move { one.close_sessions(None).await.is_ok() });
            world.executor.run(shift / 4);
            let adding = world.executor.start(async move { end(&stream.top_up(call(get(URL)), get(URL), id).await) });
            world.executor.run(shift % 2);
            let again = world.executor.start(async move { two.close_sessions(None).await.is_ok() });
            world.executor.run(shift % 3);
            let drawing = start(&second, &second_host, get(URL)).1;
            let ends = until_done(&host, &[adding, drawing]);
            world.executor.run(200_000);
            let told = format!("{kind:?} {shift} {ends:?} {:?}", shop.actions());
            assert!(closing.is_done() && again.is_done(), "{told}");
            let _ = (closing.take(), again.take());
            assert!(world.paid() <= 3, "{told}");
            for _ in 0..3 {
                fetch(&first, &host, get(URL));
                close(&world, &first);
                sessions(&world, &second);
            }
            assert_eq!(held(&shop), 0, "{told} {:?}", shop.actions());
            let used: u64 = shop.accounts.borrow().values().map(|account| account.spent).sum();
            let deposits: u64 = shop.accounts.borrow().values().map(|account| account.deposit).sum();
            let paid: u64 = payments(&world, &first).iter().map(|payment| payment.amount_msat / 1000).sum();
            assert!(deposits >= paid, "{told}: {deposits} of {paid} reached the server");
            if deposits == paid {
                assert_eq!(spent(&world, &first), used, "{told} {:?}", shop.actions());
            }
        }
    }
}

// Should be: a deposit that the wallet proves without a preimage is shown once resolve() brings that.
#[test]
fn a_preimage_that_comes_later_opens_the_session() {
    for trusts in [false, true] {
        let (world, client, host) = begin_with(|given| {
            *given = config();
            given.trust_wallet = trusts;
        });
        let shop = Shop::open(&world, Kind::Draft);
        world.wallet_says(l402_fetch::flow::host::Answer::PaidWithoutProof);
        let first = fetch(&client, &host, get(URL));
        world.on_pay.replace(None);
        let second = fetch(&client, &host, get(URL));
        assert_eq!(world.paid(), 1, "{trusts} {first:?} {second:?}");
        let hash = payments(&world, &client)[0].payment_hash;
        let preimage = world.mint.preimage(&hash).unwrap();
        assert_eq!(crate::host::resolve(&world, &client, &hash, Some(&preimage)), None);
        let told = fetch(&client, &host, get(URL));
        assert_eq!(told, REUSED, "{trusts} {first:?} {second:?} {:?}", shop.actions());
        assert_eq!((world.paid(), spent(&world, &client)), (1, 20));
    }
}

// Should be: an end is counted once, wherever the store fails on its way, and whatever it says of its writes.
#[test]
fn a_store_that_fails_at_any_operation_of_an_end_counts_its_refund_once() {
    use crate::host::Manner;
    for kind in KINDS {
        for at in 0..16 {
            for manner in
                [None, Some(Manner::Rejects), Some(Manner::SaysFalse), Some(Manner::Late), Some(Manner::LateFalse)]
            {
                let (world, shop, store, (first, host)) = stored(kind);
                for _ in 0..3 {
                    fetch(&first, &host, get(URL));
                }
                let done = Cell::new(0);
                match manner {
                    None => store.fails_at(move |_, _| done.replace(done.get() + 1) >= at),
                    Some(manner) => store.writes_by(move |number| if number >= at { manner } else { Manner::Honest }),
                }
                close(&world, &first);
                store.works();
                store.land();
                let (second, _) = client(&world, Some(&store), config());
                for client in [&first, &second, &first] {
                    close(&world, client);
                    sessions(&world, client);
                }
                let told = format!("{kind:?} {at} {manner:?} {:?}", shop.actions());
                assert_eq!((held(&shop), sessions(&world, &second).len()), (0, 0), "{told}");
                assert_eq!(spent(&world, &second), shop.account(0).spent, "{told}");
                assert_eq!(spent(&world, &first), shop.account(0).spent, "{told}");
                assert_eq!(payments(&world, &second)[0].refunded_msat, (20 - shop.account(0).spent) * 1000, "{told}");
            }
        }
    }
}

// Should be: an addition whose answer was lost is known to have happened once its session is good again.
// Then another deposit is paid where that is used up too, and its refund is counted.
#[test]
fn an_addition_whose_answer_was_lost_does_not_stop_the_next() {
    for kind in [Kind::Draft] {
        let (world, shop, client, host) = begin(kind);
        shop.price.set(2);
        shop.deposit.set(4);
        while world.paid() < 1 || !shop.actions().ends_with(&["bearer".into(), "bearer".into()]) {
            fetch(&client, &host, get(URL));
        }
        shop.loses.replace(Some("topUp"));
        fetch(&client, &host, get(URL));
        assert_eq!(world.paid(), 2);
        let ends: Vec<End> = (0..6).map(|_| fetch(&client, &host, get(URL))).collect();
        let told = format!("{kind:?} {ends:?} {:?}", shop.actions());
        assert!(ends.iter().all(|end| *end == PAID || *end == REUSED), "{told}");
        close(&world, &client);
        sessions(&world, &client);
        let used: u64 = shop.accounts.borrow().values().map(|account| account.spent).sum();
        assert_eq!(spent(&world, &client), used, "{told}");
    }
}
