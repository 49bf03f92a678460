//! workerd: whoever waits is woken by nobody, and what has returned freezes.

use crate::executor::Later;
use crate::host::{client, fetch, get, open, Fake, World, PAID, REUSED, URL};
use crate::mint::Terms;
use crate::parallel::{first_hash, start, until_done};
use l402_fetch::config::Config;
use l402_fetch::host::Fact;
use l402_fetch::journal::State;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn workers_wait_by_timers_of_their_own() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    let running: Vec<_> = (0..5).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED, REUSED, REUSED]);
    assert_eq!(world.paid(), 1);
}

/// Lets a request end, with all that it has spawned; what is spawned from now on is another's.
fn end_request(host: &Fake) -> Rc<Cell<bool>> {
    let frozen = host.frozen.take();
    frozen.set(true);
    frozen
}

#[test]
fn a_frozen_purchase_is_passed_over_soon_and_not_paid_again() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    // Frozen, with the request that started it, while its caller was asked: nothing is in the journal, the next one buys.
    let consent = Later::new();
    let asked = consent.clone();
    host.approve.replace(Some(Box::new(move |_| asked.get())));
    let _gone = start(&client, &host, get(URL));
    world.executor.run(1000);
    let frozen = end_request(&host);
    host.approve.replace(None);
    let before = world.now();
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    world.executor.run(9_000);
    assert_eq!(world.paid(), 0, "it may only be slow");
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED]);
    assert!(world.now() - before < 15_000, "{}", world.now() - before);
    // Frozen is not dead.
    frozen.set(false);
    consent.bring(Ok(true));
    world.executor.run(60_000);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_frozen_payment_is_not_believed_to_have_failed_before_its_time_is_over() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    let _never = world.wallet_waits();
    let _gone = start(&client, &host, get(URL));
    world.executor.run(1000);
    let _frozen = end_request(&host);
    // The order may still be on its way.
    world.lookup_says(Fact::NotFound);
    let before = world.now();
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), vec![open(Code::PaymentUnknown, State::Pending); 3]);
    assert!(world.now() - before < 15_000, "{}", world.now() - before);
    assert_eq!(world.paid(), 1);
    world.executor.pass(300_000);
    world.on_pay.replace(None);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 2));
}

#[test]
fn who_is_slow_but_alive_is_waited_for() {
    let world = World::new();
    world.server.terms.replace(Terms { expiry_s: 7200, ..Terms::default() });
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    let executor = world.executor.clone();
    host.approve.replace(Some(Box::new(move |_| {
        let executor = executor.clone();
        Box::pin(async move {
            executor.sleep(1_800_000).await;
            Ok(true)
        })
    })));
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    world.executor.run(1_810_000);
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED]);
    assert_eq!((world.paid(), host.approvals.get()), (1, 1));
}

#[test]
fn a_payment_that_froze_is_not_made_again() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    let answer = world.wallet_waits();
    let (_, frozen) = start(&client, &host, get(URL));
    world.executor.run(1000);
    let (_, second) = start(&client, &host, get(URL));
    world.executor.run(400_000);
    assert_eq!(
        [frozen.take(), second.take()],
        [open(Code::PaymentUnknown, State::Unknown), open(Code::PaymentUnknown, State::Unknown)]
    );
    answer.bring(world.proof_of(&first_hash(&world, &client)));
    world.executor.run(1000);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}
