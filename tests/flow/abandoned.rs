//! Orders whose sender is gone. The same invoice goes to the same wallet again, if that wallet pays a hash once.

use crate::executor::{Later, Running};
use crate::host::{client, fetch, get, open, spent, End, Fake, Store, TheClient, World, PAID, REUSED, URL};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::Code;
use std::cell::RefCell;
use std::rc::Rc;

fn instance(world: &Rc<World>, store: &Rc<Store>, id: &str, settles_once: bool) -> (TheClient, Fake) {
    let (client, host) = client(world, Some(store), Config::new(100));
    host.wallet.replace(Wallet { id: Some(id.into()), settles_once, finds: true, ..Wallet::default() });
    (client, host)
}

/// A process that ended between its entry in the journal and the wallet. Returns the invoice too.
fn abandoned(settles_once: bool) -> (Rc<World>, Rc<Store>, String) {
    let (world, store) = (World::new(), Store::new());
    world.server.terms.replace(Terms { expiry_s: 600, ..Terms::default() });
    let (first, host) = instance(&world, &store, "lnd", settles_once);
    let _never = world.wallet_waits();
    let (_, gone) = start(&first, &host, get(URL));
    world.executor.run_ready();
    assert!(!gone.is_done());
    let invoice = world.payments.take().remove(0);
    store.lapse();
    world.on_pay.replace(None);
    world.lookup_says(Fact::NotFound);
    (world, store, invoice)
}

#[test]
fn the_same_invoice_goes_to_the_same_wallet_at_once() {
    let (world, store, invoice) = abandoned(true);
    let (second, host) = instance(&world, &store, "lnd", true);
    host.approve.replace(Some(Box::new(|_| unreachable!("whoever is asked has consented to this invoice"))));
    assert_eq!(fetch(&second, &host, get(URL)), PAID);
    assert_eq!(world.payments.take(), [invoice], "never a fresh one beside it");
    assert_eq!((fetch(&second, &host, get(URL)), spent(&world, &second)), (REUSED, 10));
}

#[test]
fn any_other_wallet_is_not_asked_again() {
    for (before, after, id) in [(false, false, "lnd"), (true, true, "another"), (true, false, "lnd")] {
        let (world, store, _) = abandoned(before);
        let (second, host) = instance(&world, &store, id, after);
        assert_eq!(
            fetch(&second, &host, get(URL)),
            open(Code::PaymentUnknown, State::Pending),
            "{before} {after} {id}"
        );
        assert_eq!((world.paid(), spent(&world, &second)), (0, 10));
    }
}

#[test]
fn an_order_that_is_pending_or_unclear_is_not_sent_again() {
    for found in [Fact::Pending, Fact::Unreachable] {
        let (world, store, _) = abandoned(true);
        let (second, host) = instance(&world, &store, "lnd", true);
        world.lookup_says(found);
        assert_eq!(fetch(&second, &host, get(URL)), open(Code::PaymentUnknown, State::Pending));
        assert_eq!((world.paid(), spent(&world, &second)), (0, 10));
    }
}

#[test]
fn a_refusal_of_the_second_order_says_nothing_of_the_first() {
    let (world, store, invoice) = abandoned(true);
    let (second, host) = instance(&world, &store, "lnd", true);
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: Some("no route") });
    let refused = End::Raised {
        code: Code::PaymentUnknown,
        cause: Some("no route"),
        state: Some(State::Unknown),
        has_response: true,
    };
    for _ in 0..2 {
        assert_eq!(fetch(&second, &host, get(URL)), refused);
        assert_eq!(spent(&world, &second), 10);
    }
    world.on_pay.replace(None);
    assert_eq!(fetch(&second, &host, get(URL)), PAID);
    assert_eq!((world.payments.take(), spent(&world, &second)), (vec![invoice; 3], 10));
}

#[test]
fn an_order_above_this_instances_limit_for_a_payment_is_not_sent_again() {
    // 10 sat and a fee of at most 5.
    for (per_payment, expected) in [(15, PAID), (14, open(Code::PaymentUnknown, State::Pending))] {
        let (world, store, _) = abandoned(true);
        let (second, host) = client(&world, Some(&store), Config::new(per_payment));
        host.wallet.replace(Wallet { id: Some("lnd".into()), settles_once: true, finds: true, ..Wallet::default() });
        let payments = usize::from(expected == PAID);
        assert_eq!(fetch(&second, &host, get(URL)), expected, "{per_payment}");
        assert_eq!((world.paid(), spent(&world, &second)), (payments, 10), "{per_payment}");
    }
}

#[test]
fn a_second_order_that_is_held_up_leaves_the_first_open() {
    let (world, store, _) = abandoned(true);
    let (second, host) = instance(&world, &store, "lnd", true);
    let written = Later::new();
    store.departure.replace(Some(written.clone()));
    let (_, running) = start(&second, &host, get(URL));
    world.executor.run_ready();
    world.executor.pass(151_000);
    written.bring(());
    world.executor.run(1_000);
    assert_eq!(running.take(), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), spent(&world, &second)), (0, 10));
}

#[test]
fn a_fresh_invoice_is_paid_once_the_first_has_expired() {
    let (world, store, invoice) = abandoned(true);
    let (second, host) = instance(&world, &store, "lnd", true);
    world.executor.pass(901_000);
    assert_eq!((fetch(&second, &host, get(URL)), world.paid(), spent(&world, &second)), (PAID, 1, 10));
    assert!(!world.payments.borrow().contains(&invoice));
}

#[test]
fn the_first_senders_late_word_does_not_end_the_second_order() {
    let (world, store) = (World::new(), Store::new());
    let (first, first_host) = instance(&world, &store, "lnd", true);
    let late = world.wallet_waits();
    world.lookup_says(Fact::NotFound);
    assert_eq!(fetch(&first, &first_host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    // It is frozen for so long that its lease lapses, and its call of the wallet is still out.
    store.lapse();
    let (second, host) = instance(&world, &store, "lnd", true);
    let answer = world.wallet_waits();
    let (_, running) = start(&second, &host, get(URL));
    world.executor.run_ready();
    assert_eq!(world.paid(), 2);
    late.bring(Answer::Failed { text: "no route".into(), cause: None });
    world.executor.run(1_000);
    assert_eq!(spent(&world, &first), 10);
    let hash = crate::parallel::first_hash(&world, &second);
    answer.bring(world.proof_of(&hash));
    world.executor.run(1_000);
    assert_eq!((running.take(), spent(&world, &second)), (PAID, 10));
    let payments = world.payments.take();
    assert!(payments.iter().all(|invoice| *invoice == payments[0]) && payments.len() == 2);
}

#[test]
fn who_is_held_up_while_another_takes_its_order_up_does_not_call_it_unpaid() {
    let (world, store) = (World::new(), Store::new());
    world.lookup_says(Fact::NotFound);
    let (first, first_host) = instance(&world, &store, "lnd", true);
    let (second, host) = instance(&world, &store, "lnd", true);
    let answer = world.wallet_waits();
    let (own, theirs) = (world.clone(), store.clone());
    // Just before the wallet is asked: in the second's call the event comes again.
    let running: Rc<RefCell<Option<Running<End>>>> = Rc::default();
    let taken = running.clone();
    first_host.on_event.replace(Some(Box::new(move |event| {
        if event == "paying" {
            own.executor.pass(151_000);
            theirs.lapse();
            taken.replace(Some(start(&second, &host, get(URL)).1));
            own.executor.run_ready();
        }
    })));
    assert_eq!(fetch(&first, &first_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    first_host.on_event.replace(None);
    assert_eq!(world.paid(), 1, "by the second");
    let hash = crate::parallel::first_hash(&world, &first);
    answer.bring(world.proof_of(&hash));
    world.executor.run(1_000);
    assert_eq!((running.take().map(|running| running.take()), spent(&world, &first)), (Some(PAID), 10));
}
