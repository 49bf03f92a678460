//! The places where a token is tried, and the meaning of a refusal.

use crate::host::{
    begin, call, client, end, fetch, get, listed, not_honored, refused, soon, End, Response, Store, World, ORIGIN,
    PAID, REUSED, URL,
};
use crate::mint::Terms;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Request;
use l402_fetch::ledger::token::MOST_REFUSALS;
use l402_fetch::wire::credential::Brought;
use l402_fetch::Code;
use std::rc::Rc;

fn at(path: &str) -> Request {
    get(&format!("{ORIGIN}{path}"))
}

/// The number of the last request's credential. Credentials are numbered in the order in which they first appeared.
fn shown(world: &World) -> Option<usize> {
    let all = world.sent.borrow();
    let mut known: Vec<&str> = Vec::new();
    for credential in all.iter().filter_map(|sent| sent.authorization.as_deref()) {
        if !known.contains(&credential) {
            known.push(credential);
        }
    }
    let last = all.last()?.authorization.as_deref()?;
    known.iter().position(|credential| *credential == last).map(|at| at + 1)
}

#[test]
fn a_request_gets_its_own_token_or_the_one_with_the_longest_common_path() {
    let (world, client, host) = begin();
    world.server.shares.set(false);
    for path in ["/a/1", "/b/x/1", "/b/y/1"] {
        assert_eq!(fetch(&client, &host, at(path)), PAID);
    }
    world.answers(|sent| Ok(Response::status(200, sent)));
    let paths =
        [("/a/1", 1), ("/b/x/1", 2), ("/b/x/2", 2), ("/b/y/2", 3), ("/b/z", 3), ("/a/1?q", 1), ("/a/2/deep", 1)];
    for (path, expected) in paths {
        assert!(client.token_for(&at(path)).is_some());
        assert_eq!((fetch(&client, &host, at(path)), shown(&world)), (REUSED, Some(expected)), "{path}");
    }
    assert_eq!(world.paid(), 3);
}

#[test]
fn no_token_leaves_its_origin_or_joins_the_callers_own_authorization() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    world.answers(|sent| Ok(Response::status(200, sent)));
    for request in [
        get("https://api.example:8443/data"),
        get("http://api.example/data"),
        get("https://sub.api.example/data"),
        get("https://api.example.evil.test/data"),
        Request { brought: Brought { authorization: true, payment: false }, ..get(URL) },
        Request { payable: false, ..get(URL) },
    ] {
        assert_eq!(fetch(&client, &host, request.clone()), End::Answer(200, None), "{request:?}");
    }
    assert_eq!(world.credentials().len(), 1);
}

#[test]
fn a_host_that_is_no_longer_listed_is_shown_nothing() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    let config = Config { hosts: Some(Vec::new()), ..Config::new(100) };
    let (second, host) = client(&world, Some(&store), config);
    let reading = second.clone();
    world.run(async move { reading.read_tokens(&get(URL)).await.ok().unwrap() });
    assert_eq!(fetch(&second, &host, get(URL)), refused(Code::HostNotAllowed));
    assert_eq!((world.paid(), world.credentials().len()), (1, 1));
}

#[test]
fn a_body_that_is_sent_once_takes_only_its_own_token() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    let once = |path: &str| Request { replayable: false, ..at(path) };
    assert!(client.token_for(&once("/a")).is_some());
    assert!(client.token_for(&once("/b")).is_none(), "a refusal could not be answered");
    assert_eq!((world.paid(), fetch(&client, &host, once("/a"))), (1, REUSED));
}

#[test]
fn caveats_are_obeyed() {
    let (world, client, host) = begin();
    let caveats = ["RequestPath = /a", "RequestMethod = GET", "api_valid_until = 1800000060"];
    world.server.terms.replace(Terms { caveats: caveats.map(str::to_owned).into(), ..Terms::default() });
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    let takes = |request: Request| client.token_for(&request).is_some();
    assert!(takes(at("/a")) && takes(at("/a?q=1")));
    assert!(!takes(at("/a/b")) && !takes(at("/")), "the path is exact");
    assert!(!takes(Request { method: "POST".into(), ..at("/a") }));
    world.executor.pass(59_000);
    assert!(takes(at("/a")));
    world.executor.pass(1_000);
    assert!(!takes(at("/a")), "expired");
    world.server.terms.replace(Terms::default());
    assert_eq!(fetch(&client, &host, at("/a")), PAID, "bought anew without trying the old one");
    assert_eq!((world.paid(), world.sends()), (2, 4));
}

#[test]
fn a_token_is_sent_to_its_own_resource_whatever_its_caveats_say_of_paths() {
    let (world, client, host) = begin();
    // Behind a proxy the server knows its paths by other names.
    let caveats = ["RequestPath = /internal/a", "RequestMethod = ANY"];
    world.server.terms.replace(Terms { caveats: caveats.map(str::to_owned).into(), ..Terms::default() });
    assert_eq!([fetch(&client, &host, at("/a")), fetch(&client, &host, at("/a"))], [PAID, REUSED]);
    assert!(client.token_for(&at("/b")).is_none());
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_reused_token_that_is_refused_is_replaced() {
    for refusal in [401, 402] {
        let (world, client, host) = begin();
        world.server.refusal.set(refusal);
        world.server.single_use.set(true);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!((world.paid(), world.sends()), (2, 6 - 1), "tried, asked again without it, paid");
    }
}

#[test]
fn a_closed_door_is_handed_back_and_the_token_not_tried_there_again() {
    for status in [400, 403] {
        let (world, client, host) = begin();
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        world.answers(move |sent| Ok(Response::status(if sent.authorization.is_some() { status } else { 200 }, sent)));
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(false)));
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, None));
        assert_eq!((world.paid(), world.sends()), (1, 4));
    }
}

#[test]
fn a_refusal_counts_for_its_method_and_path_only() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    host.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
    let shop = world.clone();
    world.on_send.replace(Some(Box::new(move |sent| {
        let offer = || shop.mint.offer(&Terms::default(), shop.now()).header();
        (sent.method == "POST").then(|| soon(Ok(Response::challenge(&offer(), sent))))
    })));
    let post = |path| Request { method: "POST".into(), ..at(path) };
    for (path, sends) in [("/a", 2), ("/a?b", 1), ("/c", 2), ("/c", 1), ("/a", 1)] {
        let before = world.sends();
        assert_eq!(fetch(&client, &host, post(path)), refused(Code::Declined));
        assert_eq!(world.sends() - before, sends, "{path}: one more round trip, once");
    }
    for path in ["/a", "/c", "/a/c"] {
        assert_eq!(fetch(&client, &host, at(path)), REUSED, "{path}");
    }
    assert_eq!(world.paid(), 1);
}

#[test]
fn an_answer_that_says_nothing_of_the_token_leaves_it() {
    for status in [408, 429, 500, 502, 503] {
        let (world, client, host) = begin();
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        world.answers(move |sent| Ok(Response::status(status, sent)));
        for _ in 0..3 {
            assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(false)));
        }
        world.on_send.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1));
    }
}

#[test]
fn an_answer_of_another_origin_says_nothing_of_the_token() {
    for status in [400, 401, 402, 403] {
        let (world, client, host) = begin();
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        // The request was redirected, and the token stayed at its origin.
        let header = world.mint.offer(&Terms::default(), world.now()).header();
        world.answers(move |sent| {
            let mut response = Response::challenge(&header, sent);
            response.head.status = status;
            response.head.redirected = true;
            response.head.url = "https://elsewhere.example/login".into();
            Ok(response)
        });
        let expected = if status == 402 { refused(Code::CrossOrigin) } else { End::Answer(status, None) };
        for _ in 0..2 {
            let ended = fetch(&client, &host, get(URL));
            let same = match (&ended, &expected) {
                (End::Answer(a, _), End::Answer(b, _)) => a == b,
                _ => ended == expected,
            };
            assert!(same, "{ended:?}");
        }
        world.on_send.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1), "{status}");
    }
}

#[test]
fn a_token_that_leads_to_a_402_of_another_origin_pays_nothing_there() {
    for status in [401, 402] {
        let (world, client, host) = begin();
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        // The shop accepts the token and redirects to another origin, which asks for money.
        let (shop, terms) = (world.clone(), Terms::default());
        world.on_send.replace(Some(Box::new(move |sent| {
            sent.authorization.as_ref()?;
            assert!(sent.number < 20, "asked for ever");
            let mut response = Response::challenge(&shop.mint.offer(&terms, shop.now()).header(), sent);
            response.head.status = status;
            response.head.redirected = true;
            response.head.url = "https://elsewhere.example/till".into();
            Some(soon(Ok(response)))
        })));
        let expected = if status == 402 { refused(Code::CrossOrigin) } else { End::Answer(status, Some(false)) };
        let before = world.sends();
        assert_eq!(fetch(&client, &host, get(URL)), expected);
        assert_eq!((world.sends() - before, world.paid()), (1, 1), "the token is good, and asked for once");
        world.on_send.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1), "{status}");
    }
}

#[test]
fn who_takes_money_and_gives_nothing_gets_it_once() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    world.answers({
        let world = world.clone();
        move |sent| Ok(Response::challenge(&world.mint.offer(&Terms::default(), world.now()).header(), sent))
    });
    assert_eq!(fetch(&first, &host, get(URL)), End::Answer(402, Some(true)));
    assert_eq!(fetch(&first, &host, get(URL)), not_honored(), "tried once more, then never paid again");
    for url in [URL, &format!("{URL}?other=query")] {
        assert_eq!(fetch(&first, &host, get(url)), not_honored(), "{url}");
    }
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&second, &second_host, get(URL)), not_honored(), "another instance knows");
    assert_eq!(world.paid(), 1);
    assert_eq!(fetch(&first, &host, at("/else")), End::Answer(402, Some(true)), "per method and path");
    assert_eq!(world.paid(), 2);
    let forgetting = first.clone();
    world.run(async move { forgetting.forget(Some(URL)).await.ok().unwrap() });
    assert_eq!(fetch(&first, &host, get(URL)), End::Answer(402, Some(true)), "until it is forgotten");
    assert_eq!(world.paid(), 3);
}

#[test]
fn an_answer_that_says_nothing_of_a_new_token_is_no_refusal() {
    for status in [408, 429, 500, 503] {
        let (world, client, host) = begin();
        world.on_send.replace(Some(Box::new(move |sent| {
            sent.authorization.as_ref()?;
            Some(crate::host::soon(Ok(Response::status(status, sent))))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
        for _ in 0..3 {
            assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(false)));
        }
        world.on_send.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1), "{status}");
    }
}

#[test]
fn no_other_offer_is_tried_at_a_server_that_took_money_for_nothing() {
    let (world, client, host) = begin();
    let inner = Rc::downgrade(&world);
    world.answers(move |sent| {
        let world = inner.upgrade().unwrap();
        let [one, other] = [0, 1].map(|_| world.mint.offer(&Terms::default(), world.now()).header());
        Ok(Response::challenge(&format!("LSAT {}, {other}", one.trim_start_matches("L402 ")), sent))
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    for _ in 0..3 {
        assert_eq!(fetch(&client, &host, get(URL)), not_honored());
    }
    assert_eq!((world.paid(), world.credentials().len()), (1, 4 + 3), "shown in each call, for servers may be slow");
}

#[test]
fn a_server_whose_token_expires_before_its_second_try_is_paid_once() {
    let (world, client, host) = begin();
    world.answers({
        let world = world.clone();
        move |sent| {
            let until = format!("shop_valid_until={}", world.now() / 1000 + 60);
            let terms = Terms { caveats: vec![until], ..Terms::default() };
            Ok(Response::challenge(&world.mint.offer(&terms, world.now()).header(), sent))
        }
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    world.executor.pass(61_000);
    assert_eq!(fetch(&client, &host, get(URL)), not_honored());
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_new_refusal_is_not_the_one_that_is_forgotten() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    // Nothing more may be bought, so there is only this token. Each place refuses it twice at the same time.
    host.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
    world.server.shares.set(false);
    for number in 0..MOST_REFUSALS {
        let calls: Vec<_> = (0..2)
            .map(|_| {
                let (client, request) = (client.clone(), at(&format!("/{number}")));
                world.executor.start(async move { end(&client.fetch(call(request.clone()), request).await) })
            })
            .collect();
        world.executor.run(1000);
        for ended in calls {
            assert_eq!(ended.take(), refused(Code::Declined), "{number}");
        }
    }
    let before = world.sends();
    world.on_send.replace(Some(Box::new(move |sent| {
        assert!(sent.number < before + 20, "asked for ever");
        None
    })));
    assert_eq!(fetch(&client, &host, at("/last")), refused(Code::Declined));
    assert_eq!((world.sends() - before, world.paid()), (2, 1));
}

#[test]
fn a_server_that_is_slow_to_see_the_payment_is_asked_again() {
    let (world, client, host) = begin();
    let slow = std::cell::Cell::new(true);
    world.on_send.replace(Some(Box::new(move |sent| {
        (sent.authorization.is_some() && slow.replace(false))
            .then(|| crate::host::soon(Ok(Response::status(401, sent))))
    })));
    let before = world.now();
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(URL))], [PAID, REUSED]);
    assert_eq!((world.paid(), world.sends(), world.now() - before), (1, 4, 500));
}

#[test]
fn forget_drops_the_tokens_of_one_origin_or_all_and_keeps_the_journal() {
    let (world, client, host) = begin();
    let other = "https://other.example/";
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(other))], [PAID, PAID]);
    let forget = |origin: Option<&'static str>| {
        let client = client.clone();
        world.run(async move { client.forget(origin).await.is_ok() })
    };
    assert!(forget(Some("https://api.example/whatever")));
    assert!(client.token_for(&get(URL)).is_none() && client.token_for(&get(other)).is_some());
    assert!(!forget(Some("no url")));
    assert!(forget(None));
    assert!(client.token_for(&get(other)).is_none());
    let reading = client.clone();
    assert_eq!(world.run(async move { listed(&reading).await.len() }), 2);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 3);
}

#[test]
fn a_forget_that_could_not_be_written_did_not_happen() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    store.fails_at(|op, _| op == crate::host::Op::Write);
    let forgetting = client.clone();
    assert!(world.run(async move { forgetting.forget(None).await.is_err() }));
    store.works();
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_token_that_was_replaced_while_its_request_was_under_way_is_still_known_by_its_id() {
    let (world, client, host) = begin();
    world.server.refusal.set(401);
    world.server.single_use.set(true);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    // The bindings send the request themselves, and come with the answer and the token's id.
    let id = client.token_for(&get(URL)).unwrap().id;
    assert_eq!(fetch(&client, &host, get(URL)), PAID, "another call replaced it meanwhile");
    let response = Response {
        problem: None,
        json: None,
        head: l402_fetch::flow::host::Head { status: 401, url: URL.into(), ..Default::default() },
        number: 99,
    };
    let answering = client.clone();
    let result = world.run(async move {
        let token = answering.token(id);
        answering.answer(call(get(URL)), get(URL), token, Some(response)).await
    });
    assert_eq!(end(&result), PAID, "sent again without it, the new one being used up too");
    assert_eq!(world.paid(), 3);
}

#[test]
fn a_new_instance_can_tell_a_token_that_is_used_up_from_one_that_was_never_honoured() {
    for refusal in [401, 402] {
        let (world, store) = (World::new(), Store::new());
        world.server.refusal.set(refusal);
        world.server.single_use.set(true);
        for paid in 1..4 {
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let reading = client.clone();
            world.run(async move { reading.read_tokens(&get(URL)).await.ok().unwrap() });
            assert_eq!(fetch(&client, &host, get(URL)), PAID);
            assert_eq!(world.paid(), paid);
        }
    }
}

#[test]
fn that_a_token_was_taken_is_written_once_and_holds_nobody_up() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert!(store.text("token/").contains(r#""accepted":true"#));
    let writes = store.count(crate::host::Op::Write);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(store.count(crate::host::Op::Write), writes);
    // A store that fails, or is silent, costs the caller neither the response nor much time.
    let silent = crate::executor::Later::new();
    for is_silent in [false, true] {
        let (inner, wait) = (store.clone(), silent.clone());
        world.on_send.replace(Some(Box::new(move |sent| {
            sent.authorization.as_ref()?;
            if is_silent {
                inner.departure.replace(Some(wait.clone()));
            } else {
                inner.fails_at(|_, _| true);
            }
            Some(crate::host::soon(Ok(Response::status(200, sent))))
        })));
        let url = if is_silent { "https://silent.example/" } else { "https://broken.example/" };
        let before = world.now();
        assert_eq!(fetch(&client, &host, get(url)), PAID);
        let most = if is_silent { 5_010 } else { 10 };
        assert!((most - 10..=most).contains(&(world.now() - before)), "{}", world.now() - before);
        store.works();
    }
    assert_eq!(world.paid(), 3);
}

#[test]
fn another_resources_token_that_is_refused_twice_at_once_dishonours_nothing() {
    let (world, client, host) = begin();
    world.server.shares.set(false);
    let inner = world.clone();
    world.on_send.replace(Some(Box::new(move |sent| {
        sent.authorization.as_ref()?;
        inner.serve(sent);
        Some(crate::host::soon(Err("cut off")))
    })));
    assert!(matches!(fetch(&client, &host, at("/z")), End::Raised { code: Code::RequestFailed, .. }));
    world.on_send.replace(None);
    let running: Vec<_> = (0..2).map(|_| crate::parallel::start(&client, &host, at("/x")).1).collect();
    assert_eq!(crate::parallel::until_done(&host, &running), [PAID, REUSED]);
    assert_eq!(world.paid(), 2);
}
