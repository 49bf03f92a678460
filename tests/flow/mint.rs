//! Invoices by the crate `lightning-invoice` and macaroons by the crate `macaroon`. So our own code does not make the
//! texts that it is tested with.

use bitcoin::hashes::{sha256, Hash as _};
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use l402_fetch::wire::payment_hash::PaymentHash;
use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret, RawTaggedField, TaggedField};
use lightning_types::features::Bolt11InvoiceFeatures;
use macaroon::{Format, Macaroon, MacaroonKey};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

/// The terms of an offer.
#[derive(Clone)]
pub struct Terms {
    pub network: Currency,
    pub amount_msat: Option<u64>,
    pub expiry_s: u64,
    pub caveats: Vec<String>,
    /// The macaroon commits to another hash.
    pub mismatch: bool,
    /// A change of the invoice's fields before it is signed.
    pub fields: fn(&mut Vec<RawTaggedField>),
    /// The hash of its description, in place of one.
    pub description_hash: Option<[u8; 32]>,
    /// The number of the invoice's preimage. `None`: a fresh preimage.
    pub preimage: Option<u64>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            network: Currency::Bitcoin,
            amount_msat: Some(10_000),
            expiry_s: 3600,
            caveats: Vec::new(),
            mismatch: false,
            fields: |_| {},
            description_hash: None,
            preimage: None,
        }
    }
}

#[derive(Clone)]
pub struct Offer {
    pub token: String,
    pub invoice: String,
    /// Hex.
    pub hash: PaymentHash,
    /// Hex.
    pub preimage: String,
}

impl Offer {
    pub fn header(&self) -> String {
        format!(r#"L402 version="0", token="{}", invoice="{}""#, self.token, self.invoice)
    }
}

#[derive(Default)]
pub struct Mint {
    made: Cell<u64>,
    preimages: RefCell<HashMap<PaymentHash, String>>,
}

impl Mint {
    fn number(&self) -> u64 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    /// The preimage (hex) of a payment hash of ours.
    pub fn preimage(&self, hash: &PaymentHash) -> Option<String> {
        self.preimages.borrow().get(hash).cloned()
    }

    pub fn offer(&self, terms: &Terms, now_ms: u64) -> Offer {
        let number = self.number();
        let preimage = bytes(terms.preimage.unwrap_or(number));
        let hash = sha256::Hash::hash(&preimage);
        let (payment_hash, preimage_hex) = (PaymentHash::from(hash.to_byte_array()), hex(&preimage));
        self.preimages.borrow_mut().insert(payment_hash, preimage_hex.clone());

        let mut builder = InvoiceBuilder::new(terms.network.clone())
            .description("api call".into())
            .payment_hash(hash)
            .payment_secret(PaymentSecret(bytes(number)))
            .duration_since_epoch(Duration::from_secs(now_ms / 1000))
            .min_final_cltv_expiry_delta(144)
            .expiry_time(Duration::from_secs(terms.expiry_s));
        if let Some(amount) = terms.amount_msat {
            builder = builder.amount_milli_satoshis(amount);
        }
        let mut raw = builder.build_raw().unwrap();
        if let Some(hash) = terms.description_hash {
            drop(&mut raw.data.tagged_fields, |field| matches!(field, TaggedField::Description(_)));
            let hash = lightning_invoice::Sha256(sha256::Hash::from_byte_array(hash));
            add(&mut raw.data.tagged_fields, TaggedField::DescriptionHash(hash));
        }
        (terms.fields)(&mut raw.data.tagged_fields);
        let node = SecretKey::from_slice(&[7; 32]).unwrap();
        let invoice = raw
            .sign(|message| Ok::<_, ()>(Secp256k1::signing_only().sign_ecdsa_recoverable(message, &node)))
            .unwrap()
            .to_string();

        let committed = if terms.mismatch { bytes(number) } else { hash.to_byte_array() };
        let identifier = [&[0, 0], &committed[..], &bytes(number)[..]].concat();
        let mut token = Macaroon::create(None, &MacaroonKey::generate(b"root"), identifier.into()).unwrap();
        for caveat in &terms.caveats {
            token.add_first_party_caveat(caveat.as_str().into());
        }
        Offer { token: token.serialize(Format::V2).unwrap(), invoice, hash: payment_hash, preimage: preimage_hex }
    }
}

/// Adds a field after all others.
pub fn add(fields: &mut Vec<RawTaggedField>, field: TaggedField) {
    fields.push(RawTaggedField::KnownSemantics(field));
}

/// Fields without those of this kind.
pub fn drop(fields: &mut Vec<RawTaggedField>, fits: fn(&TaggedField) -> bool) {
    fields.retain(|field| !matches!(field, RawTaggedField::KnownSemantics(known) if fits(known)));
}

/// Only these feature bits.
pub fn set_features(fields: &mut Vec<RawTaggedField>, bits: &[usize]) {
    drop(fields, |field| matches!(field, TaggedField::Features(_)));
    let mut features = Bolt11InvoiceFeatures::empty();
    for bit in bits {
        match bit % 2 {
            0 => features.set_required_feature_bit(*bit).unwrap(),
            _ => features.set_optional_feature_bit(*bit).unwrap(),
        }
    }
    add(fields, TaggedField::Features(features));
}

/// The key of the node that signs every invoice, in hex.
pub fn node() -> String {
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    hex(&bitcoin::secp256k1::PublicKey::from_secret_key(&Secp256k1::new(), &key).serialize())
}

fn bytes(number: u64) -> [u8; 32] {
    sha256::Hash::hash(&number.to_be_bytes()).to_byte_array()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
