//! Open payments are looked up before `payments()` and `spent()` answer.

use crate::executor::{Later, Running};
use crate::host::{
    all, begin, client, fetch, get, listed, never, open, payments, soon, spent, states, Fake, Op, Store, TheClient,
    World, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::ledger::acceptance::Unaccepted;
use l402_fetch::ledger::begin::Draft;
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::instance::Instance;
use l402_fetch::ledger::lease::Lease;
use l402_fetch::ledger::lessons::Lessons;
use l402_fetch::ledger::limits::Limits;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::record::Record;
use l402_fetch::ledger::step::Step;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use std::rc::Rc;

/// An instance for whom nobody is gone.
struct Here(u64);

impl Instance for Here {
    fn now_ms(&self) -> u64 {
        self.0
    }

    fn has_lapsed(&self, _: &str, _: Option<&Lease>) -> bool {
        false
    }

    fn knew(&self, _: &str, _: &PaymentHash, _: u32) -> bool {
        true
    }
}

fn shop(number: usize) -> String {
    format!("https://shop{number}.example/")
}

/// A store with so many payments whose answers were lost with the process that asked, each at an origin of its own.
fn lost(count: usize) -> (Rc<World>, Rc<Store>) {
    let (world, store) = (World::new(), Store::new());
    for number in 0..count {
        let offer = world.mint.offer(&Terms::default(), world.now());
        let payment = Payment {
            payment_hash: offer.hash,
            url: Url::of(&shop(number)),
            amount_msat: 10_000,
            invoice: offer.invoice.clone(),
            ..Payment::default()
        };
        let record = Record {
            payment,
            method: "GET".into(),
            token: offer.token.clone(),
            invoice_expires_at: world.now() / 1000 + 3600,
            owner: format!("gone-{number}"),
            dispatch: Dispatch { wallet_id: Some("wallet".into()), ..Dispatch::default() },
            ..Record::default()
        };
        let draft = Draft {
            record,
            is_replayable: true,
            brought: Brought::default(),
            on_trial: Vec::new(),
            waits_for: None,
            levels: Rc::new(vec![Rc::new(Limits { per_payment: 15_000, ..Limits::default() }.into())]),
            booked: Rc::default(),
            approved_fee_msat: None,
            lessons: Lessons::default(),
            unaccepted: Unaccepted::default(),
            mark: 0,
            max_deposit_msat: None,
            draw: None,
            lease_ms: 150_000,
        };
        store.take(&Step::Begin(Box::new(draft)), &Here(world.now()));
    }
    store.lapse();
    store.ops.take();
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
        let (world, store) = lost(3);
        let (client, host) = instance(&world, &store);
        all_was_paid(&world);
        let seen = store.clone();
        host.on_event.replace(Some(Box::new(move |event| {
            assert_eq!(event, "paid");
            assert!(seen.text("token/").contains(r#""preimage":""#), "stored before anybody hears of it");
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
fn what_failed_is_released_once_its_invoice_has_expired() {
    for (wait_ms, believed) in [(10_000, false), (3_899_000, false), (3_901_000, true)] {
        let (world, store) = lost(2);
        let (client, _) = instance(&world, &store);
        world.lookup_says(Fact::NotFound);
        world.executor.pass(wait_ms);
        let (state, sats) = if believed { (State::Failed, 0) } else { (State::Pending, 20) };
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![state; 2], sats), "{wait_ms}");
        assert_eq!(store.keys("open/").len(), if believed { 0 } else { 2 }, "what is settled stands in nobody's way");
    }
}

#[test]
fn an_order_whose_sender_is_gone_may_still_be_on_its_way() {
    let (world, store) = lost(1);
    let (client, host) = instance(&world, &store);
    world.lookup_says(Fact::NotFound);
    world.executor.pass(3_890_000);
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
fn a_wallet_without_a_lookup_is_answered_for_at_once() {
    let (world, store) = lost(5);
    let (client, _) = instance(&world, &store);
    let before = world.now();
    assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Pending; 5], 50));
    assert_eq!((world.now(), world.lookups.get(), store.count(Op::Write)), (before, 0, 0));
}

#[test]
fn lookups_that_hang_take_ten_seconds_for_all_of_them() {
    let (world, store) = lost(60);
    let (client, _) = instance(&world, &store);
    world.on_lookup.replace(Some(Box::new(|_| never())));
    let before = world.now();
    assert_eq!(states(&world, &client), [State::Pending; 60]);
    assert_eq!((world.now() - before, world.lookups.get()), (10_000, 60));
    assert_eq!(spent(&world, &client), 600);
    assert_eq!((world.now() - before, world.lookups.get()), (20_000, 120));
}

#[test]
fn a_lookup_that_says_nothing_changes_nothing() {
    let wrong = Fact::Paid { preimage: "ab".repeat(32), fee_msat: None };
    for found in [Fact::Unreachable, Fact::Pending, wrong] {
        let (world, store) = lost(2);
        let (client, host) = instance(&world, &store);
        // A pending payment is noted once. Not to find it later is then a contradiction.
        let is_news = found == Fact::Pending;
        world.lookup_says(found);
        if is_news {
            states(&world, &client);
        }
        let before = (world.now(), store.text("payment/"));
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Pending; 2], 20));
        assert_eq!((world.now(), store.text("payment/")), before);
        assert!(host.heard().is_empty());
    }
}

#[test]
fn of_very_many_a_hundred_are_looked_up() {
    let (world, store) = lost(150);
    let (client, _) = instance(&world, &store);
    all_was_paid(&world);
    let found = states(&world, &client);
    assert_eq!(found.iter().filter(|state| **state == State::Paid).count(), 100);
    assert_eq!(found.iter().filter(|state| **state == State::Pending).count(), 50);
    assert_eq!(states(&world, &client), [State::Paid; 150], "the rest next time");
}

#[test]
fn callers_at_the_same_time_share_the_lookups() {
    for isolated in [false, true] {
        let (world, store) = lost(3);
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
                        _ => listed(&client).await.len() as u64,
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
fn who_gives_up_on_the_lookups_leaves_nobody_waiting() {
    let (world, store) = lost(1);
    let (client, _) = instance(&world, &store);
    world.on_lookup.replace(Some(Box::new(|_| never())));
    let (dropped, executor) = (client.clone(), world.executor.clone());
    drop(world.executor.start(async move {
        let mut asking = Box::pin(dropped.payments(all()));
        let mut sleeping = Box::pin(executor.sleep(1000));
        std::future::poll_fn(|context| {
            let _ = std::future::Future::poll(asking.as_mut(), context).is_ready();
            std::future::Future::poll(sleeping.as_mut(), context)
        })
        .await;
    }));
    let second = client.clone();
    let waiting = world.executor.start(async move { listed(&second).await.len() });
    world.executor.run(10_000);
    assert_eq!((waiting.take(), world.lookups.get()), (1, 1), "the lookup goes on, and ends in time");
}

#[test]
fn a_purchase_under_way_keeps_its_entry_and_holds_nobody_up() {
    for store in [None, Some(Store::new()), Some(Store::new())] {
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
    let (world, store) = (World::new(), Store::new());
    let ((first, first_host), (second, _)) = (instance(&world, &store), instance(&world, &store));
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (_, buying) = start(&first, &first_host, get(URL));
    world.executor.run_ready();
    // Nothing is certain before the invoice has expired, and nobody is waited for.
    let before = world.now();
    assert_eq!((states(&world, &second), world.now() - before), (vec![State::Pending], 0));
    // Nor is it then, for as long as who buys it renews its lease.
    for _ in 0..80 {
        world.executor.run(50_000);
        let before = world.now();
        assert!(states(&world, &second)[0] != State::Failed && world.now() == before);
    }
    let hash = payments(&world, &first)[0].payment_hash;
    answer.bring(world.proof_of(&hash));
    world.executor.run(0);
    assert_eq!(
        (buying.take(), states(&world, &second)),
        (open(Code::PaymentUnknown, State::Unknown), vec![State::Paid])
    );
    assert_eq!(store.keys("lease/"), [""; 0], "no lease is left behind");
    world.on_pay.replace(None);
    assert_eq!(fetch(&first, &first_host, get("https://other.example/")), PAID);
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
    let (world, store) = lost(1);
    let (client, host) = instance(&world, &store);
    all_was_paid(&world);
    store.fails_at(|op, _| op == Op::Write);
    let asking = client.clone();
    let result = world.run(async move { asking.payments(all()).await });
    assert!(matches!(result, Err(failure) if failure.is(Code::StoreFailed)));
    assert_eq!(host.heard(), ["failed store_failed", "paid"]);
    store.works();
    assert_eq!((states(&world, &client), world.lookups.get()), (vec![State::Paid], 1));
    assert!(store.text("payment/").contains(r#""state":"paid""#) && store.keys("token/").len() == 1);
}

#[test]
fn a_damaged_store_is_not_looked_up_nor_overwritten() {
    for damage in [r#"{"v":99,"rev":1}"#, "nonsense"] {
        let (world, store) = lost(1);
        let (client, _) = instance(&world, &store);
        let (seen, row) = (store.clone(), store.keys("payment/").remove(0));
        let key = row.clone();
        let inner = Rc::downgrade(&world);
        world.on_lookup.replace(Some(Box::new(move |hash| {
            seen.put(&key, damage);
            let preimage = inner.upgrade().unwrap().mint.preimage(hash).unwrap();
            soon(Fact::Paid { preimage, fee_msat: None })
        })));
        for lookups in [1, 1] {
            let asking = client.clone();
            let result = world.run(async move { asking.payments(all()).await });
            assert!(matches!(result, Err(failure) if failure.is(Code::StoreFailed)));
            assert_eq!(world.lookups.get(), lookups);
            assert_eq!(store.value(&row).as_deref(), Some(damage));
        }
    }
}

#[test]
fn a_clock_that_is_set_forward_does_not_end_a_living_purchase() {
    for has_store in [true, false] {
        let (world, store) = (World::new(), Store::new());
        let store = has_store.then_some(&store);
        let (buying, host) = client(&world, store, Config::new(100));
        let (reading, reader) =
            if has_store { client(&world, store, Config::new(100)) } else { (buying.clone(), host.clone()) };
        let answer = world.wallet_waits();
        world.lookup_says(Fact::NotFound);
        let (_, running) = start(&buying, &host, get(URL));
        world.executor.run_ready();
        // Its invoice has expired, by the clock of whoever reads.
        reader.ahead_ms.set(3_700_000);
        assert_eq!(states(&world, &reading), [State::Pending], "the wallet has paid, and its records do not know");
        world.executor.run(200_000);
        assert_eq!((states(&world, &reading), world.paid()), (vec![State::Pending], 1), "its lease is renewed");
        let hash = payments(&world, &buying)[0].payment_hash;
        answer.bring(world.proof_of(&hash));
        world.executor.run_ready();
        assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
        assert_eq!((running.take(), states(&world, &buying)), (PAID, vec![State::Paid]));
        assert_eq!((world.paid(), spent(&world, &buying)), (1, 10));
    }
}
