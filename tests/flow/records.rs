//! The stored records, and how two readings of them become one.

use l402_fetch::flow::config::Config;
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::entry::Entry;
use l402_fetch::ledger::journal::Journal;
use l402_fetch::ledger::limits::Windows;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::token::Token;
use l402_fetch::ledger::tokens::Tokens;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::invoice::Network;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;

/// A payment hash of so many times the same byte.
fn hash(byte: &str) -> PaymentHash {
    PaymentHash::parse(&byte.repeat(32)).unwrap()
}

fn entry(byte: &str, state: State, started_at_ms: u64) -> Entry {
    Entry {
        payment: Payment {
            payment_hash: hash(byte),
            url: Url::of("https://api.example/data?q=\"1\""),
            protocol: Protocol::L402,
            amount_msat: 10_000,
            fee_msat: 7,
            state,
            started_at: started_at_ms / 1000,
            settled_at: (state == State::Paid).then_some(1_800_000_001),
        },
        method: "GET".into(),
        token: "token".into(),
        preimage: None,
        max_fee_msat: 5_000,
        started_at_ms,
        invoice_expires_at: 1_800_003_600,
        dispatch: Dispatch::default(),
    }
}

fn token(byte: &str) -> Token {
    let payment = entry(byte, State::Paid, 1_800_000_000_123).payment;
    Token::new(payment, "GET".into(), "token".into(), Some("ab".repeat(32)))
}

/// Later versions must be able to read this.
#[test]
fn the_stored_form() {
    let mut journal = Journal::default();
    journal.put(entry("aa", State::Unknown, 1_800_000_000_123));
    assert_eq!(
        journal.to_text(),
        concat!(
            r#"{"version":1,"payments":[{"paymentHash":"HASH","origin":"https://api.example","#,
            r#""url":"https://api.example/data?q=\"1\"","method":"GET","protocol":"l402","token":"token","preimage":null,"#,
            r#""amountMsat":10000,"feeMsat":7,"maxFeeMsat":5000,"state":"unknown","startedAt":1800000000123,"#,
            r#""settledAt":null,"invoiceExpiresAt":1800003600}]}"#,
        )
        .replace("HASH", &"aa".repeat(32))
    );
    let mut tokens = Tokens::default();
    let mut bought = token("aa");
    bought.note_refusal("GET", &Url::of("https://api.example/other?q"));
    tokens.put(bought);
    assert_eq!(
        tokens.to_text(),
        concat!(
            r#"{"version":1,"tokens":[{"paymentHash":"HASH","origin":"https://api.example","#,
            r#""url":"https://api.example/data?q=\"1\"","method":"GET","protocol":"l402","token":"token","#,
            r#""preimage":"PREIMAGE","amountMsat":10000,"feeMsat":7,"startedAt":1800000000,"settledAt":1800000001,"#,
            r#""accepted":false,"ownRefusals":0,"refused":[{"at":"GET /other","times":1}]}]}"#,
        )
        .replace("HASH", &"aa".repeat(32))
        .replace("PREIMAGE", &"ab".repeat(32))
    );
}

#[test]
fn records_are_read_as_they_were_written() {
    let mut journal = Journal::default();
    for (number, state) in [State::Pending, State::Unknown, State::Paid, State::Failed].into_iter().enumerate() {
        journal.put(entry(&format!("{number:02}"), state, 1_800_000_000_123 + number as u64));
    }
    assert!(Journal::parse(&journal.to_text()).unwrap() == journal);
    let mut tokens = Tokens::default();
    let mut bought = token("aa");
    bought.note_refusal("GET", &bought.payment.url.clone());
    bought.note_accepted();
    bought.note_refusal("GET", &bought.payment.url.clone());
    tokens.put(bought.clone());
    let read = Tokens::parse(&tokens.to_text()).unwrap();
    assert!(read == [bought], "the id is not stored");
    assert_eq!((read[0].accepted, read[0].own_refusals), (true, 1), "what came before it was accepted says nothing");
}

#[test]
fn damage_is_told_from_a_later_version() {
    for (text, part) in [
        ("", "damaged"),
        ("[]", "damaged"),
        (r#"{"version":1,"payments":{}}"#, "damaged"),
        (r#"{"version":1,"payments":[{"paymentHash":"aa"}]}"#, "damaged"),
        (r#"{"version":-1,"payments":[]}"#, "damaged"),
        (r#"{"version":0,"payments":[]}"#, "damaged"),
        // If sums are lost, limits are exceeded.
        (r#"{"version":2,"payments":[]}"#, "damaged"),
        (r#"{"version":2,"payments":[],"folded":[{"origin":"a","msat":1}]}"#, "damaged"),
        (r#"{"version":2,"payments":[],"foldedUntil":1}"#, "damaged"),
        (r#"{"version":2,"payments":[],"foldedUntil":1,"folded":[]}"#, "damaged"),
        (r#"{"version":2,"payments":[],"foldedUntil":1,"folded":[{"origin":"a"}]}"#, "damaged"),
        (r#"{"version":2,"payments":[],"foldedUntil":1,"folded":[{"origin":"a","msat":-1}]}"#, "damaged"),
        (r#"{"version":2,"foldedUntil":1,"folded":[{"origin":"a","msat":1}]}"#, "damaged"),
        (r#"{"version":3,"payments":[]}"#, "later version"),
        (r#"{"version":3,"anything":"else"}"#, "later version"),
    ] {
        let error = Journal::parse(text).err().unwrap();
        assert_eq!(error.code(), Code::StoreFailed);
        assert!(error.message().contains(part), "{text}: {error}");
    }
}

/// A member that this crate can't have written is damage, in optional members too: a number that JavaScript would
/// round, or a preimage or token that can't stand in a header.
#[test]
fn an_impossible_member_is_damage() {
    let journal = entry("aa", State::Paid, 1_800_000_000_123);
    let mut stored = Journal::default();
    stored.put(Entry { preimage: Some("ab".repeat(32)), ..journal });
    let journal = stored.to_text();
    let mut tokens = Tokens::default();
    tokens.put(token("aa"));
    let tokens = tokens.to_text();
    for (member, bad) in [
        ("\"amountMsat\":10000", "\"amountMsat\":9007199254740992"),
        ("\"settledAt\":1800000001", "\"settledAt\":\"1800000001\""),
        ("\"settledAt\":1800000001", "\"settledAt\":-1"),
        ("\"token\":\"token\"", "\"token\":\"to\\u0007ken\""),
        ("\"token\":\"token\"", "\"token\":\"to☃ken\""),
        ("\"preimage\":\"ab", "\"preimage\":\"\\nab"),
        ("\"preimage\":\"ab", "\"preimage\":5,\"x\":\"ab"),
        ("\"paymentHash\":\"aa", "\"paymentHash\":\"a"),
        ("\"paymentHash\":\"aa", "\"paymentHash\":\"ag"),
        ("\"paymentHash\":\"aa", "\"paymentHash\":5,\"x\":\"aa"),
        ("\"paymentHash\":\"aa", "\"x\":\"aa"),
        ("\"origin\":\"https://api.example\"", "\"origin\":\"https://b.example\""),
        ("\"origin\":\"https://api.example\",", ""),
    ] {
        for (text, parse) in [
            (&journal, (|text| Journal::parse(text).err()) as fn(&str) -> Option<_>),
            (&tokens, |text| Tokens::parse(text).err()),
        ] {
            assert!(text.contains(member) && parse(text).is_none(), "{text}");
            let error = parse(&text.replacen(member, bad, 1)).map(|error| error.code());
            assert_eq!(error, Some(Code::StoreFailed), "{bad}");
        }
    }
    // An absent member counts as null.
    let absent = journal.replacen("\"settledAt\":1800000001,", "", 1);
    assert_eq!(Journal::parse(&absent).ok().and_then(|journal| journal.entries()[0].payment.settled_at), None);
}

#[test]
fn the_better_informed_of_two_readings_of_a_payment_counts() {
    use State::{Failed, Paid, Pending, Unknown};
    let table = [
        // The stored state, the state in memory, by how many ms memory's attempt is later, and the result.
        (Pending, Unknown, 0, Unknown),
        (Pending, Failed, 0, Failed),
        (Pending, Paid, 0, Paid),
        (Unknown, Pending, 0, Unknown),
        (Unknown, Failed, 0, Failed),
        (Unknown, Paid, 0, Paid),
        (Failed, Pending, 0, Failed),
        (Failed, Unknown, 0, Failed),
        (Failed, Paid, 0, Paid),
        (Paid, Pending, 0, Paid),
        (Paid, Unknown, 0, Paid),
        (Paid, Failed, 0, Paid),
        // Another instance tries the same invoice again.
        (Pending, Failed, -1, Pending),
        (Pending, Paid, -1, Paid),
        (Failed, Pending, 1, Pending),
        (Failed, Unknown, 1, Unknown),
        (Failed, Unknown, -1, Failed),
        (Unknown, Failed, 1, Failed),
    ];
    for (stored, memory, later, expected) in table {
        let (mut journal, mut other) = (Journal::default(), Journal::default());
        journal.put(entry("aa", stored, 1_800_000_000_000));
        other.put(entry("aa", memory, 1_800_000_000_000_u64.saturating_add_signed(later)));
        other.put(entry("bb", memory, 1_800_000_000_000));
        journal.merge(&other);
        let found: Vec<_> = journal.entries().iter().map(|entry| entry.payment.state).collect();
        assert_eq!(found, [expected, memory], "{stored:?} {memory:?}");
    }
}

#[test]
fn the_later_attempt_keeps_its_own_time_and_a_preimage_is_never_lost() {
    let (mut journal, mut other) = (Journal::default(), Journal::default());
    journal.put(entry("aa", State::Unknown, 1_800_000_000_000));
    other.put(entry("aa", State::Pending, 1_800_000_000_001));
    journal.merge(&other);
    assert_eq!(journal.entries()[0].started_at_ms, 1_800_000_000_001);

    // One instance believed the wallet with `proof: "none"`. Another had the preimage.
    journal.put(entry("bb", State::Paid, 1_800_000_000_000));
    let proven = Entry { preimage: Some("ab".repeat(32)), ..entry("bb", State::Paid, 1_800_000_000_000) };
    other.put(proven.clone());
    journal.merge(&other);
    assert!(journal.find(&hash("bb")) == Some(&proven));
    other.put(entry("bb", State::Paid, 1_800_000_000_000));
    journal.merge(&other);
    assert!(journal.find(&hash("bb")) == Some(&proven));
}

#[test]
fn a_proof_is_recorded_once() {
    let mut found = entry("aa", State::Unknown, 1_800_000_000_123);
    found.settle_paid(None, None, 1_800_000_005_000);
    found.settle_paid(Some("preimage".into()), Some(9), 1_800_000_009_000);
    found.settle_paid(None, None, 1_800_000_010_000);
    let settled = (found.payment.state, found.payment.settled_at, found.payment.fee_msat);
    assert_eq!(settled, (State::Paid, Some(1_800_000_005), 9));
    assert_eq!((found.preimage.as_deref(), found.token.as_str()), (Some("preimage"), ""));
}

#[test]
fn tokens_keep_their_ids_and_what_is_known_of_them() {
    let mut tokens = Tokens::default();
    let id = tokens.put(token("aa")).id;
    tokens.update(id, Token::note_accepted);
    let mut stored = token("aa");
    stored.note_refusal("GET", &stored.payment.url.clone());
    stored.note_refusal("POST", &stored.payment.url.clone());
    tokens.replace(vec![stored, token("bb")]);
    let known = tokens.get(id).unwrap();
    assert_eq!((known.accepted, known.own_refusals, known.refused.len()), (true, 0, 1));
    assert!(tokens.iter().all(|token| token.id != 0));

    // A token of the same resource replaces the older one. A request under way with the older one still knows it.
    tokens.replace(vec![token("bb")]);
    assert!(tokens.bought_with(&hash("aa")).is_none() && tokens.get(id).is_some());
    assert!(!tokens.update(id, Token::note_accepted));
    tokens.forget(Some("https://other.example"));
    assert!(!tokens.is_empty());
    tokens.forget(Some("https://api.example"));
    assert!(tokens.is_empty());
}

#[test]
fn secrets_of_a_token_go_nowhere_but_into_its_header() {
    let mut bought = token("aa");
    assert_eq!(bought.authorization(), format!("L402 token:{}", "ab".repeat(32)));
    bought.payment.protocol = Protocol::Lsat;
    assert_eq!(bought.authorization(), format!("LSAT token:{}", "ab".repeat(32)));
    bought.preimage = None;
    assert_eq!(bought.authorization(), "LSAT token");
    assert!(!format!("{:?}", bought.payment).contains("abab"));
}

#[test]
fn options_as_the_reader_in_javascript_writes_them() {
    let config = Config::parse(r#"{"perPayment":100}"#).unwrap();
    assert_eq!(config, Config::new(100));
    assert_eq!(
        (config.payment_timeout_ms, config.trust_wallet, config.networks),
        (300_000, false, vec![Network::Bitcoin])
    );
    let config = Config::parse(
        r#"{"perPayment":1,"perHour":2,"perDay":3,"total":4,"perOrigin":{"perHour":5,"total":0},
        "networks":["regtest","signet"],
        "hosts":["*.example"],"protocols":["lsat"],"proof":"none","paymentTimeout":7}"#,
    )
    .unwrap();
    assert_eq!(config.limits.per_payment, 1_000);
    assert_eq!(config.limits.all, Windows { per_hour: Some(2_000), per_day: Some(3_000), total: Some(4_000) });
    assert_eq!(config.limits.per_origin, Windows { per_hour: Some(5_000), per_day: None, total: Some(0) });
    assert_eq!(config.networks, [Network::Regtest, Network::Signet]);
    assert_eq!((config.hosts.map(|hosts| hosts.len()), config.protocols), (Some(1), vec![Protocol::Lsat]));
    assert_eq!((config.trust_wallet, config.payment_timeout_ms), (true, 7));
}

#[test]
fn no_odd_value_is_read_as_no_limit() {
    for (text, key) in [
        ("", "options"),
        ("{}", "limits.perPayment"),
        (r#"{"perPayment":null}"#, "limits.perPayment"),
        (r#"{"perPayment":-1}"#, "limits.perPayment"),
        (r#"{"perPayment":1.5}"#, "limits.perPayment"),
        (r#"{"perPayment":"1"}"#, "limits.perPayment"),
        (r#"{"perPayment":1,"perHour":"1"}"#, "perHour"),
        (r#"{"perPayment":1,"perDay":1e3}"#, "perDay"),
        (r#"{"perPayment":1,"total":18446744073709551615}"#, "total"),
        (r#"{"perPayment":1,"perOrigin":{"perDay":false}}"#, "perDay"),
        (r#"{"perPayment":1,"perOrigin":5}"#, "perOrigin"),
        (r#"{"perPayment":1,"perOrigin":[]}"#, "perOrigin"),
        (r#"{"perPayment":1,"networks":"bitcoin"}"#, "networks"),
        (r#"{"perPayment":1,"networks":["dogecoin"]}"#, "networks"),
        (r#"{"perPayment":1,"hosts":[1]}"#, "hosts"),
        (r#"{"perPayment":1,"protocols":["L402"]}"#, "protocols"),
        (r#"{"perPayment":1,"proof":true}"#, "proof"),
        (r#"{"perPayment":1,"paymentTimeout":"1"}"#, "paymentTimeout"),
    ] {
        let error = Config::parse(text).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (Code::InvalidOptions, format!("{key} has no valid value").as_str())
        );
    }
}
