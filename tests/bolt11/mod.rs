//! What must hold for any text that is read as an invoice, with lightning-invoice as the independent reader. The
//! property tests and the fuzz target share it.
#![allow(clippy::string_slice)] // what either reader takes for an invoice is ASCII

use bitcoin::hashes::Hash;
use l402_fetch::wire::invoice::{Invoice, Network, MAX_LENGTH};
use l402_fetch::Code;
use lightning_invoice::{Currency, SignedRawBolt11Invoice, TaggedField};

/// Reads an invoice, and compares it with what lightning-invoice made of the same text: none where it refused it.
pub fn check(given: &str, theirs: Option<SignedRawBolt11Invoice>) {
    let invoice = match Invoice::decode(given) {
        Ok(invoice) => invoice,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidInvoice);
            return assert!(theirs.is_none_or(|theirs| may_be_refused(given, &theirs)), "refused: {}", error.message());
        }
    };
    assert!(given.len() <= MAX_LENGTH && invoice.payment_request == given);
    const SAFE: u64 = (1 << 53) - 1;
    assert!(invoice.expires_at <= SAFE && invoice.timestamp <= invoice.expires_at);
    assert!(invoice.amount_msat.is_none_or(|msat| (1..=SAFE).contains(&msat)));

    // the text may be of either case, never of both
    for same in [given.to_ascii_lowercase(), given.to_ascii_uppercase()] {
        let again = Invoice::decode(&same).expect("the other case is the same invoice");
        assert_eq!(Invoice { payment_request: given.to_owned(), ..again }, invoice);
    }
    let mixed = format!("{}{}", given[..2].to_ascii_lowercase(), given[2..].to_ascii_uppercase());
    assert!(Invoice::decode(&mixed).is_err());

    // lightning-invoice also refuses keys, routes and signatures that are malformed: those are the wallet's business
    let Some(theirs) = theirs else { return };
    let raw = theirs.raw_invoice();
    let network = match raw.hrp.currency {
        Currency::Bitcoin => Network::Bitcoin,
        Currency::BitcoinTestnet => Network::Testnet,
        Currency::Signet => Network::Signet,
        Currency::Regtest => Network::Regtest,
        Currency::Simnet => Network::Simnet,
    };
    assert_eq!(invoice.network, network);
    assert_eq!(invoice.amount_msat, raw.amount_pico_btc().map(|tenths| tenths / 10));
    assert_eq!(Some(*invoice.payment_hash.as_bytes()), raw.payment_hash().map(|hash| hash.0.to_byte_array()));
    assert_eq!(invoice.description, raw.description().map(|text| text.as_inner().0.clone()));
    assert_eq!(invoice.description_hash, raw.description_hash().map(|hash| hash.0.to_byte_array()));
    assert_eq!(invoice.payee, raw.payee_pub_key().map(|key| key.serialize()));
    assert_eq!(invoice.timestamp, raw.data.timestamp.as_unix_timestamp());
    let expiry = raw.expiry_time().map_or(3600, |expiry| expiry.as_seconds());
    assert_eq!(invoice.expires_at, invoice.timestamp.saturating_add(expiry).min(SAFE));
}

/// Whether a field is missing that must be there, or one is there twice that may be there once. lightning-invoice does
/// not check that at this stage.
fn repeats_or_lacks_a_field(invoice: &SignedRawBolt11Invoice) -> bool {
    let count =
        |fits: fn(&TaggedField) -> bool| invoice.raw_invoice().known_tagged_fields().filter(|f| fits(f)).count();
    count(|field| matches!(field, TaggedField::PaymentHash(_))) != 1
        || count(|field| matches!(field, TaggedField::Description(_) | TaggedField::DescriptionHash(_))) != 1
        || count(|field| matches!(field, TaggedField::PayeePubKey(_))) > 1
        || count(|field| matches!(field, TaggedField::ExpiryTime(_))) > 1
        || count(|field| matches!(field, TaggedField::Features(_))) > 1
        || count(|field| matches!(field, TaggedField::PaymentSecret(_))) > 1
        || count(|field| matches!(field, TaggedField::MinFinalCltvExpiryDelta(_))) > 1
        || count(|field| matches!(field, TaggedField::PaymentMetadata(_))) > 1
}

/// Whether this is one of the places where `src/wire/invoice.rs` says that it is stricter than lightning-invoice's
/// first stage.
fn may_be_refused(given: &str, theirs: &SignedRawBolt11Invoice) -> bool {
    let raw = theirs.raw_invoice();
    let tenths = raw.amount_pico_btc();
    let amount = given[2..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
    given.len() > MAX_LENGTH
        || repeats_or_lacks_a_field(theirs)
        || amount.starts_with('0')
        || (raw.hrp.raw_amount.is_some() && tenths.is_none_or(|tenths| tenths % 10 != 0 || tenths / 10 >= 1 << 53))
}
