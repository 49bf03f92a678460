//! Stores that fail, are damaged or are shared, and instances that are gone.

use crate::executor::Running;
use crate::host::{
    client, code, fetch, get, not_honored, open, payments, refused, states, End, Op, Response, Store, TheClient, World,
    ORIGIN, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::start;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const JOURNAL: &str = "l402-fetch/journal";
const TOKENS: &str = "l402-fetch/tokens";
/// Records that a later version wrote.
const LATER: &str = r#"{"version":3}"#;

fn store_failed() -> End {
    End::Raised { code: Code::StoreFailed, cause: Some("the store broke"), state: None, has_response: true }
}

fn hashes(world: &Rc<World>, client: &TheClient) -> Vec<PaymentHash> {
    payments(world, client).into_iter().map(|payment| payment.payment_hash).collect()
}

#[test]
fn the_entry_is_written_before_the_wallet_is_asked() {
    for has_lock in [false, true] {
        let (world, store) = (World::new(), Store::new(has_lock));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner) = (store.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            let journal = seen.value(JOURNAL).expect("the journal is written");
            assert!(journal.contains(r#""state":"pending""#) && !seen.values.borrow().contains_key(TOKENS));
            crate::host::soon(inner.proof(invoice))
        })));
        let (seen, sends) = (store.clone(), world.clone());
        host.on_event.replace(Some(Box::new(move |event| {
            if event == "paid" {
                assert!(seen.value(TOKENS).unwrap().contains(r#""preimage":""#), "stored before anybody hears of it");
                assert_eq!(sends.sends(), 1, "and before the request is repeated");
            }
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert!(store.value(JOURNAL).unwrap().contains(r#""state":"paid""#));
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn an_abort_while_the_entry_is_written_cancels_the_purchase() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (aborted, ends) = start(&client, &host, get(URL));
    store.fails_at(move |op, key| {
        aborted.aborted.set(aborted.aborted.get() || (op, key) == (Op::Save, JOURNAL));
        false
    });
    world.executor.run(1000);
    assert_eq!((ends.take(), world.paid()), (End::Abandoned, 0));
    assert_eq!((states(&world, &client), host.heard()), (vec![], vec!["challenge".into(), "quote".into()]));
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 1));
}

#[test]
fn a_store_that_fails_before_the_payment_refuses_it_at_every_step() {
    // How many operations a purchase takes until the wallet is asked.
    let steps = {
        let (world, store) = (World::new(), Store::new(true));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, steps) = (store.clone(), Rc::new(Cell::new(0)));
        let (counted, inner) = (steps.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            counted.set(seen.ops.borrow().len());
            crate::host::soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        steps.get()
    };
    assert!(steps >= 8, "locks, loads and a save: {steps}");
    // The store fails once, or from then on until it is repaired.
    let all = (0..steps).flat_map(|step| [(step, false, 1), (step, true, 1), (step, false, 99), (step, true, 99)]);
    for (step, lies, failures) in all {
        let (world, store) = (World::new(), Store::new(true));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let seen = store.clone();
        store.lies.set(lies);
        store.fails_at(move |_, _| (1..=failures).contains(&seen.ops.borrow().len().saturating_sub(step)));
        assert_eq!(fetch(&client, &host, get(URL)), store_failed(), "step {step}");
        store.works();
        assert_eq!((world.paid(), world.credentials().len()), (0, 0), "step {step}");
        assert_eq!(host.heard().last().unwrap(), "refused store_failed");
        assert_eq!(states(&world, &client), [], "the entry does not stand, step {step}");
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "step {step}: the store works again");
        assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
    }
}

#[test]
fn a_store_that_fails_after_the_payment_fails_nobody() {
    for has_lock in [false, true] {
        for kept in 0..4 {
            let (world, store) = (World::new(), Store::new(has_lock));
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let (broken, inner) = (store.clone(), world.clone());
            world.on_pay.replace(Some(Box::new(move |invoice, _| {
                let left = Cell::new(kept);
                broken.fails_at(move |_, _| left.replace(left.get().max(1) - 1) == 0);
                crate::host::soon(inner.proof(invoice))
            })));
            assert_eq!(fetch(&client, &host, get(URL)), PAID, "{kept}");
            assert_eq!(host.heard(), ["challenge", "quote", "paying", "failed store_failed", "paid"], "{kept}");
            assert_eq!(fetch(&client, &host, get(URL)), REUSED, "the token is in memory");
            assert_eq!(fetch(&client, &host, get("https://other.example/")), store_failed(), "nothing more is paid");
            assert_eq!(world.paid(), 1);

            store.works();
            world.on_pay.replace(None);
            assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID);
            assert!(store.value(TOKENS).unwrap().matches("preimage").count() == 2, "what only memory knew is written");
            assert_eq!(states(&world, &client), [State::Paid, State::Paid]);
            let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
            assert_eq!(fetch(&fresh, &host, get(URL)), REUSED, "and another instance finds it");
            assert_eq!(world.paid(), 2);
        }
    }
}

#[test]
fn a_failure_that_could_not_be_written_is_not_forgotten() {
    for (answer, state, sats) in [
        (Answer::NoPreimage("null".into()), State::Unknown, 10),
        (Answer::Failed { text: "no route".into(), cause: None }, State::Failed, 0),
    ] {
        let (world, store) = (World::new(), Store::new(true));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let broken = store.clone();
        world.on_pay.replace(Some(Box::new(move |_, _| {
            broken.fails_at(|_, _| true);
            crate::host::soon(answer.clone())
        })));
        fetch(&client, &host, get(URL));
        store.works();
        assert_eq!(states(&world, &client), [state]);
        let spent = client.clone();
        assert_eq!(world.run(async move { spent.spent(None).await.ok().unwrap().total }), sats);
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn a_store_that_cannot_be_read_breaks_nothing_while_nothing_is_to_pay() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    store.fails_at(|_, _| true);
    world.answers(|sent| Ok(crate::host::Response::status(200, sent)));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, None));
    assert_eq!(store.ops.borrow().len(), 0, "it is not even asked");
    let asked = client.clone();
    assert_eq!(code(world.run(async move { asked.read_tokens().await })), Some(Code::StoreFailed));
}

#[test]
fn damaged_and_later_records_are_never_overwritten() {
    for text in [
        "",
        "{}",
        "not json",
        r#"{"version":1}"#,
        r#"{"version":1,"payments":[{}],"tokens":[{}]}"#,
        r#"{"version":0,"payments":[],"tokens":[]}"#,
        r#"{"version":3,"payments":[],"tokens":[]}"#,
        r#"{"version":"1","payments":[],"tokens":[]}"#,
    ] {
        for key in [JOURNAL, TOKENS] {
            let (world, store) = (World::new(), Store::new(true));
            let (client, host) = client(&world, Some(&store), Config::new(100));
            store.put(key, text);
            assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed), "{key} {text}");
            let (a, b, c, d) = (client.clone(), client.clone(), client.clone(), client.clone());
            assert_eq!(code(world.run(async move { a.payments().await })), Some(Code::StoreFailed));
            assert_eq!(code(world.run(async move { b.spent(None).await })), Some(Code::StoreFailed));
            assert_eq!(code(world.run(async move { c.forget(None).await })), Some(Code::StoreFailed));
            let resolved = world.run(async move { d.resolve(&[0xab; 32].into(), None).await });
            assert_eq!(code(resolved), Some(Code::StoreFailed));
            assert_eq!((world.paid(), store.count(Op::Save), store.value(key).as_deref()), (0, 0, Some(text)));
        }
    }
}

#[test]
fn damage_that_comes_while_the_wallet_pays_is_not_overwritten_either() {
    for key in [JOURNAL, TOKENS] {
        let (world, store) = (World::new(), Store::new(true));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner) = (store.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            seen.put(key, LATER);
            crate::host::soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        assert_eq!(fetch(&client, &host, get("https://other.example/")), refused(Code::StoreFailed));
        assert_eq!((world.paid(), store.value(key).as_deref()), (1, Some(LATER)));
    }
}

#[test]
fn damage_is_not_overwritten_by_a_late_answer_of_the_wallet() {
    for proven in [true, false] {
        for key in [JOURNAL, TOKENS] {
            let (world, store) = (World::new(), Store::new(true));
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let answer = world.wallet_waits();
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
            let hash = hashes(&world, &client).remove(0);
            let before = store.value(key);
            let saves = store.count(Op::Save);
            store.put(key, LATER);
            let failed = Answer::Failed { text: "no route".into(), cause: None };
            answer.bring(if proven { world.proof_of(&hash) } else { failed });
            world.executor.run(1000);
            assert_eq!((store.count(Op::Save), store.value(key).as_deref()), (saves, Some(LATER)));
            world.on_pay.replace(None);
            if proven {
                assert_eq!(fetch(&client, &host, get(URL)), REUSED, "memory has the token");
            }
            assert_eq!(fetch(&client, &host, get("https://other.example/")), refused(Code::StoreFailed));
            assert_eq!(world.paid(), 1);
            // Once the store is repaired, it learns what memory knows.
            match before {
                Some(text) => store.put(key, &text),
                None => drop(store.values.borrow_mut().remove(key)),
            }
            assert_eq!(states(&world, &client), [if proven { State::Paid } else { State::Failed }]);
            assert_eq!(store.value(TOKENS).is_some(), proven);
        }
    }
}

#[test]
fn damage_is_not_overwritten_by_a_refusal() {
    for key in [JOURNAL, TOKENS] {
        let (world, store) = (World::new(), Store::new(true));
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner) = (store.clone(), world.clone());
        world.answers(move |sent| {
            if sent.authorization.is_some() {
                seen.put(key, LATER);
            }
            Ok(Response::challenge(&inner.mint.offer(&Terms::default(), inner.now()).header(), sent))
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
        assert_eq!(fetch(&client, &host, get(URL)), not_honored(), "memory knows");
        assert_eq!((world.paid(), store.value(key).as_deref()), (1, Some(LATER)));
    }
}

#[test]
fn a_new_instance_knows_tokens_and_sums() {
    let (world, store) = (World::new(), Store::new(true));
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    let (second, host) = client(&world, Some(&store), Config::new(100));
    let reading = second.clone();
    world.run(async move { reading.read_tokens().await.ok().unwrap() });
    assert_eq!(fetch(&second, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.sends(), states(&world, &second)), (1, 3, vec![State::Paid]));
    let mut config = Config::new(100);
    config.limits.all.total = Some(19_999);
    let (third, host) = client(&world, Some(&store), config);
    assert_eq!(fetch(&third, &host, get("https://other.example/")), refused(Code::OverLimit));
    assert_eq!(world.paid(), 1);
}

#[test]
fn two_instances_buy_once() {
    let (world, store) = (World::new(), Store::new(true));
    let clients: Vec<_> = (0..5).map(|_| client(&world, Some(&store), Config::new(100))).collect();
    let running: Vec<_> = clients.iter().map(|(client, host)| start(client, host, get(URL)).1).collect();
    world.executor.run(60_000);
    let ends: Vec<_> = running.iter().map(Running::take).collect();
    assert_eq!((world.paid(), ends), (1, vec![PAID, REUSED, REUSED, REUSED, REUSED]));
}

#[test]
fn limits_hold_across_instances() {
    for has_lock in [false, true] {
        let (world, store) = (World::new(), Store::new(has_lock));
        let mut config = Config::new(100);
        config.limits.all.total = Some(45_000);
        let clients: Vec<_> = (0..6).map(|_| client(&world, Some(&store), config.clone())).collect();
        let _never = world.wallet_waits();
        let mut running = Vec::new();
        for (number, (client, host)) in clients.iter().enumerate() {
            running.push(start(client, host, get(&format!("https://shop{number}.example/"))).1);
            if !has_lock {
                // Only the order of their reads and writes keeps them apart.
                world.executor.run(1000);
            }
        }
        world.executor.run(1000);
        assert_eq!(world.paid(), 3, "each reserves 15 of 45 sat");
        let ends: Vec<_> = running.iter().filter(|running| running.is_done()).map(Running::take).collect();
        assert_eq!(ends, vec![refused(Code::OverLimit); 3]);
    }
}

#[test]
fn two_instances_without_a_lock_never_both_pay_what_one_has_journalled() {
    let (world, store) = (World::new(), Store::new(false));
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    let answer = world.wallet_waits();
    // Between its journal write and its wallet's start, a lookup finds nothing.
    world.lookup_says(Fact::NotFound);
    let (_, one) = start(&first, &first_host, get(URL));
    world.executor.run_ready();
    assert_eq!(fetch(&second, &second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    assert_eq!(world.paid(), 1);
    let hash = payments(&world, &first)[0].payment_hash;
    answer.bring(world.proof_of(&hash));
    world.executor.run(1000);
    assert_eq!(one.take(), PAID);
    assert_eq!(fetch(&second, &second_host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}

#[test]
fn instances_that_know_an_origin_differently_do_not_buy_beside_each_other() {
    let (world, store) = (World::new(), Store::new(true));
    world.server.shares.set(false);
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &first_host, get(&format!("{ORIGIN}/a"))), PAID);
    assert_eq!(fetch(&first, &first_host, get(&format!("{ORIGIN}/b"))), PAID);
    // The first takes a lock for each resource from here on. The second does not know that.
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    world.lookup_says(Fact::NotFound);
    let answer = world.wallet_waits();
    let (_, one) = start(&first, &first_host, get(&format!("{ORIGIN}/c")));
    world.executor.run(10);
    assert_eq!(world.paid(), 3);
    let (_, same) = start(&second, &second_host, get(&format!("{ORIGIN}/c")));
    world.executor.run(10);
    let (third, third_host) = client(&world, Some(&store), Config::new(100));
    let (_, other) = start(&third, &third_host, get(&format!("{ORIGIN}/d")));
    world.executor.run(10);
    assert_eq!(world.paid(), 3, "a lookup that finds nothing yet is believed by nobody else");
    // The ledger is free while the wallet is asked.
    let hash = payments(&world, &first)[2].payment_hash;
    world.on_pay.replace(None);
    answer.bring(world.proof_of(&hash));
    world.executor.run(60_000);
    assert_eq!([one.take(), same.take()], [PAID, REUSED]);
    assert_eq!((other.take(), world.paid()), (PAID, 4));
}

#[test]
fn another_instances_pending_entry_survives_a_purchase_that_it_refuses() {
    let (world, store) = (World::new(), Store::new(false));
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    // The server offers the same token and invoice to both.
    world.offers(Terms::default());
    let consent = second_host.user_waits();
    let (_, waits) = start(&second, &second_host, get(URL));
    world.executor.run_ready();
    let _never = world.wallet_waits();
    let (_, pays) = start(&first, &first_host, get(URL));
    world.executor.run_ready();
    assert_eq!(world.paid(), 1);
    consent.bring(Ok(true));
    world.executor.run_ready();
    assert_eq!(waits.take(), open(Code::PaymentUnknown, State::Pending));
    for _ in 0..2 {
        assert_eq!(fetch(&second, &second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    }
    assert_eq!((world.paid(), states(&world, &second)), (1, vec![State::Pending]));
    assert!(!pays.is_done());
}

#[test]
fn an_entry_that_others_lost_comes_back_with_its_proof() {
    let (world, store) = (World::new(), Store::new(false));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (seen, inner) = (store.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        seen.values.borrow_mut().clear();
        crate::host::soon(inner.proof(invoice))
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
}

#[test]
fn a_stale_read_of_the_tokens_loses_none() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    // A first request has read an empty store, and hears of it when a purchase has begun.
    let arrival = crate::executor::Later::new();
    store.arrival.replace(Some(arrival.clone()));
    let reading = client.clone();
    let read = world.executor.start(async move { reading.read_tokens().await.is_ok() });
    world.executor.run_ready();
    let (_, buys) = start(&client, &host, get(URL));
    world.executor.run_ready();
    arrival.bring(());
    world.executor.run(1000);
    assert_eq!((buys.take(), read.take()), (PAID, true));
    assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID);
    assert_eq!(store.value(TOKENS).unwrap().matches(r#""preimage":""#).count(), 2);
    assert_eq!(
        [fetch(&client, &host, get(URL)), fetch(&client, &host, get("https://other.example/"))],
        [REUSED, REUSED]
    );
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_cache_that_is_behind_loses_no_token_and_buys_nothing_twice() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID);
    let behind = store.value(TOKENS).unwrap();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    // A slow first request of the instance has its answer from a cache, as of before the purchase.
    let now = store.value(TOKENS).unwrap();
    store.put(TOKENS, &behind);
    let reading = client.clone();
    assert!(world.run(async move { reading.read_tokens().await.is_ok() }));
    store.put(TOKENS, &now);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 2);
    assert_eq!(store.value(TOKENS).unwrap().matches(r#""preimage":""#).count(), 2);
}

#[test]
fn a_token_that_was_written_without_its_journal_entry_is_a_proof() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    // The process ends between the two: tokens are written, the journal is not.
    let (broken, inner) = (store.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        broken.fails_at(|op, key| op == Op::Save && key == JOURNAL);
        crate::host::soon(inner.proof(invoice))
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert!(store.value(JOURNAL).unwrap().contains("pending") && store.value(TOKENS).is_some());
    store.works();
    let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&fresh, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.lookups.get(), states(&world, &fresh)), (1, 0, vec![State::Paid]));
}

#[test]
fn a_holder_that_lost_its_lock_believes_no_lookup_of_the_new_holders_payment() {
    let (world, store) = (World::new(), Store::new(true));
    let (frozen, host) = client(&world, Some(&store), Config::new(100));
    let consent = host.user_waits();
    let (_, first) = start(&frozen, &host, get(URL));
    world.executor.run(20_000);
    store.take_over();
    // The other's order is on its way: its wallet knows nothing of it yet.
    let (other, other_host) = client(&world, Some(&store), Config::new(100));
    let answer = world.wallet_waits();
    world.lookup_says(Fact::NotFound);
    let (_, second) = start(&other, &other_host, get(URL));
    world.executor.run(1000);
    consent.bring(Ok(true));
    world.executor.run(1000);
    assert_eq!(first.take(), open(Code::PaymentUnknown, State::Pending));
    let hash = crate::parallel::first_hash(&world, &other);
    answer.bring(world.proof_of(&hash));
    world.executor.run(1000);
    assert_eq!((second.take(), world.paid()), (PAID, 1));
    assert_eq!((fetch(&frozen, &host, get(URL)), world.paid()), (REUSED, 1));
}

#[test]
fn changes_by_others_during_consent_count_before_the_wallet_is_asked() {
    // Stores without locks: another instance buys the same meanwhile, and its token is refused.
    let (world, store) = (World::new(), Store::new(false));
    let (asking, first) = client(&world, Some(&store), Config::new(100));
    let (other, second) = client(&world, Some(&store), Config::new(100));
    // Each 402 has an invoice of its own, and nothing is ever served.
    let seller = world.clone();
    world.answers(move |sent| {
        Ok(Response::challenge(&seller.mint.offer(&Terms::default(), seller.now()).header(), sent))
    });
    let consent = first.user_waits();
    let (_, waiting) = start(&asking, &first, get(URL));
    world.executor.run(1000);
    assert_eq!(fetch(&other, &second, get(URL)), End::Answer(402, Some(true)));
    assert_eq!(fetch(&other, &second, get(URL)), not_honored());
    consent.bring(Ok(true));
    world.executor.run(1000);
    assert_eq!((waiting.take(), world.paid()), (not_honored(), 1));
}
