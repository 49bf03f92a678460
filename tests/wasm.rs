//! The bindings, in the engines themselves: `wasm-pack test --node` and `--headless --chrome --firefox`.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

use js_sys::{Array, Object, Reflect, JSON};
use l402_fetch::wasm::{parse, Core};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// An example of the BOLT11 specification: 20m BTC, a hashed description.
const INVOICE: &str = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44";
/// V2, of the `macaroon` crates' own README: location "http://example.org/", identifier "keyid".
const MACAROON: &str = "AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAAYgfN7nklEcW8b1KEhYBd_psk54XijiqZMB-dcRxgnjjvc";

fn get(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &name.into()).unwrap()
}

fn read(kind: u32, text: &str, caveats: &str) -> Result<JsValue, JsValue> {
    parse(kind, text, caveats).map(|text| JSON::parse(&text).unwrap())
}

fn parse_challenges(header: &str) -> Result<JsValue, JsValue> {
    read(0, header, "")
}

fn decode_invoice(invoice: &str) -> Result<JsValue, JsValue> {
    read(1, invoice, "")
}

fn decode_macaroon(token: &str) -> Result<JsValue, JsValue> {
    read(2, token, "")
}

fn json(value: &JsValue) -> String {
    JSON::stringify(value).unwrap().into()
}

#[wasm_bindgen_test]
fn an_invoice_is_a_plain_object_whose_absent_fields_are_null() {
    let invoice = decode_invoice(INVOICE).unwrap();
    assert!(Object::get_prototype_of(&invoice) == Object::get_prototype_of(&Object::new()));
    assert_eq!(get(&invoice, "amountMsat").as_f64(), Some(2_000_000_000.0));
    assert_eq!(get(&invoice, "timestamp").as_f64(), Some(1_496_314_658.0));
    assert_eq!(get(&invoice, "network").as_string().as_deref(), Some("bitcoin"));
    assert!(get(&invoice, "description").is_null());
    assert!(get(&invoice, "payee").is_null());
    assert_eq!(
        json(Object::keys(invoice.unchecked_ref::<Object>()).sort().as_ref()),
        r#"["amountMsat","amountSat","description","descriptionHash","expiresAt","network","payee","paymentHash","paymentRequest","timestamp"]"#
    );
}

#[wasm_bindgen_test]
fn a_macaroon_is_narrowed_and_read_again() {
    let narrowed = parse(3, MACAROON, r#"["RequestPath = /a","x=y=z"]"#).unwrap();
    let macaroon = decode_macaroon(&narrowed).unwrap();
    assert_eq!(
        json(&get(&macaroon, "caveats")),
        r#"[{"condition":"RequestPath","value":"/a","raw":"RequestPath = /a"},{"condition":"x","value":"y=z","raw":"x=y=z"}]"#
    );
    assert_eq!(get(&macaroon, "version").as_f64(), Some(2.0));
    assert!(get(&macaroon, "tokenId").is_null());
    assert_ne!(json(&get(&macaroon, "signature")), json(&get(&decode_macaroon(MACAROON).unwrap(), "signature")));
}

#[wasm_bindgen_test]
fn a_parameter_named_proto_is_just_a_name() {
    let challenges = parse_challenges(r#"Basic realm="x", __proto__="y""#).unwrap();
    assert_eq!(json(&challenges), r#"[{"scheme":"Basic","params":{"realm":"x","__proto__":"y"}}]"#);
    let params = get(&Array::from(&challenges).get(0), "params");
    assert!(Object::get_prototype_of(&params) == Object::get_prototype_of(&Object::new()));
}

#[wasm_bindgen_test]
fn an_offer_is_there_only_where_lightning_can_pay() {
    let header = format!(r#"Basic realm="x", L402 token="{MACAROON}", invoice="{INVOICE}""#);
    let challenges = Array::from(&parse_challenges(&header).unwrap());
    assert!(!Reflect::has(&challenges.get(0), &"offer".into()).unwrap());
    let offer = get(&challenges.get(1), "offer");
    assert_eq!(json(&offer), format!(r#"{{"protocol":"l402","token":"{MACAROON}","invoice":"{INVOICE}"}}"#));
}

#[wasm_bindgen_test]
fn a_parsers_error_is_its_code_and_its_text() {
    for (error, code) in [
        (decode_invoice("lnbc1").unwrap_err(), "invalid_invoice"),
        (decode_macaroon("").unwrap_err(), "invalid_macaroon"),
        (parse_challenges("L402 token=\"x").unwrap_err(), "invalid_challenge"),
        (parse(3, "x", "[]").unwrap_err(), "invalid_macaroon"),
    ] {
        let pair = Array::from(&error);
        assert_eq!(pair.length(), 2);
        assert_eq!(pair.get(0).as_string().as_deref(), Some(code));
        assert!(pair.get(1).as_string().is_some_and(|text| text.len() > 10));
    }
}

#[wasm_bindgen_test]
fn a_core_takes_no_configuration_that_it_does_not_understand() {
    for config in ["", "{}", "[]", r#"{"limits":{"perPayment":1e3}}"#] {
        let error = Core::new(config, Object::new().unchecked_into(), 0, "{}").err().unwrap();
        assert_eq!(Array::from(&error).get(0).as_string().as_deref(), Some("invalid_options"), "{config}");
    }
}
