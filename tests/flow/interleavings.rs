//! Owners that freeze, sleep, are throttled or have other clocks: whoever comes between, one payment is made at most.

use crate::executor::{Later, Running};
use crate::host::{
    call, client, end, fetch, get, never, open, payments, refused, soon, spent, states, End, Fake, Freezer, Store,
    TheClient, World, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{first_hash, start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::Code;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

const OTHER: &str = "https://other.example/";
const HOUR_MS: i64 = 3_600_000;

fn instance(world: &Rc<World>, store: &Rc<Store>) -> (TheClient, Fake) {
    client(world, Some(store), Config::new(100))
}

fn with_wallet(world: &Rc<World>, store: &Rc<Store>, settles_once: bool) -> (TheClient, Fake) {
    let (client, host) = instance(world, store);
    host.wallet.replace(Wallet { id: Some("lnd".into()), settles_once, finds: true, ..Wallet::default() });
    (client, host)
}

fn with_hour(world: &Rc<World>, store: &Rc<Store>, sat: u64) -> (TheClient, Fake) {
    let mut config = Config::new(100);
    config.limits.all.per_hour = Some(sat * 1000);
    client(world, Some(store), config)
}

/// A call that freezes with its process.
fn start_process(client: &TheClient, host: &Fake, url: &str) -> (Running<End>, Rc<Freezer>) {
    let (client, request) = (client.clone(), get(url));
    let freezer = host.frozen.borrow().clone();
    let held = freezer.clone().hold(async move { end(&client.fetch(call(request.clone()), request).await) });
    (host.world.executor.start(held), freezer)
}

/// A wallet that sends once it is let: what left it, by payment request. One hash is settled once.
fn wallet_with_a_gate(world: &Rc<World>) -> (Rc<Later<()>>, Rc<RefCell<Vec<String>>>) {
    let (gate, sent) = (Later::new(), Rc::new(RefCell::new(Vec::new())));
    let (wait, out, inner) = (gate.clone(), sent.clone(), world.clone());
    let calls = Cell::new(0);
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        calls.set(calls.get() + 1);
        // Only the first is held up.
        let (wait, out, proof) = ((calls.get() == 1).then(|| wait.clone()), out.clone(), inner.proof(invoice));
        let request = invoice.payment_request.clone();
        Box::pin(async move {
            if let Some(wait) = wait {
                wait.get().await;
            }
            out.borrow_mut().push(request);
            proof
        })
    })));
    (gate, sent)
}

#[test]
fn an_owner_that_freezes_inside_its_wallet_and_sends_when_it_thaws_pays_nothing_twice() {
    for settles_once in [true, false] {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = with_wallet(&world, &store, settles_once);
        let (second, second_host) = with_wallet(&world, &store, settles_once);
        let (gate, sent) = wallet_with_a_gate(&world);
        world.lookup_says(Fact::NotFound);
        let (frozen, freezer) = start_process(&first, &first_host, URL);
        world.executor.run(1_000);
        assert_eq!((world.paid(), sent.borrow().len()), (1, 0));
        freezer.freeze();
        let (_, waiting) = start(&second, &second_host, get(URL));
        world.executor.run(150_000);
        assert!(!waiting.is_done(), "its lease has not lapsed");
        world.executor.run(30_000);
        // The same invoice once more where that is safe, and nothing otherwise.
        let expected = if settles_once { PAID } else { open(Code::PaymentUnknown, State::Pending) };
        assert_eq!((waiting.take(), sent.borrow().len()), (expected, usize::from(settles_once)), "{settles_once}");
        gate.bring(());
        freezer.thaw();
        world.executor.run(60_000);
        assert_eq!(frozen.take(), PAID, "{settles_once}");
        let invoices: BTreeSet<String> = sent.borrow().iter().cloned().collect();
        assert_eq!(invoices.len(), 1, "one invoice, which the wallet settles once");
        assert_eq!((fetch(&second, &second_host, get(URL)), spent(&world, &second)), (REUSED, 10));
        assert_eq!(states(&world, &second), [State::Paid]);
        assert_eq!(store.keys("open/").len() + store.keys("lease/").len(), 0);
    }
}

#[test]
fn an_owner_that_thaws_after_its_invoice_has_expired_finds_a_wallet_that_refuses_it() {
    let (world, store) = (World::new(), Store::new());
    world.server.terms.replace(Terms { expiry_s: 600, ..Terms::default() });
    let (first, first_host) = with_wallet(&world, &store, true);
    let (second, second_host) = with_wallet(&world, &store, true);
    let answer = world.wallet_waits();
    world.lookup_says(Fact::NotFound);
    let (frozen, freezer) = start_process(&first, &first_host, URL);
    world.executor.run(1_000);
    freezer.freeze();
    world.executor.run(920_000);
    world.on_pay.replace(None);
    // Whoever comes now sees the lease for the first time: it has to stand still once more.
    let (_, waiting) = start(&second, &second_host, get(URL));
    world.executor.run(200_000);
    assert_eq!((waiting.take(), world.paid()), (PAID, 2), "a fresh invoice, since nobody can pay the old one");
    assert_eq!(states(&world, &second), [State::Failed, State::Paid]);
    answer.bring(Answer::Failed { text: "invoice expired".into(), cause: None });
    freezer.thaw();
    world.executor.run(60_000);
    assert!(matches!(frozen.take(), End::Raised { code: Code::PaymentFailed | Code::PaymentUnknown, .. }));
    assert_eq!((world.paid(), spent(&world, &second)), (2, 10));
    assert_eq!(fetch(&first, &first_host, get(URL)), REUSED);
}

#[test]
fn an_observer_whose_clock_is_minutes_ahead_does_not_call_a_frozen_order_failed() {
    // How far its clock is ahead, how long the frozen order has been out, and whether the observer may buy afresh by
    // then.
    for (ahead_ms, wait_ms, buys) in
        [(240_000, 500_000, false), (240_000, 658_000, false), (240_000, 662_000, true), (0, 905_000, true)]
    {
        let (world, store) = (World::new(), Store::new());
        world.server.terms.replace(Terms { expiry_s: 600, ..Terms::default() });
        let (first, first_host) = with_wallet(&world, &store, false);
        let (second, second_host) = with_wallet(&world, &store, false);
        second_host.ahead_ms.set(ahead_ms);
        let (gate, sent) = wallet_with_a_gate(&world);
        world.lookup_says(Fact::NotFound);
        let (frozen, freezer) = start_process(&first, &first_host, URL);
        world.executor.run(1_000);
        freezer.freeze();
        // The observer sees the lease stand still.
        assert_eq!(fetch(&second, &second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
        world.executor.pass(wait_ms - world.executor.monotonic());
        let expected = if buys { PAID } else { open(Code::PaymentUnknown, State::Pending) };
        assert_eq!(fetch(&second, &second_host, get(URL)), expected, "{ahead_ms} {wait_ms}");
        assert_eq!(sent.borrow().len(), usize::from(buys), "{ahead_ms} {wait_ms}");
        if !buys {
            gate.bring(());
            freezer.thaw();
            world.executor.run(10_000);
            assert_eq!((frozen.take(), sent.borrow().len()), (PAID, 1));
            assert_eq!((fetch(&second, &second_host, get(URL)), spent(&world, &second)), (REUSED, 10));
        }
    }
}

#[test]
fn a_lease_holds_for_the_duration_that_its_row_names() {
    for (lasts_ms, seen_ms) in [(20_000, 31_000), (150_000, 161_000), (250_000, 261_000)] {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = instance(&world, &store);
        let (second, second_host) = instance(&world, &store);
        // A reservation: whoever begins next releases it once its lease has lapsed.
        first_host.approve.replace(Some(Box::new(|_| never())));
        let (_frozen, freezer) = start_process(&first, &first_host, URL);
        world.executor.run(1_000);
        freezer.freeze();
        let key = store.keys("lease/").remove(0);
        let row = store.value(&key).unwrap();
        let (ours, theirs) = (r#""lastsMs":150000"#, format!(r#""lastsMs":{lasts_ms}"#));
        assert!(row.contains(ours));
        store.put(&key, &row.replace(ours, &theirs));
        let (_, waiting) = start(&second, &second_host, get(URL));
        world.executor.run(lasts_ms + 9_000);
        assert!(!waiting.is_done(), "{lasts_ms}: it has not lapsed");
        // Looks are at most 10 s apart.
        world.executor.run(seen_ms - lasts_ms);
        assert_eq!((waiting.take(), world.paid()), (PAID, 1), "{lasts_ms}");
    }
}

#[test]
fn a_laptop_that_sleeps_between_write_and_wallet_does_not_send() {
    // By how much each of its clocks went on, whether the wallet is asked.
    for (wall_ms, monotonic_ms, is_asked) in [
        (100_000, 100_000, true),
        (149_000, 0, true),
        (151_000, 0, false),
        (0, 149_000, true),
        // The wall clock was set back meanwhile.
        (0, 151_000, false),
        (-HOUR_MS, 151_000, false),
        (10 * HOUR_MS, 1_000, false),
    ] {
        for asks in [false, true] {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = instance(&world, &store);
            if asks {
                host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
            }
            let (told, seen, writes) = (Later::new(), store.clone(), Cell::new(0));
            let wait = told.clone();
            // What the write that says "sent" has done is told when it wakes.
            store.fails_at(move |op, _| {
                writes.set(writes.get() + usize::from(op == crate::host::Op::Write));
                if op == crate::host::Op::Write && writes.get() == 1 + usize::from(asks) {
                    seen.answer.replace(Some(wait.clone()));
                }
                false
            });
            let (_, running) = start(&client, &host, get(URL));
            world.executor.run_ready();
            world.executor.pass(monotonic_ms);
            host.ahead_ms.set(wall_ms - i64::try_from(monotonic_ms).unwrap());
            assert_eq!((world.paid(), running.is_done()), (0, false));
            told.bring(());
            world.executor.run(1_000);
            let end = running.take();
            let what = format!("{wall_ms} {monotonic_ms} {asks}");
            if is_asked {
                assert_eq!((end, world.paid(), spent(&world, &client)), (PAID, 1, 10), "{what}");
                continue;
            }
            assert_eq!(end, open(Code::PaymentFailed, State::Failed), "{what}");
            assert_eq!((world.paid(), spent(&world, &client), store.keys("open/").len()), (0, 0, 0), "{what}");
            host.ahead_ms.set(0);
            assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 1), "{what}");
        }
    }
}

#[test]
fn a_laptop_that_slept_while_its_order_was_out_takes_the_answer() {
    let (world, store) = (World::new(), Store::new());
    let (sleeping, host) = instance(&world, &store);
    let (other, other_host) = instance(&world, &store);
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (asleep, freezer) = start_process(&sleeping, &host, URL);
    world.executor.run(1_000);
    let hash = first_hash(&world, &other);
    freezer.freeze();
    let (_, waiting) = start(&other, &other_host, get(URL));
    world.executor.run(200_000);
    assert_eq!(waiting.take(), open(Code::PaymentUnknown, State::Pending), "nobody can tell");
    host.ahead_ms.set(200_000);
    answer.bring(world.proof_of(&hash));
    freezer.thaw();
    world.executor.run(60_000);
    assert_eq!((asleep.take(), world.paid()), (PAID, 1));
    assert_eq!((fetch(&other, &other_host, get(URL)), spent(&world, &other)), (REUSED, 10));
}

#[test]
fn clocks_that_are_three_minutes_apart_pay_once_and_count_together() {
    for apart_ms in [180_000, -180_000] {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = with_hour(&world, &store, 34);
        let (second, second_host) = with_hour(&world, &store, 34);
        second_host.ahead_ms.set(apart_ms);
        world.lookup_says(Fact::NotFound);
        let answer = world.wallet_waits();
        let (_, one) = start(&first, &first_host, get(URL));
        world.executor.run(1_000);
        let (_, two) = start(&second, &second_host, get(URL));
        world.executor.run(250_000);
        assert_eq!((world.paid(), one.is_done(), two.is_done()), (1, false, false), "{apart_ms}: a lease is no time");
        answer.bring(world.proof_of(&first_hash(&world, &first)));
        world.executor.run(20_000);
        assert_eq!([one.take(), two.take()], [PAID, REUSED]);
        world.on_pay.replace(None);
        // 10 by the first, 10 by the second: each sees both in its hour, whichever is in its future.
        assert_eq!(fetch(&second, &second_host, get(OTHER)), PAID, "{apart_ms}");
        for client in [&first, &second] {
            let client = client.clone();
            let sums = world.run(async move { client.spent(None).await.ok().unwrap() });
            assert_eq!((sums.hour, sums.day, sums.total), (20, 20, 20), "{apart_ms}");
        }
        assert_eq!(fetch(&first, &first_host, get("https://third.example/")), PAID);
        for (client, host) in [(&first, &first_host), (&second, &second_host)] {
            assert_eq!(fetch(client, host, get("https://fourth.example/")), refused(Code::OverLimit), "{apart_ms}");
        }
        assert_eq!(world.paid(), 3);
        // In the order in which they were made, as far as one clock can tell.
        assert_eq!(payments(&world, &first).len(), 3);
    }
}

#[test]
fn who_is_ahead_by_three_minutes_believes_no_failure_of_a_living_purchase() {
    let (world, store) = (World::new(), Store::new());
    world.server.terms.replace(Terms { expiry_s: 200, ..Terms::default() });
    let (first, first_host) = instance(&world, &store);
    let (second, second_host) = instance(&world, &store);
    second_host.ahead_ms.set(180_000);
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (_, one) = start(&first, &first_host, get(URL));
    world.executor.run(1_000);
    // To the second the invoice has expired.
    world.executor.run(30_000);
    assert_eq!(states(&world, &second), [State::Pending]);
    let (_, two) = start(&second, &second_host, get(URL));
    world.executor.run(100_000);
    assert_eq!((world.paid(), two.is_done()), (1, false));
    answer.bring(world.proof_of(&first_hash(&world, &first)));
    world.executor.run(20_000);
    assert_eq!((one.take(), two.take(), world.paid()), (PAID, REUSED, 1));
}

#[test]
fn a_lease_that_lapses_while_a_person_decides_repeats_every_check() {
    // What others spent meanwhile; whether the invoice still lives; the end, and the fee that the wallet may take.
    for (total, others, waits_ms, expected, fee) in [
        (45, 0, 0, PAID, Some(5_000)),
        (45, 1, 0, PAID, Some(5_000)),
        (22, 1, 0, PAID, Some(2_000)),
        (20, 1, 0, PAID, Some(0)),
        (19, 1, 0, refused(Code::OverLimit), None),
        (45, 0, 3_600_000, PAID, Some(5_000)),
    ] {
        let (world, store) = (World::new(), Store::new());
        let mut config = Config::new(100);
        config.limits.all.total = Some(total * 1000);
        let (first, first_host) = client(&world, Some(&store), config.clone());
        let (second, second_host) = client(&world, Some(&store), config);
        let fees = Rc::new(RefCell::new(Vec::new()));
        let (keep, inner) = (fees.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, fee| {
            keep.borrow_mut().push(fee);
            soon(inner.proof(invoice))
        })));
        let (consent, asked) = (Later::new(), Cell::new(0));
        let wait = consent.clone();
        first_host.approve.replace(Some(Box::new(move |_| {
            asked.set(asked.get() + 1);
            if asked.get() == 1 {
                wait.get()
            } else {
                soon(Ok(true))
            }
        })));
        let (deciding, freezer) = start_process(&first, &first_host, URL);
        world.executor.run(1_000);
        freezer.freeze();
        world.executor.run(waits_ms);
        let mut paid = 0;
        for _ in 0..others {
            let ended = fetch(&second, &second_host, get(OTHER));
            if ended != PAID {
                assert_eq!(ended, refused(Code::OverLimit), "what a person is asked about is reserved");
                world.executor.run(161_000);
                assert_eq!(fetch(&second, &second_host, get(OTHER)), PAID);
            }
            paid += 1;
        }
        store.lapse();
        fees.take();
        consent.bring(Ok(true));
        freezer.thaw();
        world.executor.run(60_000);
        let what = format!("{total} {others} {waits_ms}");
        assert_eq!(deciding.take(), expected, "{what}");
        assert_eq!(fees.take(), fee.into_iter().collect::<Vec<_>>(), "{what}");
        paid += u64::from(expected == PAID);
        assert_eq!((world.paid() as u64, spent(&world, &second)), (paid, paid * 10), "{what}");
    }
}

#[test]
fn what_others_bought_while_a_person_decided_is_used() {
    let (world, store) = (World::new(), Store::new());
    let ((first, first_host), (second, second_host)) = (instance(&world, &store), instance(&world, &store));
    let consent = Later::new();
    let wait = consent.clone();
    first_host.approve.replace(Some(Box::new(move |_| wait.get())));
    let (_, deciding) = start(&first, &first_host, get(URL));
    world.executor.run(1_000);
    store.lapse();
    assert_eq!(fetch(&second, &second_host, get(URL)), PAID);
    consent.bring(Ok(true));
    world.executor.run(10_000);
    assert_eq!((deciding.take(), world.paid(), spent(&world, &first)), (REUSED, 1, 10));
}

#[test]
fn a_fee_is_never_above_what_was_approved_though_limits_leave_more_by_then() {
    let (world, store) = (World::new(), Store::new());
    let mut config = Config::new(100);
    config.limits.all.total = Some(24_000);
    let (first, first_host) = client(&world, Some(&store), config.clone());
    let (second, second_host) = client(&world, Some(&store), config);
    let fees = Rc::new(RefCell::new(Vec::new()));
    let (keep, inner) = (fees.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, fee| {
        keep.borrow_mut().push(fee);
        soon(if keep.borrow().len() == 1 {
            Answer::Failed { text: "no route".into(), cause: None }
        } else {
            inner.proof(invoice)
        })
    })));
    // 10 and a fee of 5 are reserved by the second, which leaves the first no more than 9.
    world.server.terms.replace(Terms { amount_msat: Some(6_000), ..Terms::default() });
    let gate = Later::new();
    let wait = gate.clone();
    second_host.approve.replace(Some(Box::new(move |_| wait.get())));
    world.server.terms.replace(Terms { amount_msat: Some(10_000), ..Terms::default() });
    let (_, other) = start(&second, &second_host, get(OTHER));
    world.executor.run(1_000);
    world.server.terms.replace(Terms { amount_msat: Some(6_000), ..Terms::default() });
    let consent = Later::new();
    let wait = consent.clone();
    first_host.approve.replace(Some(Box::new(move |_| wait.get())));
    let (_, deciding) = start(&first, &first_host, get(URL));
    world.executor.run(1_000);
    assert_eq!(first_host.terms.borrow()[0].max_fee_msat, 3_000);
    gate.bring(Ok(true));
    world.executor.run(1_000);
    assert_eq!(other.take(), open_failed());
    store.lapse();
    consent.bring(Ok(true));
    world.executor.run(1_000);
    assert_eq!((deciding.take(), fees.take()), (PAID, vec![5_000, 3_000]));
}

fn open_failed() -> End {
    End::Raised { code: Code::PaymentFailed, cause: None, state: Some(State::Failed), has_response: true }
}

#[test]
fn a_tab_that_is_throttled_to_one_timer_a_minute_keeps_its_lease() {
    for settles_once in [false, true] {
        let (world, store) = (World::new(), Store::new());
        let (hidden, host) = with_wallet(&world, &store, settles_once);
        let (other, other_host) = with_wallet(&world, &store, settles_once);
        host.wakes_each_ms.set(60_000);
        world.lookup_says(Fact::NotFound);
        let answer = world.wallet_waits();
        let (_, one) = start(&hidden, &host, get(URL));
        world.executor.run(5_000);
        for _ in 0..4 {
            let (_, two) = start(&other, &other_host, get(URL));
            world.executor.run(320_000);
            assert!(matches!(two.take(), End::Raised { code: Code::PaymentUnknown, .. }));
            assert_eq!(world.paid(), 1, "nobody takes its order up");
        }
        answer.bring(world.proof_of(&first_hash(&world, &other)));
        world.executor.run(120_000);
        assert!(matches!(one.take(), End::Raised { code: Code::PaymentUnknown, .. }), "it took too long for its call");
        for (client, host) in [(&hidden, &host), (&other, &other_host)] {
            assert_eq!(fetch(client, host, get(URL)), REUSED);
        }
        assert_eq!((world.paid(), spent(&world, &other)), (1, 10));
    }
}

#[test]
fn a_question_that_is_never_answered_pays_nothing_and_ends_with_its_caller() {
    let (world, store) = (World::new(), Store::new());
    let mut config = Config::new(100);
    config.limits.all.total = Some(24_000);
    let (first, first_host) = client(&world, Some(&store), config.clone());
    let (second, second_host) = client(&world, Some(&store), config);
    first_host.approve.replace(Some(Box::new(|_| never())));
    let (calling, asking) = start(&first, &first_host, get(URL));
    // Hours: its lease is renewed, and what it may cost stays reserved.
    for _ in 0..5 {
        world.executor.run(1_000_000);
        assert_eq!(fetch(&second, &second_host, get(OTHER)), refused(Code::OverLimit));
    }
    assert_eq!((asking.is_done(), world.paid(), first_host.approvals.get()), (false, 0, 1));
    calling.aborted.set(true);
    world.executor.run(2_000);
    assert_eq!(asking.take(), End::Abandoned);
    assert_eq!((fetch(&second, &second_host, get(OTHER)), world.paid()), (PAID, 1), "it is free at once");
    assert_eq!(["open/", "lease/"].map(|prefix| store.keys(prefix).len()), [0, 0]);
}

#[test]
fn a_question_of_a_process_that_is_gone_is_passed_over() {
    let (world, store) = (World::new(), Store::new());
    let ((first, first_host), (second, second_host)) = (instance(&world, &store), instance(&world, &store));
    first_host.approve.replace(Some(Box::new(|_| never())));
    let (_gone, freezer) = start_process(&first, &first_host, URL);
    world.executor.run(1_000);
    freezer.freeze();
    let before = world.now();
    let (_, next) = start(&second, &second_host, get(URL));
    assert_eq!(until_done(&second_host, &[next]), [PAID]);
    let waited_ms = world.now() - before;
    assert!((160_000..190_000).contains(&waited_ms), "{waited_ms}");
    assert_eq!((world.paid(), spent(&world, &second)), (1, 10));
}

#[test]
fn a_clock_that_jumps_an_hour_either_way_empties_no_window() {
    for jump_ms in [HOUR_MS, -HOUR_MS] {
        let (world, store) = (World::new(), Store::new());
        world.server.terms.replace(Terms { expiry_s: 10_800, ..Terms::default() });
        let (client, host) = with_hour(&world, &store, 25);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        // By a clock that jumped back it is in the future, and counts as now; ahead it may have left the hour.
        host.ahead_ms.set(jump_ms);
        assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
        host.ahead_ms.set(0);
        let reading = client.clone();
        let sums = world.run(async move { reading.spent(None).await.ok().unwrap() });
        assert_eq!((sums.day, sums.total), (20, 20), "{jump_ms}");
        // Set right again, both count: what the jump put into the future, and what was before it.
        if jump_ms > 0 {
            assert_eq!(sums.hour, 20, "{jump_ms}");
            assert_eq!(fetch(&client, &host, get("https://third.example/")), refused(Code::OverLimit), "{jump_ms}");
        }
    }
    // Back and forth as often as it likes.
    let (world, store) = (World::new(), Store::new());
    let (client, host) = with_hour(&world, &store, 105);
    for number in 0..20 {
        host.ahead_ms.set([0, HOUR_MS / 2, -HOUR_MS / 2, 0][number % 4]);
        fetch(&client, &host, get(&format!("https://shop{number}.example/")));
    }
    assert_eq!(world.paid(), 10, "all within an hour of each other");
}

#[test]
fn a_clock_that_jumps_while_the_wallet_is_asked_changes_no_outcome() {
    for jump_ms in [HOUR_MS, -HOUR_MS, 25 * HOUR_MS] {
        for proven in [true, false] {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = with_hour(&world, &store, 24);
            let answer = world.wallet_waits();
            let (_, running) = start(&client, &host, get(URL));
            world.executor.run(1_000);
            host.ahead_ms.set(jump_ms);
            world.executor.run(1_000);
            let hash = first_hash(&world, &client);
            let failed = Answer::Failed { text: "no route".into(), cause: None };
            answer.bring(if proven { world.proof_of(&hash) } else { failed });
            world.executor.run(1_000);
            let expected = if proven { PAID } else { open_failed() };
            assert_eq!((running.take(), world.paid()), (expected, 1), "{jump_ms}");
            assert_eq!(spent(&world, &client), if proven { 10 } else { 0 }, "{jump_ms}");
            host.ahead_ms.set(0);
            world.on_pay.replace(None);
            // Its fee reserve is free, in whichever bucket it stood.
            assert_eq!(fetch(&client, &host, get(OTHER)), PAID, "{jump_ms}");
            let next = fetch(&client, &host, get("https://third.example/"));
            assert_eq!(next, if proven { refused(Code::OverLimit) } else { PAID }, "{jump_ms}");
        }
    }
}

#[test]
fn a_clock_that_jumps_while_others_wait_ends_no_lease() {
    for jump_ms in [HOUR_MS, -HOUR_MS, 30 * HOUR_MS] {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = with_wallet(&world, &store, true);
        let (second, second_host) = with_wallet(&world, &store, true);
        world.lookup_says(Fact::NotFound);
        let answer = world.wallet_waits();
        let (_, one) = start(&first, &first_host, get(URL));
        world.executor.run(1_000);
        let (_, two) = start(&second, &second_host, get(URL));
        world.executor.run(10_000);
        second_host.ahead_ms.set(jump_ms);
        world.executor.run(200_000);
        assert_eq!((world.paid(), two.is_done()), (1, false), "{jump_ms}");
        answer.bring(world.proof_of(&first_hash(&world, &first)));
        world.executor.run(20_000);
        assert_eq!([one.take(), two.take()], [PAID, REUSED], "{jump_ms}");
    }
}

#[test]
fn two_wallets_on_one_store_share_limits_and_tokens_and_never_an_order() {
    let (world, store) = (World::new(), Store::new());
    let pair: Vec<_> = ["lnd", "nwc"]
        .map(|id| {
            let mut config = Config::new(100);
            config.limits.all.total = Some(40_000);
            let (client, host) = client(&world, Some(&store), config);
            host.wallet.replace(Wallet { id: Some(id.into()), settles_once: true, finds: true, ..Wallet::default() });
            (client, host)
        })
        .into();
    let [(first, first_host), (second, second_host)] = &pair[..] else { unreachable!() };
    assert_eq!(fetch(first, first_host, get(OTHER)), PAID);
    assert_eq!(fetch(second, second_host, get(OTHER)), REUSED, "tokens are the store's");
    // The first is gone with its order out. The other wallet knows nothing of it, and is not asked to pay it.
    world.on_pay.replace(Some(Box::new(|_, _| never())));
    let (_gone, freezer) = start_process(first, first_host, URL);
    world.executor.run(1_000);
    freezer.freeze();
    store.lapse();
    world.on_pay.replace(None);
    for found in [Fact::NotFound, Fact::Failed { begun_at_ms: None }] {
        world.lookup_says(found);
        assert_eq!(fetch(second, second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    }
    // Nor once its invoice has expired, until a day after that.
    world.executor.pass(4_000_000);
    assert_eq!(fetch(second, second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    assert_eq!((world.paid(), spent(&world, second)), (2, 20));
    assert_eq!(fetch(second, second_host, get("https://third.example/")), PAID, "15 of 40 were left");
    assert_eq!(fetch(second, second_host, get("https://fourth.example/")), refused(Code::OverLimit));
    // Its own wallet ends it.
    let (again, again_host) = client(&world, Some(&store), Config::new(100));
    again_host.wallet.replace(first_host.wallet.borrow().clone());
    world.lookup_says(Fact::NotFound);
    assert_eq!((fetch(&again, &again_host, get(URL)), spent(&world, second)), (PAID, 30));
}
