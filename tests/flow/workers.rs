//! workerd: whoever waits is woken by nobody, and what has returned freezes.

use crate::host::{call, client, fetch, get, open, World, PAID, REUSED, URL};
use crate::mint::Terms;
use crate::parallel::{first_hash, start, until_done};
use l402_fetch::config::Config;
use l402_fetch::journal::State;
use l402_fetch::Code;
use std::future::{poll_fn, Future};
use std::task::Poll;

#[test]
fn workers_wait_by_timers_of_their_own() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    let running: Vec<_> = (0..5).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED, REUSED, REUSED]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_frozen_purchase_is_passed_over_and_not_paid_again() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(100));
    host.isolated.set(true);
    // Frozen, with the request that started it, while its caller was asked: nothing is in the journal, the next one buys.
    host.approve.replace(Some(Box::new(|_| crate::host::never())));
    let (frozen, executor) = (client.clone(), world.executor.clone());
    drop(world.executor.start(async move {
        let mut calling = Box::pin(frozen.fetch(call(get(URL)), get(URL)));
        let mut awake = Box::pin(executor.sleep(1000));
        poll_fn(move |context| {
            if awake.as_mut().poll(context).is_pending() {
                let _ = calling.as_mut().poll(context).is_ready();
            }
            Poll::<()>::Pending
        })
        .await;
    }));
    world.executor.run(1000);
    host.approve.replace(None);
    let before = world.now();
    world.server.terms.replace(Terms { expiry_s: 7200, ..Terms::default() });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert!((320_000..321_000).contains(&(world.now() - before)), "{}", world.now() - before);
    assert_eq!(world.paid(), 1);
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
