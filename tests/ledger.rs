//! The ledger's steps as data: run by several buyers at once on a store that refuses, loses answers and writes late.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use l402_fetch::ledger::acceptance::Unaccepted;
use l402_fetch::ledger::begin::{begin, Begun, Draft};
use l402_fetch::ledger::certainty::Proof;
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::instance::Instance;
use l402_fetch::ledger::key::SUMS;
use l402_fetch::ledger::lease::Lease;
use l402_fetch::ledger::lessons::Lessons;
use l402_fetch::ledger::level::Level;
use l402_fetch::ledger::limits::{Limits, Windows};
use l402_fetch::ledger::payment::Payment;
use l402_fetch::ledger::record::Record;
use l402_fetch::ledger::refusal::Refusal;
use l402_fetch::ledger::settle::{cancel, settle_paid, settle_unproven, Outcome};
use l402_fetch::ledger::view::{Changes, Listing, View};
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use proptest::prelude::*;
use proptest::test_runner::TestRng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

mod steps;

const START: u64 = 1_800_000_000_000;
const LEASE_MS: u64 = 150_000;

/// A store by compare-and-swap. A write may be refused though nothing changed, or happen and say that it did not, or
/// happen later.
#[derive(Default)]
struct Store {
    rows: RefCell<BTreeMap<String, Rc<str>>>,
    late: RefCell<Vec<(Changes, Changes)>>,
    writes: RefCell<usize>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Manner {
    Honest,
    RefusesFirst,
    LosesAnswer,
    Late,
}

impl Store {
    fn apply(&self, changes: &Changes, seen: &Changes) -> bool {
        let mut rows = self.rows.borrow_mut();
        if seen.iter().any(|(key, value)| rows.get(key).map(|row| &**row) != value.as_deref()) {
            return false;
        }
        *self.writes.borrow_mut() += 1;
        for (key, value) in changes.iter() {
            match value {
                Some(value) => rows.insert(key.to_owned(), value.clone()),
                None => rows.remove(key),
            };
        }
        true
    }

    fn list(&self, listing: &Listing) -> Vec<(String, String)> {
        let rows = self.rows.borrow();
        let found = rows.iter().filter(|(key, _)| key.starts_with(&listing.prefix));
        found.take(listing.limit).map(|(key, value)| (key.clone(), value.to_string())).collect()
    }

    fn flush_late(&self) {
        for (changes, seen) in self.late.take() {
            self.apply(&changes, &seen);
        }
    }

    /// Runs a step to its end, as the driver does: reads what is missing, writes, and runs it anew where that is
    /// refused.
    fn step<T>(&self, manner: Manner, mut step: impl FnMut(&mut View) -> T) -> T {
        self.attempt(manner, |view| Ok(step(view))).unwrap()
    }

    /// The same for a step that may refuse.
    fn attempt<T>(&self, manner: Manner, mut step: impl FnMut(&mut View) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut manner = manner;
        let mut is_uncertain = false;
        loop {
            let mut view = View::default();
            let outcome = loop {
                view.restart();
                let outcome = view.take(&mut step);
                if view.is_complete() {
                    break outcome;
                }
                let missing = view.missing();
                for key in missing.keys {
                    let value = self.rows.borrow().get(&key).map(ToString::to_string);
                    view.learn(&key, value);
                }
                for listing in missing.listings {
                    let rows = self.list(&listing);
                    view.learn_listing(listing, rows);
                }
            };
            if outcome.is_err() && is_uncertain {
                // what was sent before must not happen any more
                let mut fence = View::default();
                fence.learn(SUMS, self.rows.borrow().get(SUMS).map(ToString::to_string));
                fence.fence(SUMS);
                assert!(fence.is_complete() && self.apply(fence.changed(), fence.seen()));
                self.flush_late();
            }
            let outcome = outcome?;
            let (changes, seen) = (view.changed(), view.seen());
            if changes.is_empty() {
                return Ok(outcome);
            }
            match std::mem::replace(&mut manner, Manner::Honest) {
                Manner::Honest => assert!(self.apply(changes, seen)),
                Manner::RefusesFirst => continue,
                Manner::LosesAnswer => {
                    assert!(self.apply(changes, seen));
                    continue;
                }
                Manner::Late => {
                    self.late.borrow_mut().push((changes.clone(), seen.clone()));
                    is_uncertain = true;
                    continue;
                }
            }
            self.flush_late();
            return Ok(outcome);
        }
    }
}

fn limits(total_sat: u64) -> Rc<Level> {
    let all = Windows { total: Some(total_sat * 1000), ..Windows::default() };
    Rc::new(Limits { per_payment: 1_000_000, all, ..Limits::default() }.into())
}

struct Shop {
    store: Store,
    levels: Vec<Rc<Level>>,
    scopes: Vec<String>,
    now: u64,
}

fn preimage(number: u64) -> (String, String) {
    let text = format!("{number:064x}");
    let bytes: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap()).collect();
    use bitcoin::hashes::{sha256, Hash};
    (sha256::Hash::hash(&bytes).to_string(), text)
}

/// Whoever has no lease is gone, and every token was tried before.
impl Instance for Shop {
    fn now_ms(&self) -> u64 {
        self.now
    }

    fn has_lapsed(&self, _owner: &str, lease: Option<&Lease>) -> bool {
        lease.is_none()
    }

    fn knew(&self, _key: &str, _payment_hash: &PaymentHash, _mark: u32) -> bool {
        true
    }
}

impl Shop {
    fn new(total_sat: u64) -> Self {
        Self { store: Store::default(), levels: vec![limits(total_sat)], scopes: Vec::new(), now: START }
    }

    fn begin(
        &self,
        owner: &str,
        url: &str,
        number: u64,
        sat: u64,
        only_reserve: bool,
        manner: Manner,
    ) -> Result<Begun, Refusal> {
        let payment = Payment {
            payment_hash: PaymentHash::parse(&preimage(number).0).unwrap(),
            url: Url::of(url),
            amount_msat: sat * 1000,
            scopes: self.scopes.clone(),
            invoice: "lnbcrt1".into(),
            description: Some("weather \u{2600}".into()),
            ..Payment::default()
        };
        let record = Record {
            payment,
            method: "GET".into(),
            token: "opaque".into(),
            invoice_expires_at: self.now / 1000 + 3600,
            owner: owner.to_owned(),
            is_reserved: only_reserve,
            dispatch: Dispatch { wallet_id: Some("w".into()), ..Dispatch::default() },
            ..Record::default()
        };
        let draft = Draft {
            record,
            is_replayable: true,
            brought: Brought::default(),
            on_trial: Vec::new(),
            waits_for: None,
            levels: Rc::new(self.levels.clone()),
            booked: Rc::default(),
            approved_fee_msat: None,
            lessons: Lessons::default(),
            unaccepted: Unaccepted::default(),
            mark: 0,
            max_deposit_msat: None,
            draw: None,
            lease_ms: LEASE_MS,
        };
        self.store.attempt(manner, |view| begin(view, &draft, self))
    }

    fn records(&self) -> Vec<String> {
        let rows = self.store.rows.borrow();
        rows.iter().filter(|(key, _)| key.starts_with("payment/")).map(|(_, value)| value.to_string()).collect()
    }

    fn ever(&self, key: &str) -> String {
        let rows = self.store.rows.borrow();
        let text = rows[key].to_string();
        let from = text.find("\"ever\":\"").unwrap() + 8;
        text[from..from + text[from..].find('"').unwrap()].to_owned()
    }
}

fn entered(begun: Result<Begun, Refusal>) -> Rc<Record> {
    match begun {
        Ok(Begun::Entered(record)) => record,
        Ok(Begun::Bought(_) | Begun::Shown(_)) => panic!("bought"),
        Ok(Begun::Standing(_)) => panic!("standing"),
        Err(refusal) => panic!("{:?}", refusal.error),
    }
}

const A: &str = "https://a.example/a";
const B: &str = "https://a.example/b";

#[test]
fn a_purchase_is_reserved_sent_and_paid_and_counts_what_it_cost() {
    let shop = Shop::new(100);
    let record = entered(shop.begin("1", A, 1, 10, true, Manner::Honest));
    assert!(record.is_reserved);
    assert_eq!(shop.ever("sums"), "0 15000 1", "the order is reserved as well");
    let record = entered(shop.begin("1", A, 1, 10, false, Manner::Honest));
    assert!(!record.is_reserved);
    assert_eq!(shop.ever("sums"), "10000 5000 1");
    let proof = Proof { preimage: Some(preimage(1).1), fee_msat: Some(7) };
    let settled = shop.store.step(Manner::Honest, |view| settle_paid(view, &record, &proof, shop.now));
    assert!(settled.is_news);
    assert_eq!(shop.ever("sums"), "10007 0 1");
    assert_eq!(shop.ever("origin/https://a.example"), "10007 0 1");
    let writes = *shop.store.writes.borrow();
    let again = shop.store.step(Manner::Honest, |view| settle_paid(view, &record, &proof, shop.now));
    assert!(!again.is_news && again.token.payment.payment_hash == record.payment.payment_hash);
    assert_eq!(*shop.store.writes.borrow(), writes, "it is known");
}

#[test]
fn an_open_payment_is_the_lock_of_its_resource() {
    let shop = Shop::new(100);
    let record = entered(shop.begin("1", A, 1, 10, false, Manner::Honest));
    match shop.begin("2", A, 2, 10, false, Manner::Honest) {
        Ok(Begun::Standing(standing)) => assert_eq!(standing.owner, "1"),
        _ => panic!("it was let in"),
    }
    entered(shop.begin("2", B, 2, 10, false, Manner::Honest));
    shop.store.step(Manner::Honest, |view| settle_unproven(view, &record, Outcome::Failed, shop.now));
    assert_eq!(shop.ever("sums"), "10000 5000 2", "orders are never given back");
    entered(shop.begin("3", A, 3, 10, false, Manner::Honest));
}

#[test]
fn a_reservation_whose_owner_is_gone_is_released_by_the_next_purchase() {
    let shop = Shop::new(15);
    entered(shop.begin("1", A, 1, 10, true, Manner::Honest));
    match shop.begin("2", A, 2, 10, true, Manner::Honest) {
        Ok(Begun::Standing(standing)) => assert!(standing.is_reserved),
        Err(refusal) => panic!("{:?}", refusal.error),
        _ => panic!("it was let in"),
    }
    shop.store.rows.borrow_mut().remove("lease/1");
    let second = entered(shop.begin("2", A, 2, 10, true, Manner::Honest));
    assert_eq!(shop.ever("sums"), "0 15000 1");
    shop.store.step(Manner::Honest, |view| cancel(view, &second.payment.payment_hash, "2", shop.now));
    assert_eq!(shop.ever("sums"), "0 0 0");
    assert_eq!(shop.records().len(), 0);
}

/// A day after every invoice of the shop has expired.
const LONG_MS: u64 = 2 * 86_400_000;

#[test]
fn an_order_that_is_too_old_to_stand_in_the_way_leaves_the_lock_to_a_later_one() {
    let mut shop = Shop::new(100);
    let old = entered(shop.begin("1", A, 1, 10, false, Manner::Honest));
    shop.now += LONG_MS;
    entered(shop.begin("2", A, 2, 10, false, Manner::Honest));
    shop.store.step(Manner::Honest, |view| cancel(view, &old.payment.payment_hash, "1", shop.now));
    assert_eq!(shop.records().len(), 1);
    match shop.begin("3", A, 3, 10, false, Manner::Honest) {
        Ok(Begun::Standing(standing)) => assert_eq!(standing.owner, "2"),
        _ => panic!("it was let in"),
    }
}

#[test]
fn a_reservation_whose_owner_lives_is_never_too_old_to_stand_in_the_way() {
    let mut shop = Shop::new(100);
    entered(shop.begin("1", A, 1, 10, true, Manner::Honest));
    shop.now += LONG_MS;
    match shop.begin("2", A, 2, 10, false, Manner::Honest) {
        Ok(Begun::Standing(standing)) => assert_eq!(standing.owner, "1"),
        _ => panic!("it was let in"),
    }
}

#[test]
fn a_limit_counts_what_is_reserved_and_names_itself() {
    let shop = Shop::new(14);
    let first = entered(shop.begin("1", A, 1, 10, true, Manner::Honest));
    assert_eq!(first.max_fee_msat, 4_000);
    let refusal = shop.begin("2", B, 2, 1, true, Manner::Honest).err().unwrap();
    assert_eq!(refusal.error.code(), Code::OverLimit);
}

#[test]
fn a_write_counts_once_whatever_the_store_says_of_it() {
    for manner in [Manner::RefusesFirst, Manner::LosesAnswer, Manner::Late] {
        let mut shop = Shop::new(1000);
        shop.scopes = vec!["agent".into(), "task".into()];
        shop.levels = vec![limits(1000); 3];
        entered(shop.begin("0", B, 9, 10, false, Manner::Honest));
        let record = entered(shop.begin("1", A, 1, 10, false, manner));
        assert_eq!(shop.ever("sums"), "20000 10000 2", "{manner:?}");
        let proof = Proof { preimage: Some(preimage(1).1), fee_msat: None };
        let settled = shop.store.step(manner, |view| settle_paid(view, &record, &proof, shop.now));
        assert_eq!(settled.record.payment.amount_msat, 10_000);
        shop.store.flush_late();
        assert_eq!(shop.ever("sums"), "20000 5000 2", "{manner:?}");
    }
}

#[test]
fn a_refused_purchase_whose_write_is_still_on_its_way_never_happens() {
    let shop = Shop::new(30);
    entered(shop.begin("0", B, 9, 10, false, Manner::Honest));
    // its write is late, and when it is run anew somebody else has used up the limit
    let shop = std::cell::RefCell::new(shop);
    let (hash_late, _) = preimage(1);
    {
        let shop = shop.borrow();
        let late = shop.begin("1", A, 1, 10, false, Manner::Late);
        assert!(late.is_ok());
        shop.store.flush_late();
        let rows = shop.store.rows.borrow();
        assert!(rows.contains_key(&format!("payment/{hash_late}")));
        assert_eq!(rows.keys().filter(|key| key.starts_with("open/")).count(), 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever buyers do at once and whatever the store does: sums are those of the records, no limit is exceeded, and
    /// no resource has two open payments.
    #[test]
    fn sums_are_those_of_the_records(seed in any::<u64>()) {
        let _ = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
        let mut random = seed | 1;
        let mut next = |most: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % most
        };
        let mut shop = Shop::new(200);
        let mut open: Vec<Rc<Record>> = Vec::new();
        for number in 1..40 {
            let manners = [Manner::Honest, Manner::Honest, Manner::RefusesFirst, Manner::LosesAnswer, Manner::Late];
            let manner = manners[next(5) as usize];
            shop.now += next(600_000);
            match next(4) {
                0 | 1 => {
                    let url = format!("https://a.example/{}", next(4));
                    let begun = shop.begin(&number.to_string(), &url, number, 1 + next(20), next(2) == 0, manner);
                    if let Ok(Begun::Entered(record)) = begun {
                        open.push(record);
                    }
                }
                _ if open.is_empty() => {}
                2 => {
                    let record = open.swap_remove(next(open.len() as u64) as usize);
                    if record.is_reserved {
                        let hash = record.payment.payment_hash;
                        shop.store.step(manner, |view| cancel(view, &hash, &record.owner, shop.now));
                    } else {
                        let proof = Proof { preimage: Some("00".repeat(32)), fee_msat: Some(next(5_000)) };
                        shop.store.step(manner, |view| settle_paid(view, &record, &proof, shop.now));
                    }
                }
                _ => {
                    let at = next(open.len() as u64) as usize;
                    let outcome = [Outcome::Failed, Outcome::Unknown, Outcome::Silent][next(3) as usize];
                    if !open[at].is_reserved {
                        shop.store.step(manner, |view| settle_unproven(view, &open[at], outcome, shop.now));
                    }
                }
            }
            shop.store.flush_late();
        }
        let rows = shop.store.rows.borrow();
        let json: Vec<serde_json::Value> = rows.iter().filter(|(key, _)| key.starts_with("payment/")).map(|(_, text)| serde_json::from_str(text).unwrap()).collect();
        let number = |row: &serde_json::Value, name: &str| row[name].as_u64().unwrap();
        let (mut spent, mut reserved) = (0, 0);
        for row in &json {
            match row["state"].as_str().unwrap() {
                "paid" => spent += number(row, "amountMsat") + number(row, "feeMsat"),
                "failed" => {}
                "reserved" => reserved += number(row, "amountMsat") + number(row, "maxFeeMsat"),
                _ => { spent += number(row, "amountMsat"); reserved += number(row, "maxFeeMsat"); }
            }
        }
        if let Some(sums) = rows.get("sums") {
            let sums: serde_json::Value = serde_json::from_str(sums).unwrap();
            let ever = format!("{spent} {reserved} ");
            prop_assert!(sums["ever"].as_str().unwrap().starts_with(&ever), "{} {}", sums["ever"], ever);
            prop_assert!(spent + reserved <= 200_000);
        }
        let open_states = ["pending", "unknown", "reserved"];
        let is_open = |row: &&serde_json::Value| open_states.contains(&row["state"].as_str().unwrap());
        let mut urls: Vec<&str> = json.iter().filter(is_open).map(|row| row["url"].as_str().unwrap()).collect();
        let count = urls.len();
        urls.sort_unstable();
        urls.dedup();
        prop_assert_eq!(urls.len(), count);
        prop_assert_eq!(rows.keys().filter(|key| key.starts_with("open/")).count(), count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same for instances that decide on what they remember and write later, with all that a ledger does: whoever
    /// comes between, nothing is sent while something else for it may be paid.
    #[test]
    fn instances_that_decide_and_write_in_any_order_pay_nothing_twice(seed in any::<u64>()) {
        let mut random = seed | 1;
        let mut choose = |most: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % most
        };
        let mut world = steps::World::new();
        for _ in 0..12 {
            for _ in 0..10 {
                world.go_on(&mut choose);
            }
            world.check();
        }
        world.end();
    }
}
