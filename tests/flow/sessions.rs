//! Sessions of MPP: opened, drawn on, added to and closed; with each answer lost, each server's way, and each refusal.

use crate::host::{
    begin_with, call, client, code, end, fetch, get, listed, not_honored, open, refused, spent, End, Fake, Store,
    TheClient, World, ORIGIN, PAID, REUSED, URL,
};
use crate::parallel::{start, until_done};
use crate::session_shop::{Kind, Shop};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::flow::sessions::{Ended, Session};
use l402_fetch::ledger::payment::State;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::mpp::Refund;
use l402_fetch::Code;
use std::rc::Rc;

const KINDS: [Kind; 2] = [Kind::Aperture, Kind::Draft];

fn with_sessions(config: &mut Config) {
    config.max_deposit_msat = Some(50_000);
}

fn begin(kind: Kind) -> (Rc<World>, Rc<Shop>, TheClient, Fake) {
    let (world, client, host) = begin_with(with_sessions);
    let shop = Shop::open(&world, kind);
    (world, shop, client, host)
}

fn sessions(world: &World, client: &TheClient) -> Vec<Session> {
    let client = client.clone();
    world.run(async move { client.sessions().await.ok().unwrap() })
}

fn close(world: &World, client: &TheClient) -> Vec<Ended> {
    let client = client.clone();
    world.run(async move { client.close_sessions(None).await.ok().unwrap() })
}

/// Satoshis of the session, what the server says that it refunds, and what came back.
fn ends(ended: &[Ended]) -> Vec<(u64, u64, Refund, Option<u64>)> {
    let parts = |end: &Ended| (end.session.deposit_msat, end.closed.refund_sat, end.closed.refund, end.received_msat);
    ended.iter().map(parts).collect()
}

#[test]
fn one_deposit_pays_for_many_requests_and_its_rest_comes_back() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "{kind:?}");
        for number in 0..3 {
            assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/{number}"))), REUSED, "{kind:?}");
        }
        assert_eq!(shop.actions(), ["open", "bearer", "bearer", "bearer"]);
        assert_eq!((world.paid(), spent(&world, &client), world.sends()), (1, 20, 8));
        let open = sessions(&world, &client);
        let hash = world.run({
            let client = client.clone();
            async move { listed(&client).await[0].payment_hash }
        });
        let expected = Session {
            origin: ORIGIN.into(),
            session_id: hash,
            deposit_msat: 20_000,
            unit_msat: 2_000,
            unit_type: Some("request".into()),
            opened_at: 1_800_000_000,
            idle_timeout: Some(300),
        };
        assert_eq!(open, [expected]);
        let refund = if kind == Kind::Aperture { Refund::Failed } else { Refund::Succeeded };
        assert_eq!(ends(&close(&world, &client)), [(20_000, 14, refund, Some(14_000))], "{kind:?}");
        assert_eq!((world.paid(), spent(&world, &client)), (1, 6), "{kind:?}");
        let payment = world.run({
            let client = client.clone();
            async move { listed(&client).await.remove(0) }
        });
        assert_eq!((payment.state, payment.refunded_msat, payment.session), (State::Paid, 14_000, Some(hash)));
        assert!(sessions(&world, &client).is_empty() && close(&world, &client).is_empty());
    }
}

#[test]
fn without_the_option_no_session_is_paid() {
    let (world, client, host) = begin_with(|_| {});
    Shop::open(&world, Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, None));
    assert_eq!((world.paid(), host.heard()), (0, vec!["unpayable NoLightning".to_owned()]));
}

#[test]
fn without_the_option_what_is_open_can_still_be_closed() {
    for protocols in [Config::new(100).protocols, vec![Protocol::L402]] {
        let world = World::new();
        let store = Store::new();
        let shop = Shop::open(&world, Kind::Draft);
        let mut config = Config::new(100);
        with_sessions(&mut config);
        let (first, host) = client(&world, Some(&store), config);
        assert_eq!(fetch(&first, &host, get(URL)), PAID);
        let (second, _) = client(&world, Some(&store), Config { protocols, ..Config::new(100) });
        assert_eq!(ends(&close(&world, &second)), [(20_000, 20, Refund::Succeeded, Some(20_000))]);
        assert_eq!((world.paid(), shop.actions()), (1, vec!["open".into(), "close".into()]));
    }
}

#[test]
fn what_is_used_up_is_added_to_and_the_request_answered() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.deposit.set(4);
        for expected in [PAID, REUSED, REUSED, PAID] {
            assert_eq!(fetch(&client, &host, get(URL)), expected, "{kind:?}");
        }
        let topped = ["open", "bearer", "bearer", "!bearer", "topUp"];
        match kind {
            // The answer to the deposit is that to the request.
            Kind::Aperture => assert_eq!(shop.actions(), topped),
            Kind::Draft => assert_eq!(shop.actions(), [&topped[..], &["bearer"]].concat()),
        }
        assert_eq!((world.paid(), spent(&world, &client)), (2, 8));
        assert_eq!(sessions(&world, &client)[0].deposit_msat, 8_000);
        let rest = if kind == Kind::Aperture { 4 } else { 2 };
        let refund = if kind == Kind::Aperture { Refund::Failed } else { Refund::Succeeded };
        assert_eq!(ends(&close(&world, &client)), [(8_000, rest, refund, Some(rest * 1000))], "{kind:?}");
        assert_eq!(spent(&world, &client), 8 - rest, "{kind:?}");
    }
}

#[test]
fn a_session_that_the_server_has_closed_is_followed_by_another_by_one_payment() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        shop.close_all();
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "{kind:?}");
        match kind {
            Kind::Aperture => {
                assert_eq!(shop.actions(), ["open", "!bearer", "!topUp", "!topUp", "!topUp", "!topUp", "open"])
            }
            Kind::Draft => assert_eq!(shop.actions(), ["open", "!bearer", "open"]),
        }
        assert_eq!(world.paid(), 2);
        // The refund of the first is counted as soon as anybody looks.
        assert_eq!(sessions(&world, &client).len(), 1, "{kind:?}");
        assert_eq!(spent(&world, &client), 20, "{kind:?}");
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        assert_eq!(world.paid(), 2);
    }
}

#[test]
fn an_answer_to_an_opening_that_is_lost_costs_no_second_deposit() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.loses.replace(Some("open"));
        let lost = End::Raised {
            code: Code::RequestFailed,
            cause: Some("connection lost"),
            state: Some(State::Paid),
            has_response: false,
        };
        let ended = fetch(&client, &host, get(URL));
        assert_eq!(format!("{ended:?}").replace("has_response: true", "has_response: false"), format!("{lost:?}"));
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{kind:?}");
        assert_eq!(shop.actions(), ["open", "!open", "bearer"]);
        assert_eq!((world.paid(), sessions(&world, &client).len()), (1, 1));
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        assert_eq!(shop.actions(), ["open", "!open", "bearer", "bearer"]);
    }
}

#[test]
fn an_answer_to_an_addition_that_is_lost_costs_no_second_deposit() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.deposit.set(2);
        for expected in [PAID, REUSED] {
            assert_eq!(fetch(&client, &host, get(URL)), expected);
        }
        shop.loses.replace(Some("topUp"));
        fetch(&client, &host, get(URL));
        assert_eq!(world.paid(), 2);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{kind:?}");
        assert_eq!(world.paid(), 2);
    }
}

#[test]
fn a_server_that_learns_of_the_deposit_late_is_asked_again() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.is_late.set(2);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!((shop.actions(), world.paid()), (vec!["!open".into(), "!open".into(), "open".into()], 1));
    }
}

#[test]
fn a_deposit_that_opens_nothing_is_not_paid_again() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        shop.is_late.set(100);
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)), "{kind:?}");
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, get(URL)), not_honored(), "{kind:?}");
        }
        assert_eq!((world.paid(), spent(&world, &client)), (1, 20));
        // It is tried at each call all the same.
        shop.is_late.set(0);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{kind:?}");
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn forgetting_lets_another_deposit_be_paid_and_keeps_what_is_open() {
    let (world, shop, client, host) = begin(Kind::Draft);
    shop.is_late.set(100);
    fetch(&client, &host, get(URL));
    let forget = client.clone();
    world.run(async move { forget.forget(Some(URL)).await.ok().unwrap() });
    shop.is_late.set(0);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let forget = client.clone();
    world.run(async move { forget.forget(None).await.ok().unwrap() });
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), sessions(&world, &client).len()), (2, 1));
}

#[test]
fn calls_in_parallel_share_one_deposit() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        let url = |number| get(&format!("{ORIGIN}/{number}"));
        let running: Vec<_> = (0..5).map(|number| start(&client, &host, url(number)).1).collect();
        let ends = until_done(&host, &running);
        assert_eq!(ends.iter().filter(|end| **end == PAID).count(), 1, "{kind:?}: {ends:?}");
        assert_eq!(ends.iter().filter(|end| **end == REUSED).count(), 4, "{kind:?}: {ends:?}");
        assert_eq!(world.paid(), 1);
        assert_eq!(shop.account(0).spent, 8);
    }
}

#[test]
fn another_process_draws_on_the_session_of_the_first() {
    let world = World::new();
    let shop = Shop::open(&world, Kind::Aperture);
    let store = Rc::new(Store::default());
    let mut config = Config::new(100);
    with_sessions(&mut config);
    let (first, first_host) = client(&world, Some(&store), config.clone());
    let (second, second_host) = client(&world, Some(&store), config);
    assert_eq!(fetch(&first, &first_host, get(URL)), PAID);
    assert_eq!(fetch(&second, &second_host, get(URL)), REUSED);
    assert_eq!((world.paid(), shop.actions()), (1, vec!["open".into(), "bearer".into()]));
    assert_eq!(close(&world, &second).len(), 1);
    // The first remembers an open session. What it is told, it reads again before it pays.
    assert_eq!(fetch(&first, &first_host, get(URL)), PAID);
    assert_eq!(shop.actions()[2..], ["close", "!bearer", "open"]);
    assert_eq!((world.paid(), spent(&world, &first)), (2, 22));
}

#[test]
fn deposits_stay_within_their_own_limit_and_within_all_others() {
    let (world, shop, client, host) = begin(Kind::Draft);
    shop.deposit.set(51);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    shop.deposit.set(30);
    shop.price.set(30);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    assert_eq!(world.paid(), 1);
    assert_eq!(close(&world, &client).len(), 1);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let (world, client, host) = begin_with(|config| config.max_deposit_msat = Some(500_000));
    let shop = Shop::open(&world, Kind::Draft);
    shop.deposit.set(101);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    assert_eq!(world.paid(), 0);
}

#[test]
fn nothing_is_paid_without_an_invoice_for_the_refund() {
    let table: [(&str, fn(&Rc<World>), Code); 4] = [
        (
            "it throws",
            |world| {
                world.on_invoice.replace(Some(Box::new(|_| crate::host::soon(Err(("no".into(), Some("no")))))));
            },
            Code::PaymentFailed,
        ),
        (
            "it hangs",
            |world| {
                world.on_invoice.replace(Some(Box::new(|_| crate::host::never())));
            },
            Code::PaymentFailed,
        ),
        (
            "it is no invoice",
            |world| {
                world.on_invoice.replace(Some(Box::new(|_| crate::host::soon(Ok("lnbc1".into())))));
            },
            Code::InvalidInvoice,
        ),
        (
            "it names an amount",
            |world| {
                let invoice = world.mint.offer(&Default::default(), world.now()).invoice;
                world.on_invoice.replace(Some(Box::new(move |_| crate::host::soon(Ok(invoice.clone())))));
            },
            Code::InvalidInvoice,
        ),
    ];
    for (name, wallet, expected) in table {
        let (world, _, client, host) = begin(Kind::Draft);
        wallet(&world);
        let request = get(URL);
        let told = world.run({
            let client = client.clone();
            async move { client.fetch(call(request.clone()), request).await }
        });
        assert_eq!(code(told.map(|_| ())), Some(expected), "{name}");
        assert_eq!((world.paid(), spent(&world, &client)), (0, 0), "{name}");
        assert!(host.heard().iter().any(|event| event == &format!("refused {}", expected.as_str())), "{name}");
    }
}

#[test]
fn a_deposit_whose_outcome_is_unknown_stands_in_the_way_of_all_others_there() {
    let (world, shop, client, host) = begin(Kind::Draft);
    world.wallet_says(Answer::NoPreimage("undefined".into()));
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::NoPreimage, State::Unknown));
    world.on_pay.replace(None);
    for url in [URL, "https://api.example/other"] {
        assert_eq!(fetch(&client, &host, get(url)), open(Code::PaymentUnknown, State::Unknown), "{url}");
    }
    assert_eq!((world.paid(), shop.actions().len(), spent(&world, &client)), (1, 0, 20));
    let payment = world.run({
        let client = client.clone();
        async move { listed(&client).await.remove(0) }
    });
    let preimage = world.mint.preimage(&payment.payment_hash).unwrap();
    let resolved = client.clone();
    world.run(async move { resolved.resolve(&payment.payment_hash, Some(&preimage)).await.ok().unwrap() });
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), shop.actions()), (1, vec!["open".to_owned()]));
}

#[test]
fn a_charge_is_taken_where_the_session_beside_it_fails_its_checks() {
    let (world, client, host) = begin_with(|config| {
        with_sessions(config);
        config.protocols = vec![Protocol::Mpp];
    });
    let offer = world.mint.offer(&Default::default(), world.now());
    let request = crate::session_shop::base64url(&serde_json::json!({
        "amount": "10", "currency": "sat", "methodDetails": { "invoice": offer.invoice },
    }));
    let shop = Shop::open(&world, Kind::Draft);
    shop.price.set(21);
    let charge = format!(r#", Payment id="x", realm="api", method="lightning", intent="charge", request="{request}""#);
    shop.more.replace(charge);
    let told = fetch(&client, &host, get(URL));
    assert_eq!(host.heard()[..2], ["challenge", "passed_over mpp invalid_challenge"]);
    assert_eq!((world.paid(), told), (1, End::Answer(402, Some(true))), "the shop knows no charges");
}

#[test]
fn realms_have_sessions_of_their_own() {
    let (world, shop, client, host) = begin(Kind::Draft);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    shop.realm.replace("another".into());
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), sessions(&world, &client).len()), (2, 2));
    shop.realm.replace("api".into());
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
}

#[test]
fn a_refund_that_does_not_come_leaves_the_deposit_counted_until_it_does() {
    let (world, shop, client, host) = begin(Kind::Draft);
    fetch(&client, &host, get(URL));
    shop.refunds.set(false);
    assert_eq!(ends(&close(&world, &client)), [(20_000, 20, Refund::Failed, Some(0))]);
    assert_eq!(spent(&world, &client), 20);
    let return_invoice = l402_fetch::wire::invoice::Invoice::decode(&shop.account(0).return_invoice).unwrap();
    world.received.borrow_mut().as_mut().unwrap().insert(return_invoice.payment_hash, 12_000);
    for _ in 0..2 {
        sessions(&world, &client);
        assert_eq!(spent(&world, &client), 8, "it is told again at each look, and counted once");
    }
    world.received.borrow_mut().as_mut().unwrap().insert(return_invoice.payment_hash, 99_000);
    sessions(&world, &client);
    assert_eq!(spent(&world, &client), 0, "no more than was paid");
}

#[test]
fn a_wallet_that_can_not_tell_counts_no_refund() {
    let (world, _, client, host) = begin(Kind::Draft);
    fetch(&client, &host, get(URL));
    world.received.replace(None);
    assert_eq!(ends(&close(&world, &client)), [(20_000, 20, Refund::Succeeded, None)]);
    assert_eq!(spent(&world, &client), 20);
}

#[test]
fn a_stream_that_waits_has_its_session_added_to() {
    for kind in KINDS {
        let (world, shop, client, host) = begin(kind);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        let id = sessions(&world, &client)[0].session_id;
        let top_up = |id| {
            let client = client.clone();
            end(&world.run(async move { client.top_up(call(get(URL)), get(URL), id).await }))
        };
        assert_eq!(top_up(id), PAID);
        assert_eq!((shop.actions(), world.paid()), (vec!["open".to_owned(), "topUp".to_owned()], 2), "{kind:?}");
        assert_eq!(sessions(&world, &client)[0].deposit_msat, 40_000);
        // Another would be more than the limit, and what is no session of ours is not paid for.
        assert_eq!(top_up(id), refused(Code::OverLimit));
        assert_eq!(top_up([7; 32].into()), End::Answer(402, None));
        assert_eq!(world.paid(), 2);
    }
}
