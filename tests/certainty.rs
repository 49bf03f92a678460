//! When a word about a payment is a certainty: every row of the rule, and what holds whatever is reported.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects)]

use l402_fetch::ledger::certainty::{judge, Owner, Proof, Verdict, LEASE_MS};
use l402_fetch::ledger::dispatch::{Dispatch, Heard};
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::record::Record;
use l402_fetch::ledger::wallet::{Fact, Wallet, Window};
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use proptest::prelude::*;

const PREIMAGE: &str = "a7bcc0bee03e1a3e063e69b3483c069d86e2b1c18f3de0a2baf9c676b21b114a";
const START_MS: u64 = 1_700_000_000_000;
const TIMEOUT_MS: u64 = 300_000;
/// Seconds from the start until the invoice expires.
const LIFE_S: u64 = 3_600;

fn hash() -> PaymentHash {
    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&PREIMAGE[at * 2..at * 2 + 2], 16).unwrap()).collect();
    <[u8; 32]>::from(Sha256::digest(bytes)).into()
}

/// An order that was sent at the start, and whose invoice may be handed over again.
fn record() -> Record {
    Record {
        payment: Payment {
            payment_hash: hash(),
            url: Url::of("https://a.example/"),
            protocol: Protocol::L402,
            amount_msat: 10_000,
            fee_msat: 0,
            state: State::Pending,
            started_at: START_MS / 1000,
            settled_at: None,
            scopes: Vec::new(),
            invoice: "lnbc1".into(),
            description: None,
            session: None,
            refunded_msat: 0,
        },
        method: "GET".into(),
        token: "token".into(),
        preimage: None,
        max_fee_msat: 5_000,
        started_at_ms: START_MS,
        invoice_expires_at: START_MS / 1000 + LIFE_S,
        expires_at: None,
        bound_to: None,
        owner: "1".into(),
        is_reserved: false,
        dispatch: Dispatch { wallet_id: Some("mine".into()), sent_at_ms: Some(START_MS), ..Dispatch::default() },
    }
}

fn wallet(window: Window) -> Wallet {
    Wallet { id: Some("mine".into()), settles_once: false, finds: true, window }
}

const LND: Window = Window::None;
const CLN: Window = Window::Sent(70_000);
const NWC: Window = Window::Error(60_000);

fn failed() -> Fact {
    Fact::Failed { begun_at_ms: None }
}

fn begun(at_ms: u64) -> Fact {
    Fact::Failed { begun_at_ms: Some(START_MS + at_ms) }
}

/// What is reported, without a preimage.
fn say(fact: &Fact) -> &'static str {
    match fact {
        Fact::Paid { .. } => "paid",
        Fact::Pending => "pending",
        Fact::Failed { .. } => "failed",
        Fact::NotFound => "not found",
        Fact::Unreachable => "no answer",
    }
}

fn paid(preimage: &str) -> Fact {
    Fact::Paid { preimage: preimage.into(), fee_msat: Some(7) }
}

fn at(fact: &Fact, owner: Owner, record: &Record, wallet: &Wallet, after_ms: u64) -> Verdict {
    judge(fact, owner, record, wallet, TIMEOUT_MS, START_MS + after_ms)
}

/// From how many milliseconds after the start on a report ends the payment; none where it never does.
fn ends_at(fact: &Fact, owner: Owner, record: &Record, wallet: &Wallet) -> Option<u64> {
    let ends = |after_ms: u64| at(fact, owner, record, wallet, after_ms) == Verdict::Failed;
    let (mut early, mut late) = (0, 10_000_000_000);
    if !ends(late) {
        return None;
    }
    if ends(early) {
        return Some(0);
    }
    while late - early > 1 {
        let middle = early + (late - early) / 2;
        if ends(middle) {
            late = middle;
        } else {
            early = middle;
        }
    }
    Some(late)
}

const OPEN: Verdict = Verdict::Open { until_ms: None };
/// The first millisecond at which the invoice has expired.
const EXPIRED: u64 = (LIFE_S + 1) * 1000;
/// How far the clock of anybody but the sender may be ahead.
const AHEAD_MS: u64 = 300_000;

#[test]
fn the_sender_whose_pay_has_settled() {
    let plain = record();
    let erred = Record { dispatch: Dispatch { error_at_ms: Some(START_MS + 5_000), ..record().dispatch }, ..record() };
    let heard = |heard| Record { dispatch: Dispatch { heard: Some(heard), ..erred.dispatch.clone() }, ..record() };
    let (known, ended) = (heard(Heard::HasPayment), heard(Heard::OrderEnded));
    let again = Record { dispatch: Dispatch { failures: 1, ..erred.dispatch.clone() }, ..record() };
    for (name, fact, record, window, ends) in [
        ("lnd: not found", Fact::NotFound, &plain, LND, Some(0)),
        ("lnd: failed", failed(), &plain, LND, Some(0)),
        ("lnd: failed, begun after", begun(1), &plain, LND, Some(0)),
        ("lnd: failed, its clock a little behind", begun(0), &plain, LND, Some(0)),
        ("lnd: had it, not found", Fact::NotFound, &known, LND, None),
        ("cln: not found", Fact::NotFound, &plain, CLN, Some(70_000)),
        ("cln: failed", failed(), &plain, CLN, Some(70_000)),
        ("cln: failed, begun after", begun(1), &erred, CLN, Some(70_000)),
        ("cln: failed, its command ended", begun(1), &ended, CLN, Some(0)),
        ("cln: not found, its command ended", Fact::NotFound, &ended, CLN, Some(0)),
        ("nwc: not found", Fact::NotFound, &erred, NWC, Some(65_000)),
        ("nwc: not found, no error stored", Fact::NotFound, &plain, NWC, Some(TIMEOUT_MS + 60_000)),
        ("nwc: failed", failed(), &erred, NWC, Some(0)),
        ("nwc: failed, it had it", failed(), &known, NWC, Some(0)),
        ("nwc: failed, perhaps the order before", failed(), &again, NWC, Some(65_000)),
        ("lnd: failed, begun after, not the order before", begun(1), &again, LND, Some(0)),
        ("failed for certain, of all orders", failed(), &again, LND, Some(0)),
        ("pending", Fact::Pending, &plain, LND, None),
        ("no answer", Fact::Unreachable, &plain, LND, None),
    ] {
        assert_eq!(ends_at(&fact, Owner::Us, record, &wallet(window)), ends, "{name}");
    }
}

#[test]
fn an_open_verdict_tells_when_the_same_report_would_end_the_payment() {
    let waits = |until| Verdict::Open { until_ms: Some(START_MS + until) };
    assert_eq!(at(&Fact::NotFound, Owner::Us, &record(), &wallet(CLN), 69_999), waits(70_000));
    assert_eq!(at(&failed(), Owner::Us, &record(), &wallet(CLN), 0), waits(70_000));
    assert_eq!(at(&Fact::Pending, Owner::Us, &record(), &wallet(CLN), 0), OPEN);
}

#[test]
fn a_record_of_an_earlier_attempt_says_nothing_before_the_invoice_has_expired() {
    let mut later = record();
    later.dispatch.sent_at_ms = Some(START_MS + 60_000);
    for (fact, ends) in [(begun(0), EXPIRED), (begun(58_999), EXPIRED), (begun(59_000), 0), (begun(61_000), 0)] {
        assert_eq!(ends_at(&fact, Owner::Us, &later, &wallet(LND)), Some(ends), "{}", say(&fact));
    }
}

#[test]
fn anybody_else_waits_for_the_invoice_to_expire_and_the_window() {
    let mut short = record();
    short.invoice_expires_at = START_MS / 1000 + 10;
    let mut unsent = short.clone();
    unsent.dispatch.sent_at_ms = None;
    let mut erred = short.clone();
    erred.dispatch.error_at_ms = Some(START_MS + 5_000);
    for fact in [failed(), Fact::NotFound, begun(0), begun(5)] {
        for window in [LND, CLN, NWC] {
            assert_eq!(
                ends_at(&fact, Owner::Lapsed, &record(), &wallet(window)),
                Some(EXPIRED + AHEAD_MS),
                "{} {window:?}",
                say(&fact)
            );
            assert_eq!(ends_at(&fact, Owner::Alive, &record(), &wallet(window)), None, "{} {window:?}", say(&fact));
        }
        for (record, window, ends) in [
            (&short, LND, 11_000),
            (&short, CLN, 70_000),
            (&short, NWC, TIMEOUT_MS + 60_000),
            (&erred, NWC, 65_000),
            (&unsent, LND, 11_000),
            (&unsent, CLN, LEASE_MS + 70_000),
            (&unsent, NWC, LEASE_MS + TIMEOUT_MS + 60_000),
        ] {
            let ends = Some(ends + AHEAD_MS);
            assert_eq!(ends_at(&fact, Owner::Lapsed, record, &wallet(window)), ends, "{} {window:?}", say(&fact));
        }
    }
}

#[test]
fn not_found_counts_only_from_a_wallet_that_finds_its_payments() {
    let blind = Wallet { finds: false, ..wallet(LND) };
    for owner in [Owner::Us, Owner::Lapsed, Owner::Alive] {
        assert_eq!(ends_at(&Fact::NotFound, owner, &record(), &blind), None, "{owner:?}");
    }
    assert_eq!(ends_at(&failed(), Owner::Us, &record(), &blind), Some(0));
    assert_eq!(ends_at(&failed(), Owner::Lapsed, &record(), &blind), Some(EXPIRED + AHEAD_MS));
}

#[test]
fn another_wallets_word_ends_nothing() {
    let mut old = record();
    old.dispatch.wallet_id = None;
    for (record, id) in [(record(), Some("other")), (record(), None), (old.clone(), Some("mine")), (old, None)] {
        let other = Wallet { id: id.map(str::to_owned), settles_once: true, ..wallet(LND) };
        for fact in [failed(), Fact::NotFound, begun(5)] {
            assert_eq!(at(&fact, Owner::Lapsed, &record, &other, 1_000), OPEN);
            assert_eq!(ends_at(&fact, Owner::Lapsed, &record, &other), None);
        }
        assert!(matches!(at(&paid(PREIMAGE), Owner::Lapsed, &record, &other, 0), Verdict::Paid(_)), "but it proves");
    }
}

#[test]
fn an_abandoned_order_may_be_repeated_if_the_wallet_settles_a_hash_once() {
    let once = Wallet { settles_once: true, ..wallet(LND) };
    let (mut without, mut known, mut repeated) = (record(), record(), record());
    without.payment.invoice = String::new();
    known.dispatch.heard = Some(Heard::HasPayment);
    repeated.dispatch.repeats = 1;
    let last = LIFE_S * 1000 - 5_001;
    for (name, fact, owner, record, after_ms, expected) in [
        ("not found", Fact::NotFound, Owner::Lapsed, &record(), 0, Verdict::MayRepeat),
        ("failed", failed(), Owner::Lapsed, &record(), last, Verdict::MayRepeat),
        ("about to expire", failed(), Owner::Lapsed, &record(), last + 1, OPEN),
        ("its sender lives", Fact::NotFound, Owner::Alive, &record(), 0, OPEN),
        ("in flight", Fact::Pending, Owner::Lapsed, &record(), 0, OPEN),
        ("no answer", Fact::Unreachable, Owner::Lapsed, &record(), 0, OPEN),
        ("no invoice", Fact::NotFound, Owner::Lapsed, &without, 0, OPEN),
        ("it had it", Fact::NotFound, Owner::Lapsed, &known, 0, OPEN),
        ("repeated, and failed", begun(5), Owner::Us, &repeated, 10, Verdict::MayRepeat),
        ("expired", failed(), Owner::Lapsed, &record(), EXPIRED, OPEN),
        ("expired by any clock", failed(), Owner::Lapsed, &record(), EXPIRED + AHEAD_MS, Verdict::Failed),
        ("repeated, and expired", failed(), Owner::Us, &repeated, EXPIRED, OPEN),
        ("repeated, and expired by any clock", failed(), Owner::Us, &repeated, EXPIRED + AHEAD_MS, Verdict::Failed),
    ] {
        assert_eq!(at(&fact, owner, record, &once, after_ms), expected, "{name}");
        if expected == Verdict::MayRepeat {
            assert_eq!(
                at(&fact, owner, record, &wallet(LND), after_ms),
                OPEN,
                "{name}, by a wallet that may pay twice"
            );
        }
    }
}

#[test]
fn a_preimage_that_hashes_is_proof_and_another_is_no_answer() {
    let proof = Proof { preimage: Some(PREIMAGE.into()), fee_msat: Some(7) };
    for owner in [Owner::Us, Owner::Lapsed, Owner::Alive] {
        assert_eq!(at(&paid(PREIMAGE), owner, &record(), &wallet(NWC), 0), Verdict::Paid(proof.clone()));
        for wrong in ["ab".repeat(32), "0".repeat(64), String::new(), "nonsense".into()] {
            assert_eq!(at(&paid(&wrong), owner, &record(), &wallet(LND), EXPIRED), OPEN, "{wrong}");
        }
    }
}

/// Every kind of report, by a number.
fn fact(kind: u8, begun_ms: u64) -> Fact {
    match kind {
        0 => Fact::Pending,
        1 => Fact::NotFound,
        2 => Fact::Unreachable,
        3 => failed(),
        4 => begun(begun_ms),
        5 => paid(PREIMAGE),
        _ => paid(&"ab".repeat(32)),
    }
}

fn owners() -> impl Strategy<Value = Owner> {
    prop_oneof![Just(Owner::Us), Just(Owner::Alive), Just(Owner::Lapsed)]
}

fn dispatches() -> impl Strategy<Value = Dispatch> {
    let time = || proptest::option::of(0..500_000_u64);
    let heard = prop_oneof![Just(None), Just(Some(Heard::HasPayment)), Just(Some(Heard::OrderEnded))];
    let id = prop_oneof![Just(None), Just(Some("mine".to_owned())), Just(Some("other".to_owned()))];
    (time(), time(), heard, id, 0..2_u64, 0..2_u64).prop_map(|(sent, error, heard, wallet_id, repeats, failures)| {
        Dispatch {
            wallet_id,
            sent_at_ms: sent.map(|at| START_MS + at),
            error_at_ms: error.map(|at| START_MS + at),
            heard,
            repeats,
            failures,
        }
    })
}

fn wallets() -> impl Strategy<Value = Wallet> {
    let window = prop_oneof![Just(LND), Just(CLN), Just(NWC), (0..9_000_000_u64).prop_map(Window::Error)];
    let id = prop_oneof![Just(None), Just(Some("mine".to_owned()))];
    (id, any::<bool>(), any::<bool>(), window).prop_map(|(id, settles_once, finds, window)| Wallet {
        id,
        settles_once,
        finds,
        window,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_holds_whatever_is_reported(
        (kind, begun_ms) in (0..7_u8, 0..10_000_000_u64), owner in owners(), dispatch in dispatches(),
        has_invoice in any::<bool>(), wallet in wallets(), life_s in 0..10_000_u64, now in 0..20_000_000_u64,
        later in 0..20_000_000_u64,
    ) {
        let fact = fact(kind, begun_ms);
        let mut record = Record { invoice_expires_at: START_MS / 1000 + life_s, dispatch, ..record() };
        record.payment.invoice = if has_invoice { "lnbc1".into() } else { String::new() };
        let verdict = at(&fact, owner, &record, &wallet, now);
        let is_negative = matches!(fact, Fact::NotFound | Fact::Failed { .. });
        let is_same = owner == Owner::Us || (wallet.id.is_some() && wallet.id == record.dispatch.wallet_id);
        let is_expired = (START_MS + now) / 1000 > record.invoice_expires_at;
        let is_certain = (START_MS + now - AHEAD_MS) / 1000 > record.invoice_expires_at;
        match &verdict {
            Verdict::Paid(_) => prop_assert!(fact == paid(PREIMAGE)),
            Verdict::Failed => {
                prop_assert!(is_negative && owner != Owner::Alive && is_same);
                prop_assert!((owner == Owner::Us && record.dispatch.repeats == 0) || is_certain);
                let has_had_it = record.dispatch.heard == Some(Heard::HasPayment);
                prop_assert!(fact != Fact::NotFound || (wallet.finds && !has_had_it));
                // Once certain, always certain.
                prop_assert_eq!(at(&fact, owner, &record, &wallet, now + later), Verdict::Failed);
            }
            Verdict::MayRepeat => {
                prop_assert!(is_negative && is_same && !is_expired && wallet.settles_once);
                prop_assert!(owner == Owner::Lapsed || record.dispatch.repeats > 0);
                prop_assert!(has_invoice);
            }
            Verdict::Open { until_ms: Some(until_ms) } => {
                prop_assert!(*until_ms > START_MS + now && owner == Owner::Us);
                prop_assert_eq!(judge(&fact, owner, &record, &wallet, TIMEOUT_MS, *until_ms), Verdict::Failed);
            }
            Verdict::Open { until_ms: None } => {}
        }
    }
}
