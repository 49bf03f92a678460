//! A token that is sent on a guess costs nothing. Every refusal shows what an origin's tokens are good for.

use crate::host::{
    begin, call, client, end, fetch, get, refused, soon, spent, End, Fake, Response, Sent, Store, TheClient, World,
    ORIGIN, PAID, PREFLIGHT, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Request;
use l402_fetch::Code;
use std::rc::Rc;

fn bought() -> (Rc<World>, TheClient, Fake) {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    (world, client, host)
}

fn at(path: &str) -> Request {
    get(&format!("{ORIGIN}{path}"))
}

fn post(path: &str) -> Request {
    Request { method: "POST".into(), ..at(path) }
}

/// Answers that come before the world's server.
fn before_the_server(world: &Rc<World>, answer: impl Fn(&Sent) -> Option<Result<Response, &'static str>> + 'static) {
    world.on_send.replace(Some(Box::new(move |sent| answer(sent).map(soon))));
}

/// Free paths that refuse every request with an Authorization.
fn refuses_authorization(world: &Rc<World>, status: u16) {
    before_the_server(world, move |sent| {
        let is_free = sent.url.contains("/free");
        is_free.then(|| match (&sent.authorization, status) {
            (None, _) => Ok(Response::status(200, sent)),
            (_, 0) => Err(PREFLIGHT),
            _ => Ok(Response::status(status, sent)),
        })
    });
}

#[test]
fn a_request_that_a_guess_breaks_is_sent_again_without_the_token() {
    // 0 stands for a refused preflight.
    for status in [0, 400, 401, 402, 403, 404, 405, 410, 500, 502, 503] {
        let (world, client, host) = bought();
        refuses_authorization(&world, status);
        for (path, sends) in [("/free/a", 2), ("/free/a", 1), ("/free/a?q", 1), ("/free/b", 2)] {
            let before = world.sends();
            assert_eq!(fetch(&client, &host, at(path)), End::Answer(200, None), "{status} {path}");
            assert_eq!(world.sends() - before, sends, "{status} {path}");
        }
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1), "the token stays good");
        assert_eq!(spent(&world, &client), 10);
    }
}

#[test]
fn a_method_that_acts_is_sent_again_only_if_the_server_refused_to_act() {
    for status in [401, 402] {
        let (world, client, host) = bought();
        refuses_authorization(&world, status);
        assert_eq!(fetch(&client, &host, post("/free")), End::Answer(200, None));
        assert_eq!(world.sends(), 2 + 2);
    }
    for status in [400, 403, 404, 500, 503] {
        let (world, client, host) = bought();
        refuses_authorization(&world, status);
        assert_eq!(fetch(&client, &host, post("/free")), End::Answer(status, Some(false)));
        assert_eq!(world.sends(), 2 + 1);
        assert_eq!(
            (fetch(&client, &host, post("/free")), world.sends()),
            (End::Answer(200, None), 4),
            "not tried there again"
        );
    }
    let (world, client, host) = bought();
    refuses_authorization(&world, 0);
    assert_eq!(fetch(&client, &host, post("/free")), End::Foreign(PREFLIGHT));
    assert_eq!((world.sends(), world.paid()), (3, 1), "it may have acted");
    assert_eq!(fetch(&client, &host, post("/free")), End::Answer(200, None), "not tried there again");
    assert_eq!((world.sends(), world.paid(), spent(&world, &client)), (4, 1, 10));
}

#[test]
fn an_answer_that_asks_to_wait_is_handed_back() {
    for status in [408, 429] {
        let (world, client, host) = bought();
        refuses_authorization(&world, status);
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, at("/free")), End::Answer(status, Some(false)));
        }
        assert_eq!((world.sends(), world.paid()), (4, 1));
    }
}

#[test]
fn a_network_error_that_is_no_preflight_is_the_runtimes_own() {
    let (world, client, host) = bought();
    before_the_server(&world, |_| Some(Err("reset")));
    assert_eq!(fetch(&client, &host, at("/other")), End::Foreign("reset"));
    assert_eq!(world.sends(), 3);
    // The error of a token's own resource does not come from a guess.
    before_the_server(&world, |_| Some(Err(PREFLIGHT)));
    assert_eq!((fetch(&client, &host, get(URL)), world.sends()), (End::Foreign(PREFLIGHT), 4));
    // A dead network is dead without the token, too, and nothing is learnt that costs money.
    assert_eq!((fetch(&client, &host, at("/other")), world.sends()), (End::Foreign(PREFLIGHT), 6));
    world.on_send.replace(None);
    assert_eq!((fetch(&client, &host, at("/other")), world.paid()), (REUSED, 1), "a 402 is answered with the token");
}

#[test]
fn a_server_that_fails_for_a_moment_costs_no_second_payment_if_tokens_are_shared() {
    for status in [500, 503] {
        let (world, client, host) = bought();
        before_the_server(&world, move |sent| Some(Ok(Response::status(status, sent))));
        assert_eq!(fetch(&client, &host, at("/other")), End::Answer(status, None));
        world.on_send.replace(None);
        assert_eq!(
            [fetch(&client, &host, at("/other")), fetch(&client, &host, at("/other"))],
            [REUSED, End::Answer(200, Some(false))]
        );
        assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
    }
}

#[test]
fn another_realm_can_be_bought_after_any_refusal_of_the_token() {
    for status in [400, 401, 402, 403, 404, 500, 503] {
        let (world, client, host) = bought();
        let realm = |url: &str| url.contains("/y/");
        let bought = std::cell::RefCell::new(None::<String>);
        before_the_server(&world, move |sent| {
            let shown = sent.authorization.clone()?;
            // The first token is of realm x, the second of y.
            let first = bought.borrow_mut().get_or_insert_with(|| shown.clone()).clone();
            (realm(&sent.url) && shown == first).then(|| Ok(Response::status(status, sent)))
        });
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        assert_eq!(fetch(&client, &host, at("/y/1")), PAID, "{status}");
        assert_eq!([fetch(&client, &host, at("/y/1")), fetch(&client, &host, get(URL))], [REUSED, REUSED]);
        assert_eq!((world.paid(), spent(&world, &client)), (2, 20), "{status}");
    }
}

#[test]
fn another_realm_can_be_bought_with_a_post() {
    let (world, client, host) = bought();
    let bought = std::cell::RefCell::new(None::<String>);
    before_the_server(&world, move |sent| {
        let shown = sent.authorization.clone()?;
        let first = bought.borrow_mut().get_or_insert_with(|| shown.clone()).clone();
        (sent.url.contains("/y/") && shown == first).then(|| Ok(Response::status(500, sent)))
    });
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    let ends: Vec<_> = (0..4).map(|_| fetch(&client, &host, post("/y/1"))).collect();
    let failed = End::Answer(500, Some(false));
    assert_eq!(ends, [failed.clone(), failed, PAID, REUSED], "each answer that may be an act's is the caller's");
    assert_eq!(world.paid(), 2);
}

/// A server whose tokens are good once. It refuses used ones with this status.
fn single_use(status: u16) -> (Rc<World>, TheClient, Fake) {
    let world = World::new();
    world.server.single_use.set(true);
    world.server.refusal.set(status);
    let (client, host) = client(&world, None, Config::new(100));
    (world, client, host)
}

#[test]
fn ten_calls_at_once_to_a_server_of_single_use_tokens_get_ten_answers() {
    for status in [400, 401, 402, 403] {
        let (world, client, host) = single_use(status);
        let running: Vec<_> = (0..10).map(|_| start(&client, &host, get(URL)).1).collect();
        assert_eq!(until_done(&host, &running), vec![PAID; 10], "{status}");
        assert_eq!((world.paid(), spent(&world, &client)), (10, 100));
    }
}

#[test]
fn no_used_token_is_sent_to_a_server_of_single_use_tokens() {
    for status in [401, 402] {
        let (world, client, host) = single_use(status);
        for sends in [2, 3, 3, 2, 2, 2] {
            let before = world.sends();
            assert_eq!(fetch(&client, &host, get(URL)), PAID);
            assert_eq!(world.sends() - before, sends, "{status}");
        }
        let before = world.sends();
        assert_eq!(fetch(&client, &host, at("/other")), PAID);
        assert_eq!((world.sends() - before, world.paid()), (2, 7), "nor to another path");
    }
}

#[test]
fn where_tokens_are_good_once_the_used_ones_make_room() {
    let (world, store) = (World::new(), Store::new());
    world.server.single_use.set(true);
    let (client, host) = client(&world, Some(&store), Config::new(100));
    for _ in 0..40 {
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
    }
    assert_eq!(store.keys("token/").len(), 1, "one row for the resource");
    let kept = store.text("token/").matches(r#""preimage":""#).count();
    assert!(kept <= 2, "{kept} tokens of 40");
    let path = store.text("path/").matches(r#""paymentHash":""#).count();
    assert!(path <= 1, "{path} that were never accepted");
    assert_eq!((world.paid(), spent(&world, &client)), (40, 400));
}

#[test]
fn a_server_that_refuses_used_up_tokens_with_403_fails_at_most_two_calls() {
    for status in [400, 403] {
        let (world, client, host) = single_use(status);
        let ends: Vec<_> = (0..10).map(|_| fetch(&client, &host, get(URL))).collect();
        let closed = End::Answer(status, Some(false));
        assert_eq!(ends[..4], [PAID, closed.clone(), PAID, closed]);
        assert_eq!(ends[4..], vec![PAID; 6]);
        for path in ["/b", "/c"] {
            assert_eq!(fetch(&client, &host, at(path)), PAID);
        }
        assert_eq!((world.paid(), spent(&world, &client)), (10, 100));
    }
}

#[test]
fn the_first_call_to_each_other_path_does_not_fail() {
    for status in [400, 403] {
        let (world, client, host) = single_use(status);
        for path in ["/a", "/b", "/c", "/d"] {
            assert_eq!(fetch(&client, &host, at(path)), PAID, "{status} {path}");
        }
        assert_eq!(world.paid(), 4);
    }
}

#[test]
fn a_server_whose_tokens_are_good_again_is_noticed() {
    let (world, client, host) = single_use(402);
    for _ in 0..5 {
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
    }
    world.server.single_use.set(false);
    let ends: Vec<_> = (0..20).map(|_| fetch(&client, &host, get(URL))).collect();
    let paid = ends.iter().filter(|end| **end == PAID).count();
    assert!(paid <= 10, "{paid} payments for what one opens");
    assert_eq!((ends.last().unwrap(), world.paid()), (&REUSED, 5 + paid));
}

#[test]
fn an_origin_whose_token_opened_another_resource_is_known_to_share() {
    let (world, client, host) = bought();
    assert!(!client.is_shared(ORIGIN));
    assert_eq!(fetch(&client, &host, at("/b")), REUSED);
    assert!(client.is_shared(ORIGIN) && !client.is_shared("https://other.example"));
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(None).await.ok().unwrap() });
    assert!(!client.is_shared(ORIGIN));

    let world = World::new();
    world.server.shares.set(false);
    let (client, host) = crate::host::client(&world, None, Config::new(100));
    for path in ["/a", "/b", "/a"] {
        fetch(&client, &host, at(path));
    }
    assert!(!client.is_shared(ORIGIN));
    // Waiting for the purchase of another resource, and opened by its token.
    let world = World::new();
    let (client, host) = crate::host::client(&world, None, Config::new(100));
    let running: Vec<_> = ["/a", "/b"].map(|path| start(&client, &host, at(path)).1).into();
    assert_eq!((until_done(&host, &running), client.is_shared(ORIGIN)), (vec![PAID, REUSED], true));
}

#[test]
fn a_free_page_that_accepts_any_token_honours_none() {
    let world = World::new();
    let (client, host) = crate::host::client(&world, None, Config::new(100));
    let seller = Rc::downgrade(&world);
    before_the_server(&world, move |sent| {
        if sent.url.contains("/free") {
            return Some(Ok(Response::status(200, sent)));
        }
        let world = seller.upgrade()?;
        Some(Ok(Response::challenge(&world.mint.offer(&Terms::default(), world.now()).header(), sent)))
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    for _ in 0..3 {
        assert_eq!(fetch(&client, &host, at("/free")), REUSED);
        assert_eq!(fetch(&client, &host, get(URL)), crate::host::not_honored());
    }
    assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
}

#[test]
fn an_abort_at_a_guess_is_the_callers_own_and_sends_nothing_more() {
    let (world, client, host) = bought();
    let calling = call(at("/free"));
    let aborts = calling.clone();
    before_the_server(&world, move |_| {
        aborts.aborted.set(true);
        Some(Err(PREFLIGHT))
    });
    let (asking, mine) = (client.clone(), calling.clone());
    let ended = end(&host.world.run(async move { asking.fetch(mine, at("/free")).await }));
    assert_eq!((ended, world.sends()), (End::Foreign(PREFLIGHT), 3));
}

#[test]
fn a_resource_that_closes_its_door_to_its_own_token_is_handed_back() {
    let (world, client, host) = bought();
    host.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
    before_the_server(&world, |sent| sent.authorization.is_some().then(|| Ok(Response::status(403, sent))));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(403, Some(false)));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::Declined), "not tried there again");
    assert_eq!((world.paid(), world.sends()), (1, 4));
}
