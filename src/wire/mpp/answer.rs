//! What is sent after the payment, and what the server then says of it.

use super::charge::{challenge_of, decode, OLDER};
use crate::text::encoding::{concat, to_base64, Flavour};
use crate::text::json::Json;
use crate::text::time;
use crate::wire::credential::{with_proof, Credential, Field};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::preimage::Preimage;

/// The credential of a charge that was paid (draft-httpauth-payment, section Credentials). `None`: the token is not one
/// of a [`super::Charge`].
#[must_use]
pub fn credential(token: &str, preimage: &Preimage) -> Option<Credential> {
    if token == OLDER {
        let value = concat(&["Payment ", OLDER, r#", preimage=""#, &preimage.to_hex(), r#"""#]);
        return Some(Credential { field: Field::Authorization, value });
    }
    Some(shown(token, &with_proof(&decode(token)?.0, preimage)?))
}

/// The header of a credential, whose JSON text this is.
pub(super) fn shown(token: &str, json: &str) -> Credential {
    let value = concat(&["Payment ", &to_base64(json.as_bytes(), Flavour::URL_SAFE)]);
    Credential { field: field(token), value }
}

/// The header that the credential goes into.
#[must_use]
pub fn field(token: &str) -> Field {
    match parameter(token, "header") {
        Some(_) => Field::PaymentAuthorization,
        None => Field::Authorization,
    }
}

/// The Unix second in which the challenge of this token expires. Its credential must not be sent any more then.
#[must_use]
pub fn expires_at(token: &str) -> Option<u64> {
    Some(time::read(&parameter(token, "expires")?)?.0)
}

/// The digest of the one body that this token is for. `None`: it is for any.
#[must_use]
pub fn bound_to(token: &str) -> Option<String> {
    parameter(token, "digest")
}

/// The receipt in a `Payment-Receipt` header, as its JSON text (draft-lightning-charge-00, section Receipt Generation).
/// `None`: it is no receipt, or names another payment than this. That of a session names the session.
#[must_use]
pub fn attested(header: &str, token: &str, reference: &PaymentHash) -> Option<String> {
    let (text, receipt) = decode(header)?;
    let says = |name| receipt.get(name).and_then(Json::as_str);
    let is_ours = says("status") == Some("success")
        && says("method") == Some("lightning")
        && says("reference") == Some(&reference.to_hex())
        // a server may leave it out, and each request that draws on a session has another
        && (challenge_of(token) != token || receipt.get("challengeId").is_none_or(|id| id.as_str() == parameter(token, "id").as_deref()));
    is_ours.then_some(text)
}

/// A parameter of the challenge that a token echoes.
fn parameter(token: &str, name: &str) -> Option<String> {
    let (_, json) = decode(challenge_of(token))?;
    Some(json.get("challenge")?.get(name)?.as_str()?.to_owned())
}
