//! The ledger's steps, fed with sequences of events, and with rows of any form: no panic, sums equal to the records,
//! limits hold, nothing is paid twice, and what is no row of this version is never overwritten.
#![no_main]

#[path = "../../steps/mod.rs"]
mod steps;

use l402_fetch::ledger::certainty::Proof;
use l402_fetch::ledger::instance::Instance;
use l402_fetch::ledger::lease::Lease;
use l402_fetch::ledger::limits::Limits;
use l402_fetch::ledger::read::Filter;
use l402_fetch::ledger::settle::Outcome;
use l402_fetch::ledger::step::{decide, Decision, Step};
use l402_fetch::ledger::view::View;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use l402_fetch_fuzz::{text, Choices};
use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::rc::Rc;

const NOW: u64 = 1_800_000_000_000;

fuzz_target!(|data: &[u8]| match data {
    [0, rest @ ..] => events(rest),
    _ => rows(data),
});

/// Each choice takes as many bytes as it needs.
fn events(data: &[u8]) {
    let mut choices = Choices::of(data);
    let mut world = steps::World::new();
    for _ in 0..200 {
        if choices.is_over() {
            break;
        }
        let mut choose = |most: u64| {
            let byte = u64::from(choices.byte());
            match most {
                0..=256 => byte % most.max(1),
                _ => (byte << 8 | u64::from(choices.byte())) * 7 % most,
            }
        };
        world.go_on(&mut choose);
    }
    world.end();
}

/// Whatever stands in a row, it is read or refused, and what is refused is not overwritten.
fn rows(data: &[u8]) {
    let Some(given) = text(data) else { return };
    let hash = PaymentHash::from([0xab; 32]);
    let parts: Vec<&str> = given.split('\u{1e}').collect();
    let of = |number: usize| parts.get(number).map(|text| (*text).to_owned());
    let known = match run(&mut View::default(), &of, &Step::Payment(hash)) {
        Ok(Decision::Leased(found)) => found.map(|found| found.0),
        _ => None,
    };
    let origin = || Some("https://a.example".to_owned());
    let (scopes, levels) = (vec!["a".to_owned()], Rc::new(vec![Rc::new(Limits::default().into()); 2]));
    let sums = |origin| {
        let (scopes, levels) = (scopes.clone(), Rc::clone(&levels));
        Step::Sums { origin, scopes, place: 1, beside: None, levels }
    };
    let mut all = vec![
        sums(None),
        sums(origin()),
        Step::Payments { filter: Rc::new(Filter { limit: 3, ..Filter::default() }), after: None },
        Step::Open { most: 3 },
        Step::Renew { owner: "1".into() },
        Step::Forget { origin: origin(), after: None },
        Step::Forget { origin: None, after: Some("origin/https://a".into()) },
        Step::Cancel { payment_hash: hash, owner: "1".into() },
        Step::Habits { wallet_id: "w".into() },
        Step::Sales {
            method: "GET".into(),
            url: Url::of("https://a.example/x"),
            is_replayable: true,
            with_tokens: true,
        },
    ];
    if let Some(known) = known {
        let ours = || Rc::clone(&known);
        let proof = Proof { preimage: Some("00".repeat(32)), fee_msat: Some(1) };
        all.push(Step::Paid { ours: ours(), proof, was_news: Cell::default() });
        for outcome in [Outcome::Failed, Outcome::Unknown, Outcome::Silent] {
            all.push(Step::Unproven { ours: ours(), outcome });
        }
        let levels = Rc::clone(&levels);
        all.push(Step::Repeat { abandoned: ours(), owner: "2".into(), levels, lease_ms: 1 });
        all.push(Step::Seen { wallet_id: Some("w".into()), ours: ours(), what: 2 });
    }
    for step in all {
        let mut view = View::default();
        match run(&mut view, &of, &step) {
            Ok(_) => {
                // What was written is read again by the same step.
                for (key, value) in view.changed().iter() {
                    let text = value.as_deref().unwrap_or_default();
                    assert!(
                        value.is_none() || text.is_empty() || text.starts_with("{\"v\":1,\"rev\":"),
                        "{key}: {text}"
                    );
                }
            }
            Err(code) => {
                assert_eq!(code, Code::StoreFailed);
                assert!(view.changed().is_empty());
            }
        }
    }
}

/// An instance for whom all others are gone.
struct Here;

impl Instance for Here {
    fn now_ms(&self) -> u64 {
        NOW
    }

    fn has_lapsed(&self, _owner: &str, _lease: Option<&Lease>) -> bool {
        true
    }

    fn knew(&self, _key: &str, _payment_hash: &PaymentHash, _mark: u32) -> bool {
        false
    }
}

/// Runs a step where every row that it asks for is the next of those that are given.
fn run(view: &mut View, of: &dyn Fn(usize) -> Option<String>, step: &Step) -> Result<Decision, Code> {
    let mut read = 0;
    loop {
        view.restart();
        let outcome = view.take(|view| decide(step, view, &Here));
        if view.is_complete() {
            return outcome.map_err(|refusal| refusal.error.code());
        }
        let missing = view.missing();
        for key in missing.keys {
            view.learn(&key, of(read));
            read += 1;
        }
        for listing in missing.listings {
            let key = format!("{}00000000000000/{}", listing.prefix, "ab".repeat(32));
            let rows = of(read).filter(|_| listing.after.is_none()).map(|row| (key, row)).into_iter().collect();
            view.learn_listing(listing, rows);
        }
    }
}
