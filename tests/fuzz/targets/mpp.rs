//! MPP: what is read of a charge is what serde_json and base64 read, and all of its challenge comes back.
#![no_main]

use l402_fetch::text::json::Json;
use l402_fetch::wire::challenge::{self, Challenge};
use l402_fetch::wire::mpp::{self, Action, Charge, Session};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::wire::refusal::Refusal;
use l402_fetch::Code;
use l402_fetch_fuzz::text;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The SHA-256 of 32 zeros.
const HASH: &str = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";

fuzz_target!(|data: &[u8]| {
    let Some(header) = text(data) else { return };
    let (challenges, _) = challenge::read(header);
    for challenge in &challenges {
        match &mpp::charges(std::slice::from_ref(challenge))[..] {
            [] => {}
            [Ok(charge)] => check(charge, challenge),
            [Err(error)] => assert_eq!(error.code(), Code::InvalidChallenge),
            _ => panic!("two charges of one challenge"),
        }
    }
    for session in mpp::sessions(&challenges) {
        match session {
            Ok(session) => draw(&session),
            Err(error) => assert_eq!(error.code(), Code::InvalidChallenge),
        }
    }
    let hash = PaymentHash::parse(HASH).unwrap();
    if let Ok(json) = Json::parse(header) {
        let _ = mpp::closed(&json, &hash);
    }
    if let Some(receipt) = mpp::attested(header, "", &hash) {
        assert!(receipt.contains(HASH) && serde_json::from_str::<Value>(&receipt).is_ok());
    }
    if let Some(refusal) = Refusal::of_problem(header) {
        assert!(header.contains(&refusal.reason) && !refusal.reason.is_empty());
    }
});

fn draw(session: &Session) {
    if let Ok(invoice) = session.check(Some([0; 32])) {
        assert!(session.last_moment(&invoice) <= invoice.expires_at && invoice.payment_hash == session.payment_hash);
    }
    let hash = PaymentHash::parse(HASH).unwrap();
    let preimage = Preimage::prove(&"00".repeat(32), &hash).unwrap();
    let bearer = mpp::action(&session.token, &Action::Bearer { session: &hash, preimage: &preimage });
    let bearer = bearer.expect("a session can be drawn on");
    assert_eq!(bearer.field, session.field);
    let value = bearer.value.strip_prefix("Payment ").unwrap();
    let json: Value = serde_json::from_slice(&base64::decode_config(value, base64::URL_SAFE_NO_PAD).unwrap()).unwrap();
    assert_eq!(json["payload"]["sessionId"], HASH);
}

fn check(charge: &Charge, challenge: &Challenge) {
    assert!(challenge.defect.is_none() && !charge.invoice.is_empty());
    assert!(charge.token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
    if let Ok(invoice) = charge.check(Some([0; 32])) {
        assert!(charge.last_moment(&invoice) <= invoice.expires_at);
    }
    let preimage = Preimage::prove(&"00".repeat(32), &PaymentHash::parse(HASH).unwrap()).unwrap();
    let credential = mpp::credential(&charge.token, &preimage).expect("a charge can be answered");
    assert_eq!(credential.field, charge.field);
    let value = credential.value.strip_prefix("Payment ").unwrap();
    assert!(value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));

    let param = |name: &str| challenge.params.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    let Some(request) = param("request") else {
        assert!(value.starts_with("method=\"lightning\", preimage=\"00"));
        return assert_eq!(Some(&charge.invoice), param("invoice"));
    };
    let bytes = base64::decode_config(request.trim_end_matches('='), base64::URL_SAFE_NO_PAD).unwrap();
    let request: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(request["methodDetails"]["invoice"], charge.invoice.as_str());
    assert_eq!(request["currency"], "sat");
    let amount = request["amount"].as_str().unwrap();
    assert_eq!(amount.parse::<u64>().unwrap().to_string(), amount);

    let answer = base64::decode_config(value, base64::URL_SAFE_NO_PAD).unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["payload"]["preimage"], "00".repeat(32));
    let echoed = answer["challenge"].as_object().unwrap();
    assert_eq!(echoed.len(), challenge.params.len());
    assert!(challenge.params.iter().all(|(name, value)| echoed[name] == value.as_str()), "a parameter is changed");
}
