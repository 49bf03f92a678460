//! x402: what is read of an entry is what serde_json reads, and the entry comes back byte for byte.
#![no_main]

use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::wire::refusal::Refusal;
use l402_fetch::wire::url::Url;
use l402_fetch::wire::x402::{self, is_unseen_in_pages, Entry, PaymentRequired, Sent, NETWORKS};
use l402_fetch::Code;
use l402_fetch_fuzz::text;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The SHA-256 of 32 zeros.
const HASH: &str = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    let hash = PaymentHash::parse(HASH).unwrap();
    if let Some(receipt) = x402::attested(text, &hash) {
        assert!(receipt.contains(HASH));
    }
    if let Some(refusal) = Refusal::of_x402(Some(text), Some(text)) {
        assert!(!refusal.reason.is_empty() && refusal.reason.len() < 64);
    }
    // the header, and what is in it
    for required in [PaymentRequired::decode(text), PaymentRequired::parse(text.to_owned())] {
        match required {
            Ok(required) => check(&required),
            Err(error) => assert_eq!(error.code(), Code::InvalidChallenge),
        }
    }
});

fn check(required: &PaymentRequired) {
    for entry in required.entries() {
        match entry {
            Ok(entry) => answer(&entry),
            Err(error) => assert_eq!(error.code(), Code::InvalidChallenge),
        }
    }
}

fn answer(entry: &Entry) {
    let url = Url::of("https://api.example.com/article/A");
    let headers = [("a".to_owned(), "1".to_owned()), ("A".to_owned(), "é".to_owned())];
    let body_hash = Some([0; 32]);
    let sent = Sent { method: "GET", url: &url, body_hash, headers: &headers, unseen: &is_unseen_in_pages };
    match entry.for_http(&sent) {
        Ok(asked) => _ = entry.check(asked, 1_700_000_000, NETWORKS),
        Err(error) => assert!([Code::InvalidChallenge, Code::HashMismatch].contains(&error.code())),
    }

    let preimage = Preimage::prove(&"00".repeat(32), &PaymentHash::parse(HASH).unwrap()).unwrap();
    let credential = x402::credential(&entry.token(), &preimage).expect("an entry can be answered");
    let answer = String::from_utf8(base64::decode(&credential.value).unwrap()).unwrap();
    let read: Value = match serde_json::from_str(&answer) {
        Ok(read) => read,
        // it reads numbers, where ours are texts
        Err(error) => return assert!(error.to_string().contains("number out of range"), "{error}"),
    };
    assert_eq!(read["payload"]["preimage"], "00".repeat(32));
    let accepted = &read["accepted"];
    assert_eq!((&accepted["scheme"], &accepted["asset"]), (&"exact".into(), &"BTC".into()));
    assert_eq!(accepted["extra"]["invoice"], entry.invoice);
    assert!(accepted["maxTimeoutSeconds"].as_u64().unwrap() > 0);
    // the same entry is found in what is sent
    let again = answer.split_once("\"accepted\":").unwrap().1;
    let again = again.rsplit_once(",\"payload\":").unwrap().0;
    let again = again.rsplit_once(",\"extensions\":").map_or(again, |(entry, _)| entry);
    if let Ok(alone) = PaymentRequired::parse(format!("{{\"x402Version\":2,\"accepts\":[{again}]}}")) {
        if let [Ok(alone)] = &alone.entries()[..] {
            assert_eq!(alone.invoice, entry.invoice);
        }
    }
}
