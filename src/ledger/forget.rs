//! The step that drops tokens, and what is known of refused ones.

use crate::ledger::key;
use crate::ledger::origin_row::{Lessons, OriginRow};
use crate::ledger::view::{Listing, Stop, View};

/// Rows that are dropped at once.
const PAGE: usize = 100;

/// What is forgotten.
#[derive(Clone)]
pub(crate) enum Forgotten {
    /// What belongs to one origin.
    Origin(String),
    /// All.
    All,
}

/// Drops a part of the rows. True where there are more.
///
/// # Errors
/// [`Stop::Unread`], [`crate::Code::StoreFailed`]
pub(crate) fn forget(view: &mut View, what: &Forgotten) -> Result<bool, Stop> {
    let (tokens, paths, origins) = match what {
        Forgotten::Origin(origin) => (key::tokens_of(origin), key::paths_of(origin), Some(key::origin(origin))),
        Forgotten::All => (key::TOKENS.to_owned(), key::PATHS.to_owned(), None),
    };
    let mut is_more = false;
    for prefix in [tokens, paths] {
        let rows = view.list(&Listing { prefix, after: None, limit: PAGE, reverse: false })?;
        is_more |= rows.len() == PAGE;
        rows.into_iter().for_each(|(key, _)| view.delete(key));
    }
    match origins {
        Some(key) => forget_origin(view, &key)?,
        None => {
            let prefix = key::ORIGINS.to_owned();
            let mut after = None;
            loop {
                let rows = view.list(&Listing { prefix: prefix.clone(), after, limit: PAGE, reverse: false })?;
                for (key, _) in &rows {
                    forget_origin(view, key)?;
                }
                if rows.len() < PAGE {
                    break;
                }
                after = rows.last().map(|(key, _)| key.clone());
            }
        }
    }
    Ok(is_more)
}

fn forget_origin(view: &mut View, key: &str) -> Result<(), Stop> {
    let Some(mut origin) = view.read(key, OriginRow::read)? else { return Ok(()) };
    if origin.tokens.is_empty() && origin.lessons == Lessons::default() {
        return Ok(());
    }
    (origin.tokens, origin.lessons) = (Vec::new(), Lessons::default());
    view.put(key, |row| origin.write(row))
}
