//! Writes of which a store tells nothing that can be relied on: each purchase counts once, and is paid once or not at
//! all.

use crate::executor::Later;
use crate::host::{
    client, fetch, get, open, payments, refused, spent, states, End, Fake, Manner, Op, Store, TheClient, World, PAID,
    REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const OTHER: &str = "https://other.example/";

fn with_total(sat: u64, world: &Rc<World>, store: &Rc<Store>) -> (TheClient, Fake) {
    let mut config = Config::new(100);
    config.limits.all.total = Some(sat * 1000);
    client(world, Some(store), config)
}

fn not_written() -> End {
    End::Raised { code: Code::StoreFailed, cause: None, state: None, has_response: true }
}

/// Who comes with a fresh mind finds what was paid, once, and all that was counted besides is free again.
fn is_whole(world: &Rc<World>, store: &Rc<Store>, sat: u64) {
    let (fresh, host) = with_total(sat + 10, world, store);
    assert_eq!(spent(world, &fresh), sat);
    assert_eq!(["open/", "lease/"].map(|prefix| store.keys(prefix).len()), [0, 0]);
    let paid = world.paid();
    assert_eq!(fetch(&fresh, &host, get("https://last.example/")), PAID, "nothing else is counted");
    assert_eq!(world.paid(), paid + 1);
}

#[test]
fn a_store_that_says_false_for_ever_is_given_up_after_ten_seconds_and_nothing_is_sent() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    store.writes_by(|_| Manner::Loses);
    let before = world.now();
    assert_eq!(fetch(&client, &host, get(URL)), not_written());
    assert!((10_000..11_000).contains(&(world.now() - before)), "{}", world.now() - before);
    // What was taken back is tried for as long.
    assert!((20..150).contains(&store.count(Op::Write)), "{}", store.count(Op::Write));
    assert_eq!((world.paid(), world.credentials().len()), (0, 0));
    assert_eq!(host.heard().last().unwrap(), "refused store_failed");
    store.works();
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 1));
    is_whole(&world, &store, 10);
}

#[test]
fn a_comparison_that_is_lost_for_nine_seconds_is_tried_until_it_is_won() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (inner, begun) = (world.clone(), world.now());
    store.writes_by(move |_| if inner.now() < begun + 9_000 { Manner::Loses } else { Manner::Honest });
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 1));
    store.works();
    is_whole(&world, &store, 10);
}

#[test]
fn a_store_that_says_false_for_ever_after_the_payment_fails_nobody() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    store.writes_by(|number| if number == 0 { Manner::Honest } else { Manner::Loses });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(host.heard()[3..], ["failed store_failed", "paid"]);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED, "memory has it");
    assert_eq!(fetch(&client, &host, get(OTHER)), not_written());
    store.works();
    assert_eq!((states(&world, &client), world.paid()), (vec![State::Paid], 1));
    is_whole(&world, &store, 10);
}

#[test]
fn whatever_is_said_of_a_write_that_happened_it_counts_once() {
    for manner in [Manner::SaysFalse, Manner::Rejects] {
        // Its record, its proof, that its token was taken; or all of them.
        for which in [Some(0), Some(1), Some(2), None] {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = with_total(20, &world, &store);
            store.writes_by(move |number| match which {
                Some(which) if which != number => Manner::Honest,
                // Of two writes in a row one is told truly, or the store would have to be given up.
                None if number % 2 == 1 => Manner::Honest,
                _ => manner,
            });
            assert_eq!(fetch(&client, &host, get(URL)), PAID, "{manner:?} {which:?}");
            store.works();
            assert_eq!(fetch(&client, &host, get(URL)), REUSED);
            assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]), "{manner:?} {which:?}");
            assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
            is_whole(&world, &store, 10);
        }
    }
}

#[test]
fn the_same_where_somebody_is_asked() {
    for manner in [Manner::SaysFalse, Manner::Rejects] {
        for (consents, which) in [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1)] {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = with_total(20, &world, &store);
            host.approve.replace(Some(Box::new(move |_| crate::host::soon(Ok(consents)))));
            store.writes_by(move |number| if number == which { manner } else { Manner::Honest });
            let expected = if consents { PAID } else { refused(Code::Declined) };
            assert_eq!(fetch(&client, &host, get(URL)), expected, "{manner:?} {which}");
            store.works();
            assert_eq!((world.paid(), host.approvals.get()), (usize::from(consents), 1), "{manner:?} {which}");
            is_whole(&world, &store, if consents { 10 } else { 0 });
        }
    }
}

#[test]
fn a_write_that_lands_after_the_reread_changes_nothing_that_was_decided_since() {
    for manner in [Manner::Late, Manner::LateFalse] {
        for which in 0..3 {
            for lands_after in [Op::Read, Op::Write] {
                let (world, store) = (World::new(), Store::new());
                let (client, host) = with_total(20, &world, &store);
                let is_late = Rc::new(Cell::new(false));
                let (late, seen, until) = (is_late.clone(), store.clone(), Cell::new(usize::MAX));
                store.writes_by(move |number| {
                    late.set(late.get() || number == which);
                    if number == which {
                        manner
                    } else {
                        Manner::Honest
                    }
                });
                // It arrives before the first operation that follows the re-read, or the write that follows it.
                store.fails_at(move |op, _| {
                    let count = seen.count(op);
                    if is_late.get() && op == lands_after {
                        until.set(until.get().min(count));
                        if count > until.get() {
                            seen.land();
                        }
                    }
                    false
                });
                assert_eq!(fetch(&client, &host, get(URL)), PAID, "{manner:?} {which} {lands_after:?}");
                store.works();
                assert!(!store.land(), "what is late by then finds other rows");
                assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
                is_whole(&world, &store, 10);
            }
        }
    }
}

#[test]
fn a_refused_purchase_whose_write_is_still_on_its_way_never_happens() {
    for manner in [Manner::Late, Manner::LateFalse] {
        let (world, store) = (World::new(), Store::new());
        let ((first, first_host), (second, second_host)) =
            (with_total(19, &world, &store), with_total(19, &world, &store));
        store.writes_by(move |number| if number == 0 { manner } else { Manner::Honest });
        let (late, seen) = (Later::new(), store.clone());
        let wait = late.clone();
        // The first reads again while the second buys.
        store.fails_at(move |op, keys| {
            if op == Op::Read && seen.count(Op::Write) == 1 && keys.iter().any(|key| key.starts_with("open/")) {
                seen.arrival.replace(Some(wait.clone()));
            }
            false
        });
        let (_, running) = start(&first, &first_host, get(URL));
        world.executor.run(1_000);
        store.fails.replace(None);
        assert_eq!(fetch(&second, &second_host, get(OTHER)), PAID);
        late.bring(());
        world.executor.run(1_000);
        assert_eq!(running.take(), refused(Code::OverLimit));
        assert!(!store.land(), "its caller was told that nothing is paid");
        assert_eq!(world.paid(), 1);
        is_whole(&world, &store, 10);
    }
}

#[test]
fn what_was_taken_back_does_not_come_back_with_a_late_write() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = with_total(20, &world, &store);
    // Its record is on its way for ever, and everything else fails.
    store.writes_by(|_| Manner::Late);
    assert_eq!(fetch(&client, &host, get(URL)), crate::stores::store_failed());
    store.works();
    assert_eq!(states(&world, &client), [], "taken back");
    assert!(!store.land());
    assert_eq!((states(&world, &client), world.paid()), (vec![], 0));
    is_whole(&world, &store, 0);
}

#[test]
fn a_row_that_was_deleted_and_written_again_is_not_the_same() {
    let (world, store) = (World::new(), Store::new());
    let ((first, first_host), (second, second_host)) = (with_total(24, &world, &store), with_total(24, &world, &store));
    world.sells(Terms::default());
    // What the first reserves lapses while a person decides. The second reserves the same invoice, and is refused.
    let consent = Later::new();
    let asked = consent.clone();
    first_host.approve.replace(Some(Box::new(move |_| asked.get())));
    second_host.approve.replace(Some(Box::new(|_| crate::host::soon(Ok(false)))));
    let (_, running) = start(&first, &first_host, get(URL));
    world.executor.run(1_000);
    let reserved = store.values.borrow().clone();
    store.lapse();
    assert_eq!(fetch(&second, &second_host, get(URL)), refused(Code::Declined));
    // And somebody else reserves it once more.
    let never = Later::new();
    let wait = never.clone();
    second_host.approve.replace(Some(Box::new(move |_| wait.get())));
    let (_, other) = start(&second, &second_host, get(URL));
    world.executor.run(1_000);
    let is_the_same = |key: &str| reserved.get(key) == store.value(key).as_ref();
    assert!(store
        .keys("open/")
        .iter()
        .chain(&store.keys("payment/"))
        .chain(&["sums".to_owned()])
        .all(|key| !is_the_same(key)));
    consent.bring(Ok(true));
    world.executor.run(20_000);
    assert_eq!((world.paid(), running.is_done()), (0, false), "it waits for who has it now");
    never.bring(Ok(true));
    world.executor.run(20_000);
    assert_eq!([other.take(), running.take()], [PAID, REUSED]);
    assert_eq!((world.paid(), spent(&world, &first)), (1, 10));
}

#[test]
fn a_store_that_answers_late_is_waited_for_and_what_is_too_late_is_not_sent() {
    // What was written is told after so long, by the process's own clock.
    for (wait_ms, expected, paid) in
        [(100_000, PAID, 1), (149_000, PAID, 1), (151_000, open(Code::PaymentFailed, State::Failed), 0)]
    {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = with_total(20, &world, &store);
        let (told, seen) = (Later::new(), store.clone());
        store.answer.replace(Some(told.clone()));
        let (_, running) = start(&client, &host, get(URL));
        world.executor.run(wait_ms);
        assert_eq!((world.paid(), running.is_done(), seen.keys("payment/").len()), (0, false, 1));
        told.bring(());
        world.executor.run(1_000);
        assert_eq!((running.take(), world.paid()), (expected, paid), "{wait_ms}");
        is_whole(&world, &store, paid as u64 * 10);
    }
}

#[test]
fn a_store_that_hangs_pays_nothing_and_its_callers_may_give_up() {
    for op in [Op::Read, Op::Write] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = with_total(20, &world, &store);
        let (stuck, seen) = (Later::new(), store.clone());
        let wait = stuck.clone();
        store.fails_at(move |done, keys| {
            // What is read before the first request may hold it up; these rows are read only once an invoice came.
            let rows = if op == Op::Read { "sums" } else { "open/" };
            if done == op && keys.iter().any(|key| key.starts_with(rows)) {
                let at = if op == Op::Write { &seen.departure } else { &seen.arrival };
                at.replace(Some(wait.clone()));
            }
            false
        });
        let (calling, running) = start(&client, &host, get(URL));
        world.executor.run(1_000);
        store.works();
        // Whatever asks for no money is not held up.
        world.answers(|sent| Ok(crate::host::Response::status(200, sent)));
        let before = world.now();
        assert_eq!(fetch(&client, &host, get("https://free.example/")), End::Answer(200, None));
        assert!(world.now() - before <= 5_000);
        calling.aborted.set(true);
        stuck.bring(());
        world.executor.run(1_000);
        assert_eq!((running.take(), world.paid()), (End::Abandoned, 0), "{op:?}");
        world.on_send.replace(None);
        is_whole(&world, &store, 0);
    }
}

#[test]
fn what_a_store_loses_while_the_wallet_pays_comes_back_or_counts_no_more() {
    for lost in ["payment/", "open/", "lease/", "origin/", "time/", "of/", "sums", ""] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner) = (store.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            seen.values.borrow_mut().retain(|key, _| !key.starts_with(lost));
            crate::host::soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "{lost}");
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{lost}");
        assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"], "{lost}");
        let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
        assert_eq!((fetch(&fresh, &host, get(URL)), world.paid()), (REUSED, 1), "{lost}");
        // An index that is lost tells of the payment no more, but its row does.
        if !["time/"].contains(&lost) {
            assert_eq!(payments(&world, &fresh)[0].state, State::Paid, "{lost}");
        }
        // Sums that are not lost with a payment's row count it twice, never less than once.
        let sat = if lost == "payment/" { 20 } else { 10 };
        assert_eq!(spent(&world, &fresh), sat, "{lost}");
        assert!(store.text("payment/").contains(r#""state":"paid""#), "{lost}");
    }
}

#[test]
fn what_a_store_loses_of_an_order_that_is_out_frees_nothing_of_it() {
    for lost in ["open/", "lease/", "origin/", "time/", "of/"] {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = client(&world, Some(&store), Config::new(100));
        world.wallet_says(Answer::Threw("reset"));
        let _ = fetch(&first, &first_host, get(URL));
        store.values.borrow_mut().retain(|key, _| !key.starts_with(lost));
        // The server offers the same invoice again.
        let (client, host) = crate::host::client(&world, Some(&store), Config::new(100));
        if lost != "open/" {
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown), "{lost}");
            assert_eq!((world.paid(), spent(&world, &client)), (1, 10), "{lost}");
        }
        assert!(store.text("payment/").contains(r#""state":"unknown""#), "{lost}");
    }
}

#[test]
fn what_was_decided_before_its_rows_were_read_is_neither_written_nor_told() {
    let (world, store) = (World::new(), Store::new());
    for number in 1..=4 {
        // It remembers nothing, so that each step is decided on absent rows first.
        let fresh = || client(&world, Some(&store), Config::new(100));
        let (buying, host) = fresh();
        assert_eq!(fetch(&buying, &host, get(&format!("https://shop{number}.example/"))), PAID);
        let rows = store.values.borrow().clone();
        assert_eq!(spent(&world, &fresh().0), number * 10, "the sums were read before they were written");
        assert_eq!(states(&world, &fresh().0), vec![State::Paid; number as usize]);
        for url in (1..=number).map(|number| format!("https://shop{number}.example/")) {
            let (client, host) = fresh();
            assert_eq!(fetch(&client, &host, get(&url)), REUSED);
        }
        assert_eq!((world.paid() as u64, &rows), (number, &*store.values.borrow()));
    }
}
