//! Payments of x402 with Lightning (`exact` on `lnbtc`, profile `http:1`), by the specification and by no code of
//! `l402-fetch`: what they bind of a request, the offer, its payment, and what is said of that.

use super::hex::{self, Hash};
use super::mint;
use super::settings::{Fault, Settings};
use super::shop::Visit;
use super::state::World;
use hyper::HeaderMap;
use lightning_invoice::{Currency, SignedRawBolt11Invoice};
use serde_json::value::RawValue;
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// What a 402 says that follows no payment.
pub const UNPAID: &str = "PAYMENT-SIGNATURE header is required";
/// What is said of a payment that was used before.
pub const DUPLICATE: &str = "duplicate_settlement";
/// What is said of a payment that the server doesn't know of yet.
pub const NOT_PAID: &str = "exact_lnbtc_payment_not_paid";

const MAINNET: &str = "lnbtc:000000000019d6689c085ae165831e93";
const TESTNET: &str = "lnbtc:000000000933ea01ad0ee984209779ba";
/// A key that is not that of the mint: the generator of the curve.
const ANOTHER_KEY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// An entry that only others can pay.
const FOREIGN: &str = r#"{"scheme":"exact","network":"eip155:8453","amount":"10000","asset":"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":60,"extra":{"name":"USD Coin","version":"2"}}"#;
/// What no client knows of our entry. Whoever reads and writes it again changes a byte of it.
const UNKNOWN: &str = r#""paywall": {"serial":9007199254740993,"rate":1.50,"place":"caf\u00e9"}"#;
/// The extensions, with the same traps.
const EXTENSIONS: &str = r#"{"paywall": {"info":{"serial":18446744073709551617,"place":"caf\u00e9"},"schema":{}}}"#;

/// The members of an entry that have to come back with the same value, and what is said where they don't.
const MEMBERS: [(&str, &str); 8] = [
    ("/scheme", "unsupported_scheme"),
    ("/network", "network_mismatch"),
    ("/amount", "invalid_exact_lnbtc_amount_mismatch"),
    ("/asset", "invalid_exact_lnbtc_asset"),
    ("/payTo", "invalid_exact_lnbtc_pay_to_mismatch"),
    ("/maxTimeoutSeconds", "invalid_exact_lnbtc_max_timeout_mismatch"),
    ("/extra/assetTransferMethod", "invalid_exact_lnbtc_asset_transfer_method"),
    ("/extra/paymentFlow", "invalid_exact_lnbtc_payment_flow"),
];
const REQUEST_HASH: &str = "/extra/requestHash";
/// Those that bind the request.
const BINDING: [&str; 3] = [REQUEST_HASH, "/extra/requestBindingProfile", "/extra/requestBindingParams"];
const BAD_BINDING: &str = "invalid_exact_lnbtc_request_binding";
const ANOTHER_REQUEST: &str = "invalid_exact_lnbtc_request_mismatch";
const MALFORMED: &str = "invalid_payload";

/// What was offered for one request.
#[derive(Clone)]
pub struct Offer {
    /// The entry of `accepts` as it was written.
    entry: String,
    expires_at: u64,
}

/// The name under which a shop keeps what a payment is good for.
pub fn name(hash: &Hash) -> Vec<u8> {
    [b"x402:", &hash[..]].concat()
}

/// What is bound of a request, as the text whose hash is in entry and invoice.
///
/// # Errors
/// Says what of it can't be bound.
pub fn binding(visit: &Visit, bound: &[String]) -> Result<String, String> {
    if visit.url.starts_with("http:///") {
        return Err("a request without Host has no URL to bind".into());
    }
    let mut headers = Vec::new();
    for name in bound {
        headers.push(json!({ "name": name, "valueHash": hex::encode(&value_hash(&visit.headers, name)?) }));
    }
    // serde_json sorts names and escapes text as JCS does
    let binding = json!({
        "domain": "x402:exact:lnbtc:bolt11:http:1", "method": visit.method.as_str(), "url": visit.url,
        "bodyHash": hex::encode(&hex::sha256(&visit.body)), "headers": headers,
    });
    Ok(binding.to_string())
}

/// The hash of a header that may be absent, or there several times.
fn value_hash(headers: &HeaderMap, name: &str) -> Result<Hash, String> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii()).collect();
    if lines.is_empty() {
        return Ok(hex::sha256(&[0]));
    }
    let value = lines.join(&b", "[..]);
    if !value.iter().all(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte)) {
        return Err(format!("the header {name} is not ASCII, and can't be bound"));
    }
    Ok(hex::sha256(&[&[1], &value[..]].concat()))
}

/// The network that is sold on, and its name.
///
/// # Errors
/// If x402 has no name for it.
fn network(settings: &Settings) -> Result<(Currency, &'static str), String> {
    match settings.network {
        None | Some(Currency::Bitcoin) => Ok((Currency::Bitcoin, MAINNET)),
        Some(Currency::BitcoinTestnet) => Ok((Currency::BitcoinTestnet, TESTNET)),
        Some(_) => Err("x402 is for network=bc and network=tb".into()),
    }
}

/// The settings of an invoice that is for one request alone.
///
/// # Errors
/// Says which setting can't be had with x402.
pub fn sealed(settings: &Settings, binding: &str) -> Result<Settings, String> {
    if settings.amount_msat.is_none() || settings.expiry == 0 {
        return Err("x402 needs an amount and an expiry".into());
    }
    let description = match settings.fault {
        Some(Fault::Description) => format!("not {binding}"),
        Some(Fault::Inline) => settings.description.clone(),
        _ => binding.to_string(),
    };
    let description_hash = settings.fault != Some(Fault::Inline);
    let network = Some(network(settings)?.0);
    Ok(Settings { network, description, description_hash, ..settings.clone() })
}

/// The offer of an invoice with such settings.
pub fn offer(settings: &Settings, invoice: &str, binding: &str, pay_to: &str) -> Offer {
    let wrong = |fault| settings.fault == Some(fault);
    let (ours, theirs) = match settings.network {
        Some(Currency::BitcoinTestnet) => (TESTNET, MAINNET),
        _ => (MAINNET, TESTNET),
    };
    let network = match settings.fault {
        Some(Fault::Network) => theirs,
        Some(Fault::Unknown) => "lnbtc:00000000000000000000000000000000",
        _ => ours,
    };
    let amount = settings.amount_msat.unwrap_or_default().saturating_add(wrong(Fault::Amount).into());
    let seconds = settings.expiry.saturating_add(wrong(Fault::Expiry).into());
    let pay_to = if wrong(Fault::PayTo) { ANOTHER_KEY } else { pay_to };
    let hash = hex::sha256(if wrong(Fault::Hash) { b"another request" } else { binding.as_bytes() });
    let mut params = json!({ "headers": settings.bind });
    if wrong(Fault::Params) {
        params["more"] = json!([]);
    }
    let entry = format!(
        r#"{{"scheme":"exact","network":"{network}","amount":"{amount}","asset":"BTC","payTo":"{pay_to}","maxTimeoutSeconds":{seconds},"extra":{{"assetTransferMethod":"bolt11","paymentFlow":"upfront","requestHash":"{}","requestBindingProfile":"http:1","requestBindingParams":{params},"invoice":"{invoice}",{UNKNOWN}}}}}"#,
        hex::encode(&hash),
    );
    let issued = mint::now().saturating_sub(settings.age);
    Offer { entry, expires_at: issued.saturating_add(settings.expiry) }
}

/// The value of a `PAYMENT-REQUIRED`. `error` says why it is asked for.
pub fn required(offer: &Offer, visit: &Visit, settings: &Settings, error: &str) -> String {
    let url = match settings.fault {
        Some(Fault::Url) => format!("http://elsewhere.example{}", visit.path),
        _ => visit.url.clone(),
    };
    let (entry, error, url) = (&offer.entry, Value::from(error), Value::from(url));
    let required = format!(
        r#"{{"x402Version":2,"error":{error},"resource":{{"url":{url},"mimeType":"application/json"}},"accepts":[{FOREIGN},{entry}],"extensions":{EXTENSIONS}}}"#
    );
    let broken = if settings.fault == Some(Fault::Base64) { "*" } else { "" };
    format!("{broken}{}", base64::encode(required))
}

/// What a `PAYMENT-SIGNATURE` proves: the name of what was paid, and its preimage. Whether it was used before is not
/// looked at.
///
/// This is stricter than the specification, which compares what JSON means: entry and extensions must come back byte
/// for byte.
///
/// # Errors
/// The specification's word for what is wrong.
pub fn verify(
    world: &World,
    visit: &Visit,
    settings: &Settings,
    header: &str,
) -> Result<(Vec<u8>, String), &'static str> {
    let text = base64::decode(header).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(MALFORMED)?;
    let payment: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).map_err(|_| MALFORMED)?;
    let member = |name: &str| payment.get(name).map(|raw| raw.get());
    let parsed = |name: &str| member(name).and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    if member("x402Version") != Some("2") {
        return Err("invalid_x402_version");
    }
    let accepted = parsed("accepted").ok_or(MALFORMED)?;
    let (hash, offer) = accepted_offer(world, visit, &accepted)?;
    let sent: Value = serde_json::from_str(&offer.entry).map_err(|_| "unexpected_settle_error")?;
    if let Some((_, why)) = MEMBERS.iter().find(|(at, _)| accepted.pointer(at) != sent.pointer(at)) {
        return Err(why);
    }
    if BINDING.iter().any(|at| accepted.pointer(at).is_none()) {
        return Err(BAD_BINDING);
    }
    if BINDING.iter().any(|at| accepted.pointer(at) != sent.pointer(at)) {
        return Err(ANOTHER_REQUEST);
    }
    if member("accepted") != Some(&offer.entry) {
        return Err("invalid_exact_lnbtc_extra_mismatch");
    }
    if member("extensions") != Some(EXTENSIONS) {
        return Err(MALFORMED);
    }
    let binding = binding(visit, &settings.bind).map_err(|_| BAD_BINDING)?;
    let asked = hex::encode(&hex::sha256(binding.as_bytes()));
    if sent.pointer(REQUEST_HASH).and_then(Value::as_str) != Some(&asked) {
        return Err(ANOTHER_REQUEST);
    }
    let preimage = proven(parsed("payload").as_ref().and_then(|payload| payload["preimage"].as_str()), &hash)?;
    if mint::now() > offer.expires_at.saturating_add(settings.grace) {
        return Err("invalid_exact_lnbtc_invoice_expired");
    }
    if !world.is_paid(&hash) {
        return Err(NOT_PAID);
    }
    Ok((name(&hash), preimage))
}

/// What was offered with the invoice of an entry that came back.
fn accepted_offer(world: &World, visit: &Visit, accepted: &Value) -> Result<(Hash, Offer), &'static str> {
    let invoice = accepted["extra"]["invoice"].as_str().filter(|text| !text.is_empty());
    let invoice = invoice.ok_or("invalid_exact_lnbtc_invoice_missing")?;
    if invoice.parse::<SignedRawBolt11Invoice>().is_err() {
        return Err("invalid_exact_lnbtc_invoice_decode_failed");
    }
    let (hash, _) = world.mint.own(invoice).ok_or("invalid_exact_lnbtc_invoice_payee_mismatch")?;
    let offer = visit.shop.read(|book| book.offers.get(&hash).cloned());
    Ok((hash, offer.ok_or("invalid_exact_lnbtc_invoice_request_mismatch")?))
}

/// A preimage, if it is the one of this hash.
fn proven(preimage: Option<&str>, hash: &Hash) -> Result<String, &'static str> {
    let preimage = preimage.ok_or("invalid_exact_lnbtc_preimage_missing")?;
    if !preimage.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("invalid_exact_lnbtc_preimage_malformed");
    }
    let bytes = hex::hash(preimage).ok_or("invalid_exact_lnbtc_preimage_length")?;
    if hex::sha256(&bytes) != *hash {
        return Err("invalid_exact_lnbtc_preimage_hash_mismatch");
    }
    Ok(preimage.to_string())
}

/// The value of a `PAYMENT-RESPONSE` after a payment that was taken. It names no payer: Lightning doesn't.
pub fn receipt(settings: &Settings, hash: &Hash) -> String {
    let network = network(settings).map_or(MAINNET, |(_, name)| name);
    base64::encode(json!({ "success": true, "transaction": hex::encode(hash), "network": network }).to_string())
}

/// The same after one that was not.
pub fn refusal(settings: &Settings, why: &str) -> String {
    let network = network(settings).map_or(MAINNET, |(_, name)| name);
    let refusal = json!({ "success": false, "errorReason": why, "transaction": "", "network": network });
    base64::encode(refusal.to_string())
}
