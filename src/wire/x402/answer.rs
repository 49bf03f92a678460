//! What is sent after the payment, and what the server then says of it (x402-specification-v2.md, 5.2 and 5.3).

use crate::text::encoding::{from_base64, to_base64, Flavour};
use crate::text::json::Json;
use crate::wire::credential::{with_proof, Credential, Field};
use crate::wire::invoice::Invoice;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::preimage::Preimage;

/// How long after the expiry of its invoice a payment may still be shown, in seconds.
const GRACE_S: u64 = 60;

/// A JSON value as x402 carries it in headers: its text, and what it holds. `None`: base64 or JSON is malformed.
pub(crate) fn decode(base64: &str) -> Option<(String, Json)> {
    let text = String::from_utf8(from_base64(base64)?.0).ok()?;
    let json = Json::parse(&text).ok()?;
    Some((text, json))
}

/// The Unix second after which a server takes no proof of this invoice (scheme_exact_lnbtc.md).
#[must_use]
pub fn last_moment(invoice: &Invoice) -> u64 {
    invoice.expires_at.saturating_add(GRACE_S)
}

/// The header `PAYMENT-SIGNATURE` of an offer that was paid. `None`: the token is not one of an [`super::Entry`].
#[must_use]
pub fn credential(token: &str, preimage: &Preimage) -> Option<Credential> {
    let json = with_proof(&decode(token)?.0, preimage)?;
    Some(Credential { field: Field::PaymentSignature, value: to_base64(json.as_bytes(), Flavour::STANDARD) })
}

/// The receipt in a `PAYMENT-RESPONSE` header, as its JSON text. `None`: it is no receipt, or not one of this payment.
#[must_use]
pub fn attested(header: &str, payment_hash: &PaymentHash) -> Option<String> {
    let (text, receipt) = decode(header)?;
    let is_ours = receipt.get("success").and_then(Json::as_bool) == Some(true)
        && receipt.get("transaction").and_then(Json::as_str) == Some(&payment_hash.to_hex());
    is_ours.then_some(text)
}
