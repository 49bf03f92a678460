//! The ledger's steps, fed with sequences of events, and with rows of any form: no panic, sums equal to the records,
//! limits hold, nothing is paid twice, and what is no row of this version is never overwritten.
#![no_main]

#[path = "../../steps/mod.rs"]
mod steps;

use l402_fetch::ledger::certainty::Proof;
use l402_fetch::ledger::forget::{forget, Forgotten};
use l402_fetch::ledger::key;
use l402_fetch::ledger::lease::renew_lease;
use l402_fetch::ledger::read::{payment, payments, spent, Filter};
use l402_fetch::ledger::settle::{cancel, settle_paid, settle_unproven, Outcome};
use l402_fetch::ledger::view::{Stop, View};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use l402_fetch_fuzz::{text, Choices};
use libfuzzer_sys::fuzz_target;
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
    let of = |number: usize| parts.get(number).map(|text| Rc::from(*text));
    type Step<'a> = Box<dyn Fn(&mut View) -> Result<(), Stop> + 'a>;
    let known = {
        let mut view = View::default();
        run(&mut view, &of, &|view: &mut View| payment(view, &hash).map(|found| found.map(|(record, _)| record)))
            .ok()
            .flatten()
    };
    let mut all: Vec<Step<'_>> = vec![
        Box::new(|view| spent(view, None, NOW).map(drop)),
        Box::new(|view| spent(view, Some("https://a.example"), NOW).map(drop)),
        Box::new(|view| payments(view, &Filter { limit: 3, ..Filter::default() }).map(drop)),
        Box::new(|view| renew_lease(view, &key::lease("1"))),
        Box::new(|view| forget(view, &Forgotten::Origin("https://a.example".into())).map(drop)),
        Box::new(|view| cancel(view, &hash, "1", NOW)),
    ];
    if let Some(known) = &known {
        let proof = Proof { preimage: Some("00".repeat(32)), fee_msat: Some(1) };
        all.push(Box::new(move |view| settle_paid(view, known, &proof, NOW).map(drop)));
        for outcome in [Outcome::Failed, Outcome::Unknown, Outcome::Silent] {
            all.push(Box::new(move |view| settle_unproven(view, known, outcome, NOW).map(drop)));
        }
    }
    for step in all {
        let mut view = View::default();
        match run(&mut view, &of, &step) {
            Ok(()) => {
                // What was written is read again by the same step.
                let (changes, _) = view.writes();
                for (key, value) in changes.iter() {
                    let text = value.as_deref().unwrap_or_default();
                    assert!(
                        value.is_none() || text.is_empty() || text.starts_with("{\"v\":1,\"rev\":"),
                        "{key}: {text}"
                    );
                }
            }
            Err(code) => assert_eq!(code, Code::StoreFailed),
        }
    }
}

/// Runs a step where every row that it asks for is the next of those that are given.
fn run<T>(
    view: &mut View,
    of: &dyn Fn(usize) -> Option<Rc<str>>,
    step: &dyn Fn(&mut View) -> Result<T, Stop>,
) -> Result<T, Code> {
    let mut read = 0;
    loop {
        view.restart();
        match step(view) {
            Ok(found) => return Ok(found),
            Err(Stop::Refused(refusal)) => return Err(refusal.error.code()),
            Err(Stop::Unread) => {
                let missing = view.missing();
                assert!(!missing.keys.is_empty() || !missing.listings.is_empty());
                for key in missing.keys {
                    view.learn(key, of(read));
                    read += 1;
                }
                for listing in missing.listings {
                    let key = format!("{}00000000000000/{}", listing.prefix, "ab".repeat(32));
                    let rows = of(read).filter(|_| listing.after.is_none()).map(|row| (key, row)).into_iter().collect();
                    view.learn_listing(listing, rows);
                }
            }
        }
    }
}
