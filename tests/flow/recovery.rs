//! Payments whose outcome is open: looked up, resolved, or left alone.

use crate::host::{
    begin, client, fetch, get, never, open, payments, resolve, soon, spent, End, Fake, Store, TheClient, World, ORIGIN,
    PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use std::rc::Rc;

/// A payment whose answer was lost, by an instance that is gone; the store and a new instance.
fn lost() -> (Rc<World>, Rc<Store>, PaymentHash, (TheClient, Fake)) {
    let (world, store) = (World::new(), Store::new());
    world.server.terms.replace(Terms { expiry_s: 600, ..Terms::default() });
    let (first, host) = client(&world, Some(&store), Config::new(100));
    world.wallet_says(Answer::NoPreimage("undefined".into()));
    assert_eq!(fetch(&first, &host, get(URL)), open(Code::NoPreimage, State::Unknown));
    let hash = payments(&world, &first)[0].payment_hash;
    world.on_pay.replace(None);
    let second = client(&world, Some(&store), Config::new(100));
    (world, store, hash, second)
}

#[test]
fn a_new_instance_recovers_by_a_lookup() {
    let (world, _, hash, (client, host)) = lost();
    let preimage = world.mint.preimage(&hash).unwrap();
    world.lookup_says(Fact::Paid { preimage, fee_msat: Some(2_000) });
    assert_eq!(fetch(&client, &host, get(URL)), REUSED, "paid by another call");
    assert_eq!((world.paid(), world.lookups.get(), spent(&world, &client)), (1, 1, 12));
    assert_eq!(payments(&world, &client)[0].state, State::Paid);
    assert_eq!(host.heard(), ["challenge", "quote", "paid"]);
}

#[test]
fn a_payment_that_a_lookup_does_not_settle_is_not_paid_again() {
    let wrong = Fact::Paid { preimage: "ab".repeat(32), fee_msat: None };
    let nonsense = Fact::Paid { preimage: "zz".into(), fee_msat: None };
    for found in [Fact::Unreachable, Fact::Pending, wrong, nonsense] {
        let (world, _, _, (client, host)) = lost();
        world.lookup_says(found);
        for _ in 0..2 {
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        }
        assert_eq!((world.paid(), world.lookups.get(), spent(&world, &client)), (1, 2, 10));
        assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/other"))), PAID, "other resources are not held up");
        assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID, "nor other origins");
    }
}

#[test]
fn a_lookup_that_hangs_refuses_after_ten_seconds() {
    let (world, _, _, (client, host)) = lost();
    world.on_lookup.replace(Some(Box::new(|_| never())));
    let before = world.now();
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.now() - before, world.paid()), (10_000, 1));
}

#[test]
fn failed_is_believed_by_another_instance_once_the_invoice_has_expired() {
    for (wait_ms, believed) in [(0, false), (899_000, false), (901_000, true)] {
        let (world, _, _, (client, host)) = lost();
        world.lookup_says(Fact::Failed { begun_at_ms: None });
        world.executor.pass(wait_ms);
        let expected = if believed { PAID } else { open(Code::PaymentUnknown, State::Unknown) };
        assert_eq!(fetch(&client, &host, get(URL)), expected, "{wait_ms}");
        assert_eq!(world.paid(), if believed { 2 } else { 1 });
        assert_eq!(spent(&world, &client), 10, "the failed one counts no more");
    }
}

#[test]
fn an_origin_may_be_bought_from_again_a_day_after_the_invoice_expired() {
    let (world, _, _, (client, host)) = lost();
    // It expires in 600 s; the world's clock is 123 ms past a second.
    world.executor.pass(600_000 + 86_400_000);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    world.executor.pass(1000);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (2, 20), "the old amount stays counted");
    let states: Vec<_> = payments(&world, &client).iter().map(|payment| payment.state).collect();
    assert_eq!(states, [State::Unknown, State::Paid]);
}

#[test]
fn resolve_with_the_preimage_brings_the_token() {
    let (world, _, hash, (client, host)) = lost();
    let preimage = world.mint.preimage(&hash).unwrap();
    assert_eq!(resolve(&world, &client, &hash, Some(&preimage.to_uppercase())), None);
    assert_eq!(resolve(&world, &client, &hash, Some(&preimage)), None, "the same twice");
    assert_eq!(payments(&world, &client)[0].state, State::Paid);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
    assert_eq!(resolve(&world, &client, &hash, None), Some(Code::InvalidOptions), "a contradiction");
    assert_eq!(resolve(&world, &client, &hash, Some(&"ab".repeat(32))), Some(Code::WrongPreimage));
    assert_eq!(payments(&world, &client)[0].state, State::Paid);
}

#[test]
fn resolve_as_failed_frees_the_amount() {
    let (world, _, hash, (client, host)) = lost();
    let preimage = world.mint.preimage(&hash).unwrap();
    assert_eq!(resolve(&world, &client, &hash, None), None);
    assert_eq!(resolve(&world, &client, &hash, None), None, "the same twice");
    assert_eq!((payments(&world, &client)[0].state, spent(&world, &client)), (State::Failed, 0));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (2, 10));
    // It was a mistake: a proof always wins.
    assert_eq!(resolve(&world, &client, &hash, Some(&"ab".repeat(32))), Some(Code::WrongPreimage));
    assert_eq!(resolve(&world, &client, &hash, Some(&preimage)), None);
    assert_eq!((payments(&world, &client)[0].state, spent(&world, &client)), (State::Paid, 20));
    assert_eq!(resolve(&world, &client, &hash, None), Some(Code::InvalidOptions), "a contradiction");
    world.server.single_use.set(true);
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(URL))], [REUSED, REUSED], "both are kept");
    assert_eq!(world.paid(), 2);
}

#[test]
fn resolve_changes_nothing_where_it_cannot() {
    let (world, store, hash, (client, _)) = lost();
    for (hash, preimage, code) in [
        (hash, Some("ab".repeat(32)), Code::WrongPreimage),
        (hash, Some("0".repeat(64)), Code::NoPreimage),
        (hash, Some("nonsense".into()), Code::NoPreimage),
        ([0xab; 32].into(), None, Code::InvalidOptions),
        ([0xab; 32].into(), Some("ab".repeat(32)), Code::InvalidOptions),
    ] {
        assert_eq!(resolve(&world, &client, &hash, preimage.as_deref()), Some(code), "{hash}");
    }
    assert_eq!((payments(&world, &client)[0].state, spent(&world, &client)), (State::Unknown, 10));
    store.fails_at(|op, _| op == crate::host::Op::Write);
    assert_eq!(resolve(&world, &client, &hash, None), Some(Code::StoreFailed));
    store.works();
    assert_eq!((payments(&world, &client)[0].state, spent(&world, &client)), (State::Unknown, 10));
}

#[test]
fn a_proof_that_comes_while_the_wallet_is_asked_counts_whatever_the_wallet_says() {
    let lookups = [None, Some(Fact::NotFound), Some(Fact::Unreachable)];
    let answers = [
        Answer::Failed { text: "confused".into(), cause: None },
        Answer::NoPreimage("null".into()),
        Answer::Preimage { text: "ab".repeat(32), fee_msat: None },
        Answer::Threw("broken"),
    ];
    for (answer, lookup) in answers.iter().flat_map(|answer| lookups.iter().map(move |lookup| (answer, lookup))) {
        let (world, client, host) = begin();
        let later = world.wallet_waits();
        let (_, running) = start(&client, &host, get(URL));
        world.executor.run_ready();
        let hash = payments(&world, &client)[0].payment_hash;
        let preimage = world.mint.preimage(&hash).unwrap();
        assert_eq!(resolve(&world, &client, &hash, Some(&preimage)), None);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        if let Some(found) = lookup {
            world.lookup_says(found.clone());
        }
        later.bring(answer.clone());
        world.executor.run(20_000);
        assert_eq!(running.take(), PAID, "{answer:?}");
        assert_eq!((world.paid(), payments(&world, &client)[0].state, spent(&world, &client)), (1, State::Paid, 10));
        assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
    }
}

#[test]
fn a_late_proof_takes_no_newer_token_away() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let late = world.wallet_waits();
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    let hash = payments(&world, &client)[0].payment_hash;
    // Nobody can tell, until the payment is too old to block anything.
    world.executor.pass(3_600_000 + 86_401_000);
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    late.bring(world.proof_of(&hash));
    world.executor.run(1000);
    assert_eq!((spent(&world, &client), payments(&world, &client)[0].state), (20, State::Paid));
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(URL))], [REUSED, REUSED]);
    // Both are paid for. When one is used up, the other is used.
    world.server.single_use.set(true);
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(URL))], [REUSED, REUSED]);
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_hash_that_was_bought_is_not_bought_again() {
    let (world, client, host) = begin();
    host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
    let terms = Terms { preimage: Some(5), ..Terms::default() };
    assert_eq!(world.sells(terms.clone()).hash, world.mint.offer(&terms, world.now()).hash);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(None).await.ok().unwrap() });
    // A new token over the same hash. Its preimage is known.
    let offer = world.sells(terms.clone());
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.credentials().last().unwrap(), &format!("L402 {}:{}", offer.token, offer.preimage));
    assert_eq!((world.paid(), payments(&world, &client).len()), (1, 1));
    // Another origin that offers this hash would learn the preimage.
    let stolen = get("https://thief.example/");
    let expected = End::Raised { code: Code::HashMismatch, cause: None, state: Some(State::Paid), has_response: true };
    assert_eq!(fetch(&client, &host, stolen), expected);
    assert_eq!((world.paid(), world.credentials().len()), (1, 2));
    assert_eq!(host.approvals.get(), 1, "nobody is asked for what is not paid");
}

#[test]
fn a_hash_of_another_origin_is_refused_in_every_state() {
    for answer in [Answer::NoPreimage("null".into()), Answer::Failed { text: "no route".into(), cause: None }] {
        let (world, client, host) = begin();
        world.offers(Terms { preimage: Some(5), ..Terms::default() });
        world.wallet_says(answer);
        fetch(&client, &host, get(URL));
        world.on_pay.replace(None);
        let end = fetch(&client, &host, get("https://thief.example/"));
        assert!(matches!(end, End::Raised { code: Code::HashMismatch, has_response: true, .. }), "{end:?}");
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn a_token_that_is_known_needs_no_lookup() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    // The first leaves a payment of the origin open. The second has not read the token yet.
    world.server.shares.set(false);
    world.wallet_says(Answer::NoPreimage("null".into()));
    assert_eq!(fetch(&first, &host, get(&format!("{ORIGIN}/b"))), open(Code::NoPreimage, State::Unknown));
    world.on_lookup.replace(Some(Box::new(|_| soon(Fact::Unreachable))));
    assert_eq!(fetch(&second, &second_host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.lookups.get()), (2, 0));
}
