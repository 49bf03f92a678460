//! Why a server refused a credential, by its own words: for events and errors, never for a decision about money.

use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::scan::rsplit_once;
use crate::wire::x402::{decode, PaymentRequired};

/// The reason of a refusal. It holds nothing of the credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The name of the reason: lower-case letters, digits, `_` and `-`.
    pub reason: String,
    /// What it means, and what to do.
    pub advice: &'static str,
    /// Whether the credential opens nothing any more: it was used, or came too late.
    pub is_spent: bool,
}

const USED: (&str, bool) = ("it was used before: call again to buy anew", true);
const LATE: (&str, bool) = ("it came too late: call again to buy anew", true);
const CHANGED: (&str, bool) =
    ("the server saw another request than was paid for: look for a proxy that changes requests", false);
const NOT_YET: (&str, bool) = ("the server does not know yet: call again, and the same payment is tried", false);
const DEFECT: (&str, bool) = ("the payment is proven, so this is the server's fault: tell its owner", false);

impl Refusal {
    /// What an x402 server says in `PAYMENT-RESPONSE`, or else in the fresh `PAYMENT-REQUIRED` (scheme_exact_lnbtc.md,
    /// section Error Vocabulary).
    #[must_use]
    pub fn of_x402(payment_response: Option<&str>, payment_required: Option<&str>) -> Option<Self> {
        let settled = payment_response.and_then(|header| {
            let (_, json) = decode(header)?;
            Self::new(json.get("errorReason")?.as_str()?, x402_meaning)
        });
        settled.or_else(|| Self::new(PaymentRequired::decode(payment_required?).ok()?.error()?, x402_meaning))
    }

    /// What a body of `application/problem+json` says (RFC 9457; draft-httpauth-payment-02, section Error Codes;
    /// draft-lightning-charge-00, section Error Responses).
    #[must_use]
    pub fn of_problem(body: &str) -> Option<Self> {
        let json = Json::parse(body).ok()?;
        let (_, name) = rsplit_once(json.get("type")?.as_str()?, b'/')?;
        Self::new(name, problem_meaning)
    }

    /// For people: the server's reason, and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        concat(&["the server refused the payment (", &self.reason, "): ", self.advice])
    }

    /// Only a name is taken over. Servers also write sentences there, which could hold anything.
    fn new(reason: &str, meaning: fn(&str) -> (&'static str, bool)) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        // 64 digits may be a preimage
        if reason.is_empty() || reason.len() >= 64 || !reason.bytes().all(is_name) {
            return None;
        }
        let (advice, is_spent) = meaning(reason);
        Some(Self { reason: reason.to_owned(), advice, is_spent })
    }
}

fn x402_meaning(reason: &str) -> (&'static str, bool) {
    match reason {
        "duplicate_settlement" => USED,
        "invalid_exact_lnbtc_invoice_expired" => LATE,
        "invalid_exact_lnbtc_request_binding"
        | "invalid_exact_lnbtc_request_mismatch"
        | "invalid_exact_lnbtc_invoice_request_mismatch" => CHANGED,
        _ if reason.starts_with("exact_lnbtc_") => NOT_YET,
        _ => DEFECT,
    }
}

fn problem_meaning(reason: &str) -> (&'static str, bool) {
    match reason {
        "invalid-challenge" | "unknown-challenge" | "payment-required" => USED,
        "payment-expired" | "expired-invoice" => LATE,
        _ => DEFECT,
    }
}
