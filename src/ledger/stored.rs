//! The stored texts: JSON objects with a `version` and a list of rows.

use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_fields::Fields;
use crate::text::json_writer::{write_object, Writer};

/// The text of a stored list. `more` writes the members after the list.
pub(crate) fn stored_text<T>(
    version: u64,
    name: &str,
    rows: &[T],
    write: impl Fn(&T, &mut Writer),
    more: impl FnOnce(&mut Writer),
) -> String {
    write_object(|list| {
        list.number("version", Some(version));
        list.list(name, rows, write);
        more(list);
    })
}

/// Parses a stored text. Returns its JSON and its version. `latest` is the last version that is understood.
///
/// # Errors [`Code::StoreFailed`] if it is damaged or of a later version. It must then never be overwritten.
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

/// Reads the rows of a stored list.
///
/// # Errors
/// [`Code::StoreFailed`] if the list or a row is damaged.
pub(crate) fn stored_rows<T>(json: &Json, name: &str, read: impl Fn(&mut Fields<'_>) -> T) -> Result<Vec<T>, Error> {
    let mut fields = Fields::new(json);
    let list = fields.list(name, read);
    if fields.is_damaged() {
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
