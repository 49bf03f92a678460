//! Reasons of refusals: what a server's words become in events and errors.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use l402_fetch::wire::refusal::Refusal;
use serde_json::json;

fn of_x402(response: Option<&str>, required: Option<&str>) -> Option<(String, bool)> {
    Refusal::of_x402(response, required).map(|refusal| (refusal.message(), refusal.is_spent))
}

#[test]
fn x402_servers_echo_the_facilitators_reason() {
    let base64 = |value: serde_json::Value| base64::encode(value.to_string());
    let failed = |reason: &str| base64(json!({ "success": false, "errorReason": reason, "transaction": "" }));
    let again = |reason: &str| base64(json!({ "x402Version": 2, "error": reason, "accepts": [] }));
    for (reason, advice, is_spent) in [
        ("duplicate_settlement", "it was used before: call again to buy anew", true),
        ("invalid_exact_lnbtc_invoice_expired", "it came too late: call again to buy anew", true),
        (
            "invalid_exact_lnbtc_request_mismatch",
            "the server saw another request than was paid for: look for a proxy that changes requests",
            false,
        ),
        (
            "invalid_exact_lnbtc_invoice_request_mismatch",
            "the server saw another request than was paid for: look for a proxy that changes requests",
            false,
        ),
        (
            "invalid_exact_lnbtc_request_binding",
            "the server saw another request than was paid for: look for a proxy that changes requests",
            false,
        ),
        (
            "exact_lnbtc_receiver_unavailable",
            "the server does not know yet: call again, and the same payment is tried",
            false,
        ),
        (
            "invalid_exact_lnbtc_preimage_hash_mismatch",
            "the payment is proven, so this is the server's fault: tell its owner",
            false,
        ),
        ("unexpected_error", "the payment is proven, so this is the server's fault: tell its owner", false),
    ] {
        let expected = Some((format!("the server refused the payment ({reason}): {advice}"), is_spent));
        assert_eq!(of_x402(Some(&failed(reason)), None), expected);
        assert_eq!(of_x402(None, Some(&again(reason))), expected);
        assert_eq!(of_x402(Some(&failed(reason)), Some(&again("another"))), expected, "the settlement says more");
        assert_eq!(of_x402(Some("%"), Some(&again(reason))), expected);
    }
    for reason in ["", "PAYMENT-SIGNATURE header is required", "x\ny", "é", &"a".repeat(64), &"ab".repeat(32)] {
        assert_eq!(of_x402(Some(&failed(reason)), Some(&again(reason))), None, "{reason}");
    }
    for header in ["", "%", "e30=", "W10="] {
        assert_eq!(of_x402(Some(header), Some(header)), None, "{header}");
    }
    assert_eq!(of_x402(None, None), None);
}

#[test]
fn mpp_servers_name_the_type_of_a_problem() {
    for (kind, advice, is_spent) in [
        ("https://paymentauth.org/problems/invalid-challenge", "it was used before: call again to buy anew", true),
        (
            "https://paymentauth.org/problems/lightning/unknown-challenge",
            "it was used before: call again to buy anew",
            true,
        ),
        ("https://paymentauth.org/problems/payment-required", "it was used before: call again to buy anew", true),
        ("https://paymentauth.org/problems/payment-expired", "it came too late: call again to buy anew", true),
        ("/problems/lightning/expired-invoice", "it came too late: call again to buy anew", true),
        (
            "https://paymentauth.org/problems/verification-failed",
            "the payment is proven, so this is the server's fault: tell its owner",
            false,
        ),
    ] {
        let body = json!({ "type": kind, "title": "T", "status": 402, "detail": "secret" }).to_string();
        let refusal = Refusal::of_problem(&body).unwrap();
        let reason = kind.rsplit('/').next().unwrap();
        assert_eq!(refusal.message(), format!("the server refused the payment ({reason}): {advice}"));
        assert_eq!(refusal.is_spent, is_spent);
    }
    for body in [
        "",
        "payment required",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"about:blank"}"#,
        r#"{"type":"https://a.example/"}"#,
        r#"{"type":"https://a.example/What went wrong"}"#,
        r#"{"type":"https://a.example/x","type":"https://a.example/x"}"#,
    ] {
        assert_eq!(Refusal::of_problem(body), None, "{body}");
    }
}
