//! Encodes the values that cross the border. `mod.rs` describes the encoding.

use crate::error::Error;
use crate::text::json::Json;
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
