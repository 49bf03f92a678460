//! The stored journal: what is read is written as it was, and merging loses nothing that was or may have been paid.
#![no_main]

use l402_fetch::ledger::entry::Entry;
use l402_fetch::ledger::journal::Journal;
use l402_fetch::ledger::payment::State;
use l402_fetch::Code;
use l402_fetch_fuzz::{text, Choices};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    match data {
        // two journals of one store, by whatever way they came apart
        [0, rest @ ..] => {
            let mut choices = Choices::of(rest);
            let [a, b] = [(); 2].map(|()| read(&stored(&mut choices)).expect("a well-formed journal is read"));
            merge(&a, &b);
            merge(&b, &a);
            let most = choices.one_of([0, 400, 1000, 5000]);
            let [a, b] = [a, b].map(|journal| compacted(&journal, most, NOW));
            merge(&a, &b);
            merge(&b, &a);
        }
        _ => {
            let Some(given) = text(data) else { return };
            let list: Vec<Journal> = given.split('\u{1e}').filter_map(read).collect();
            if let [a, b, ..] = &list[..] {
                let one_row_each = |journal: &Journal| {
                    journal.entries().iter().all(|entry| journal.find(&entry.payment.payment_hash) == Some(entry))
                };
                if one_row_each(a) && one_row_each(b) {
                    merge(a, b);
                }
            }
        }
    }
});

fn read(given: &str) -> Option<Journal> {
    let journal = match Journal::parse(given) {
        Ok(journal) => journal,
        Err(error) => {
            assert_eq!(error.code(), Code::StoreFailed);
            return None;
        }
    };
    let written = journal.to_text();
    let again = Journal::parse(&written).expect("what was written is read");
    assert!(again == journal, "read otherwise than written");
    assert_eq!(again.to_text(), written);
    for now in [0, 1_800_000_000_000, u64::MAX] {
        let (spent, counted) = (journal.spent(None, now), journal.counted("https://a.example", now).all);
        assert!(spent.total <= counted.total && spent.day <= counted.day && spent.hour <= counted.hour);
        assert!(spent.hour <= spent.day && spent.day <= spent.total);
    }
    Some(journal)
}

/// The journal with what may be compacted so, which changes no sum and takes nothing that is open or young.
fn compacted(journal: &Journal, most: usize, now: u64) -> Journal {
    let mut compacted = journal.clone();
    compacted.compact(most, now);
    for origin in [None, Some("https://a.example"), Some("https://b.example"), Some("https://c.example")] {
        assert_eq!(compacted.spent(origin, now), journal.spent(origin, now));
        assert_eq!(
            compacted.counted(origin.unwrap_or_default(), now),
            journal.counted(origin.unwrap_or_default(), now)
        );
    }
    for entry in journal.entries().iter().filter(|entry| !entry.can_be_compacted(now)) {
        assert!(compacted.find(&entry.payment.payment_hash) == Some(entry), "what must stay was compacted");
    }
    assert!(compacted.entries().iter().all(|entry| journal.find(&entry.payment.payment_hash) == Some(entry)));
    let mut twice = compacted.clone();
    twice.compact(most, now);
    assert!(twice == compacted && read(&compacted.to_text()).is_some_and(|again| again == compacted));
    compacted
}

fn merge(older: &Journal, newer: &Journal) {
    let mut merged = older.clone();
    merged.merge(newer);
    let mut twice = merged.clone();
    twice.merge(newer);
    assert!(twice == merged, "merged twice it is another");
    twice.merge(&twice.clone());
    assert!(twice == merged, "merged with itself it is another");

    for (entry, other) in
        older.entries().iter().map(|entry| (entry, newer)).chain(newer.entries().iter().map(|entry| (entry, older)))
    {
        let hash = &entry.payment.payment_hash;
        let other = other.find(hash);
        let Some(kept) = merged.find(hash) else {
            assert!(older.has_compacted(entry), "an entry is lost");
            continue;
        };
        match entry.payment.state {
            State::Paid => {
                assert!(kept.payment.state == State::Paid, "a proof is lost");
                assert!(entry.preimage.is_none() || kept.preimage.is_some(), "a preimage is lost");
            }
            // of one attempt a settled reading knows more; of two the later counts
            State::Pending | State::Unknown => assert!(
                kept.is_unsettled() || other.is_some_and(|other| ends(other, entry)),
                "an unsettled payment is lost"
            ),
            State::Failed => {}
        }
    }
}

/// Whether this reading of a payment may take the place of an unsettled one.
fn ends(reading: &Entry, unsettled: &Entry) -> bool {
    match reading.payment.state {
        State::Paid => true,
        State::Failed => reading.started_at_ms >= unsettled.started_at_ms,
        _ => false,
    }
}

const DAY_MS: u64 = 86_400_000;
const START: u64 = 1_800_000_000_000;
/// Some of the payments are old then.
const NOW: u64 = START + DAY_MS / 2;

fn stored(choices: &mut Choices) -> String {
    let mut hashes = vec!["a0", "b1", "c2"];
    let mut rows = Vec::new();
    while !choices.is_over() && !hashes.is_empty() && choices.below(8) > 0 {
        let hash = hashes.remove(usize::from(choices.byte()) % hashes.len());
        let started_at = START + u64::from(choices.below(3)) - choices.one_of([0, 0, 2 * DAY_MS, 40 * DAY_MS]);
        let state = choices.one_of(["pending", "unknown", "paid", "failed"]);
        let proven = state == "paid" && choices.below(4) > 0;
        let settled = matches!(state, "paid" | "failed").then_some(1_800_000_000 + u64::from(choices.below(3)));
        let origin = choices.one_of(["https://a.example", "https://b.example"]);
        rows.push(json!({
            "paymentHash": hash.repeat(32),
            "origin": origin,
            "url": format!("{origin}/x"),
            "method": "GET",
            "protocol": choices.one_of(["l402", "lsat"]),
            "token": if state == "paid" { "" } else { "dG9rZW4=" },
            "preimage": proven.then(|| "ab".repeat(32)),
            "amountMsat": 1000,
            "feeMsat": if state == "paid" { choices.one_of([0, 7]) } else { 0 },
            "maxFeeMsat": 5000,
            "state": state,
            "startedAt": started_at,
            "settledAt": settled,
            "invoiceExpiresAt": started_at / 1000 + choices.one_of([60, 3600, 30 * DAY_MS / 1000]),
        }));
    }
    json!({ "version": 1, "payments": rows }).to_string()
}
