//! Signed invoices for any terms, by lightning-invoice, and the recovery of their signers by secp256k1.
#![allow(dead_code)] // each test uses a part

use bitcoin::hashes::{sha256, Hash};
use bitcoin::secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use l402_fetch::wire::signature::Signature;
use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret};
use std::time::{Duration, Instant};

/// The preimage of every invoice made here.
pub const PREIMAGE: [u8; 32] = [0x42; 32];

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(bytes).to_byte_array()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone)]
pub struct Terms {
    pub currency: Currency,
    pub msat: Option<u64>,
    /// `None`: a description in plain text.
    pub description_hash: Option<[u8; 32]>,
    pub timestamp: u64,
    pub expiry: Option<u64>,
    /// The private key that signs, as a small number.
    pub key: u8,
    /// The private key whose public key the invoice names as its payee.
    pub payee: Option<u8>,
}

fn secret(key: u8) -> SecretKey {
    let mut bytes = [0; 32];
    bytes[31] = key;
    SecretKey::from_slice(&bytes).unwrap()
}

pub fn public(key: u8) -> [u8; 33] {
    PublicKey::from_secret_key(&Secp256k1::new(), &secret(key)).serialize()
}

impl Terms {
    pub fn sign(&self) -> String {
        let builder = InvoiceBuilder::new(self.currency.clone());
        let builder = match self.description_hash {
            Some(hash) => builder.description_hash(sha256::Hash::from_byte_array(hash)),
            None => builder.description("in plain text".to_owned()),
        };
        let mut builder = builder
            .payment_hash(sha256::Hash::hash(&PREIMAGE))
            .payment_secret(PaymentSecret([0x11; 32]))
            .duration_since_epoch(Duration::from_secs(self.timestamp))
            .min_final_cltv_expiry_delta(18);
        if let Some(msat) = self.msat {
            builder = builder.amount_milli_satoshis(msat);
        }
        if let Some(expiry) = self.expiry {
            builder = builder.expiry_time(Duration::from_secs(expiry));
        }
        if let Some(payee) = self.payee {
            builder = builder.payee_pub_key(PublicKey::from_slice(&public(payee)).unwrap());
        }
        let raw = builder.build_raw().unwrap();
        let sign = |hash: &Message| Ok::<_, ()>(Secp256k1::new().sign_ecdsa_recoverable(hash, &secret(self.key)));
        raw.sign(sign).unwrap().to_string()
    }
}

/// The key that a signature was made with.
pub fn recover(signature: &Signature) -> Option<[u8; 33]> {
    let id = RecoveryId::from_i32(signature.recovery_id.into()).ok()?;
    let signed = RecoverableSignature::from_compact(&signature.compact, id).ok()?;
    let key = Secp256k1::new().recover_ecdsa(&Message::from_digest(signature.digest), &signed).ok()?;
    Some(key.serialize())
}

/// Work that grows no faster than its input: four times as much takes less than ten times as long, where a square
/// takes sixteen times. Other programs only slow things down, so the best of many tries counts. It ends early
/// once it is good.
pub fn assert_linear(name: &str, small: &dyn Fn(), large: &dyn Fn()) {
    let time = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let mut best = [Duration::MAX; 2];
    for tries in 1..=100 {
        for (best, work) in best.iter_mut().zip([small, large]) {
            *best = time(work).min(*best);
        }
        if tries >= 3 && best[1] < best[0] * 10 {
            return;
        }
    }
    panic!("{name}: {:?}, then {:?} for four times as much", best[0], best[1]);
}
