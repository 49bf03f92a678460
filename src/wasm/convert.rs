//! Results as plain JavaScript objects.

use crate::challenge::Challenge;
use crate::event::Event;
use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

/// Maps as objects, `None` as null: `json_compatible`.
pub(super) fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

/// By hand: a parameter named `__proto__` must become a property like any other, and an absent offer no property at all.
pub(super) fn challenges_to_js(challenges: &[Challenge]) -> JsValue {
    let list = Array::new();
    for challenge in challenges {
        let entries: Array = challenge
            .params
            .iter()
            .map(|(name, value)| Array::of2(&name.as_str().into(), &value.as_str().into()))
            .collect();
        let object = object(&[
            ("scheme", challenge.scheme.as_str().into()),
            ("params", Object::from_entries(&entries).map_or(JsValue::NULL, Into::into)),
        ]);
        if let Some(offer) = &challenge.offer {
            let fields = [
                ("protocol", offer.protocol.as_str().into()),
                ("token", offer.token.as_str().into()),
                ("invoice", offer.invoice.as_str().into()),
            ];
            set(&object, "offer", &self::object(&fields));
        }
        list.push(&object);
    }
    list.into()
}

pub(super) fn event_to_js(event: &Event<'_>) -> JsValue {
    let named = |kind: &str, fields: &[(&str, JsValue)]| {
        let event = object(&[("type", kind.into())]);
        for (name, value) in fields {
            set(&event, name, value);
        }
        event
    };
    match event {
        Event::Challenge { url, challenges } => {
            named("challenge", &[("url", (*url).into()), ("challenges", challenges_to_js(challenges))])
        }
        Event::Quote(quote) => named("quote", &[("quote", to_js(quote))]),
        Event::Paying(payment) => named("paying", &[("payment", to_js(payment))]),
        Event::Paid(payment) => named("paid", &[("payment", to_js(payment))]),
        Event::Refused { url, error } => named(
            "refused",
            &[("url", (*url).into()), ("code", error.code().as_str().into()), ("message", error.message().into())],
        ),
        Event::Failed { payment, error } => named(
            "failed",
            &[("payment", to_js(payment)), ("code", error.code().as_str().into()), ("message", error.message().into())],
        ),
        Event::Unpayable { url, reason } => named("unpayable", &[("url", (*url).into()), ("reason", to_js(reason))]),
    }
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new().into();
    for (name, value) in fields {
        set(&object, name, value);
    }
    object
}

/// Setting a property of a fresh plain object can't fail.
fn set(object: &JsValue, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
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
