//! Calls at the same time. One pays, and the others share or wait.

use crate::executor::Running;
use crate::host::{
    begin, call, client, end, fetch, get, listed, open, refused, soon, Call, End, Fake, Response, Store, TheClient,
    World, ORIGIN, PAID, REUSED, URL,
};
use crate::mint::Terms;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::{Answer, Request};
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use std::future::{poll_fn, Future};
use std::rc::Rc;

pub fn start(client: &TheClient, host: &Fake, request: Request) -> (Rc<Call>, Running<End>) {
    let (client, call) = (client.clone(), call(request.clone()));
    let calling = call.clone();
    (call, host.world.executor.start(async move { end(&client.fetch(calling, request).await) }))
}

fn at(path: &str) -> Request {
    get(&format!("{ORIGIN}{path}"))
}

pub fn until_done(host: &Fake, running: &[Running<End>]) -> Vec<End> {
    for _ in 0..1000 {
        host.world.executor.run_ready();
        if running.iter().all(Running::is_done) {
            break;
        }
        host.world.executor.run(1000);
    }
    running.iter().map(Running::take).collect()
}

#[test]
fn ten_thousand_callers_pay_once() {
    let (world, client, host) = begin();
    world.sells(Terms::default());
    let running: Vec<_> = (0..10_000).map(|_| start(&client, &host, get(URL)).1).collect();
    let ends = until_done(&host, &running);
    assert_eq!(world.paid(), 1);
    assert_eq!(ends.iter().filter(|end| **end == PAID).count(), 1);
    assert_eq!(ends.iter().filter(|end| **end == REUSED).count(), 9_999);
    assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"], "one purchase, told once");
}

#[test]
fn a_failure_is_shared_and_each_gets_its_own_402() {
    let (world, client, host) = begin();
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: Some("no route") });
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    let expected = End::Raised {
        code: Code::PaymentFailed,
        cause: Some("no route"),
        state: Some(State::Failed),
        has_response: true,
    };
    assert_eq!(until_done(&host, &running), vec![expected; 3]);
    assert_eq!((world.paid(), host.heard().len()), (1, 4));
}

#[test]
fn one_token_opens_the_resources_of_an_origin() {
    let (world, client, host) = begin();
    let running: Vec<_> = ["/a", "/b", "/a/c"].map(|path| start(&client, &host, at(path)).1).into();
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn resources_with_tokens_of_their_own_are_each_bought_once() {
    let world = World::new();
    world.server.shares.set(false);
    let (client, host) = client(&world, None, Config::new(100));
    let running: Vec<_> = ["/a", "/b", "/c", "/a", "/b"].map(|path| start(&client, &host, at(path)).1).into();
    let ends = until_done(&host, &running);
    assert_eq!((ends, world.paid()), (vec![PAID, PAID, PAID, REUSED, REUSED], 3));
    for path in ["/a", "/b", "/c"] {
        assert_eq!(fetch(&client, &host, at(path)), REUSED);
    }
}

#[test]
fn origins_do_not_wait_for_each_other() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let (_, first) = start(&client, &host, get(URL));
    world.executor.run_ready();
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID);
    assert!(!first.is_done());
    let hash = first_hash(&world, &client);
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first]), [PAID]);
    assert_eq!(world.paid(), 2);
}

pub fn first_hash(world: &Rc<World>, client: &TheClient) -> PaymentHash {
    let client = client.clone();
    world.run(async move { listed(&client).await[0].payment_hash })
}

#[test]
fn resources_of_an_origin_that_does_not_share_are_bought_in_parallel() {
    let world = World::new();
    world.server.shares.set(false);
    let (client, host) = client(&world, None, Config::new(100));
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    assert_eq!(fetch(&client, &host, at("/b")), PAID);
    let _never = world.wallet_waits();
    let (_, waiting) = start(&client, &host, at("/c"));
    world.executor.run_ready();
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, at("/d")), PAID);
    assert!(!waiting.is_done());
    assert_eq!(world.paid(), 4);
}

#[test]
fn a_single_use_token_is_replaced_once_it_is_refused() {
    for refusal in [401, 402] {
        let world = World::new();
        world.server.single_use.set(true);
        world.server.refusal.set(refusal);
        let (client, host) = client(&world, None, Config::new(100));
        for paid in 1..4 {
            assert_eq!(fetch(&client, &host, get(URL)), PAID);
            assert_eq!(world.paid(), paid);
        }
        let running: Vec<_> = (0..4).map(|_| start(&client, &host, get(URL)).1).collect();
        assert_eq!(until_done(&host, &running), vec![PAID; 4]);
        assert_eq!(world.paid(), 7, "each call got its answer for one payment");
    }
}

#[test]
fn one_invoice_for_two_resources_is_paid_once() {
    let world = World::new();
    world.server.shares.set(false);
    let (client, host) = client(&world, None, Config::new(100));
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    assert_eq!(fetch(&client, &host, at("/b")), PAID);
    // Both are asked for the same hash, and the caller takes its time to consent.
    world.offers(Terms { preimage: Some(77), ..Terms::default() });
    let executor = world.executor.clone();
    host.approve.replace(Some(Box::new(move |_| {
        let executor = executor.clone();
        Box::pin(async move {
            executor.sleep(1000).await;
            Ok(true)
        })
    })));
    let _never = world.wallet_waits();
    let (_, c) = start(&client, &host, at("/c"));
    let (_, d) = start(&client, &host, at("/d"));
    world.executor.run(2000);
    assert_eq!(world.paid(), 3, "the second finds the hash in the journal");
    assert!(!c.is_done());
    assert_eq!(d.take(), open(Code::PaymentUnknown, State::Pending));
}

#[test]
fn a_purchase_under_way_is_joined_whatever_is_learnt_of_the_origin() {
    let world = World::new();
    world.server.shares.set(false);
    let (client, host) = client(&world, None, Config::new(100));
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    assert_eq!(fetch(&client, &host, at("/b")), PAID);
    // Not yet known to the wallet: the journal is written, the payment not started.
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (_, first) = start(&client, &host, at("/c"));
    world.executor.run_ready();
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(None).await.ok().unwrap() });
    let (_, second) = start(&client, &host, at("/c"));
    world.executor.run_ready();
    assert_eq!(world.paid(), 3, "a lookup that finds nothing yet is not believed");
    let hash = {
        let client = client.clone();
        world.run(async move { listed(&client).await[2].payment_hash })
    };
    world.on_pay.replace(None);
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first, second]), [PAID, REUSED]);
    assert_eq!(world.paid(), 3);
}

#[test]
fn one_callers_abort_ends_only_its_own() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let (first, ends_first) = start(&client, &host, get(URL));
    let (_, ends_second) = start(&client, &host, get(URL));
    world.executor.run_ready();
    first.aborted.set(true);
    answer.bring(world.proof_of(&first_hash(&world, &client)));
    assert_eq!(until_done(&host, &[ends_first, ends_second]), [End::Foreign("aborted"), REUSED]);
    assert_eq!(world.paid(), 1, "the payment goes on");
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
}

#[test]
fn nothing_is_paid_for_callers_who_gave_up_and_nobody_is_asked() {
    let (world, client, host) = begin();
    host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
    let (aborted, ends) = start(&client, &host, get(URL));
    let seen = aborted.clone();
    host.on_event.replace(Some(Box::new(move |event| seen.aborted.set(event == "quote"))));
    assert_eq!(until_done(&host, &[ends]), [End::Abandoned]);
    assert_eq!((world.paid(), host.approvals.get()), (0, 0));
    host.on_event.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
}

#[test]
fn an_abort_while_consent_is_awaited_pays_nothing_unless_another_waits() {
    for others in [0, 1] {
        let (world, client, host) = begin();
        let consent = host.user_waits();
        let (aborted, first) = start(&client, &host, get(URL));
        let rest: Vec<_> = (0..others).map(|_| start(&client, &host, get(URL)).1).collect();
        world.executor.run_ready();
        aborted.aborted.set(true);
        consent.bring(Ok(true));
        let expected = if others == 0 { End::Abandoned } else { End::Foreign("aborted") };
        assert_eq!(until_done(&host, &[first]), [expected]);
        assert_eq!(until_done(&host, &rest), vec![REUSED; others]);
        assert_eq!(world.paid(), others);
    }
}

#[test]
fn a_caller_who_comes_after_all_others_gave_up_buys_for_itself() {
    let (world, client, host) = begin();
    let consent = host.user_waits();
    let (first, ends_first) = start(&client, &host, get(URL));
    world.executor.run_ready();
    first.aborted.set(true);
    let (_, ends_second) = start(&client, &host, at("/other"));
    world.executor.run_ready();
    consent.bring(Ok(true));
    assert_eq!(until_done(&host, &[ends_first, ends_second]), [End::Abandoned, PAID]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_starter_that_is_dropped_leaves_nobody_waiting() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    // A timer drops the first caller's future while the wallet is asked.
    let (dropped, executor) = (client.clone(), world.executor.clone());
    let gone = world.executor.start(async move {
        let mut calling = Box::pin(dropped.fetch(call(get(URL)), get(URL)));
        let mut sleeping = Box::pin(executor.sleep(1000));
        poll_fn(|context| {
            let _ = calling.as_mut().poll(context).is_ready();
            sleeping.as_mut().poll(context)
        })
        .await;
    });
    let (_, waiting) = start(&client, &host, get(URL));
    world.executor.run(2000);
    assert!(gone.is_done());
    answer.bring(world.proof_of(&first_hash(&world, &client)));
    world.executor.run(10_000);
    assert_eq!((waiting.take(), world.paid()), (REUSED, 1));
}

#[test]
fn calls_that_waited_do_not_send_a_token_that_is_bound_to_another_path() {
    let (world, client, host) = begin();
    world.server.terms.replace(Terms { caveats: vec!["RequestPath = /a".into()], ..Terms::default() });
    let (_, a) = start(&client, &host, at("/a"));
    let (_, b) = start(&client, &host, at("/b"));
    assert_eq!(until_done(&host, &[a, b]), [PAID, PAID]);
    let sent = world.sent.borrow();
    let first = sent.iter().find_map(|sent| sent.authorization.clone()).unwrap();
    assert!(sent.iter().all(|sent| sent.authorization.as_ref() != Some(&first) || sent.url.ends_with("/a")));
    assert_eq!(world.paid(), 2);
}

#[test]
fn limits_hold_whatever_runs_in_parallel() {
    let world = World::new();
    let mut config = Config::new(100);
    config.limits.all.per_hour = Some(45_000);
    let (client, host) = client(&world, None, config);
    let running: Vec<_> =
        (0..8).map(|number| start(&client, &host, get(&format!("https://shop{number}.example/"))).1).collect();
    let ends = until_done(&host, &running);
    let paid = ends.iter().filter(|end| **end == PAID).count();
    // Each reserves 10 sat and a fee of at most 5 until its outcome is known.
    assert_eq!((paid, world.paid()), (3, 3));
    assert_eq!(ends.iter().filter(|end| **end == refused(Code::OverLimit)).count(), 5);
    let spent = client.clone();
    assert_eq!(world.run(async move { spent.spent(None).await.ok().unwrap().hour }), 30);
    assert_eq!(fetch(&client, &host, get("https://last.example/")), PAID, "fees that were not spent are free again");
    assert_eq!(world.paid(), 4);
}

#[test]
fn a_reserve_is_counted_once() {
    let world = World::new();
    let mut config = Config::new(100);
    config.limits.all.total = Some(30_000);
    let (client, host) = client(&world, None, config);
    let _never = world.wallet_waits();
    let (_, first) = start(&client, &host, get("https://a.example/"));
    world.executor.run_ready();
    assert!(!first.is_done());
    let (_, second) = start(&client, &host, get("https://b.example/"));
    world.executor.run_ready();
    assert!(!second.is_done(), "2 x 15 sat fit into 30");
    assert_eq!(world.paid(), 2);
}

#[test]
fn approve_is_not_asked_about_a_payment_that_the_limits_have_no_room_for() {
    let world = World::new();
    let mut config = Config::new(100);
    config.limits.all.total = Some(15_000);
    let (client, host) = client(&world, None, config);
    let consent = host.user_waits();
    let (_, first) = start(&client, &host, get("https://a.example/"));
    world.executor.run_ready();
    assert_eq!(fetch(&client, &host, get("https://b.example/")), refused(Code::OverLimit));
    assert_eq!(host.approvals.get(), 1);
    consent.bring(Ok(false));
    assert_eq!(until_done(&host, &[first]), [refused(Code::Declined)]);
    host.approve.replace(None);
    assert_eq!(fetch(&client, &host, get("https://b.example/")), PAID, "what was reserved is free again");
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_listener_may_fetch_by_itself() {
    let (world, client, host) = begin();
    let (inner, executor) = (client.clone(), world.executor.clone());
    host.on_event.replace(Some(Box::new(move |_| {
        let client = inner.clone();
        drop(executor.start(async move { end(&client.fetch(call(at("/b")), at("/b")).await) }));
    })));
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    world.executor.run(1000);
    assert_eq!(world.paid(), 1);
    host.on_event.replace(None);
}

#[test]
fn a_waiter_tries_the_new_token_after_the_payer() {
    let (world, client, host) = begin();
    let payers = crate::executor::Later::new();
    let (gate, inner) = (payers.clone(), world.clone());
    world.on_send.replace(Some(Box::new(move |sent| {
        sent.authorization.as_ref()?;
        let first = inner.credentials().len() == 1;
        let (gate, sent) = (gate.clone(), sent.clone());
        Some(Box::pin(async move {
            if first {
                gate.get().await;
            }
            Ok(Response::status(200, &sent))
        }))
    })));
    let (_, payer) = start(&client, &host, get(URL));
    let (_, waiter) = start(&client, &host, get(URL));
    world.executor.run_ready();
    assert_eq!(world.credentials().len(), 1);
    payers.bring(());
    assert_eq!(until_done(&host, &[payer, waiter]), [PAID, REUSED]);
    assert_eq!(world.paid(), 1);
}

/// Two instances on one store. If `shares`, the second has seen a token of the origin open another resource that had
/// asked for money. After that the server's tokens are good for one resource each.
fn two_instances(shares: bool) -> (Rc<World>, (TheClient, Fake), (TheClient, Fake)) {
    let (world, store) = (World::new(), Store::new());
    world.server.shares.set(shares);
    let (other, other_host) = client(&world, Some(&store), Config::new(100));
    let running = [start(&other, &other_host, at("/x")).1, start(&other, &other_host, at("/y")).1];
    assert_eq!(until_done(&other_host, &running), [PAID, if shares { REUSED } else { PAID }]);
    world.server.shares.set(false);
    let first = client(&world, Some(&store), Config::new(100));
    (world, first, (other, other_host))
}

#[test]
fn anothers_purchase_of_another_resource_is_not_waited_for_if_tokens_are_not_shared() {
    let (world, (knowing, host), (other, other_host)) = two_instances(false);
    let answer = world.wallet_waits();
    let (_, first) = start(&knowing, &host, at("/a"));
    world.executor.run(1000);
    world.on_pay.replace(None);
    assert_eq!((fetch(&other, &other_host, at("/b")), world.paid()), (PAID, 4));
    let open = knowing.clone();
    let hash = world.run(async move { listed(&open).await[2].payment_hash });
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first]), [PAID]);
}

#[test]
fn a_purchase_under_way_for_another_resource_of_a_shared_origin_is_waited_for() {
    // One token opened another resource, and another token was refused at one. So an open payment stands in the way of
    // the whole origin, but purchases run side by side.
    let (world, _, (client, host)) = two_instances(true);
    assert_eq!(fetch(&client, &host, at("/a")), PAID);
    let answer = world.wallet_waits();
    let (_, first) = start(&client, &host, at("/b"));
    world.executor.run(1000);
    let (_, second) = start(&client, &host, at("/c"));
    world.executor.run(1000);
    assert!(!second.is_done(), "{:?}", second.take());
    world.on_pay.replace(None);
    let open = client.clone();
    let hash = world.run(async move { listed(&open).await[2].payment_hash });
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first, second]), [PAID, PAID]);
    assert_eq!(world.paid(), 4);
}

#[test]
fn anothers_purchase_of_another_resource_is_waited_for() {
    let (world, (knowing, host), (other, other_host)) = two_instances(true);
    let answer = world.wallet_waits();
    let (_, first) = start(&knowing, &host, at("/a"));
    world.executor.run(1000);
    let (_, second) = start(&other, &other_host, at("/b"));
    world.executor.run(1000);
    assert!(!second.is_done());
    world.on_pay.replace(None);
    let open = knowing.clone();
    let hash = world.run(async move { listed(&open).await[1].payment_hash });
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first, second]), [PAID, PAID]);
    assert_eq!(world.paid(), 3);
}

#[test]
fn a_purchase_that_another_began_meanwhile_is_waited_for() {
    let (world, (knowing, host), (other, other_host)) = two_instances(true);
    let consent = other_host.user_waits();
    let (_, second) = start(&other, &other_host, at("/b"));
    world.executor.run(1000);
    let answer = world.wallet_waits();
    let (_, first) = start(&knowing, &host, at("/a"));
    world.executor.run(1000);
    consent.bring(Ok(true));
    world.executor.run(1000);
    assert!(!second.is_done());
    world.on_pay.replace(None);
    let open = knowing.clone();
    let hash = world.run(async move { listed(&open).await[1].payment_hash });
    answer.bring(world.proof_of(&hash));
    assert_eq!(until_done(&host, &[first, second]), [PAID, PAID]);
    assert_eq!(world.paid(), 3);
}

/// A wallet that takes this long for each payment.
fn slow_wallet(world: &Rc<World>, milliseconds: u64) {
    let (inner, executor) = (Rc::downgrade(world), world.executor.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        let (proof, executor) = (inner.upgrade().unwrap().proof(invoice), executor.clone());
        Box::pin(async move {
            executor.sleep(milliseconds).await;
            proof
        })
    })));
}

#[test]
fn a_call_that_waits_until_its_invoice_expires_asks_once_for_a_fresh_one() {
    let world = World::new();
    world.server.single_use.set(true);
    world.server.terms.replace(Terms { expiry_s: 60, ..Terms::default() });
    slow_wallet(&world, 40_000);
    let (client, host) = client(&world, None, Config::new(100));
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), [PAID; 3]);
    assert_eq!(world.paid(), 3);

    // The calls are for different resources. A call that waited has not seen a fresh 402 since.
    let other = World::new();
    other.server.shares.set(false);
    other.server.terms.replace(Terms { expiry_s: 60, ..Terms::default() });
    other.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
    let (client, host) = crate::host::client(&other, None, Config::new(100));
    let consent = host.user_waits();
    let (_, first) = start(&client, &host, at("/a"));
    let (_, second) = start(&client, &host, at("/b"));
    other.executor.run(30_000);
    let sends = other.sends();
    other.executor.run(40_000);
    host.approve.replace(None);
    other.on_pay.replace(None);
    consent.bring(Ok(false));
    assert_eq!(until_done(&host, &[first, second]), [refused(Code::Declined), PAID]);
    assert_eq!((other.paid(), other.sends() - sends), (1, 2), "a fresh 402, and the repeat");
}

#[test]
fn an_invoice_that_has_expired_when_it_comes_is_not_asked_for_again() {
    let (world, client, host) = begin();
    world.server.terms.replace(Terms { expiry_s: 5, ..Terms::default() });
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvoiceExpired));
    assert_eq!((world.sends(), world.paid()), (1, 0));
    // It asks only once, even if every invoice expires during consent.
    world.server.terms.replace(Terms { expiry_s: 60, ..Terms::default() });
    let executor = world.executor.clone();
    host.approve.replace(Some(Box::new(move |_| {
        let executor = executor.clone();
        Box::pin(async move {
            executor.sleep(60_000).await;
            Ok(true)
        })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvoiceExpired));
    assert_eq!((world.sends(), world.paid(), host.approvals.get()), (3, 0, 2));
}

#[test]
fn a_crowd_at_a_server_of_single_use_tokens_costs_a_few_requests_each() {
    for (refusal, isolated) in [(401, false), (402, false), (402, true)] {
        let world = World::new();
        world.server.single_use.set(true);
        world.server.refusal.set(refusal);
        let (client, host) = client(&world, None, Config::new(100));
        host.isolated.set(isolated);
        let crowd = 60;
        let running: Vec<_> = (0..crowd).map(|_| start(&client, &host, get(URL)).1).collect();
        assert_eq!(until_done(&host, &running), vec![PAID; crowd]);
        assert_eq!(world.paid(), crowd);
        assert!(world.sends() <= 6 * crowd, "{} requests of {crowd} callers", world.sends());
    }
}

#[test]
fn a_crowd_whose_token_was_revoked_pays_once() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    for revoked in 1..4 {
        // The server revokes all tokens that it has sold so far.
        let known = world.credentials();
        let inner = Rc::downgrade(&world);
        world.on_send.replace(Some(Box::new(move |sent| {
            let gone = sent.authorization.as_ref().is_some_and(|shown| known.contains(shown));
            let answer = Response::challenge(&inner.upgrade()?.mint.offer(&Terms::default(), 0).header(), sent);
            gone.then(|| soon(Ok(answer)))
        })));
        let running: Vec<_> = (0..20).map(|_| start(&client, &host, get(URL)).1).collect();
        let ends = until_done(&host, &running);
        assert_eq!(ends.iter().filter(|end| **end == REUSED).count(), 19, "one pays, the others use it");
        assert_eq!(world.paid(), 1 + revoked);
    }
}
