//! Sessions of MPP whose servers, stores, wallets and callers do what they should not.

use crate::host::{
    begin_with, client, fetch, get, not_honored, refused, spent, End, Response, Store, TheClient, World, PAID, REUSED,
    URL,
};
use crate::mint::Terms;
use crate::session_shop::{Kind, Shop};
use crate::session_world::{bad_l402, begin, close, config, held, sessions, stored, top_up, KINDS};
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::Code;
use std::cell::Cell;

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
