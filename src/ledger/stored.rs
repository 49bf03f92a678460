//! The texts that are stored: an object with a `version` and a list of rows.

use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::object::{Row, Writer};
use crate::{Code, Error};

/// The text of a stored list; `more` writes what follows it.
pub(crate) fn stored_text<T>(
    version: u64,
    name: &str,
    rows: &[T],
    write: impl Fn(&T, &mut Writer),
    more: impl FnOnce(&mut Writer),
) -> String {
    Writer::object(|list| {
        list.number("version", Some(version));
        list.rows(name, rows, write);
        more(list);
    })
}

/// A stored text, of a version up to the `latest` that is understood.
///
/// # Errors
/// [`Code::StoreFailed`] where it is damaged or of a later version: it must then never be overwritten.
pub(crate) fn stored_json(text: &str, name: &str, latest: u64) -> Result<(Json, u64), Error> {
    let json = Json::parse(text).map_err(|_| damaged(name))?;
    match json.get("version").and_then(Json::as_u64) {
        Some(0) | None => Err(damaged(name)),
        Some(version) if version > latest => Err(Error::new(
            Code::StoreFailed,
            concat(&["the stored ", name, " were written by a later version of l402-fetch: update to use this store"]),
        )),
        Some(version) => Ok((json, version)),
    }
}

/// The rows of a stored list.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) fn stored_rows<T>(json: &Json, name: &str, read: impl Fn(&mut Row<'_>) -> T) -> Result<Vec<T>, Error> {
    let mut row = Row::new(json);
    let list = row.rows(name, read);
    if row.is_damaged() {
        return Err(damaged(name));
    }
    Ok(list)
}

pub(crate) fn damaged(name: &str) -> Error {
    Error::new(
        Code::StoreFailed,
        concat(&[
            "the stored ",
            name,
            " are damaged: nothing is paid and nothing overwritten; restore or move them away",
        ]),
    )
}
