//! The keys of the ledger's rows: printable ASCII of at most 200 bytes, in byte order.
//!
//! | Key | One row for each |
//! |---|---|
//! | `sums` | store: what was spent at all origins |
//! | `origin/ORIGIN` | origin: what was spent there, what its tokens are good for, its newest tokens |
//! | `past/KEY` | row of sums with this key: what was spent there before its newest minute |
//! | `open/ORIGIN/RESOURCE`, `open/ORIGIN/RESOURCE/BODY` | resource whose payment is open: the lock of a purchase |
//! | `lease/OWNER` | purchase that may be about to send its order |
//! | `payment/HASH` | payment |
//! | `token/ORIGIN/RESOURCE` | resource that was bought |
//! | `session/ORIGIN` | origin with sessions: their deposits |
//! | `path/ORIGIN/PATH` | method and path whose last tokens were never accepted |
//! | `wallet/ID` | wallet that was asked what became of a payment |
//! | `scope/SCOPE`, `scope/SCOPE/ORIGIN` | scope: what was spent in it, and in it at an origin |
//! | `time/TIME/HASH`, `of/ORIGIN/TIME/HASH`, `in/SCOPE/TIME/HASH` | payment, in the order of time; the value is empty |
//!
//! An ORIGIN, a SCOPE, an OWNER or an ID that is longer than 64 bytes, or holds anything but letters, digits and
//! `-._:/[]`, is replaced by `#` and its digest. A SCOPE is a path of names with the length before each, so that no
//! name is taken for what follows. A RESOURCE is the digest of method and URL, a PATH that of method and path. A TIME
//! is in Unix milliseconds, with leading zeros.

use crate::text::encoding::{concat, to_hex};
use crate::text::scan::rsplit_once;
use crate::wire::payment_hash::PaymentHash;
use sha2::{Digest, Sha256};

/// The sums of all origins together.
pub const SUMS: &str = "sums";
/// The start of the keys of open payments.
pub const OPEN: &str = "open/";
/// The start of the keys of payments in the order of time.
pub const BY_TIME: &str = "time/";

/// What the keys of all tokens begin with.
pub const TOKENS: &str = "token/";
/// What the keys of all methods and paths begin with.
pub const PATHS: &str = "path/";
/// What the keys of all origins begin with.
pub const ORIGINS: &str = "origin/";
/// What the keys of all sessions begin with.
pub const SESSIONS: &str = "session/";
const SCOPES: &str = "scope/";

/// A part that is longer is replaced by its digest.
const LONGEST: usize = 64;
/// Gives a time in milliseconds its leading zeros: 14 digits, enough until the year 5138.
const TIME_ADDEND: u64 = 100_000_000_000_000;
/// How many bytes of a digest a key holds.
const DIGEST_BYTES: usize = 16;

fn digest(parts: &[&str]) -> String {
    let bytes = Sha256::digest(concat(parts));
    to_hex(bytes.get(..DIGEST_BYTES).unwrap_or_default())
}

/// One part of a key. Different parts never get the same text: a digest begins with `#`, which no other part holds.
fn part(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/' | b'[' | b']');
    if text.len() <= LONGEST && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        concat(&["#", &digest(&[text])])
    }
}

fn named(kind: &str, name: &str) -> String {
    concat(&[kind, &part(name)])
}

fn all_of(kind: &str, name: &str) -> String {
    concat(&[&named(kind, name), "/"])
}

fn resource(kind: &str, origin: &str, method: &str, what: &str) -> String {
    concat(&[&all_of(kind, origin), &digest(&[method, " ", what])])
}

/// The row of an origin.
#[must_use]
pub fn origin(origin: &str) -> String {
    named(ORIGINS, origin)
}

/// The start of the keys of an origin's open payments.
#[must_use]
pub fn open_at(origin: &str) -> String {
    all_of(OPEN, origin)
}

/// The open payment of a resource.
#[must_use]
pub fn open(origin: &str, method: &str, url: &str) -> String {
    resource(OPEN, origin, method, url)
}

/// The open payment of one request to a resource, whose own key this is.
#[must_use]
pub fn open_of(key: &str, bound_to: &str) -> String {
    concat(&[key, "/", &digest(&[bound_to])])
}

/// The lease of a purchase.
#[must_use]
pub fn lease(owner: &str) -> String {
    named("lease/", owner)
}

/// A payment.
#[must_use]
pub fn payment(payment_hash: &PaymentHash) -> String {
    concat(&["payment/", &payment_hash.to_hex()])
}

/// What the keys of an origin's tokens begin with, or of all tokens.
#[must_use]
pub fn tokens_of(origin: Option<&str>) -> String {
    origin.map_or_else(|| TOKENS.to_owned(), |origin| all_of(TOKENS, origin))
}

/// The tokens of a resource.
#[must_use]
pub fn token(origin: &str, method: &str, url: &str) -> String {
    resource(TOKENS, origin, method, url)
}

/// The sessions at an origin.
#[must_use]
pub fn session(origin: &str) -> String {
    named(SESSIONS, origin)
}

/// The payment of a deposit that is open: there is one at a time at an origin.
#[must_use]
pub fn open_session(origin: &str) -> String {
    // No method of a request is in lower case.
    open(origin, "session", "")
}

/// What the keys of an origin's methods and paths begin with, or of all.
#[must_use]
pub fn paths_of(origin: Option<&str>) -> String {
    origin.map_or_else(|| PATHS.to_owned(), |origin| all_of(PATHS, origin))
}

/// The tokens of a method and path that were never accepted.
#[must_use]
pub fn path(origin: &str, method: &str, path: &str) -> String {
    resource(PATHS, origin, method, path)
}

/// The row of a wallet.
#[must_use]
pub fn wallet(id: &str) -> String {
    named("wallet/", id)
}

/// The sums of a scope, by the path of its names.
#[must_use]
pub fn scope(scope: &str) -> String {
    named(SCOPES, scope)
}

/// The sums of a scope at an origin.
#[must_use]
pub fn scope_origin(scope: &str, origin: &str) -> String {
    named(&all_of(SCOPES, scope), origin)
}

/// The past of sums, by the key of their row.
#[must_use]
pub fn past(sums: &str) -> String {
    concat(&["past/", sums])
}

/// The start of the keys of an origin's payments in the order of time.
#[must_use]
pub fn by_origin(origin: &str) -> String {
    all_of("of/", origin)
}

/// The start of the keys of a scope's payments in the order of time.
#[must_use]
pub fn by_scope(scope: &str) -> String {
    all_of("in/", scope)
}

/// The key of a payment in an index. `index` is the start of the index's keys.
#[must_use]
pub fn indexed(index: &str, at_ms: u64, payment_hash: &PaymentHash) -> String {
    // The first digit of the sum is that of the addend.
    let time = at_ms.saturating_add(TIME_ADDEND).to_string();
    concat(&[index, time.get(1..).unwrap_or_default(), "/", &payment_hash.to_hex()])
}

/// The key of the payment that stands in an index.
#[must_use]
pub fn payment_of(indexed: &str) -> String {
    let hash = rsplit_once(indexed, b'/').map_or("", |(_, hash)| hash);
    concat(&["payment/", hash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_ascii_and_differ() {
        let long = concat(&["https://", &"a".repeat(300), ".example"]);
        let longer = concat(&[&long, ":8443"]);
        let hash = [0xab; 32].into();
        let keys = [
            origin("https://a.example"),
            origin(&long),
            origin(&longer),
            open(&long, "GET", "https://a.example/\u{e9}"),
            open(&long, "POST", "https://a.example/\u{e9}"),
            token(&long, "GET", "/"),
            path(&long, "GET", "/"),
            lease("7"),
            payment(&hash),
            wallet("nwc: with a space"),
            wallet("#nwc"),
            scope("a"),
            scope_origin("a", &long),
            past(&scope_origin(&long, &long)),
            indexed(BY_TIME, 1, &hash),
            indexed(&by_origin(&long), u64::MAX, &hash),
            indexed(&by_scope("\u{1f600}"), 1, &hash),
        ];
        for (number, key) in keys.iter().enumerate() {
            assert!(key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
            assert!(keys.iter().skip(number + 1).all(|other| other != key), "{key}");
        }
    }

    #[test]
    fn an_origins_open_payments_are_its_own() {
        let own = open("https://a.example", "GET", "https://a.example/");
        assert!(own.starts_with(&open_at("https://a.example")));
        assert!(!own.starts_with(&open_at("https://a.exampl")));
        assert!(!open("https://a.example:8443", "GET", "/").starts_with(&open_at("https://a.example")));
    }

    #[test]
    fn an_index_is_in_the_order_of_time() {
        let keys = [0, 9, 10, 1_800_000_000_000, 10_000_000_000_000].map(|at| indexed(BY_TIME, at, &[255; 32].into()));
        assert!(keys.is_sorted());
        assert_eq!(payment_of(&keys[4]), payment(&[255; 32].into()));
    }
}
