//! The stored tokens: what is read is written as it was, and neither a later reading nor a merge loses one that opens
//! something.
#![no_main]

use l402_fetch::ledger::token::Token;
use l402_fetch::ledger::tokens::{Search, Tokens};
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use l402_fetch_fuzz::{text, Choices};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    match data {
        [0, rest @ ..] => {
            let mut choices = Choices::of(rest);
            let [a, b] = [(); 2].map(|()| read(&stored(&mut choices)).expect("well-formed tokens are read"));
            both(a, b, &mut choices);
        }
        _ => _ = text(data).and_then(read),
    }
});

fn read(given: &str) -> Option<Vec<Token>> {
    let list = match Tokens::parse(given) {
        Ok(list) => list,
        Err(error) => {
            assert_eq!(error.code(), Code::StoreFailed);
            return None;
        }
    };
    let mut tokens = Tokens::default();
    tokens.replace(list.clone());
    for token in list.iter().filter(|token| token.own_refusals == 0) {
        let kept = tokens.iter().any(|kept| same(kept, token) || replaces(kept, token));
        assert!(kept, "a token is lost");
    }
    let written = tokens.to_text();
    let mut again = Tokens::default();
    again.replace(Tokens::parse(&written).expect("what was written is read"));
    assert_eq!(again.to_text(), written);
    Some(list)
}

/// As the ledger does it: what memory has, then what the store has, then what memory alone had.
fn both(memory: Vec<Token>, store: Vec<Token>, choices: &mut Choices) {
    let mut tokens = Tokens::default();
    tokens.replace(memory);
    let before = tokens.clone();
    tokens.replace(store.clone());
    tokens.merge(&before);
    let text = tokens.to_text();
    tokens.merge(&before);
    assert_eq!(tokens.to_text(), text, "merged twice they are others");

    for token in before.iter() {
        assert!(tokens.bought_with(&token.payment.payment_hash).is_some(), "a token of memory is lost");
    }
    for token in store.iter().filter(|token| token.own_refusals == 0) {
        let kept =
            tokens.iter().any(|kept| kept.payment.payment_hash == token.payment.payment_hash || replaces(kept, token));
        assert!(kept, "a token of the store is lost");
    }
    let mut ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), tokens.iter().count(), "two tokens of one id");

    // whatever is sent was bought from whom it is sent to, and has not expired
    let (method, url) = (choices.one_of(["GET", "POST"]), Url::of(choices.one_of(URLS)));
    let now = choices.one_of([0, 1_800_000_001_000, 1_900_000_000_000]);
    let [borrow, is_first, single_use] = [(); 3].map(|()| choices.below(2) > 0);
    let search = Search { method, url: &url, borrow, is_first, single_use, now_ms: now };
    if let Some(token) = tokens.choose(&search) {
        assert!(url.as_str().starts_with(&format!("{}/", token.payment.url.origin())));
        assert!(!(token.token == EXPIRES && now >= 1_850_000_000_000));
        assert!(!(token.accepted && single_use));
        let may_be_late = is_first && !token.accepted;
        assert!(!(token.is_for(method, &url) && token.own_refusals > 1) || may_be_late);
    }
    tokens.forget(Some("https://a.example"));
    assert!(tokens.iter().all(|token| token.payment.url.origin() != "https://a.example"));
}

fn same(a: &Token, b: &Token) -> bool {
    a.payment.payment_hash == b.payment.payment_hash && a.token == b.token
}

/// Whether a token opens what the other did, so that one of them that expires need not be kept.
fn replaces(kept: &Token, other: &Token) -> bool {
    kept.is_for(&other.method, &other.payment.url)
}

const URLS: [&str; 3] = ["https://a.example/x", "https://a.example/x/y", "https://b.example/x"];
/// A macaroon with the caveat `ExpiresAt=1850000000`.
const EXPIRES: &str = "eyJ2IjoyLCJpIjoiaSIsImMiOlt7ImkiOiJFeHBpcmVzQXQ9MTg1MDAwMDAwMCJ9XSwiczY0IjoiQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSJ9";

fn stored(choices: &mut Choices) -> String {
    let mut hashes = vec!["a0", "b1", "c2", "d3"];
    let mut rows = Vec::new();
    while !choices.is_over() && !hashes.is_empty() && choices.below(8) > 0 {
        let url = choices.one_of(URLS);
        let hash = hashes.remove(usize::from(choices.byte()) % hashes.len());
        rows.push(json!({
            "paymentHash": hash.repeat(32),
            "origin": &url[..17],
            "url": url,
            "method": choices.one_of(["GET", "POST"]),
            "protocol": choices.one_of(["l402", "lsat"]),
            "token": choices.one_of(["opaque", EXPIRES]),
            "preimage": (choices.below(4) > 0).then(|| "ab".repeat(32)),
            "amountMsat": 1000,
            "feeMsat": 0,
            "startedAt": 1_800_000_000,
            "settledAt": 1_800_000_001,
            "accepted": choices.below(2) > 0,
            "ownRefusals": choices.below(3),
            "refused": (0..choices.below(3)).map(|_| json!({ "at": choices.one_of(["GET /x", "POST /x/y", "GET /z"]), "times": choices.below(3) })).collect::<Vec<_>>(),
        }));
    }
    json!({ "version": 1, "tokens": rows }).to_string()
}
