//! The rows of tokens, and the choice of the token that opens a resource.

use crate::ledger::acceptance::Unaccepted;
use crate::ledger::instance::Instance;
use crate::ledger::key;
use crate::ledger::origin_row::{OriginRow, Sold};
use crate::ledger::record::Record;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::View;
use crate::text::members::{Members, Row};
use crate::wire::payment_hash::PaymentHash;

/// How many tokens a row holds: all those of a resource that may still open it. There are several if a proof came late.
const MOST: usize = 8;
/// The same for those that are bound to one request each, and were not accepted as far as is known.
const MOST_BOUND: usize = 100;

/// A row of tokens, in the order of purchase.
#[derive(Default)]
struct Tokens(Vec<Token>);

impl Row for Tokens {
    fn members(&mut self, row: &mut Members<'_>) {
        row.list("tokens", &mut self.0);
    }
}

/// The tokens of a row, in the order of purchase.
pub(crate) fn read(view: &mut View, key: &str) -> Vec<Token> {
    view.read::<Tokens>(key).0
}

/// The token of a row that a payment bought.
pub(crate) fn bought_with(view: &mut View, key: &str, payment_hash: &PaymentHash) -> Option<Token> {
    read(view, key).into_iter().find(|token| token.payment.payment_hash == *payment_hash)
}

/// The key of the row that holds a token.
#[must_use]
pub fn key_of(token: &Token) -> String {
    key::token(token.payment.url.origin(), &token.method, token.payment.url.as_str())
}

/// The keys of the rows whose tokens may open a resource: its own first, then those of the origin's newest, where the
/// request can be sent again.
fn keys_for(resource: &Resource<'_>, origin: &OriginRow, is_asked: &dyn Fn(&Sold) -> bool) -> Vec<String> {
    let mut keys = Vec::new();
    keys.push(key::token(resource.url.origin(), resource.method, resource.url.as_str()));
    for sold in origin.tokens.iter().rev() {
        if resource.is_replayable && is_asked(sold) && !keys.contains(&sold.key) {
            keys.push(sold.key.clone());
        }
    }
    keys
}

/// The next token to try at a resource: one of its own, or one of the origin's newest; none that was known at a mark.
pub(crate) fn sold(
    view: &mut View,
    resource: &Resource<'_>,
    origin: &OriginRow,
    mark: u32,
    here: &dyn Instance,
) -> Option<Token> {
    let is_asked = |sold: &Sold| !here.knew(&sold.key, &sold.payment_hash, mark);
    for key in &keys_for(resource, origin, &is_asked) {
        for token in read(view, key).iter().rev() {
            if token.opens(resource, here.now_ms()) && !here.knew(key, &token.payment.payment_hash, mark) {
                return Some(token.clone());
            }
        }
    }
    None
}

/// The proofs for this very request that other instances have bought, and that were not shown as far as is known.
pub(crate) fn left(view: &mut View, entered: &Record, here: &dyn Instance) -> Vec<Token> {
    let url = &entered.payment.url;
    let key = key::token(url.origin(), &entered.method, url.as_str());
    let is_left = |token: &Token| {
        token.is_single_use()
            && token.is_bound_to(entered.bound_to.as_deref())
            && token.own_refusals == 0
            && token.is_in_time(here.now_ms())
            && !here.bought_here(&key, &token.payment.payment_hash)
    };
    let mut tokens = read(view, &key);
    tokens.retain(is_left);
    tokens
}

/// Adds a token to its row, to its origin's newest, and to those that were never accepted. It replaces the tokens of
/// its resource that were refused or expire no later. The others stay: they were paid for too, and their proof came
/// late, or they are for other requests.
pub(crate) fn put(view: &mut View, token: &Token, path: &str, origin: &mut OriginRow) {
    let hash = &token.payment.payment_hash;
    let key = key_of(token);
    let mut row: Tokens = view.read(&key);
    row.0.retain(|old| !old.is_replaced_by(token));
    // What is bound to one request makes no room for another before it has opened its own: it was paid for, and may
    // still be shown. It takes none from those for any request either.
    let is_like = |old: &Token| old.is_bound() == token.is_bound();
    let may_go = |old: &Token| is_like(old) && (old.accepted || !old.is_bound());
    make_room(&mut row.0, MOST, &may_go);
    make_room(&mut row.0, MOST_BOUND, &is_like);
    row.0.push(token.clone());
    view.put(&key, &mut row);
    let path_key = key::path(token.payment.url.origin(), &token.method, path);
    let mut unaccepted: Unaccepted = view.read(&path_key);
    unaccepted.bought(hash, token.expires_at());
    view.put(&path_key, &mut unaccepted);
    if !token.is_bound() {
        origin.sold(&key, hash);
    }
}

/// Drops the oldest of those that count, where there are as many as there may be.
fn make_room(tokens: &mut Vec<Token>, most: usize, counts: &dyn Fn(&Token) -> bool) {
    if tokens.iter().filter(|old| counts(old)).count() >= most {
        if let Some(at) = tokens.iter().position(counts) {
            tokens.remove(at);
        }
    }
}

/// What a server's answer says of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// A server accepted it.
    Accepted,
    /// It was refused at this method, URL and path.
    Refused,
    /// It was sent to a resource that it was not bought for, and the request failed.
    Doubted,
    /// A server took it, and it was good for one use.
    UsedUp,
    /// It was good for one use, and a server says that it was shown before.
    Spent,
}

/// Notes what an answer says of a token. Nothing is written if that is known already.
pub fn note(view: &mut View, token: &Token, at: &Resource<'_>, said: Said) {
    let hash = &token.payment.payment_hash;
    let key = key_of(token);
    let mut row: Tokens = view.read(&key);
    // If the token is missing, it was forgotten or replaced. Nothing is noted then.
    if let Some(known) = row.0.iter_mut().find(|known| known.payment.payment_hash == *hash) {
        let is_news = match said {
            Said::Accepted | Said::UsedUp => known.note_taken(said == Said::UsedUp),
            Said::Refused => known.note_refusal(at.method, at.url),
            Said::Doubted => known.note_failed_request(at.method, at.url),
            Said::Spent => known.note_spent(),
        };
        if is_news {
            view.put(&key, &mut row);
        }
    }
    let path_key = key::path(at.url.origin(), at.method, at.url.path());
    let mut path: Unaccepted = view.read(&path_key);
    let is_news = match said {
        Said::Accepted | Said::UsedUp => path.accepted(hash),
        Said::Refused => path.refused(hash),
        Said::Spent => path.spent(hash),
        Said::Doubted => false,
    };
    if is_news && path.is_empty() {
        view.delete(&[path_key]);
    } else if is_news {
        view.put(&path_key, &mut path);
    }
}

/// What an origin has sold that may open a resource.
pub struct Sales {
    /// The origin's row.
    pub origin: OriginRow,
    /// Rows of tokens by their keys: the resource's own, and those of the origin's newest.
    pub rows: Vec<(String, Vec<Token>)>,
    /// What was bought for the resource's method and path and never accepted.
    pub path: Unaccepted,
}

/// Reads what is known of a resource's origin, and what was bought for its method and path and never accepted. Where it
/// is asked for, also the tokens that may open it; of the origin's newest only those that the instance does not know.
pub(crate) fn sales(view: &mut View, resource: &Resource<'_>, with_tokens: bool, here: &dyn Instance) -> Box<Sales> {
    let Resource { method, url, .. } = *resource;
    let origin: OriginRow = view.read(&key::origin(url.origin()));
    let path = view.read(&key::path(url.origin(), method, url.path()));
    // A purchase that follows finds it read.
    view.text(&key::open(url.origin(), method, url.as_str()));
    let mut rows = Vec::new();
    if with_tokens {
        let is_asked = |sold: &Sold| !here.knew(&sold.key, &sold.payment_hash, u32::MAX);
        for key in &keys_for(resource, &origin, &is_asked) {
            let tokens = read(view, key);
            rows.push((key.clone(), tokens));
        }
    }
    Box::new(Sales { origin, rows, path })
}

// They make tokens by a crate that is not built for wasm.
#[cfg(not(target_arch = "wasm32"))]
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::error::Code;
    use crate::ledger::begin::begin;
    use crate::ledger::settle::cancel;
    use crate::ledger::shelf::{draft, hash, resource, token, Here, Shelf, NOW, ORIGIN, URL};
    use crate::wire::payment_hash::PaymentHash;
    use macaroon::{Format, Macaroon, MacaroonKey};

    const ELSE: &str = "https://a.example/else";

    /// A token that expires in this Unix second.
    fn expiring(at: u64) -> String {
        let mut macaroon = Macaroon::create(None, &MacaroonKey::generate(b"root"), "id".into()).unwrap();
        macaroon.add_first_party_caveat(format!("shop_valid_until={at}").as_str().into());
        macaroon.serialize(Format::V2).unwrap()
    }

    fn put_token(shelf: &Shelf, token: &Token) {
        shelf
            .take(|view| {
                let key = key::origin(ORIGIN);
                let mut origin: OriginRow = view.read(&key);
                put(view, token, "/x", &mut origin);
                view.put(&key, &mut origin);
            })
            .unwrap();
    }

    fn tokens(shelf: &Shelf, url: &str) -> Vec<Token> {
        let key = key::token(ORIGIN, "GET", url);
        shelf.take(|view| read(view, &key)).unwrap()
    }

    /// An instance that knows the tokens of these payments.
    fn knowing(numbers: &[u64]) -> Here {
        Here { known: Some(numbers.iter().map(|number| hash(*number)).collect()), ..Here::default() }
    }

    fn found(shelf: &Shelf, url: &str, considered: &[u64]) -> Option<PaymentHash> {
        let here = knowing(considered);
        let take = shelf.take(|view| {
            let origin = view.read(&key::origin(ORIGIN));
            sold(view, &resource(url), &origin, 0, &here)
        });
        take.unwrap().map(|token| token.payment.payment_hash)
    }

    fn said(shelf: &Shelf, number: u64, bought_for: &str, at: &str, said: Said) {
        shelf.take(|view| note(view, &token(number, bought_for), &resource(at), said)).unwrap();
    }

    #[test]
    fn a_row_holds_the_newest_tokens_that_may_still_open_its_resource() {
        let shelf = Shelf::default();
        for number in 1..=12 {
            put_token(&shelf, &token(number, URL));
        }
        let hashes: Vec<_> = tokens(&shelf, URL).iter().map(|token| token.payment.payment_hash).collect();
        assert_eq!(hashes, (5..=12).map(hash).collect::<Vec<_>>());
        put_token(&shelf, &token(12, URL));
        assert_eq!(tokens(&shelf, URL).len(), 8, "the same is not put twice");
        said(&shelf, 7, URL, URL, Said::Accepted);
        said(&shelf, 7, URL, URL, Said::Refused);
        said(&shelf, 8, URL, URL, Said::UsedUp);
        put_token(&shelf, &token(13, URL));
        let left: Vec<_> = tokens(&shelf, URL).iter().map(|token| token.payment.payment_hash).collect();
        assert!(!left.contains(&hash(7)) && !left.contains(&hash(8)), "what is used up makes room");
        assert_eq!(left.last().unwrap(), &hash(13));
    }

    #[test]
    fn a_late_proof_replaces_no_token_that_is_good_for_longer() {
        let shelf = Shelf::default();
        let lasts = |number: u64, seconds: u64| {
            let mut token = token(number, URL);
            token.token = expiring(NOW / 1000 + seconds);
            Token::new(token.payment, token.method, token.token, token.preimage)
        };
        put_token(&shelf, &lasts(2, 900));
        put_token(&shelf, &lasts(1, 60));
        assert_eq!(tokens(&shelf, URL).len(), 2);
        put_token(&shelf, &lasts(3, 900));
        let left: Vec<_> = tokens(&shelf, URL).iter().map(|token| token.payment.payment_hash).collect();
        assert_eq!(left, [hash(3)]);
    }

    #[test]
    fn the_newest_of_a_resource_is_found_first_and_what_was_considered_is_not() {
        let shelf = Shelf::default();
        assert_eq!(found(&shelf, URL, &[]), None);
        put_token(&shelf, &token(1, URL));
        put_token(&shelf, &token(2, URL));
        assert_eq!(found(&shelf, URL, &[]), Some(hash(2)));
        assert_eq!(found(&shelf, URL, &[2]), Some(hash(1)));
        assert_eq!(found(&shelf, URL, &[1, 2]), None);
        put_token(&shelf, &token(3, ELSE));
        assert_eq!(found(&shelf, URL, &[1, 2]), Some(hash(3)), "the origin's newest may open it");
        assert_eq!(found(&shelf, URL, &[]), Some(hash(2)), "its own goes first");
        said(&shelf, 3, ELSE, URL, Said::Refused);
        assert_eq!(found(&shelf, URL, &[1, 2]), None, "it was refused there");
        assert_eq!(found(&shelf, ELSE, &[]), Some(hash(3)));
    }

    #[test]
    fn a_request_that_cannot_be_sent_again_is_opened_by_its_own_token_alone() {
        let shelf = Shelf::default();
        put_token(&shelf, &token(1, ELSE));
        let mut once = resource(URL);
        once.is_replayable = false;
        let take = shelf.take(|view| {
            let origin = view.read(&key::origin(ORIGIN));
            sold(view, &once, &origin, 0, &Here { known: Some(Vec::new()), ..Here::default() })
        });
        assert!(take.unwrap().is_none());
        let found = shelf.take(|view| sales(view, &once, true, &knowing(&[]))).unwrap();
        assert_eq!(found.rows.len(), 1);
        assert_eq!(shelf.take(|view| sales(view, &resource(URL), true, &knowing(&[]))).unwrap().rows.len(), 2);
        let found = shelf.take(|view| sales(view, &resource(URL), true, &knowing(&[1, 2]))).unwrap();
        assert_eq!(found.rows.len(), 1, "its own, but no other that is known");
    }

    #[test]
    fn what_is_said_of_a_token_is_written_once() {
        let shelf = Shelf::default();
        put_token(&shelf, &token(1, URL));
        assert_eq!(shelf.keys("path/").len(), 1);
        let writes = |what: Said| {
            let before = shelf.writes.get();
            said(&shelf, 1, URL, URL, what);
            shelf.writes.get() - before
        };
        assert_eq!(writes(Said::Refused), 1);
        assert_eq!(tokens(&shelf, URL)[0].own_refusals, 1);
        assert_eq!(writes(Said::Accepted), 1);
        assert_eq!((tokens(&shelf, URL)[0].accepted, tokens(&shelf, URL)[0].own_refusals), (true, 0));
        assert_eq!(shelf.keys("path/").len(), 0, "all that was bought there is accepted");
        assert_eq!(writes(Said::Accepted), 0, "it is known");
        assert_eq!(writes(Said::UsedUp), 1);
        assert_eq!(writes(Said::UsedUp), 0);
        said(&shelf, 9, URL, URL, Said::Accepted);
        said(&shelf, 9, ELSE, ELSE, Said::Refused);
        assert_eq!(tokens(&shelf, URL).len(), 1, "what was forgotten does not come back");
        assert_eq!(shelf.keys("token/").len(), 1);
    }

    #[test]
    fn refusals_that_only_the_instance_knows_forbid_buying() {
        let shelf = Shelf::default();
        put_token(&shelf, &token(1, URL));
        for (number, code) in [(9, None), (1, Some(Code::NotHonored))] {
            let mut refused = token(number, URL);
            refused.own_refusals = 2;
            let mut draft = draft(2, URL, &[]);
            draft.unaccepted.never_accepted(&refused);
            let begun = shelf.attempt(|view| begin(view, &draft, &Here::default()));
            assert_eq!(begun.err().map(|refusal| refusal.error.code()), code, "{number}");
            shelf.take(|view| cancel(view, &hash(2), "2", NOW)).unwrap();
        }
    }

    #[test]
    fn a_token_that_was_refused_before_another_was_accepted_is_forgiven() {
        let shelf = Shelf::default();
        for number in 1..=3 {
            put_token(&shelf, &token(number, URL));
        }
        said(&shelf, 2, URL, URL, Said::Accepted);
        let Sales { path, .. } = *shelf.take(|view| sales(view, &resource(URL), false, &knowing(&[]))).unwrap();
        assert!(!path.is_empty() && path.dishonored(NOW).is_none());
        said(&shelf, 3, URL, URL, Said::Refused);
        said(&shelf, 3, URL, URL, Said::Refused);
        let Sales { origin, path, rows } =
            *shelf.take(|view| sales(view, &resource(URL), false, &knowing(&[]))).unwrap();
        assert!(rows.is_empty());
        assert_eq!(path.dishonored(NOW), Some(&hash(3)));
        assert_eq!(origin.tokens.len(), 1, "one row is one of the newest");
    }
}
