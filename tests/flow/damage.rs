//! Rows that are damaged, or that a later version wrote: what needs one fails with `store_failed`, and none is
//! overwritten.

use crate::executor::Later;
use crate::host::{
    all, client, code, fetch, get, not_honored, open, refused, states, End, Response, Store, TheClient, World, ORIGIN,
    PAID, REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{first_hash, start};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::Code;
use std::rc::Rc;

/// What a later version wrote.
const LATER: &str = r#"{"v":2,"rev":7}"#;
const OTHER: &str = "https://other.example/";
/// Neither is a row of this version.
const DAMAGED: [&str; 9] = [
    "",
    "{}",
    "[]",
    "not json",
    r#"{"v":1,"rev":1}"#,
    r#"{"v":0,"rev":1,"paymentHash":"","owner":""}"#,
    r#"{"v":"1","rev":1}"#,
    r#"{"v":-1,"rev":1}"#,
    LATER,
];

/// The keys of the rows that a purchase of [`URL`] reads or writes, by what they begin with. Every world that begins
/// alike has the same.
fn keys_of_a_purchase() -> Vec<String> {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let (seen, inner) = (store.clone(), world.clone());
    let open = Rc::new(std::cell::RefCell::new(Vec::new()));
    let keep = open.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        keep.borrow_mut().extend(seen.keys("open/"));
        crate::host::soon(inner.proof(invoice))
    })));
    // Its token is refused, so that the row of its path stays.
    world.offers(Terms::default());
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    let mut keys = open.take();
    keys.extend(["sums", "origin/", "payment/", "path/", "token/"].iter().flat_map(|prefix| store.keys(prefix)));
    assert_eq!(keys.len(), 6);
    keys
}

fn first_of(key: &str) -> &str {
    key.split('/').next().unwrap()
}

#[test]
fn what_is_damaged_or_of_a_later_version_is_never_overwritten() {
    for key in keys_of_a_purchase() {
        for text in DAMAGED {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = client(&world, Some(&store), Config::new(100));
            world.offers(Terms::default());
            store.put(&key, text);
            assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed), "{key} {text}");
            assert_eq!((world.paid(), store.value(&key).as_deref()), (0, Some(text)), "{key}");
            assert!(store.keys("").iter().all(|known| *known == key), "{key}: nothing else is written either");
            // What does not need it goes on.
            let is_shared = key == "sums";
            let expected = if is_shared { refused(Code::StoreFailed) } else { PAID };
            world.on_send.replace(None);
            assert_eq!(fetch(&client, &host, get(OTHER)), expected, "{key}");
            assert_eq!(store.value(&key).as_deref(), Some(text), "{key}");
        }
    }
}

#[test]
fn whatever_reads_a_damaged_row_says_so() {
    let told = |key: &str| match first_of(key) {
        // payments(), spent(), spent(URL), forget(), resolve() of its hash
        "payment" => [true, false, false, false, true],
        // The sums of an origin are read together with those of all.
        "sums" => [false, true, true, false, false],
        "origin" => [false, false, true, true, false],
        _ => [false; 5],
    };
    for key in keys_of_a_purchase() {
        for text in DAMAGED {
            let (world, store) = (World::new(), Store::new());
            let (first, host) = client(&world, Some(&store), Config::new(100));
            world.offers(Terms::default());
            assert_eq!(fetch(&first, &host, get(URL)), End::Answer(402, Some(true)));
            let hash = first_hash(&world, &first);
            let reads = |which: usize| {
                store.put(&key, text);
                let (fresh, _) = client(&world, Some(&store), Config::new(100));
                let failed = world.run(async move {
                    match which {
                        0 => code(fresh.payments(all()).await),
                        1 => code(fresh.spent(None).await),
                        2 => code(fresh.spent(Some(URL)).await),
                        3 => code(fresh.forget(None).await),
                        _ => code(fresh.resolve(&hash, Some("00")).await),
                    }
                });
                failed == Some(Code::StoreFailed)
            };
            let found = [0, 1, 2, 4, 3].map(reads);
            let [payments, spent, there, resolved, forgot] = found;
            assert_eq!([payments, spent, there, forgot, resolved], told(&key), "{key} {text}");
            // forget() drops tokens whatever they are.
            let kept = (!["token", "path"].contains(&first_of(&key))).then_some(text);
            assert_eq!(store.value(&key).as_deref(), kept, "{key}");
            assert_eq!(world.paid(), 1);
        }
    }
}

#[test]
fn damage_that_comes_while_the_wallet_pays_is_not_overwritten_either() {
    for key in keys_of_a_purchase() {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner, damaged) = (store.clone(), world.clone(), key.clone());
        let before = Rc::new(std::cell::RefCell::new(None));
        let keep = before.clone();
        world.on_pay.replace(Some(Box::new(move |invoice, _| {
            keep.replace(seen.value(&damaged));
            seen.put(&damaged, LATER);
            crate::host::soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID, "{key}");
        assert_eq!(host.heard()[3..], ["failed store_failed", "paid"], "{key}");
        assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{key}: memory has it");
        world.on_pay.replace(None);
        let expected = if key == "sums" { refused(Code::StoreFailed) } else { PAID };
        assert_eq!(fetch(&client, &host, get(OTHER)), expected, "{key}");
        assert_eq!(store.value(&key).as_deref(), Some(LATER), "{key}");
        // Mended, the store learns what memory knows.
        match before.take() {
            Some(text) => store.put(&key, &text),
            None => drop(store.values.borrow_mut().remove(&key)),
        }
        assert_eq!(states(&world, &client)[0], State::Paid, "{key}");
        let (fresh, host) = crate::host::client(&world, Some(&store), Config::new(100));
        assert_eq!(fetch(&fresh, &host, get(URL)), REUSED, "{key}");
        assert_eq!(crate::host::spent(&world, &fresh), world.paid() as u64 * 10, "{key}");
    }
}

#[test]
fn damage_is_not_overwritten_by_what_a_wallet_says_late() {
    for proven in [true, false] {
        for key in keys_of_a_purchase() {
            let (world, store) = (World::new(), Store::new());
            let (client, host) = client(&world, Some(&store), Config::new(100));
            let answer = world.wallet_waits();
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
            let hash = first_hash(&world, &client);
            let before = store.value(&key);
            store.put(&key, LATER);
            let failed = Answer::Failed { text: "no route".into(), cause: None };
            answer.bring(if proven { world.proof_of(&hash) } else { failed });
            world.executor.run(1000);
            assert_eq!(store.value(&key).as_deref(), Some(LATER), "{key}");
            world.on_pay.replace(None);
            if proven {
                assert_eq!(fetch(&client, &host, get(URL)), REUSED, "{key}: memory has the token");
            }
            assert_eq!(world.paid(), 1);
            match before {
                Some(text) => store.put(&key, &text),
                None => drop(store.values.borrow_mut().remove(&key)),
            }
            assert_eq!(states(&world, &client), [if proven { State::Paid } else { State::Failed }], "{key}");
            assert_eq!(store.keys("token/").len(), usize::from(proven), "{key}");
            assert_eq!(store.keys("open/").len(), 0, "{key}");
        }
    }
}

#[test]
fn damage_is_not_overwritten_by_a_refusal() {
    for key in keys_of_a_purchase() {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let (seen, inner, damaged) = (store.clone(), world.clone(), key.clone());
        world.answers(move |sent| {
            if sent.authorization.is_some() {
                seen.put(&damaged, LATER);
            }
            Ok(Response::challenge(&inner.mint.offer(&Terms::default(), inner.now()).header(), sent))
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)), "{key}");
        assert_eq!(fetch(&client, &host, get(URL)), not_honored(), "{key}: memory knows");
        assert_eq!((world.paid(), store.value(&key).as_deref()), (1, Some(LATER)), "{key}");
    }
}

#[test]
fn a_damaged_lease_is_one_that_stands_still() {
    for text in DAMAGED {
        let (world, store) = (World::new(), Store::new());
        let (first, first_host) = client(&world, Some(&store), Config::new(100));
        let (second, second_host) = client(&world, Some(&store), Config::new(100));
        let consent = Later::new();
        let asked = consent.clone();
        first_host.approve.replace(Some(Box::new(move |_| asked.get())));
        let (_, waits) = start(&first, &first_host, get(URL));
        world.executor.run(1_000);
        store.put(&store.keys("lease/").remove(0), text);
        let (_, next) = start(&second, &second_host, get(URL));
        world.executor.run(150_000);
        assert_eq!((world.paid(), next.is_done()), (0, false), "{text}: it can't be renewed, and has not lapsed");
        world.executor.run(30_000);
        assert_eq!((world.paid(), next.take()), (1, PAID), "{text}");
        consent.bring(Ok(true));
        world.executor.run(20_000);
        assert_eq!((waits.take(), world.paid()), (REUSED, 1), "{text}");
    }
}

#[test]
fn tokens_of_an_origin_whose_row_is_damaged_are_not_sent() {
    let (world, store) = (World::new(), Store::new());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    store.put(&store.keys("origin/").remove(0), LATER);
    let (fresh, host) = client(&world, Some(&store), Config::new(100));
    let reads = |client: &TheClient| {
        let client = client.clone();
        world.run(async move { code(client.read_tokens(&get(&format!("{ORIGIN}/else"))).await) })
    };
    assert_eq!(reads(&fresh), Some(Code::StoreFailed));
    assert_eq!(fetch(&fresh, &host, get(URL)), refused(Code::StoreFailed), "nothing is paid twice");
    assert_eq!(world.paid(), 1);
}
