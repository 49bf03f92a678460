//! MPP sessions: what is offered, each check before paying, the credential of each step, and what is refunded.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod invoices;

use invoices::{hex, sha256, text, Terms, PREIMAGE};
use l402_fetch::text::json::Json;
use l402_fetch::wire::challenge;
use l402_fetch::wire::credential::Field;
use l402_fetch::wire::invoice::{Invoice, Network};
use l402_fetch::wire::mpp::{self, check_return_invoice, closed, sessions, Action, Closed, Refund, Session};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::{Code, Error};
use lightning_invoice::Currency;
use serde_json::{json, Value};

const NOW: u64 = 1_700_000_000;
const DAY: u64 = 86_400;

fn vectors(name: &str) -> Value {
    let text = include_str!("vectors/mpp-aperture.json");
    serde_json::from_str::<Value>(text).unwrap()[name].clone()
}

fn base64url(text: &str) -> String {
    base64::encode_config(text, base64::URL_SAFE_NO_PAD)
}

fn decoded(value: &str) -> Value {
    let token = value.strip_prefix("Payment ").unwrap();
    serde_json::from_slice(&base64::decode_config(token, base64::URL_SAFE_NO_PAD).unwrap()).unwrap()
}

fn preimage() -> Preimage {
    Preimage::prove(&hex(&PREIMAGE), &sha256(&PREIMAGE).into()).unwrap()
}

fn hash() -> PaymentHash {
    sha256(&PREIMAGE).into()
}

fn terms(sat: Option<u64>) -> Terms {
    Terms {
        currency: Currency::Bitcoin,
        msat: sat.map(|sat| sat * 1000),
        description_hash: None,
        timestamp: NOW,
        expiry: Some(600),
        key: 1,
        payee: None,
    }
}

/// A deposit of 200 sat for units of 10.
fn request() -> Value {
    json!({
        "amount": "10", "currency": "sat", "depositAmount": "200", "depositInvoice": terms(Some(200)).sign(),
        "idleTimeout": "300", "paymentHash": hex(&sha256(&PREIMAGE)), "unitType": "request",
    })
}

fn header(request: &Value, more: &str) -> String {
    let request = base64url(&request.to_string());
    format!(r#"Payment id="an id", realm="r", method="lightning", intent="session", request="{request}"{more}"#)
}

/// The only session in a header.
fn read(header: &str) -> Result<Session, Error> {
    let mut found = sessions(&challenge::read(header).0);
    assert_eq!(found.len(), 1, "{header}");
    found.remove(0)
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut request = request();
    change(&mut request);
    request
}

#[test]
fn a_good_session_is_opened() {
    let session = read(&header(&request(), "")).unwrap();
    assert_eq!(
        (session.unit_sat, session.unit_type.as_deref(), session.idle_timeout_s),
        (10, Some("request"), Some(300))
    );
    assert_eq!((session.payment_hash, session.field, session.expires_at), (hash(), Field::Authorization, None));
    let invoice = session.check(None).unwrap();
    assert_eq!((invoice.amount_msat, session.last_moment(&invoice)), (Some(200_000), NOW + 600));
    for same in [
        header(&changed(|request| _ = request.as_object_mut().unwrap().remove("depositAmount")), ""),
        header(&changed(|request| _ = request.as_object_mut().unwrap().remove("idleTimeout")), ""),
        header(&changed(|request| request["unknown"] = json!([1])), ""),
        header(&request(), r#", header="Payment-Authorization", expires="2036-01-01T00:00:00Z""#),
    ] {
        assert!(read(&same).unwrap().check(None).is_ok(), "{same}");
    }
    let early = read(&header(&request(), r#", expires="2023-11-14T22:20:00Z""#)).unwrap();
    assert_eq!(early.last_moment(&invoice), NOW + 400);
    // Those who have a session need no deposit.
    let bearer = read(&header(&changed(|request| _ = request.as_object_mut().unwrap().remove("depositInvoice")), ""));
    let error = bearer.unwrap().check(None).err().unwrap();
    assert_eq!(
        (error.code(), error.message()),
        (Code::InvalidChallenge, "the session's challenge has no invoice to pay")
    );
}

#[test]
fn each_fault_is_refused_before_paying() {
    use Code::{BodyNotReplayable, HashMismatch, InvalidChallenge, InvalidInvoice};
    type Case = (&'static str, fn(&mut Value), &'static str, Code);
    let table: [Case; 19] = [
        ("no id", |_| {}, r#", id="""#, InvalidChallenge),
        ("amount 0", |request| request["amount"] = json!("0"), "", InvalidChallenge),
        ("a number", |request| request["amount"] = json!(10), "", InvalidChallenge),
        ("currency", |request| request["currency"] = json!("usd"), "", InvalidChallenge),
        ("no hash", |request| request["paymentHash"] = Value::Null, "", InvalidChallenge),
        ("bad hash", |request| request["paymentHash"] = json!("ab"), "", InvalidChallenge),
        ("another hash", |request| request["paymentHash"] = json!("00".repeat(32)), "", HashMismatch),
        ("another deposit", |request| request["depositAmount"] = json!("199"), "", InvalidChallenge),
        ("deposit 0", |request| request["depositAmount"] = json!("0"), "", InvalidChallenge),
        ("a huge deposit", |request| request["depositAmount"] = json!("18446744073709551615"), "", InvalidChallenge),
        ("a huge unit", |request| request["amount"] = json!("18446744073709551615"), "", InvalidChallenge),
        ("less than a unit", |request| request["amount"] = json!("201"), "", InvalidChallenge),
        ("timeout", |request| request["idleTimeout"] = json!(300), "", InvalidChallenge),
        ("no invoice", |request| request["depositInvoice"] = json!(""), "", InvalidChallenge),
        ("bad invoice", |request| request["depositInvoice"] = json!("lnbc1"), "", InvalidInvoice),
        ("no time", |_| {}, r#", expires="soon""#, InvalidChallenge),
        ("header", |_| {}, r#", header="Cookie""#, InvalidChallenge),
        ("another body", |_| {}, r#", digest="sha-256=:AAAA:""#, BodyNotReplayable),
        ("another digest", |_| {}, r#", digest="md5=:AAAA:""#, InvalidChallenge),
    ];
    for (name, change, more, code) in table {
        let header = header(&changed(change), more);
        let header = if name == "no id" { header.replacen(r#"id="an id", "#, "", 1) } else { header };
        let error = read(&header).and_then(|session| session.check(None)).expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let twice = format!("{}, id=\"other\"", header(&request(), ""));
    assert_eq!(read(&twice).err().unwrap().code(), InvalidChallenge);
    let digest = base64::encode(sha256(b"x"));
    let bound = read(&header(&request(), &format!(r#", digest="sha-256=:{digest}:""#))).unwrap();
    assert!(bound.check(Some(sha256(b"x"))).is_ok());
    assert_eq!(bound.check(Some(sha256(b"y"))).err().unwrap().code(), HashMismatch);
}

#[test]
fn other_intents_are_left_to_others() {
    for other in [
        header(&request(), "").replace("session", "charge"),
        header(&request(), "").replace("lightning", "tempo"),
        header(&request(), "").replace(r#"intent="session", "#, ""),
        r#"L402 token="a", invoice="b""#.to_owned(),
    ] {
        assert!(sessions(&challenge::read(&other).0).is_empty(), "{other}");
    }
    let both = format!("{}, {}", header(&request(), ""), header(&request(), "").replace("an id", "another"));
    assert_eq!(sessions(&challenge::read(&both).0).len(), 2);
}

/// The payloads are those of aperture's own test data.
#[test]
fn each_step_has_its_credential_and_every_parameter_comes_back() {
    let more =
        r#", expires="2036-01-01T00:00:00Z", opaque="eyJvIjoiMSJ9", unknown="x", header="Payment-Authorization""#;
    let session = read(&header(&request(), more)).unwrap();
    let (preimage, hash) = (preimage(), hash());
    let proof = hex(&PREIMAGE);
    let table = [
        (
            Action::Open { preimage: &preimage, return_invoice: "lnbc1p" },
            json!({ "action": "open", "preimage": proof, "returnInvoice": "lnbc1p" }),
        ),
        (
            Action::Bearer { session: &hash, preimage: &preimage },
            json!({ "action": "bearer", "sessionId": hash.to_hex(), "preimage": proof }),
        ),
        (
            Action::TopUp { session: &hash, preimage: &preimage },
            json!({ "action": "topUp", "sessionId": hash.to_hex(), "topUpPreimage": proof }),
        ),
        (
            Action::Close { session: &hash, preimage: &preimage },
            json!({ "action": "close", "sessionId": hash.to_hex(), "preimage": proof }),
        ),
    ];
    for (action, payload) in table {
        let credential = mpp::action(&session.token, &action).unwrap();
        assert_eq!(credential.field, Field::PaymentAuthorization);
        let json = decoded(&credential.value);
        assert_eq!(json["payload"], payload);
        let challenge = &json["challenge"];
        assert_eq!((&challenge["opaque"], &challenge["unknown"]), (&json!("eyJvIjoiMSJ9"), &json!("x")));
        assert_eq!(challenge["request"], json!(base64url(&request().to_string())));
        // serde_json sorts names, as RFC 8785 wants them
        let raw = base64::decode_config(credential.value.strip_prefix("Payment ").unwrap(), base64::URL_SAFE_NO_PAD);
        assert_eq!(String::from_utf8(raw.unwrap()).unwrap(), json.to_string());
        assert!(mpp::action("opaque", &action).is_none());
    }
    for vector in vectors("credentials").as_array().unwrap() {
        let json: Value = serde_json::from_str(text(vector, "credentialJson")).unwrap_or_default();
        let names: Vec<_> =
            json["payload"].as_object().map(|payload| payload.keys().cloned().collect()).unwrap_or_default();
        match json["payload"]["action"].as_str() {
            Some("open") => assert_eq!(names, ["action", "preimage", "returnInvoice"]),
            Some("bearer" | "close") => assert_eq!(names, ["action", "preimage", "sessionId"]),
            Some("topUp") => assert_eq!(names, ["action", "sessionId", "topUpPreimage"]),
            _ => {}
        }
    }
}

#[test]
fn what_is_refunded_is_read_from_a_receipt_of_this_session() {
    let session = hash();
    let said = |json: &Value| closed(&Json::parse(&json.to_string()).unwrap(), &session);
    let good =
        json!({ "reference": session.to_hex(), "status": "success", "refundSats": 140, "refundStatus": "succeeded" });
    assert_eq!(said(&good), Some(Closed { refund_sat: 140, refund: Refund::Succeeded }));
    let body = json!({ "status": "closed", "refundSats": 7, "refundStatus": "failed" });
    assert_eq!(said(&body), Some(Closed { refund_sat: 7, refund: Refund::Failed }));
    for (change, expected) in [
        (json!({ "refundStatus": "pending" }), Some(Refund::Failed)),
        (json!({ "refundStatus": "skipped", "refundSats": 0 }), Some(Refund::Skipped)),
        (json!({ "refundStatus": "perhaps" }), None),
        (json!({ "refundStatus": null }), None),
        (json!({ "refundSats": "140" }), None),
        (json!({ "refundSats": -1 }), None),
        (json!({ "refundSats": 1.5 }), None),
        (json!({ "reference": "00" }), None),
    ] {
        let mut other = good.clone();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(said(&other).map(|closed| closed.refund), expected, "{other}");
    }
    let mut count = 0;
    for vector in vectors("receipts").as_array().unwrap() {
        let json: Value = serde_json::from_str(text(vector, "receiptJson")).unwrap();
        let Some(reference) = json["reference"].as_str().filter(|_| json["refundStatus"].is_string()) else { continue };
        let header = text(vector, "header");
        let written = String::from_utf8(base64::decode_config(header, base64::URL_SAFE_NO_PAD).unwrap()).unwrap();
        // The vectors have short hashes.
        let written = written.replace(reference, &session.to_hex());
        let closed = closed(&Json::parse(&written).unwrap(), &session).unwrap_or_else(|| panic!("{}", vector["name"]));
        assert_eq!(closed.refund_sat, json["refundSats"].as_u64().unwrap_or(0));
        assert_eq!(closed.refund.as_str(), json["refundStatus"]);
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn an_invoice_for_the_refund_names_no_amount_and_lives_for_weeks() {
    let check = |terms: &Terms| {
        check_return_invoice(&terms.sign(), Network::Bitcoin, NOW).map(|invoice: Invoice| invoice.network)
    };
    let good = Terms { expiry: Some(30 * DAY), ..terms(None) };
    assert_eq!(check(&good).unwrap(), Network::Bitcoin);
    assert!(check(&Terms { timestamp: NOW - 3600, ..good.clone() }).is_ok(), "a clock may be behind");
    for bad in [
        Terms { msat: Some(1), ..good.clone() },
        Terms { currency: Currency::Regtest, ..good.clone() },
        Terms { expiry: Some(28 * DAY), ..good.clone() },
        Terms { expiry: None, ..good },
    ] {
        assert_eq!(check(&bad).err().unwrap().code(), Code::InvalidInvoice);
    }
    assert_eq!(check_return_invoice("lnbc1", Network::Bitcoin, NOW).err().unwrap().code(), Code::InvalidInvoice);
}
