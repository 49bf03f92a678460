//! workerd: no request wakes another, and a request freezes when it has returned.

use crate::executor::Later;
use crate::executor::Running;
use crate::host::{
    begin, call, client, end, fetch, get, never, not_honored, open, refused, soon, spent, Cause, End, Fake, Freezer,
    Op, Response, Store, TheClient, World, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{first_hash, start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::limits::Windows;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const OTHER: &str = "https://other.example/";

#[test]
fn workers_wait_by_timers_of_their_own() {
    let (world, client, host) = begin();
    host.isolated.set(true);
    let running: Vec<_> = (0..5).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED, REUSED, REUSED]);
    assert_eq!(world.paid(), 1);
}

/// Lets a request end, with all tasks that it has spawned. Later tasks belong to another request.
fn end_request(host: &Fake) -> Rc<Freezer> {
    let frozen = host.frozen.take();
    frozen.freeze();
    frozen
}

#[test]
fn a_frozen_purchase_is_passed_over_soon_and_not_paid_again() {
    let (world, client, host) = begin();
    host.isolated.set(true);
    // The purchase froze with its request during consent. Nothing is in the journal, so the next request buys.
    let consent = host.user_waits();
    let _gone = start(&client, &host, get(URL));
    world.executor.run(1000);
    let frozen = end_request(&host);
    host.approve.replace(None);
    let before = world.now();
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    world.executor.run(150_000);
    assert_eq!(world.paid(), 0, "it may only be slow");
    assert_eq!(until_done(&host, &running), [PAID, REUSED, REUSED]);
    assert!(world.now() - before < 185_000, "{}", world.now() - before);
    // Frozen is not dead.
    frozen.thaw();
    consent.bring(Ok(true));
    world.executor.run(60_000);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_frozen_payment_is_not_believed_to_have_failed_before_its_time_is_over() {
    let (world, client, host) = begin();
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
    assert!(world.now() - before < 185_000, "{}", world.now() - before);
    assert_eq!(world.paid(), 1);
    world.executor.pass(300_000);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (open(Code::PaymentUnknown, State::Pending), 1));
    // An order that froze inside the wallet may still be sent when it thaws, until the invoice has expired.
    world.executor.pass(3_600_000);
    world.on_pay.replace(None);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 2));
}

#[test]
fn a_slow_but_living_purchase_is_waited_for() {
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
    let (world, client, host) = begin();
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

/// A purchase that freezes with its request.
fn start_request(client: &TheClient, host: &Fake, url: &str) -> Running<End> {
    let (client, request) = (client.clone(), get(url));
    let frozen = host.frozen.borrow().clone();
    host.world.executor.start(frozen.hold(async move { end(&client.fetch(call(request.clone()), request).await) }))
}

/// An instance in workerd whose limits leave room for one payment of 10 sat and its fee, and little more.
fn with_total(sat: u64, store: Option<&Rc<Store>>) -> (Rc<World>, TheClient, Fake) {
    let world = World::new();
    let mut config = Config::new(100);
    config.limits.all = Windows { total: Some(sat * 1000), ..Windows::default() };
    let (client, host) = client(&world, store, config);
    host.isolated.set(true);
    (world, client, host)
}

#[test]
fn the_reservation_of_a_request_that_froze_during_consent_is_free_again() {
    let (world, client, host) = with_total(24, None);
    host.approve.replace(Some(Box::new(|_| never())));
    let _gone = start_request(&client, &host, URL);
    world.executor.run(1000);
    let _frozen = end_request(&host);
    host.approve.replace(None);
    assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit), "it may only be slow");
    world.executor.run(150_000);
    assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit), "its lease stands");
    world.executor.run(11_000);
    assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
}

/// A request that froze in a store call of its purchase: while the store is read, or its record written. `is_written`:
/// it was, and only the answer was lost.
fn froze_in_the_store(
    op: Op,
    is_written: bool,
    had_bought: bool,
) -> (Rc<World>, TheClient, Fake, Rc<Freezer>, Rc<Later<()>>, Running<End>) {
    let store = Store::new();
    let (world, client, host) = with_total(if had_bought { 34 } else { 24 }, Some(&store));
    if had_bought {
        assert_eq!(fetch(&client, &host, get("https://earlier.example/")), PAID);
    }
    let (stuck, seen) = (Later::new(), store.clone());
    let sticks = stuck.clone();
    store.fails_at(move |done, keys| {
        if done == op && keys.iter().any(|key| key.starts_with("open/")) {
            let at = match op {
                Op::Write if is_written => &seen.answer,
                Op::Write => &seen.departure,
                _ => &seen.arrival,
            };
            at.replace(Some(sticks.clone()));
        }
        false
    });
    let gone = start_request(&client, &host, URL);
    world.executor.run(1000);
    let frozen = end_request(&host);
    store.works();
    assert!(!gone.is_done());
    world.executor.run(60_000);
    (world, client, host, frozen, stuck, gone)
}

#[test]
fn a_request_that_froze_in_a_store_call_keeps_no_amount_that_it_has_not_written() {
    for op in [Op::Read, Op::Write] {
        for had_bought in [false, true] {
            let (world, client, host, ..) = froze_in_the_store(op, false, had_bought);
            let before = u64::from(had_bought);
            let ended = fetch(&client, &host, get(OTHER));
            let sums = (world.paid() as u64, spent(&world, &client));
            assert_eq!((ended, sums), (PAID, (before + 1, before * 10 + 10)), "{op:?} {had_bought}");
        }
    }
}

#[test]
fn who_thaws_in_a_store_call_pays_nothing_beyond_the_limits() {
    // A comparison that is lost after so long is not tried again.
    for (op, code) in [(Op::Read, Code::OverLimit), (Op::Write, Code::StoreFailed)] {
        let (world, client, host, frozen, stuck, gone) = froze_in_the_store(op, false, true);
        assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
        assert_eq!(fetch(&client, &host, get("https://third.example/")), PAID);
        frozen.thaw();
        stuck.bring(());
        assert_eq!(until_done(&host, &[gone]), [refused(code)], "{op:?}");
        assert_eq!((world.paid(), spent(&world, &client)), (3, 30), "{op:?}");
    }
}

#[test]
fn who_thaws_behind_a_write_that_says_that_it_sends_does_not_send_any_more() {
    let (world, client, host, frozen, stuck, gone) = froze_in_the_store(Op::Write, true, false);
    // To others it may have sent its order: nobody can tell.
    assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit));
    world.executor.run(161_000);
    assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit));
    frozen.thaw();
    stuck.bring(());
    assert_eq!(until_done(&host, &[gone]), [open(Code::PaymentFailed, State::Failed)]);
    assert_eq!((world.paid(), spent(&world, &client)), (0, 0));
    assert_eq!(fetch(&client, &host, get(OTHER)), PAID, "what it had reserved is free");
}

#[test]
fn who_thaws_without_its_reservation_reserves_anew_before_the_wallet_is_asked() {
    // What is left after the other's 10 sat: not enough, enough without a fee, enough for less of a fee, enough.
    for (total, ends, fees) in [
        (19, refused(Code::OverLimit), vec![5_000]),
        (20, PAID, vec![5_000, 0]),
        (23, PAID, vec![5_000, 3_000]),
        (40, PAID, vec![5_000, 5_000]),
    ] {
        let (world, client, host) = with_total(total, None);
        let (consent, allowed) = (host.user_waits(), Rc::default());
        let (seen, inner): (Rc<std::cell::RefCell<Vec<u64>>>, _) = (Rc::clone(&allowed), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, max_fee| {
            seen.borrow_mut().push(max_fee);
            soon(inner.proof(invoice))
        })));
        let first = start_request(&client, &host, URL);
        world.executor.run(1000);
        let frozen = end_request(&host);
        host.approve.replace(None);
        // What was reserved is seen to stand still until its lease has lapsed.
        if total < 40 {
            assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit));
            world.executor.run(161_000);
        }
        assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
        frozen.thaw();
        consent.bring(Ok(true));
        assert_eq!(until_done(&host, &[first]), [ends], "{total} sat");
        assert_eq!(*allowed.borrow(), fees, "{total} sat");
        assert_eq!((world.paid(), spent(&world, &client)), (fees.len(), fees.len() as u64 * 10), "{total} sat");
    }
}

#[test]
fn a_purchase_that_was_passed_over_does_not_ask_the_wallet() {
    let (world, client, host) = begin();
    host.isolated.set(true);
    let consent = host.user_waits();
    let first = start_request(&client, &host, URL);
    world.executor.run(1000);
    let frozen = end_request(&host);
    host.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
    let (_, second) = start(&client, &host, get(URL));
    assert_eq!(until_done(&host, &[second]), [refused(Code::Declined)]);
    frozen.thaw();
    consent.bring(Ok(true));
    let expected = End::Raised { code: Code::PaymentUnknown, cause: None, state: None, has_response: true };
    assert_eq!(until_done(&host, &[first]), [expected], "its caller has been told that it was interrupted");
    assert_eq!((world.paid(), spent(&world, &client)), (0, 0));
}

#[test]
fn an_order_whose_request_froze_keeps_its_amount_counted() {
    let (world, client, host) = with_total(24, None);
    let _never = world.wallet_waits();
    let _gone = start_request(&client, &host, URL);
    world.executor.run(1000);
    let _frozen = end_request(&host);
    world.executor.run(60_000);
    assert_eq!(fetch(&client, &host, get(OTHER)), refused(Code::OverLimit));
    assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
}

#[test]
fn a_token_whose_write_froze_is_known_to_who_comes_next() {
    let store = Store::new();
    let (world, client, host) = with_total(100, Some(&store));
    world.lookup_says(Fact::Unreachable);
    let (stuck, seen) = (Later::new(), store.clone());
    let sticks = stuck.clone();
    store.fails_at(move |op, key| {
        if op == Op::Write && key.iter().any(|key| key.starts_with("token/")) {
            seen.departure.replace(Some(sticks.clone()));
        }
        false
    });
    let _gone = start_request(&client, &host, URL);
    world.executor.run(1000);
    let _frozen = end_request(&host);
    store.works();
    assert_eq!(spent(&world, &client), 10);
    let written = store.text("token/");
    assert!(written.contains(&first_hash(&world, &client).to_hex()), "who comes next writes it");
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1));
}

#[test]
fn a_second_refusal_counts_before_it_is_written() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    host.isolated.set(true);
    world.on_send.replace(Some(Box::new(|sent| {
        let refusal = Response::status(403, sent);
        sent.authorization.as_ref().map(|_| soon(Ok(refusal)))
    })));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(403, Some(true)));
    world.executor.run(1_000);
    let written = Later::new();
    store.departure.replace(Some(written.clone()));
    let (_, running) = start(&client, &host, get(URL));
    world.executor.run(5_000);
    written.bring(());
    world.executor.run(1_000);
    assert_eq!((running.take(), world.paid()), (not_honored(), 1));
}

/// Two instances want the same. The second one is an isolate, and hears of the payment with `finds`. Every token is
/// refused, the payer gets no answer to it, and no refusal can be written.
fn refusals_that_are_not_written(finds: impl FnOnce(&Rc<World>, &Rc<Store>, &Later<Answer<Cause>>, &TheClient)) {
    let (world, store) = (World::new(), Store::new());
    let (payer, payer_host) = client(&world, Some(&store), Config::new(100));
    let (other, other_host) = client(&world, Some(&store), Config::new(100));
    other_host.isolated.set(true);
    let (refused, is_first, payment) = (Rc::new(Cell::new(0)), Cell::new(true), world.wallet_waits());
    let (count, was_refused) = (Rc::clone(&refused), Rc::clone(&refused));
    world.on_send.replace(Some(Box::new(move |sent| {
        sent.authorization.as_ref()?;
        if is_first.replace(false) {
            return Some(never());
        }
        count.set(count.get() + 1);
        Some(soon(Ok(Response::status(403, sent))))
    })));
    store.fails_at(move |op, keys| {
        op == Op::Write && was_refused.get() > 0 && keys.iter().any(|key| key.starts_with("token/"))
    });
    let _paying = start(&payer, &payer_host, get(URL));
    world.executor.run(1_000);
    let (_, waiting) = start(&other, &other_host, get(URL));
    world.executor.run(1_000);
    finds(&world, &store, &payment, &payer);
    world.executor.run(60_000);
    assert_eq!((waiting.take(), world.paid(), refused.get()), (not_honored(), 1, 2));
}

#[test]
fn refusals_of_a_token_that_another_has_bought_count_before_they_are_written() {
    refusals_that_are_not_written(|world, _, payment, payer| {
        payment.bring(world.proof_of(&first_hash(world, payer)));
    });
}

#[test]
fn refusals_of_a_token_that_another_has_bought_during_a_lookup_count_too() {
    // It may remember the payment, or read it anew: it does either in turn.
    for waits_ms in (0..10_000).step_by(500) {
        refusals_that_are_not_written(|world, store, payment, payer| {
            let (hash, found) = (first_hash(world, payer), Later::new());
            let later = Rc::clone(&found);
            world.on_lookup.replace(Some(Box::new(move |_| later.get())));
            world.executor.run(waits_ms);
            let before = world.lookups.get();
            store.lapse();
            while world.lookups.get() == before {
                world.executor.run(500);
            }
            payment.bring(world.proof_of(&hash));
            world.executor.run(1_000);
            found.bring(Fact::Paid { preimage: world.mint.preimage(&hash).unwrap(), fee_msat: None });
        });
    }
}
