//! Charges of MPP, by the drafts and by no code of `l402-fetch`: the challenge, its credential and its receipt.

use super::hex::{self, Hash};
use super::settings::Settings;
use bitcoin::hashes::{sha256, Hash as _, HashEngine, Hmac, HmacEngine};
use serde_json::{json, Value};

/// The parameters that the id covers. One that is absent counts as empty.
const SIGNED: [&str; 8] = ["realm", "method", "intent", "request", "opaque", "expires", "digest", "header"];

/// A `WWW-Authenticate` line. `name` comes back with the credential, as the parameter `opaque`. `body` is what the
/// digest is of.
pub fn line(key: &Hash, name: &[u8], invoice: &str, hash: &Hash, settings: &Settings, body: &[u8]) -> String {
    let amount = settings.amount_msat.map(|msat| (msat / 1000).to_string()).unwrap_or_default();
    // serde_json sorts names, as JCS does.
    let details = json!({ "invoice": invoice, "network": "regtest", "paymentHash": hex::encode(hash) });
    let request = json!({ "amount": amount, "currency": "sat", "methodDetails": details });
    let mut params = json!({
        "realm": "paywall", "method": "lightning", "intent": "charge",
        "request": encode(&request), "opaque": hex::encode(name),
    });
    if settings.digest {
        params["digest"] = digest(body).into();
    }
    if settings.payment_authorization {
        params["header"] = "Payment-Authorization".into();
    }
    let shown = SIGNED.iter().filter_map(|name| Some(format!("{name}=\"{}\"", params[*name].as_str()?)));
    let shown: Vec<_> = shown.collect();
    format!("Payment id=\"{}\", {}", id(key, &params), shown.join(", "))
}

/// What a credential proves: the name in its challenge, and its preimage. `body` is that of the request it came with.
///
/// # Errors
/// Says what is wrong with it.
pub fn verify(key: &Hash, credential: &str, body: &[u8]) -> Result<(Vec<u8>, String), String> {
    let bytes = base64::decode_config(credential, base64::URL_SAFE_NO_PAD).map_err(|error| error.to_string())?;
    let credential: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let challenge = &credential["challenge"];
    if challenge["id"].as_str() != Some(&id(key, challenge)) {
        return Err("a challenge that was changed".into());
    }
    if challenge["digest"].as_str().is_some_and(|given| given != digest(body)) {
        return Err("a challenge for another body".into());
    }
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a credential without a member of its own");
    let name = decode_hex(&text(&challenge["opaque"])?).ok_or("a name that is no hex")?;
    Ok((name, text(&credential["payload"]["preimage"])?))
}

/// The value of a `Payment-Receipt`, of the credential that was just verified.
pub fn receipt(credential: &str, hash: &Hash) -> String {
    let bytes = base64::decode_config(credential, base64::URL_SAFE_NO_PAD).unwrap_or_default();
    let challenge = serde_json::from_slice(&bytes).unwrap_or(Value::Null)["challenge"]["id"].clone();
    encode(&json!({
        "challengeId": challenge, "method": "lightning", "reference": hex::encode(hash), "status": "success",
        "timestamp": "2026-01-01T00:00:00Z",
    }))
}

/// As RFC 9530 writes it.
fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", base64::encode(hex::sha256(body)))
}

/// JSON as MPP carries it in headers.
pub fn encode(json: &Value) -> String {
    base64::encode_config(json.to_string(), base64::URL_SAFE_NO_PAD)
}

/// The id of a challenge with these parameters.
pub fn id(key: &Hash, challenge: &Value) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(key);
    for name in SIGNED {
        engine.input(challenge[name].as_str().unwrap_or_default().as_bytes());
        engine.input(b"|");
    }
    hex::encode(&Hmac::<sha256::Hash>::from_engine(engine).to_byte_array())
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    bitcoin::hex::FromHex::from_hex(text).ok()
}
