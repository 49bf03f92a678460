//! What crosses the border: results as JSON text, answers member by member, errors of the parsers as a pair.

use crate::error::Error;
use js_sys::Reflect;
use wasm_bindgen::prelude::*;

/// `[code, message]`
pub(super) fn pair(error: &Error) -> JsValue {
    serde_wasm_bindgen::to_value(&(error.code().as_str(), error.message())).unwrap_or(JsValue::NULL)
}

/// A text property of an answer that JavaScript made.
pub(super) fn text(object: &JsValue, name: &str) -> Option<String> {
    Reflect::get(object, &name.into()).ok()?.as_string()
}

/// A property of an answer that is a whole number of millisatoshis.
pub(super) fn msat(object: &JsValue, name: &str) -> Option<u64> {
    let number = Reflect::get(object, &name.into()).ok()?.as_f64()?;
    // JavaScript has checked that it is a safe integer and not negative.
    (number >= 0.0).then_some(number as u64)
}
