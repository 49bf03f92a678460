//! Encodes the values that cross the border. `mod.rs` describes the encoding.

use crate::error::Error;
use crate::ledger::view::Changes;
use crate::text::json::Json;
use crate::text::json_writer::write_pairs;
use js_sys::Array;
use wasm_bindgen::prelude::*;

/// The value that a parser throws.
pub(super) fn thrown(error: &Error) -> JsValue {
    serde_wasm_bindgen::to_value(&(error.code().as_str(), error.message())).unwrap_or(JsValue::NULL)
}

/// An object of the caller's world, and the JSON text that belongs to it, if there is one.
pub(super) fn pair(object: &JsValue, text: Option<String>) -> JsValue {
    Array::of2(object, &text.map_or(JsValue::NULL, JsValue::from)).into()
}

/// The two parts of a pair that `env.ts` made.
pub(super) fn unpair(pair: JsValue) -> (JsValue, Json) {
    let pair: Array = pair.unchecked_into();
    (pair.get(0), data(&pair.get(1)))
}

/// The data in a JSON text. Null if the value is no JSON text.
pub(super) fn data(text: &JsValue) -> Json {
    text.as_string().and_then(|text| Json::parse(&text).ok()).unwrap_or(Json::Null)
}

/// A member that is a text.
pub(super) fn text(data: &Json, name: &str) -> Option<String> {
    data.get(name)?.as_str().map(str::to_owned)
}

/// A member that is a whole number.
pub(super) fn number(data: &Json, name: &str) -> Option<u64> {
    data.get(name)?.as_u64()
}

/// Pairs of key and value, as the border has them.
pub(super) fn pairs(rows: &Changes) -> String {
    write_pairs(rows.iter().map(|(key, value)| (key, value.as_deref())))
}

/// The items of a list that `env.ts` made. An error: it made another thing.
pub(super) fn items<T>(told: Result<JsValue, JsValue>, read: fn(&Json) -> Option<T>) -> Result<Vec<T>, JsValue> {
    let mut items = Vec::new();
    for item in data(&told?).as_array().ok_or(JsValue::UNDEFINED)? {
        items.push(read(item).ok_or(JsValue::UNDEFINED)?);
    }
    Ok(items)
}

/// A value of a row; `None` where it is neither a text nor null.
pub(super) fn value(json: &Json) -> Option<Option<String>> {
    match json {
        Json::Null => Some(None),
        _ => json.as_str().map(|text| Some(text.to_owned())),
    }
}

/// Key and value of a row.
pub(super) fn row(json: &Json) -> Option<(String, String)> {
    let [key, value] = json.as_array()? else { return None };
    Some((key.as_str()?.to_owned(), value.as_str()?.to_owned()))
}
