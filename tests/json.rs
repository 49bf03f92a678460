//! JSON as the store and tokens need it: what is read, and why each malformed text is not.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::arithmetic_side_effects)]

use l402_fetch::text::json::{Json, MAX_DEPTH, MAX_NAMES};

#[test]
fn values_come_back_as_they_were() {
    for text in [
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "0",
        "-0",
        "-12.50e+3",
        "18446744073709551616",
        r#""""#,
        r#""a\"\\/\né☃😀\u0007""#,
        r#"{"a":[1,{"b":null}],"":"x","__proto__":{"c":[[]]}}"#,
    ] {
        assert_eq!(Json::parse(text).unwrap().to_text(), text);
    }
}

#[test]
fn escapes_and_space_are_read() {
    let value = Json::parse(" { \"\\u0061\\t\\u00e9\\ud83d\\ude00\\/\" :\n[ 1 ,\t2 ]\r} ").unwrap();
    let list = ["1", "2"].map(|digit| Json::Number(digit.to_owned()));
    assert_eq!(value, Json::Object(vec![("a\té😀/".to_owned(), Json::Array(list.into()))]));
}

/// RFC 8785, 3.2.2.2, and with it ECMAScript's `JSON.stringify`.
#[test]
fn escapes_are_written_in_the_shortest_form() {
    let all: String = (0..=0x7fu8).map(char::from).chain("é\u{2028}☃😀".chars()).collect();
    let text = Json::String(all.clone()).to_text();
    assert_eq!(text, serde_json::Value::String(all).to_string());
    assert!(text.starts_with(r#""\u0000\u0001"#) && text.contains(r"\u0007\b\t\n\u000b\f\r\u000e"), "{text}");
}

#[test]
fn accessors_say_none_for_another_kind() {
    let value =
        Json::parse(r#"{"s":"x","n":7,"f":7.0,"e":1e2,"m":-1,"big":18446744073709551616,"b":true,"z":null,"a":[0]}"#)
            .unwrap();
    assert_eq!(value.get("s").unwrap().as_str(), Some("x"));
    assert_eq!(value.get("n").unwrap().as_u64(), Some(7));
    for name in ["f", "e", "m", "big", "s"] {
        assert_eq!(value.get(name).unwrap().as_u64(), None, "{name}");
    }
    assert_eq!(value.get("b").unwrap().as_bool(), Some(true));
    assert!(value.get("z").unwrap().is_null());
    assert_eq!(value.get("a").unwrap().as_array().unwrap().len(), 1);
    assert_eq!(value.as_object().unwrap().len(), 9);
    assert_eq!((value.get("x"), value.as_str(), value.get("a").unwrap().get("0")), (None, None, None));
}

#[test]
fn each_malformed_text_has_its_reason() {
    let deep = ["[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1)].concat();
    let many: Vec<String> = (0..=MAX_NAMES).map(|i| format!("\"{i}\":0")).collect();
    let many = format!("{{{}}}", many.join(","));
    for (text, why) in [
        ("", "the json ends too early"),
        ("[", "the json ends too early"),
        ("nul", "the json holds something that is no value"),
        ("NaN", "the json holds something that is no value"),
        ("\u{feff}1", "the json holds something that is no value"),
        ("[1,]", "the json holds something that is no value"),
        ("1 2", "something follows the json value"),
        ("nullx", "something follows the json value"),
        ("[1 2]", "the json lacks a comma or a closing bracket"),
        (r#"{"a":1 "b":2}"#, "the json lacks a comma or a closing brace"),
        (r#"{"a" 1}"#, "the json lacks a colon"),
        (r#"{a:1}"#, "the json lacks a quoted name"),
        (r#"{"a":1,}"#, "the json lacks a quoted name"),
        (r#"{"a":1,"\u0061":1}"#, "the json repeats a name"),
        ("01", "the json holds a malformed number"),
        ("-", "the json holds a malformed number"),
        ("1.", "the json holds a malformed number"),
        ("1e", "the json holds a malformed number"),
        ("+1", "the json holds something that is no value"),
        ("\"a", "a json string has no end"),
        ("\"a\\", "a json string holds an unknown escape"),
        ("\"\\x\"", "a json string holds an unknown escape"),
        ("\"\n\"", "a json string holds a bare control character"),
        (r#""\u12""#, "a json string holds a malformed escape"),
        (r#""\u12g4""#, "a json string holds a malformed escape"),
        (r#""\ud800""#, "a json string holds a malformed escape"),
        (r#""\ud800\u0041""#, "a json string holds a malformed escape"),
        (r#""\ude00""#, "a json string holds a malformed escape"),
        (&deep, "the json is nested too deeply"),
        (&many, "a json object has too many members"),
    ] {
        assert_eq!(Json::parse(text), Err(why), "{text}");
    }
    assert!(Json::parse(&deep[1..deep.len() - 1]).is_ok(), "the greatest depth is allowed");
}
