//! Stores that fail, that others write as well, and instances that are gone.

use crate::executor::{Later, Running};
use crate::host::{
    client, code, fetch, get, not_honored, open, refused, spent, states, Call, End, Fake, Op, Response, Store,
    TheClient, World, ORIGIN, PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::first_hash;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const OTHER: &str = "https://other.example/";

fn start(client: &TheClient, host: &Fake, url: &str) -> (Rc<Call>, Running<End>) {
    crate::parallel::start(client, host, get(url))
}

pub fn store_failed() -> End {
    End::Raised { code: Code::StoreFailed, cause: Some("the store broke"), state: None, has_response: true }
}

#[test]
fn the_entry_is_written_before_the_wallet_is_asked() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (seen, inner) = (store.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        assert!(seen.text("payment/").contains(r#""state":"pending""#));
        assert_eq!(["open/", "lease/", "time/", "token/"].map(|prefix| seen.keys(prefix).len()), [1, 1, 1, 0]);
        crate::host::soon(inner.proof(invoice))
    })));
    let (seen, sends) = (store.clone(), world.clone());
    host.on_event.replace(Some(Box::new(move |event| {
        if event == "paid" {
            assert!(seen.text("token/").contains(r#""preimage":""#), "stored before anybody hears of it");
            assert_eq!(sends.sends(), 1, "and before the request is repeated");
        }
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert!(store.text("payment/").contains(r#""state":"paid""#));
    assert_eq!(["open/", "lease/", "time/", "token/"].map(|prefix| store.keys(prefix).len()), [0, 0, 1, 1]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn an_abort_while_the_entry_is_written_cancels_the_purchase() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (aborted, ends) = start(&client, &host, URL);
    store.fails_at(move |op, _| {
        aborted.aborted.set(aborted.aborted.get() || op == Op::Write);
        false
    });
    world.executor.run(1000);
    assert_eq!((ends.take(), world.paid()), (End::Abandoned, 0));
    assert_eq!((states(&world, &client), host.heard()), (vec![], vec!["challenge".into(), "quote".into()]));
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 1));
}

#[test]
fn a_store_that_fails_before_the_payment_refuses_it_at_every_step() {
    // What a purchase does until the wallet is asked.
    let done = {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, done) = (store.clone(), Rc::new(Cell::new(Vec::new())));
        let (keep, inner) = (done.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            keep.set(seen.ops.borrow().iter().map(|(op, _)| *op).collect());
            crate::host::soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        done.take()
    };
    assert_eq!(done, [Op::Read, Op::Read, Op::Write], "its tokens, what else it has to know, and its record");
    // For a moment, or from then on until it is repaired.
    for step in 0..done.len() {
        for (lies, failures) in [(false, 1), (true, 1), (false, 2), (true, 2), (false, 99), (true, 99)] {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let seen = store.clone();
            store.lies.set(lies);
            store.fails_at(move |_, _| (step..step + failures).contains(&seen.ops.borrow().len()));
            // Tokens are read again by who buys, and a write is tried twice.
            let is_healed = failures == 1 && step != 1;
            let expected = if is_healed { PAID } else { store_failed() };
            assert_eq!(fetch(&client, &host, get(URL)), expected, "step {step}, {failures}");
            store.works();
            assert_eq!(world.paid(), usize::from(is_healed));
            if !is_healed {
                assert_eq!(world.credentials().len(), 0, "step {step}");
                assert_eq!(host.heard().last().unwrap(), "refused store_failed");
                assert_eq!(states(&world, &client), [], "the entry does not stand, step {step}");
                assert_eq!(fetch(&client, &host, get(URL)), PAID, "step {step}: the store works again");
            }
            assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
            assert_eq!(spent(&world, &client), 10);
        }
    }
}

#[test]
fn a_store_that_fails_after_the_payment_fails_nobody() {
    for lies in [false, true] {
        for kept in 0..3 {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let (broken, inner) = (store.clone(), world.clone());
            store.lies.set(lies);
            world.on_pay.replace(Some(Box::new(move |invoice, _| {
                let left = Cell::new(kept);
                broken.fails_at(move |_, _| left.replace(left.get().max(1) - 1) == 0);
                crate::host::soon(inner.proof(invoice))
            })));
            assert_eq!(fetch(&client, &host, get(URL)), PAID, "{kept}");
            let told: &[&str] = if kept == 0 { &["failed store_failed", "paid"] } else { &["paid"] };
            assert_eq!(host.heard()[3..], *told, "{kept}");
            assert_eq!(fetch(&client, &host, get(URL)), REUSED, "the token is in memory");
            if kept < 2 {
                assert_eq!(fetch(&client, &host, get(OTHER)), store_failed(), "nothing more is paid");
            }
            assert_eq!(world.paid(), 1);

            store.works();
            world.on_pay.replace(None);
            assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
            assert_eq!(store.text("token/").matches("preimage").count(), 2, "what only memory knew is written");
            assert_eq!(states(&world, &client), [State::Paid, State::Paid]);
            let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
            assert_eq!(fetch(&fresh, &host, get(URL)), REUSED, "and another instance finds it");
            assert_eq!((world.paid(), spent(&world, &fresh)), (2, 20));
        }
    }
}

#[test]
fn a_failure_that_could_not_be_written_is_not_forgotten() {
    for (answer, state, sats) in [
        (Answer::NoPreimage("null".into()), State::Unknown, 10),
        (Answer::Failed { text: "no route".into(), cause: None }, State::Failed, 0),
    ] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let broken = store.clone();
        world.on_pay.replace(Some(Box::new(move |_, _| {
            broken.fails_at(|_, _| true);
            crate::host::soon(answer.clone())
        })));
        fetch(&client, &host, get(URL));
        store.works();
        assert_eq!(states(&world, &client), [state]);
        assert_eq!(spent(&world, &client), sats);
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn a_store_that_cannot_be_read_breaks_nothing_while_nothing_is_to_pay() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    store.fails_at(|_, _| true);
    world.answers(|sent| Ok(crate::host::Response::status(200, sent)));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(200, None));
    assert_eq!(store.ops.borrow().len(), 1, "it was asked for tokens");
    let asked = client.clone();
    assert_eq!(code(world.run(async move { asked.read_tokens(&get(URL)).await })), Some(Code::StoreFailed));
}

#[test]
fn a_new_instance_knows_tokens_and_sums() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    let (second, host) = client(&world, Some(&store), Config::new(100));
    let reading = second.clone();
    world.run(async move { reading.read_tokens(&get(URL)).await.ok().unwrap() });
    assert_eq!(fetch(&second, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.sends(), states(&world, &second)), (1, 3, vec![State::Paid]));
    let mut config = Config::new(100);
    config.limits.all.total = Some(19_999);
    let (third, host) = client(&world, Some(&store), config);
    assert_eq!(fetch(&third, &host, get(OTHER)), refused(Code::OverLimit));
    assert_eq!(world.paid(), 1);
}

#[test]
fn two_instances_buy_once() {
    let (world, store) = (World::new(), Store::new());
    let clients: Vec<_> = (0..5).map(|_| client(&world, Some(&store), Config::new(100))).collect();
    let running: Vec<_> = clients.iter().map(|(client, host)| start(client, host, URL).1).collect();
    world.executor.run(60_000);
    let ends: Vec<_> = running.iter().map(Running::take).collect();
    assert_eq!((world.paid(), ends), (1, vec![PAID, REUSED, REUSED, REUSED, REUSED]));
}

#[test]
fn who_found_the_store_empty_reads_nothing_more_for_its_first_purchase_and_sees_what_others_wrote() {
    let (world, store) = (World::new(), Store::new());
    let clients: Vec<_> = (0..2).map(|_| client(&world, Some(&store), Config::new(100))).collect();
    for (_, host) in &clients {
        host.found_it_empty.set(true);
    }
    let [(one, one_host), (other, other_host)] = clients.as_slice() else { panic!() };
    assert_eq!(fetch(one, one_host, get(URL)), PAID);
    let ops: Vec<_> = store.ops.borrow().iter().map(|(op, _)| *op).collect();
    assert_eq!(ops, [Op::Write, Op::Write, Op::Write], "its record, its proof, and that it was accepted");
    assert_eq!((fetch(other, other_host, get(URL)), world.paid()), (REUSED, 1));
    // What is asked without a purchase is read.
    let (third, host) = client(&world, Some(&store), Config::new(100));
    host.found_it_empty.set(true);
    assert_eq!(spent(&world, &third), 10);
}

#[test]
fn limits_hold_across_instances() {
    for at_once in [false, true] {
        let (world, store) = (World::new(), Store::new());
        let mut config = Config::new(100);
        config.limits.all.total = Some(45_000);
        let clients: Vec<_> = (0..6).map(|_| client(&world, Some(&store), config.clone())).collect();
        let _never = world.wallet_waits();
        let mut running = Vec::new();
        for (number, (client, host)) in clients.iter().enumerate() {
            running.push(start(client, host, &format!("https://shop{number}.example/")).1);
            if !at_once {
                world.executor.run(1000);
            }
        }
        world.executor.run(10_000);
        assert_eq!(world.paid(), 3, "each reserves 15 of 45 sat");
        let ends: Vec<_> = running.iter().filter(|running| running.is_done()).map(Running::take).collect();
        assert_eq!(ends, vec![refused(Code::OverLimit); 3]);
    }
}

#[test]
fn who_finds_an_order_on_its_way_waits_for_it_and_pays_nothing() {
    let (world, store) = (World::new(), Store::new());
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    let answer = world.wallet_waits();
    // Between its record and its wallet's start, a lookup finds nothing.
    world.lookup_says(Fact::NotFound);
    let (_, one) = start(&first, &first_host, URL);
    world.executor.run_ready();
    let (_, two) = start(&second, &second_host, URL);
    world.executor.run(200_000);
    assert!(!one.is_done() && !two.is_done(), "its lease is renewed");
    assert_eq!(world.paid(), 1);
    answer.bring(world.proof_of(&first_hash(&world, &first)));
    world.executor.run(20_000);
    assert_eq!([one.take(), two.take()], [PAID, REUSED]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn instances_that_know_an_origin_differently_do_not_buy_beside_each_other() {
    let (world, store) = (World::new(), Store::new());
    world.server.shares.set(false);
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &first_host, get(&format!("{ORIGIN}/a"))), PAID);
    assert_eq!(fetch(&first, &first_host, get(&format!("{ORIGIN}/b"))), PAID);
    // The first now buys for each resource; the second knows nothing of that.
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    let (third, third_host) = client(&world, Some(&store), Config::new(100));
    world.lookup_says(Fact::NotFound);
    let (arrives, inner) = (Later::new(), world.clone());
    let gate = arrives.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        let (gate, proof) = (gate.clone(), inner.proof(invoice));
        Box::pin(async move {
            gate.get().await;
            proof
        })
    })));
    let (_, one) = start(&first, &first_host, &format!("{ORIGIN}/c"));
    world.executor.run(10);
    let (_, same) = start(&second, &second_host, &format!("{ORIGIN}/c"));
    let (_, other) = start(&third, &third_host, &format!("{ORIGIN}/d"));
    world.executor.run(1_000);
    assert_eq!(world.paid(), 4, "a lookup that finds nothing yet is believed by nobody else");
    arrives.bring(());
    world.executor.run(60_000);
    assert_eq!([one.take(), same.take(), other.take()], [PAID, REUSED, PAID]);
    assert_eq!(world.paid(), 4);
}

#[test]
fn another_instances_order_survives_a_purchase_that_it_refuses() {
    let (world, store) = (World::new(), Store::new());
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    // The server offers the same token and invoice to both.
    world.offers(Terms::default());
    let consent = Later::new();
    let asked = consent.clone();
    second_host.approve.replace(Some(Box::new(move |_| asked.get())));
    let (_, waits) = start(&second, &second_host, URL);
    world.executor.run_ready();
    // It is frozen until others take it for gone.
    store.lapse();
    let _never = world.wallet_waits();
    let (_, pays) = start(&first, &first_host, URL);
    world.executor.run_ready();
    assert_eq!(world.paid(), 1, "what was reserved for this very invoice is released");
    consent.bring(Ok(true));
    world.executor.run_ready();
    store.lapse();
    world.executor.run(20_000);
    assert_eq!(waits.take(), open(Code::PaymentUnknown, State::Pending));
    assert_eq!(fetch(&second, &second_host, get(URL)), open(Code::PaymentUnknown, State::Pending));
    assert_eq!((world.paid(), states(&world, &second)), (1, vec![State::Pending]));
    assert!(!pays.is_done());
}

#[test]
fn an_entry_that_others_lost_comes_back_with_its_proof() {
    let (world, store) = (World::new(), Store::new());
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
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    // A first request has read an empty store, and hears of it when a purchase has begun.
    let arrival = Later::new();
    store.arrival.replace(Some(arrival.clone()));
    let reading = client.clone();
    let read = world.executor.start(async move { reading.read_tokens(&get(URL)).await.is_ok() });
    world.executor.run_ready();
    let (_, buys) = start(&client, &host, URL);
    world.executor.run_ready();
    arrival.bring(());
    world.executor.run(1000);
    assert_eq!((buys.take(), read.take()), (PAID, true));
    assert_eq!(fetch(&client, &host, get(OTHER)), PAID);
    assert_eq!(store.text("token/").matches(r#""preimage":""#).count(), 2);
    assert_eq!([fetch(&client, &host, get(URL)), fetch(&client, &host, get(OTHER))], [REUSED, REUSED]);
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_cache_that_is_behind_loses_no_token_and_buys_nothing_twice() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(OTHER)), PAID);
    let behind = store.values.borrow().clone();
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    // A slow first request of another instance has its answer from a cache, as of before the purchase.
    let now = store.values.replace(behind);
    let (second, host) = client(&world, Some(&store), Config::new(100));
    let reading = second.clone();
    assert!(world.run(async move { reading.read_tokens(&get(URL)).await.is_ok() }));
    store.values.replace(now);
    assert_eq!(fetch(&second, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), spent(&world, &second)), (2, 20));
    assert_eq!(store.text("token/").matches(r#""preimage":""#).count(), 2);
}

#[test]
fn a_proof_is_written_with_all_that_it_brings_or_not_at_all() {
    for (is_written, lookups) in [(false, 1), (true, 0)] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        // The process ends while its write is on the way.
        let (seen, inner) = (store.clone(), world.clone());
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            let at = if is_written { &seen.answer } else { &seen.departure };
            at.replace(Some(Later::new()));
            crate::host::soon(inner.proof(invoice))
        })));
        let _gone = start(&client, &host, URL);
        world.executor.run(1000);
        let is_there = |prefix: &str| !store.keys(prefix).is_empty();
        assert_eq!((is_there("token/"), is_there("open/")), (is_written, !is_written));
        assert_eq!(store.text("payment/").contains(r#""state":"paid""#), is_written);
        store.lapse();
        let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
        let preimage = world.mint.preimage(&first_hash(&world, &fresh)).unwrap();
        world.lookup_says(Fact::Paid { preimage, fee_msat: None });
        assert_eq!(fetch(&fresh, &host, get(URL)), REUSED);
        assert_eq!((world.paid(), world.lookups.get(), spent(&world, &fresh)), (1, lookups, 10));
    }
}

#[test]
fn who_was_frozen_and_lost_its_reservation_believes_no_lookup_of_the_new_owners_payment() {
    let (world, store) = (World::new(), Store::new());
    let (frozen, host) = client(&world, Some(&store), Config::new(100));
    let consent = Later::new();
    let asked = consent.clone();
    host.approve.replace(Some(Box::new(move |_| asked.get())));
    let (_, first) = start(&frozen, &host, URL);
    world.executor.run(20_000);
    store.lapse();
    // The other's order is on its way: its wallet knows nothing of it yet.
    let (other, other_host) = client(&world, Some(&store), Config::new(100));
    let answer = world.wallet_waits();
    world.lookup_says(Fact::NotFound);
    let (_, second) = start(&other, &other_host, URL);
    world.executor.run(1000);
    consent.bring(Ok(true));
    world.executor.run(20_000);
    assert!(!first.is_done() && !second.is_done());
    assert_eq!(world.paid(), 1);
    answer.bring(world.proof_of(&first_hash(&world, &other)));
    world.executor.run(20_000);
    assert_eq!([first.take(), second.take()], [REUSED, PAID]);
    assert_eq!((fetch(&frozen, &host, get(URL)), world.paid()), (REUSED, 1));
}

#[test]
fn what_others_learnt_while_a_person_was_asked_counts_before_the_wallet_is_asked() {
    // Its reservation lapses, another instance buys the same meanwhile, and its token is refused.
    let (world, store) = (World::new(), Store::new());
    let (asking, first) = client(&world, Some(&store), Config::new(100));
    let (other, second) = client(&world, Some(&store), Config::new(100));
    // Each 402 has an invoice of its own, and nothing is ever served.
    let seller = world.clone();
    world.answers(move |sent| {
        Ok(Response::challenge(&seller.mint.offer(&Terms::default(), seller.now()).header(), sent))
    });
    let consent = first.user_waits();
    let (_, waiting) = start(&asking, &first, URL);
    world.executor.run(1000);
    store.lapse();
    assert_eq!(fetch(&other, &second, get(URL)), End::Answer(402, Some(true)));
    assert_eq!(fetch(&other, &second, get(URL)), not_honored());
    consent.bring(Ok(true));
    world.executor.run(1000);
    assert_eq!((waiting.take(), world.paid()), (not_honored(), 1));
}

#[test]
fn an_invoice_that_another_pays_is_not_taken_for_new() {
    let (world, store) = (World::new(), Store::new());
    let (payer, payer_host) = client(&world, Some(&store), Config::new(100));
    let (other, other_host) = client(&world, Some(&store), Config::new(100));
    world.sells(Terms::default());
    let answer = world.wallet_waits();
    let (_, paying) = start(&payer, &payer_host, URL);
    world.executor.run(1000);
    // It knows the sums as they are, so that only the row of the payment is new to it.
    assert_eq!(spent(&world, &other), 10);
    let refusal = open(Code::PaymentUnknown, State::Pending);
    assert_eq!(fetch(&other, &other_host, get("https://api.example/else")), refusal);
    answer.bring(world.proof_of(&first_hash(&world, &payer)));
    world.executor.run(1000);
    assert_eq!((paying.take(), world.paid(), spent(&world, &other)), (PAID, 1, 10));
}
