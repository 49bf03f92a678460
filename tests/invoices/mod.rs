//! Signed invoices for any terms, by lightning-invoice.
#![allow(dead_code)] // each test uses a part

pub mod signer;

use bitcoin::hashes::{sha256, Hash};
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The preimage of every invoice made here.
pub const PREIMAGE: [u8; 32] = [0x42; 32];

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(bytes).to_byte_array()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A member of a vector that is a text.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}"))
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

/// Work that grows no faster than its input. So to do what is four times as large takes about as long as to do the
/// small four times, where a square takes four times as long. Other programs only slow things down, so the best of
/// several tries counts.
pub fn assert_linear(name: &str, small: &dyn Fn(), large: &dyn Fn()) {
    let time = |times: u32, work: &dyn Fn()| {
        let start = (cpu_time(), Instant::now());
        (0..times).for_each(|_| work());
        match (start.0, cpu_time()) {
            (Some(start), Some(end)) => end - start,
            _ => start.1.elapsed(),
        }
    };
    // long enough for any clock
    let mut times = 1;
    while time(times, large) < Duration::from_millis(40) {
        times *= 2;
    }
    let mut best = [Duration::MAX; 2];
    for _ in 0..8 {
        best = [time(times * 4, small).min(best[0]), time(times, large).min(best[1])];
        if best[1] * 2 < best[0] * 5 {
            return;
        }
    }
    panic!("{name}: {:?}, then {:?} for four times as much", best[0], best[1]);
}

/// The time that this thread was on a CPU, where Linux tells it. It is told at each tick, every few milliseconds.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}
