//! Recovers the signer of an invoice by the crate `bitcoin`.

use bitcoin::secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use bitcoin::secp256k1::{Message, Secp256k1};
use l402_fetch::wire::signature::Signature;

/// The key that a signature was made with.
pub fn recover(signature: &Signature) -> Option<[u8; 33]> {
    let id = RecoveryId::from_i32(signature.recovery_id.into()).ok()?;
    let signed = RecoverableSignature::from_compact(&signature.compact, id).ok()?;
    let key = Secp256k1::new().recover_ecdsa(&Message::from_digest(signature.digest), &signed).ok()?;
    Some(key.serialize())
}
