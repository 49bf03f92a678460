//! Sessions of MPP whose servers, stores, wallets and callers do what they should not.

use crate::host::{
    begin_with, call, client, end, fetch, get, not_honored, open, payments, refused, spent, Call, End, Fake, Op,
    Response, Store, TheClient, World, ORIGIN, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{start, until_done};
use crate::session_shop::{Kind, Shop};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::sessions::{Ended, Session};
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const KINDS: [Kind; 2] = [Kind::Aperture, Kind::Draft];

fn config() -> Config {
    let mut config = Config::new(100);
    config.max_deposit_msat = Some(50_000);
    config
}

fn begin(kind: Kind) -> (Rc<World>, Rc<Shop>, TheClient, Fake) {
    let (world, client, host) = begin_with(|given| *given = config());
    let shop = Shop::open(&world, kind);
    shop.most_sends.set(500);
    (world, shop, client, host)
}

fn stored(kind: Kind) -> (Rc<World>, Rc<Shop>, Rc<Store>, (TheClient, Fake)) {
    let (world, store) = (World::new(), Store::new());
    let shop = Shop::open(&world, kind);
    shop.most_sends.set(500);
    let first = client(&world, Some(&store), config());
    (world, shop, store, first)
}

fn sessions(world: &World, client: &TheClient) -> Vec<Session> {
    let client = client.clone();
    world.run(async move { client.sessions().await.ok().unwrap() })
}

fn close(world: &World, client: &TheClient) -> Option<Vec<Ended>> {
    let client = client.clone();
    world.run(async move { client.close_sessions(None).await.ok() })
}

fn top_up(world: &World, client: &TheClient, session: PaymentHash) -> End {
    let client = client.clone();
    end(&world.run(async move { client.top_up(call(get(URL)), get(URL), session).await }))
}

/// What is in the sessions that the server has not closed, in satoshis.
fn held(shop: &Shop) -> u64 {
    shop.accounts.borrow().values().filter(|account| !account.is_closed).map(|account| account.deposit).sum()
}

/// An L402 offer that fails its checks, to stand before a session.
fn bad_l402(world: &World) -> String {
    let offer = world.mint.offer(&Terms { mismatch: true, ..Terms::default() }, world.now());
    offer.header()
}

// Should be: a session that is taken because the offer before it can't be paid is a session like any other: it is drawn
// on at the next call, and the sum of deposits stays within `maxDeposit`.
#[test]
fn a_session_behind_an_offer_that_fails_its_checks_is_drawn_on_and_within_the_limit() {
    let (world, client, host) = begin_with(|given| {
        *given = config();
        given.protocols = vec![Protocol::L402, Protocol::Mpp];
    });
    let shop = Shop::open(&world, Kind::Draft);
    shop.more.replace(format!(", {}", bad_l402(&world)));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    for _ in 0..4 {
        fetch(&client, &host, get(URL));
    }
    assert!(held(&shop) <= 50, "{} sat are in open sessions", held(&shop));
    assert_eq!(world.paid(), 1);
}

// Should be: the deposit is of the offer that is paid, with that one's realm.
#[test]
fn of_two_sessions_the_one_that_is_paid_is_drawn_on() {
    let (world, shop, client, host) = begin(Kind::Draft);
    let other = shop.challenge(&crate::host::Sent {
        method: "GET".into(),
        url: URL.into(),
        field: None,
        authorization: None,
        repeat: false,
        number: 0,
    });
    let bad = other.head.challenge.unwrap().replace("realm=\"api\"", "realm=\"other\"");
    // It has an invoice of another hash.
    let (before, request) = bad.split_once("request=\"").unwrap();
    let mut request = crate::session_shop::decoded(request.trim_end_matches('"'));
    request["depositAmount"] = "21".into();
    let bad = format!("{before}request=\"{}\"", crate::session_shop::base64url(&request));
    let inner = shop.clone();
    shop.instead.replace(Some(Box::new(move |action, sent| {
        action.is_empty().then(|| {
            let mut response = inner.challenge(sent);
            response.head.challenge = Some(format!("{bad}, {}", response.head.challenge.unwrap()));
            Ok(response)
        })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}

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

// Should be: nothing more is paid while a deposit was paid that no server has accepted.
#[test]
fn a_stream_pays_nothing_more_while_a_deposit_is_not_accepted() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.deposit.set(10);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        let id = sessions(&world, &client)[0].session_id;
        shop.is_late.set(100);
        for _ in 0..4 {
            top_up(&world, &client, id);
        }
        assert_eq!(world.paid(), 2, "{kind:?}");
    }
}

// Should be: a deposit that was paid is kept until a server accepts it, also where the session is over that it was for.
#[test]
fn a_deposit_that_was_not_added_outlives_its_session() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        let id = sessions(&world, &client)[0].session_id;
        // The deposit is paid, and nobody can tell whether it was added.
        shop.instead.replace(Some(Box::new(|action, _| (action == "topUp").then_some(Err("connection lost")))));
        top_up(&world, &client, id);
        shop.instead.replace(None);
        assert_eq!(world.paid(), 2);
        assert_eq!(close(&world, &client).unwrap().len(), 1, "{kind:?}");
        sessions(&world, &client);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{kind:?}");
        assert_eq!(world.paid(), 2, "{kind:?}: what was paid is shown");
        assert_eq!(sessions(&world, &client)[0].deposit_msat, 20_000);
    }
}

// Should be: what was paid and not accepted counts, also where the session is over that it was for.
#[test]
fn a_deposit_that_was_not_added_counts_for_the_limit() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let id = sessions(&world, &client)[0].session_id;
    shop.instead.replace(Some(Box::new(|action, _| (action == "topUp").then_some(Err("connection lost")))));
    top_up(&world, &client, id);
    shop.instead.replace(None);
    shop.refunds.set(false);
    close(&world, &client);
    // 20 sat may still be opened. In another realm there is room for 30.
    shop.realm.replace("another".into());
    shop.deposit.set(40);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    shop.realm.replace("api".into());
    fetch(&client, &host, get(URL));
    assert!(held(&shop) <= 50, "{}", held(&shop));
}

// Should be: a page that was not told where a redirect leads pays nothing, since its credential was not shown.
#[test]
fn a_session_that_was_not_shown_is_shown_before_anything_is_paid() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let (inner, times) = (shop.clone(), Cell::new(0));
    shop.instead.replace(Some(Box::new(move |action, sent| {
        (action == "bearer" && times.replace(times.get() + 1) == 0).then(|| {
            let mut response = inner.challenge(sent);
            response.head.is_unproven = true;
            Ok(response)
        })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}

// Should be: what answers from elsewhere closes nothing.
#[test]
fn an_answer_from_another_origin_closes_no_session() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    shop.instead.replace(Some(Box::new(|action, sent| {
        (action == "close").then(|| {
            let mut response = Response::status(200, sent);
            response.head.url = "https://elsewhere.example/".into();
            response.head.redirected = true;
            Ok(response)
        })
    })));
    assert!(close(&world, &client).is_none());
    assert_eq!(sessions(&world, &client).len(), 1);
}

// Should be: values of stores are small (128 KiB in Durable Objects).
#[test]
fn many_small_deposits_make_no_large_row() {
    let (world, shop, store, (client, host)) = {
        let (world, store) = (World::new(), Store::new());
        let shop = Shop::open(&world, Kind::Draft);
        let mut config = config();
        config.max_deposit_msat = Some(1_000_000);
        let first = client(&world, Some(&store), config);
        (world, shop, store, first)
    };
    shop.price.set(2);
    shop.deposit.set(2);
    while world.paid() < 200 {
        fetch(&client, &host, get(URL));
    }
    let largest = store.keys("").iter().map(|key| (store.value(key).unwrap().len(), key.clone())).max().unwrap();
    assert!(largest.0 < 128 * 1024, "{largest:?}");
    assert_eq!(world.paid(), 200);
}

// Should be: forget() without an origin forgets what was not accepted at all of them.
#[test]
fn forgetting_all_goes_beyond_a_page_of_origins() {
    let (world, shop, client, host) = begin(Kind::Draft);
    shop.most_sends.set(50_000);
    let url = |number: usize| format!("https://shop{number:03}.example/");
    shop.is_late.set(100_000);
    for number in 0..103 {
        fetch(&client, &host, get(&url(number)));
    }
    assert_eq!(world.paid(), 103);
    let forget = client.clone();
    world.run(async move { forget.forget(None).await.ok().unwrap() });
    shop.is_late.set(0);
    for number in [0, 99, 100, 102] {
        assert_eq!(fetch(&client, &host, get(&url(number))), PAID, "{number}");
    }
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

// Should be: a body that can't be sent again is sent once.
#[test]
fn a_body_that_can_not_be_sent_again_draws_on_nothing() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let mut request = get(URL);
    (request.method, request.replayable) = ("POST".into(), false);
    assert_eq!(fetch(&client, &host, request), refused(Code::BodyNotReplayable));
    assert_eq!((world.paid(), shop.actions().len()), (1, 1));
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

// Should be: deposits that fail a check are not paid, and nothing panics.
#[test]
fn deposits_that_are_not_what_they_say_are_not_paid() {
    let changes: [(&str, serde_json::Value); 8] = [
        ("depositAmount", "21".into()),
        ("depositAmount", "18446744073709551615".into()),
        ("depositAmount", 20.into()),
        ("amount", "18446744073709551615".into()),
        ("paymentHash", "ab".repeat(32).into()),
        ("depositInvoice", "lnbc1".into()),
        ("depositInvoice", serde_json::Value::Null),
        ("idleTimeout", "99999999999999999999".into()),
    ];
    for (name, value) in changes {
        let (world, shop, client, host) = begin(Kind::Draft);
        let (inner, key, to) = (shop.clone(), name, value.clone());
        shop.instead.replace(Some(Box::new(move |_, sent| {
            let mut response = inner.challenge(sent);
            let header = response.head.challenge.clone().unwrap();
            let (before, request) = header.split_once("request=\"").unwrap();
            let mut request = crate::session_shop::decoded(request.trim_end_matches('"'));
            request[key] = to.clone();
            response.head.challenge = Some(format!("{before}request=\"{}\"", crate::session_shop::base64url(&request)));
            Some(Ok(response))
        })));
        let told = fetch(&client, &host, get(URL));
        assert!(matches!(told, End::Raised { .. }), "{name} {value}: {told:?}");
        assert_eq!((world.paid(), spent(&world, &client)), (0, 0), "{name} {value}");
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

// Should be: a server that does not answer keeps no other session from its end.
#[test]
fn a_server_that_is_silent_holds_up_no_end_for_ever() {
    for silent_at in ["", "close"] {
        let (world, client, host) = begin_with(|given| *given = config());
        let shop = Shop::open(&world, Kind::Draft);
        let other = "https://b.example/";
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(fetch(&client, &host, get(other)), PAID);
        let inner = world.on_send.take().unwrap();
        world.on_send.replace(Some(Box::new(move |sent| {
            let is_close = sent.authorization.as_deref().is_some_and(|text| {
                let credential = crate::session_shop::decoded(text.strip_prefix("Payment ").unwrap());
                credential["payload"]["action"] == "close"
            });
            let is_silent = sent.url == URL && (silent_at.is_empty() || is_close);
            if is_silent {
                Some(crate::host::never())
            } else {
                inner(sent)
            }
        })));
        assert!(close(&world, &client).is_none(), "one could not be closed");
        assert_eq!((sessions(&world, &client).len(), held(&shop)), (1, 20));
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

// Should be: no number that a server or a wallet names damages the row, which holds all deposits of the origin.
#[test]
fn huge_numbers_damage_no_row() {
    for (refund_sat, received) in [
        ("9007199254740991", 20_000),
        ("9007199254740992", 20_000),
        ("18446744073709551615", 5),
        ("99999999999999999999999", 5),
        ("20", u64::MAX),
        ("20", 9_007_199_254_740_992),
    ] {
        let (world, shop, store, (client, host)) = stored(Kind::Draft);
        shop.refunds.set(false);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        let return_invoice = l402_fetch::wire::invoice::Invoice::decode(&shop.account(0).return_invoice).unwrap();
        let body = format!(r#"{{"status":"closed","refundSats":{refund_sat},"refundStatus":"succeeded"}}"#);
        shop.instead.replace(Some(Box::new(move |action, sent| {
            (action == "close").then(|| {
                let mut response = Response::status(200, sent);
                response.json = Some(body.clone());
                Ok(response)
            })
        })));
        world.received.borrow_mut().as_mut().unwrap().insert(return_invoice.payment_hash, received);
        close(&world, &client);
        let (second, second_host) = crate::host::client(&world, Some(&store), config());
        assert_eq!(fetch(&second, &second_host, get(URL)), PAID, "{refund_sat} {received}");
        assert_eq!(sessions(&world, &second).len(), 1);
    }
}

// Should be: a later version's row, and one without the new members, are told from damage; nothing is paid on what
// can't be read.
#[test]
fn a_row_of_sessions_that_can_not_be_read_lets_nothing_be_paid() {
    for change in ["\"v\":1|\"v\":2", "\"stage\":\"open\"|\"stage\":\"later\"", "{|["] {
        let (world, _, store, (first, host)) = stored(Kind::Draft);
        assert_eq!(fetch(&first, &host, get(URL)), PAID);
        let key = store.keys("session/")[0].clone();
        let (from, to) = change.split_once('|').unwrap();
        let row = store.value(&key).unwrap();
        assert!(row.contains(from), "{row}");
        store.put(&key, &row.replacen(from, to, 1));
        let (second, second_host) = client(&world, Some(&store), config());
        for _ in 0..2 {
            let told = fetch(&second, &second_host, get(URL));
            assert!(matches!(told, End::Raised { code: Code::StoreFailed, .. }), "{change}: {told:?}");
        }
        assert_eq!(world.paid(), 1);
        // What is not sold by sessions is not held up.
        assert_eq!(fetch(&second, &second_host, get("https://other.example/")), PAID);
    }
}

// Should be: scopes count a deposit and its refund.
#[test]
fn scopes_count_deposits_and_their_refunds() {
    count_in_scopes(Some("agent"));
}

fn count_in_scopes(name: Option<&str>) {
    use l402_fetch::ledger::limits::Limits;
    {
        let (world, _, client, host) = begin(Kind::Draft);
        let mut limits = Limits { per_payment: 100_000, ..Limits::default() };
        limits.all.total = Some(30_000);
        let (scope, inner) = crate::host::within(&client, &host, name, limits);
        assert_eq!(fetch(&scope, &inner, get(URL)), PAID);
        assert_eq!(fetch(&scope, &inner, get(URL)), REUSED);
        let left = |scope: &TheClient| {
            let scope = scope.clone();
            world.run(async move { scope.remaining(None).await.ok().unwrap() })
        };
        let before = left(&scope);
        assert_eq!(close(&world, &scope).unwrap().len(), 1);
        let after = left(&scope);
        assert_ne!(before, after, "{name:?}: 18 of 20 sat came back: {before:?}");
        assert_eq!(fetch(&scope, &inner, get(URL)), PAID, "{name:?}");
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

// Should be: credentials go into the header that the challenge names, beside the caller's own Authorization.
#[test]
fn sessions_go_beside_the_callers_authorization_in_a_header_of_their_own() {
    use l402_fetch::wire::credential::{Brought, Field};
    let (world, shop, client, host) = begin(Kind::Draft);
    let mut request = get(URL);
    request.brought = Brought { authorization: true, ..Brought::default() };
    assert_eq!(fetch(&client, &host, request.clone()), End::Answer(402, None));
    shop.more.replace(r#", header="Payment-Authorization""#.into());
    shop.price.set(10);
    shop.deposit.set(10);
    for expected in [PAID, REUSED, PAID] {
        assert_eq!(fetch(&client, &host, request.clone()), expected, "{:?}", shop.actions());
    }
    let sent = world.sent.borrow();
    let mut fields = sent.iter().filter(|sent| sent.authorization.is_some()).map(|sent| sent.field);
    assert!(fields.all(|field| field == Some(Field::PaymentAuthorization)));
    drop(sent);
    // Another caller's session may still be one of the common header.
    shop.more.replace(String::new());
    assert_eq!(fetch(&client, &host, request), End::Answer(402, None));
    assert_eq!(close(&world, &client).unwrap().len(), 1);
}

// Should be: a session of another shop's realm, an answer to `close` with the receipt of another session, and one
// without a word end as the server's silence about the refund.
#[test]
fn what_is_said_of_another_session_is_not_believed() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    shop.instead.replace(Some(Box::new(|action, sent| {
        (action == "close").then(|| {
            let mut response = Response::status(200, sent);
            let receipt = serde_json::json!({
                "reference": "cd".repeat(32), "refundSats": 1, "refundStatus": "succeeded",
            });
            response.head.receipt = Some(crate::session_shop::base64url(&receipt));
            Ok(response)
        })
    })));
    let ended = close(&world, &client).unwrap();
    assert_eq!((ended[0].closed.refund_sat, ended[0].closed.refund.as_str()), (0, "failed"));
    assert_eq!(spent(&world, &client), 20);
}

// Should be: a method that acts is not repeated to close a session.
#[test]
fn a_session_is_closed_without_a_request_that_acts() {
    let (world, shop, client, host) = begin(Kind::Draft);
    let mut request = get(URL);
    request.method = "DELETE".into();
    assert_eq!(fetch(&client, &host, request), PAID);
    // It has no GET.
    shop.instead.replace(Some(Box::new(|_, sent| (sent.method == "GET").then(|| Ok(Response::status(405, sent))))));
    let before = world.sends();
    close(&world, &client);
    let sent = world.sent.borrow();
    let acts = sent[before..].iter().filter(|sent| sent.method == "DELETE" && sent.authorization.is_some());
    let told: Vec<_> = acts.map(|sent| sent.method.clone()).collect();
    assert!(told.is_empty(), "{told:?}");
}

// Should be: each order of protocols ends well beside L402 that can be paid, and tokens of L402 go on as they do.
#[test]
fn sessions_beside_l402_in_each_order() {
    for (protocols, expected) in [
        (vec![Protocol::Mpp, Protocol::L402], ["open", "bearer"].as_slice()),
        (vec![Protocol::L402, Protocol::Mpp], [].as_slice()),
    ] {
        let (world, client, host) = begin_with(|given| {
            *given = config();
            given.protocols = protocols.clone();
        });
        let shop = Shop::open(&world, Kind::Draft);
        let offer = world.mint.offer(&Terms::default(), world.now());
        let token = format!("L402 {}:{}", offer.token, offer.preimage);
        shop.more.replace(format!(", {}", offer.header()));
        shop.instead.replace(Some(Box::new(move |_, _| None)));
        let inner = world.on_send.take().unwrap();
        world.on_send.replace(Some(Box::new(move |sent| match sent.authorization.as_deref() {
            Some(given) if given == token => Some(crate::host::soon(Ok(Response::status(200, sent)))),
            _ => inner(sent),
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        assert_eq!((world.paid(), shop.actions()), (1, expected.iter().map(ToString::to_string).collect()));
    }
}

// Should be: sums of closed sessions make no room for a server that takes a deposit at each call. It refuses what is
// drawn and added, and opens another session.
#[test]
fn a_server_that_never_lets_draw_takes_no_more_than_the_most() {
    let (world, shop, client, host) = begin(Kind::Aperture);
    let inner = shop.clone();
    shop.instead.replace(Some(Box::new(move |action, sent| {
        matches!(action, "bearer" | "topUp").then(|| Ok(inner.challenge(sent)))
    })));
    for _ in 0..6 {
        fetch(&client, &host, get(URL));
    }
    assert!(held(&shop) <= 50, "{} sat in {} payments", held(&shop), world.paid());
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

// Should be: what a server attests is taken, also where the resource itself is not found.
#[test]
fn an_addition_that_is_attested_is_added_whatever_the_resource_answers() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let id = sessions(&world, &client)[0].session_id;
    let receipt = crate::session_shop::base64url(&serde_json::json!({
        "method": "lightning", "reference": id.to_hex(), "status": "success", "timestamp": "2027-01-15T08:00:00Z",
    }));
    shop.instead.replace(Some(Box::new(move |action, sent| {
        (action == "topUp").then(|| {
            let mut response = Response::status(404, sent);
            response.head.receipt = Some(receipt.clone());
            Ok(response)
        })
    })));
    assert_eq!(top_up(&world, &client, id), End::Answer(404, Some(true)));
    assert_eq!(sessions(&world, &client)[0].deposit_msat, 40_000);
}

#[test]
fn not_honored_is_as_before() {
    let (_, shop, client, host) = begin(Kind::Draft);
    shop.is_late.set(100);
    fetch(&client, &host, get(URL));
    assert_eq!(fetch(&client, &host, get(URL)), not_honored());
}
