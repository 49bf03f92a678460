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
    /// It was good for one use, which it has had.
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
        match said {
            Said::Accepted => known.note_accepted(),
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
            Said::Accepted => path.accepted(hash),
            Said::Refused => path.refused(hash),
            Said::Doubted | Said::UsedUp => false,
        };
        if is_news && path.is_empty() {
            view.delete(path_key);
        } else if is_news {
            view.put(&path_key, |row| path.write(row))?;
        }
    }
    Ok(())
}
