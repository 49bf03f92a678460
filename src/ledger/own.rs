//! The rows of tokens, and the choice of the token that opens a resource.

use crate::ledger::acceptance::Unaccepted;
use crate::ledger::key;
use crate::ledger::origin_row::OriginRow;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::{Stop, View};
use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;
use crate::wire::payment_hash::PaymentHash;

/// How many tokens a row holds: all those of a resource that may still open it. There are several if a proof came late.
const MOST: usize = 8;

/// The tokens of a row, in the order of purchase.
pub(crate) fn read(row: &mut Fields<'_>) -> Vec<Token> {
    row.list("tokens", Token::read)
}

fn write(tokens: &[Token], row: &mut Writer) {
    row.list("tokens", tokens, Token::write);
}

/// The key of the row that holds a token.
#[must_use]
pub fn key_of(token: &Token) -> String {
    key::token(token.payment.url.origin(), &token.method, token.payment.url.as_str())
}

/// The next token to try at a resource: one of its own, or one of the origin's newest. `is_considered` tells which ones
/// to leave out, by their payment hash.
pub(crate) fn sold(
    view: &mut View,
    resource: &Resource<'_>,
    origin: &OriginRow,
    is_considered: &dyn Fn(&PaymentHash) -> bool,
    now_ms: u64,
) -> Result<Option<Token>, Stop> {
    let own_key = key::token(resource.url.origin(), resource.method, resource.url.as_str());
    let mut keys = vec![own_key.as_str()];
    if resource.is_replayable {
        let others = origin.tokens.iter().rev().filter(|sold| !is_considered(&sold.payment_hash));
        keys.extend(others.map(|sold| sold.key.as_str()).filter(|key| *key != own_key));
    }
    view.need(keys.iter().copied())?;
    for key in keys {
        for token in view.read(key, read)?.unwrap_or_default().into_iter().rev() {
            if !is_considered(&token.payment.payment_hash) && token.opens(resource, now_ms) {
                return Ok(Some(token));
            }
        }
    }
    Ok(None)
}

/// Adds a token to its row, to its origin's newest, and to those that were never accepted. It replaces the tokens of
/// its resource that were refused or will expire. The others stay: they were paid for too, and their proof came late.
pub(crate) fn put(view: &mut View, token: &Token, path: &str, origin: &mut OriginRow) -> Result<(), Stop> {
    let hash = &token.payment.payment_hash;
    let (key, path_key) = (key_of(token), key::path(token.payment.url.origin(), &token.method, path));
    view.need([key.as_str(), &path_key])?;
    let mut tokens = view.read(&key, read)?.unwrap_or_default();
    tokens.retain(|old| old.own_refusals == 0 && old.expires_at().is_none() && old.payment.payment_hash != *hash);
    if tokens.len() >= MOST {
        tokens.remove(0);
    }
    tokens.push(token.clone());
    view.put(&key, |row| write(&tokens, row))?;
    let mut unaccepted = view.read(&path_key, Unaccepted::read)?.unwrap_or_default();
    unaccepted.bought(hash, token.expires_at());
    view.put(&path_key, |row| unaccepted.write(row))?;
    origin.sold(&key, hash);
    Ok(())
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
}

/// Notes what an answer says of a token. Nothing is written if that is known already.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub fn note(view: &mut View, token: &Token, at: &Resource<'_>, said: Said) -> Result<(), Stop> {
    let key = key_of(token);
    let path_key = key::path(at.url.origin(), at.method, at.url.path());
    view.need([key.as_str(), &path_key])?;
    let hash = &token.payment.payment_hash;
    let mut tokens = view.read(&key, read)?.unwrap_or_default();
    // If the token is missing, it was forgotten or replaced. Nothing is noted then.
    if let Some(known) = tokens.iter_mut().find(|known| known.payment.payment_hash == *hash) {
        let before = known.clone();
        if matches!(said, Said::Accepted | Said::UsedUp) && !known.accepted {
            known.note_accepted();
        }
        match said {
            Said::Accepted => {}
            Said::Refused => known.note_refusal(at.method, at.url),
            Said::Doubted => known.note_failed_request(at.method, at.url),
            Said::UsedUp => known.note_used_up(),
        }
        if *known != before {
            view.put(&key, |row| write(&tokens, row))?;
        }
    }
    if let Some(mut path) = view.read(&path_key, Unaccepted::read)? {
        let is_news = match said {
            Said::Accepted | Said::UsedUp => path.accepted(hash),
            Said::Refused => path.refused(hash),
            Said::Doubted => false,
        };
        if is_news && path.is_empty() {
            view.delete(path_key);
        } else if is_news {
            view.put(&path_key, |row| path.write(row))?;
        }
    }
    Ok(())
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

/// Reads what may open a resource.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn tokens_for(view: &mut View, resource: &Resource<'_>) -> Result<Sales, Stop> {
    let origin_key = key::origin(resource.url.origin());
    let own_key = key::token(resource.url.origin(), resource.method, resource.url.as_str());
    let path_key = key::path(resource.url.origin(), resource.method, resource.url.path());
    view.need([origin_key.as_str(), &own_key, &path_key])?;
    let origin = view.read(&origin_key, OriginRow::read)?.unwrap_or_default();
    let mut keys = vec![own_key.clone()];
    if resource.is_replayable {
        keys.extend(origin.tokens.iter().map(|sold| sold.key.clone()).filter(|key| *key != own_key));
    }
    view.need(keys.iter().map(String::as_str))?;
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let tokens = view.read(&key, read)?.unwrap_or_default();
        rows.push((key, tokens));
    }
    Ok(Sales { origin, rows, path: view.read(&path_key, Unaccepted::read)?.unwrap_or_default() })
}

/// Reads what is known of a resource's origin, and what was bought for its method and path and never accepted.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn origin_and_path(view: &mut View, resource: &Resource<'_>) -> Result<(OriginRow, Unaccepted), Stop> {
    let origin_key = key::origin(resource.url.origin());
    let path_key = key::path(resource.url.origin(), resource.method, resource.url.path());
    view.need([origin_key.as_str(), &path_key])?;
    let origin = view.read(&origin_key, OriginRow::read)?.unwrap_or_default();
    Ok((origin, view.read(&path_key, Unaccepted::read)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::shelf::{hash, resource, token, Shelf, NOW, ORIGIN, URL};

    const ELSE: &str = "https://a.example/else";

    fn put_token(shelf: &Shelf, token: &Token) {
        shelf
            .take(|view| {
                let key = key::origin(ORIGIN);
                let mut origin = view.read(&key, OriginRow::read)?.unwrap_or_default();
                put(view, token, "/x", &mut origin)?;
                view.put(&key, |row| origin.write(row))
            })
            .unwrap();
    }

    fn tokens(shelf: &Shelf, url: &str) -> Vec<Token> {
        let key = key::token(ORIGIN, "GET", url);
        shelf.take(|view| Ok(view.read(&key, read)?.unwrap_or_default())).unwrap()
    }

    fn found(shelf: &Shelf, url: &str, considered: &[u64]) -> Option<PaymentHash> {
        let is_considered = |known: &PaymentHash| considered.iter().any(|number| hash(*number) == *known);
        let take = shelf.take(|view| {
            let origin = view.read(&key::origin(ORIGIN), OriginRow::read)?.unwrap_or_default();
            sold(view, &resource(url), &origin, &is_considered, NOW)
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
            let origin = view.read(&key::origin(ORIGIN), OriginRow::read)?.unwrap_or_default();
            sold(view, &once, &origin, &|_| false, NOW)
        });
        assert!(take.unwrap().is_none());
        let sales = shelf.take(|view| tokens_for(view, &once)).unwrap();
        assert_eq!(sales.rows.len(), 1);
        assert_eq!(shelf.take(|view| tokens_for(view, &resource(URL))).unwrap().rows.len(), 2);
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
    fn a_token_that_was_refused_before_another_was_accepted_is_forgiven() {
        let shelf = Shelf::default();
        for number in 1..=3 {
            put_token(&shelf, &token(number, URL));
        }
        said(&shelf, 2, URL, URL, Said::Accepted);
        let (_, path) = shelf.take(|view| origin_and_path(view, &resource(URL))).unwrap();
        assert!(!path.is_empty() && path.dishonored(NOW).is_none());
        said(&shelf, 3, URL, URL, Said::Refused);
        said(&shelf, 3, URL, URL, Said::Refused);
        let (origin, path) = shelf.take(|view| origin_and_path(view, &resource(URL))).unwrap();
        assert_eq!(path.dishonored(NOW), Some(&hash(3)));
        assert_eq!(origin.tokens.len(), 1, "one row is one of the newest");
    }
}
