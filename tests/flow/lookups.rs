//! Open payments are looked up before `payments()` and `spent()` answer.

use crate::executor::{Later, Running};
use crate::host::{
    begin, client, fetch, get, never, open, payments, soon, spent, states, Fake, Op, Store, TheClient, World, PAID,
    REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::failure::Failure;
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::entry::Entry;
use l402_fetch::ledger::journal::Journal;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use std::rc::Rc;

const JOURNAL: &str = "l402-fetch/journal";
const TOKENS: &str = "l402-fetch/tokens";
const PURCHASE: &str = "l402-fetch/purchase/";

fn shop(number: usize) -> String {
    format!("https://shop{number}.example/")
}

/// A store with this many payments, each at its own origin. Their answers were lost with the process that asked.
fn lost(count: usize, has_lock: bool) -> (Rc<World>, Rc<Store>) {
    let (world, store) = (World::new(), Store::new(has_lock));
    let mut journal = Journal::default();
    for number in 0..count {
        let offer = world.mint.offer(&Terms::default(), world.now());
        let payment = Payment {
            payment_hash: offer.hash,
            url: Url::of(&shop(number)),
            protocol: Protocol::L402,
            amount_msat: 10_000,
            fee_msat: 0,
            state: State::Pending,
            started_at: world.now() / 1000,
            settled_at: None,
        };
        journal.put(Entry {
            payment,
            method: "GET".into(),
            token: offer.token,
            preimage: None,
            max_fee_msat: 5_000,
            started_at_ms: world.now(),
            invoice_expires_at: world.now() / 1000 + 3600,
            dispatch: Dispatch { wallet_id: Some("wallet".into()), ..Dispatch::default() },
        });
    }
    store.put(JOURNAL, &journal.to_text());
    (world, store)
}

fn instance(world: &Rc<World>, store: &Rc<Store>) -> (TheClient, Fake) {
    client(world, Some(store), Config::new(100))
}

/// The wallet's records say that all was paid.
fn all_was_paid(world: &Rc<World>) {
    let inner = Rc::downgrade(world);
    world.on_lookup.replace(Some(Box::new(move |hash| {
        let preimage = inner.upgrade().unwrap().mint.preimage(hash).unwrap();
        soon(Fact::Paid { preimage, fee_msat: Some(1_000) })
    })));
}

#[test]
fn a_payment_that_went_through_is_found_and_used() {
    for asks_for_sums in [false, true] {
        let (world, store) = lost(3, true);
        let (client, host) = instance(&world, &store);
        all_was_paid(&world);
        let seen = store.clone();
        host.on_event.replace(Some(Box::new(move |event| {
            assert_eq!(event, "paid");
            assert!(seen.value(TOKENS).unwrap().contains(r#""preimage":""#), "stored before anybody hears of it");
        })));
        match asks_for_sums {
            true => assert_eq!(spent(&world, &client), 33),
            false => assert_eq!(states(&world, &client), [State::Paid; 3]),
        }
        assert_eq!((host.heard(), world.lookups.get()), (vec!["paid".to_owned(); 3], 3), "of all origins, each once");
        host.on_event.replace(None);
        world.answers(|sent| {
            let status = if sent.authorization.is_some() { 200 } else { 402 };
            Ok(crate::host::Response::status(status, sent))
        });
        for number in 0..3 {
            assert_eq!(fetch(&client, &host, get(&shop(number))), REUSED);
        }
        assert_eq!((world.paid(), states(&world, &client), world.lookups.get()), (0, vec![State::Paid; 3], 3));
    }
}

#[test]
fn a_failed_payment_is_released_once_its_invoice_has_expired() {
    for (has_lock, wait_ms, believed) in
        [(true, 10_000, false), (true, 3_599_000, false), (true, 3_601_000, true), (false, 3_601_000, true)]
    {
        let (world, store) = lost(2, has_lock);
        let (client, _) = instance(&world, &store);
        world.lookup_says(Fact::NotFound);
        world.executor.pass(wait_ms);
        let (state, sats) = if believed { (State::Failed, 0) } else { (State::Pending, 20) };
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![state; 2], sats), "{has_lock} {wait_ms}");
        let locks =
            store.ops.borrow().iter().filter(|(op, name)| *op == Op::Lock && name.starts_with(PURCHASE)).count();
        assert_eq!(
            locks,
            if has_lock && believed { 2 } else { 0 },
            "under the lock of its resource, if there are locks"
        );
    }
}

#[test]
fn an_order_whose_sender_is_gone_may_still_be_on_its_way() {
    let (world, store) = lost(1, true);
    let (client, host) = instance(&world, &store);
    world.lookup_says(Fact::NotFound);
    world.executor.pass(3_590_000);
    assert_eq!(fetch(&client, &host, get(&shop(0))), open(Code::PaymentUnknown, State::Pending));
    assert_eq!((world.paid(), spent(&world, &client)), (0, 10), "nobody is paid, and the amount stays counted");
    world.executor.pass(11_000);
    assert_eq!(fetch(&client, &host, get(&shop(0))), PAID);
    assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Failed, State::Paid]));
}

#[test]
fn without_a_store_memory_is_looked_up() {
    let (world, client, host) = begin();
    world.wallet_says(l402_fetch::flow::host::Answer::NoPreimage("null".into()));
    for number in 0..2 {
        fetch(&client, &host, get(&shop(number)));
    }
    world.lookup_says(Fact::Pending);
    assert_eq!((spent(&world, &client), states(&world, &client)), (20, vec![State::Unknown; 2]));
    all_was_paid(&world);
    assert_eq!((spent(&world, &client), states(&world, &client)), (22, vec![State::Paid; 2]));
    assert_eq!((world.paid(), world.lookups.get()), (2, 6), "none for what is settled");
}

#[test]
fn payments_are_told_at_once_if_the_wallet_has_no_lookup() {
    let (world, store) = lost(5, true);
    let (client, _) = instance(&world, &store);
    let before = world.now();
    assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Pending; 5], 50));
    assert_eq!((world.now(), world.lookups.get(), store.count(Op::Lock)), (before, 0, 2), "the ledger's alone");
}

#[test]
fn lookups_that_hang_take_ten_seconds_for_all_of_them() {
    for has_lock in [true, false] {
        let (world, store) = lost(60, has_lock);
        let (client, _) = instance(&world, &store);
        world.on_lookup.replace(Some(Box::new(|_| never())));
        let before = world.now();
        assert_eq!(states(&world, &client), [State::Pending; 60]);
        assert_eq!((world.now() - before, world.lookups.get()), (10_000, 60));
        assert_eq!(spent(&world, &client), 600);
        assert_eq!((world.now() - before, world.lookups.get()), (20_000, 120));
    }
}

#[test]
fn a_lookup_that_says_nothing_changes_nothing() {
    let wrong = Fact::Paid { preimage: "ab".repeat(32), fee_msat: None };
    for found in [Fact::Unreachable, Fact::Pending, wrong] {
        let (world, store) = lost(2, true);
        let (client, host) = instance(&world, &store);
        // A pending payment is noted once. Not to find it later is then a contradiction.
        let is_news = found == Fact::Pending;
        world.lookup_says(found);
        if is_news {
            states(&world, &client);
        }
        let before = (world.now(), store.value(JOURNAL));
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Pending; 2], 20));
        assert_eq!((world.now(), store.value(JOURNAL)), before);
        assert!(host.heard().is_empty());
    }
}

#[test]
fn only_the_latest_of_very_many_payments_are_looked_up() {
    let (world, store) = lost(150, true);
    let (client, _) = instance(&world, &store);
    all_was_paid(&world);
    let found = states(&world, &client);
    assert!(found[..50].iter().all(|state| *state == State::Pending));
    assert!(found[50..].iter().all(|state| *state == State::Paid));
    assert_eq!(states(&world, &client), [State::Paid; 150], "the rest next time");
}

#[test]
fn callers_at_the_same_time_share_the_lookups() {
    for isolated in [false, true] {
        let (world, store) = lost(3, true);
        let (client, host) = instance(&world, &store);
        host.isolated.set(isolated);
        let answer = Later::new();
        let later = answer.clone();
        world.on_lookup.replace(Some(Box::new(move |_| later.get())));
        let running: Vec<Running<u64>> = (0..10)
            .map(|number| {
                let client = client.clone();
                world.executor.start(async move {
                    match number % 2 {
                        0 => client.spent(None).await.ok().unwrap().total,
                        _ => client.payments().await.ok().unwrap().len() as u64,
                    }
                })
            })
            .collect();
        world.executor.run(1000);
        // In workerd no request may wait for another's.
        assert_eq!(world.lookups.get(), if isolated { 30 } else { 3 });
        answer.bring(Fact::Pending);
        world.executor.run(1000);
        let found: Vec<_> = running.iter().map(Running::take).collect();
        assert_eq!(found, [30, 3, 30, 3, 30, 3, 30, 3, 30, 3]);
    }
}

#[test]
fn a_caller_who_gives_up_on_the_lookups_leaves_nobody_waiting() {
    let (world, store) = lost(1, true);
    let (client, _) = instance(&world, &store);
    world.on_lookup.replace(Some(Box::new(|_| never())));
    let (dropped, executor) = (client.clone(), world.executor.clone());
    drop(world.executor.start(async move {
        let mut asking = Box::pin(dropped.payments());
        let mut sleeping = Box::pin(executor.sleep(1000));
        std::future::poll_fn(|context| {
            let _ = std::future::Future::poll(asking.as_mut(), context).is_ready();
            std::future::Future::poll(sleeping.as_mut(), context)
        })
        .await;
    }));
    let second = client.clone();
    let waiting = world.executor.start(async move { second.payments().await.ok().unwrap().len() });
    world.executor.run(2000);
    assert_eq!((waiting.take(), world.lookups.get()), (1, 1));
}

#[test]
fn a_purchase_under_way_keeps_its_entry_and_holds_nobody_up() {
    for store in [None, Some(Store::new(false)), Some(Store::new(true))] {
        let world = World::new();
        let (client, host) = client(&world, store.as_ref(), Config::new(100));
        // Not yet known to the wallet: the journal is written, the payment not started.
        world.lookup_says(Fact::NotFound);
        let answer = world.wallet_waits();
        let (_, buying) = start(&client, &host, get(URL));
        world.executor.run_ready();
        let before = world.now();
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Pending], 10));
        assert_eq!((world.now(), world.lookups.get()), (before, 2), "at once");
        let hash = payments(&world, &client)[0].payment_hash;
        answer.bring(world.proof_of(&hash));
        world.executor.run(1000);
        assert_eq!((buying.take(), world.paid(), states(&world, &client)), (PAID, 1, vec![State::Paid]));
    }
}

#[test]
fn another_instances_purchase_keeps_its_entry() {
    let (world, store) = (World::new(), Store::new(true));
    let ((first, first_host), (second, _)) = (instance(&world, &store), instance(&world, &store));
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (_, buying) = start(&first, &first_host, get(URL));
    world.executor.run_ready();
    // Nothing is certain before the invoice has expired, so nobody waits for a lock.
    let before = world.now();
    assert_eq!((states(&world, &second), world.now() - before), (vec![State::Pending], 0));
    world.executor.pass(3_601_000);
    // After that only the lock would make it certain. The buyer holds it during the whole purchase.
    let before = world.now();
    let reading = second.clone();
    let waiting = world.executor.start(async move { reading.payments().await.ok().unwrap()[0].state });
    world.executor.run_ready();
    assert!(!waiting.is_done());
    assert_eq!(world.now(), before);
    let hash = payments(&world, &first)[0].payment_hash;
    answer.bring(world.proof_of(&hash));
    world.executor.run(0);
    assert_eq!((buying.take(), waiting.take()), (PAID, State::Paid), "it is through, and the lock free");
    world.on_pay.replace(None);
    assert_eq!(fetch(&first, &first_host, get("https://other.example/")), PAID, "no lock is left behind");
    assert_eq!(world.paid(), 2);
}

#[test]
fn the_wallets_own_answer_after_a_lookup_changes_nothing_and_is_told_once() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let (_, buying) = start(&client, &host, get(URL));
    world.executor.run_ready();
    all_was_paid(&world);
    assert_eq!(spent(&world, &client), 11);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED, "usable before the wallet has answered");
    let hash = payments(&world, &client)[0].payment_hash;
    answer.bring(world.proof_of(&hash));
    world.executor.run(1000);
    assert_eq!((buying.take(), world.paid(), spent(&world, &client)), (PAID, 1, 11));
    assert_eq!(host.heard().iter().filter(|event| *event == "paid").count(), 1);
}

#[test]
fn a_proof_that_could_not_be_stored_is_kept_and_written_later() {
    let (world, store) = lost(1, true);
    let (client, host) = instance(&world, &store);
    all_was_paid(&world);
    store.fails_at(|op, _| op == Op::Save);
    let asking = client.clone();
    let result = world.run(async move { asking.payments().await });
    assert!(matches!(result, Err(Failure::Raised(raised)) if raised.error.code() == Code::StoreFailed));
    assert_eq!(host.heard(), ["failed store_failed", "paid"]);
    store.works();
    assert_eq!((states(&world, &client), world.lookups.get()), (vec![State::Paid], 1));
    assert!(store.value(JOURNAL).unwrap().contains(r#""state":"paid""#) && store.value(TOKENS).is_some());
}

#[test]
fn a_damaged_store_is_not_looked_up_nor_overwritten() {
    for damage in [r#"{"version":99}"#, "nonsense"] {
        let (world, store) = lost(1, true);
        let (client, _) = instance(&world, &store);
        let seen = store.clone();
        let inner = Rc::downgrade(&world);
        world.on_lookup.replace(Some(Box::new(move |hash| {
            seen.put(JOURNAL, damage);
            let preimage = inner.upgrade().unwrap().mint.preimage(hash).unwrap();
            soon(Fact::Paid { preimage, fee_msat: None })
        })));
        for lookups in [1, 1] {
            let asking = client.clone();
            let result = world.run(async move { asking.spent(None).await });
            assert!(matches!(result, Err(Failure::Raised(raised)) if raised.error.code() == Code::StoreFailed));
            assert_eq!((world.lookups.get(), store.count(Op::Save)), (lookups, 0));
            assert_eq!(store.value(JOURNAL).as_deref(), Some(damage));
        }
    }
}

#[test]
fn a_clock_that_is_set_forward_does_not_end_a_living_purchase() {
    for has_store in [true, false] {
        let (world, store) = (World::new(), Store::new(true));
        let store = has_store.then_some(&store);
        let (buying, host) = client(&world, store, Config::new(100));
        let (reading, _) =
            if has_store { client(&world, store, Config::new(100)) } else { (buying.clone(), host.clone()) };
        let arrived = Later::new();
        let (gate, inner) = (arrived.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            let (gate, proof) = (gate.clone(), inner.proof(invoice));
            Box::pin(async move {
                gate.get().await;
                proof
            })
        })));
        world.lookup_says(Fact::NotFound);
        let (_, running) = crate::parallel::start(&buying, &host, get(URL));
        world.executor.run_ready();
        world.executor.pass(3_700_000);
        // Only tasks that wake by themselves run: the purchase's own timer has not fired.
        let open = reading.clone();
        let told = world.executor.start(async move { open.payments().await.ok().unwrap() });
        world.executor.run_ready();
        assert_eq!((world.paid(), world.lookups.get()), (1, 1), "the wallet has paid, and its records do not know");
        // With a store the lock shows that somebody is buying this. Callers of the same instance see that themselves.
        assert_eq!(told.is_done(), !has_store);
        arrived.bring(());
        world.executor.run_ready();
        let expected = if has_store { State::Paid } else { State::Pending };
        assert_eq!(told.take().iter().map(|payment| payment.state).collect::<Vec<_>>(), [expected]);
        assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
        assert_eq!((running.take(), states(&world, &buying)), (PAID, vec![State::Paid]));
        assert_eq!((world.paid(), spent(&world, &buying)), (1, 10));
    }
}
