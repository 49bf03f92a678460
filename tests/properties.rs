//! What must hold for any input: no parser panics, and what other implementations write is read as they meant it.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod bech32;
mod bolt11;

use bitcoin::hashes::{sha256, Hash};
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use l402_fetch::text::json::Json;
use l402_fetch::wire::challenge::{self, Protocol};
use l402_fetch::wire::invoice::{Invoice, Network};
use l402_fetch::wire::macaroon as ours;
use l402_fetch::wire::macaroon::Macaroon;
use l402_fetch::wire::mpp;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::wire::refusal::Refusal;
use l402_fetch::wire::signature::Signature;
use l402_fetch::wire::x402::{self, PaymentRequired};
use l402_fetch::Code;
use lightning_invoice::{Bolt11Invoice, Currency, InvoiceBuilder, PaymentSecret};
use macaroon::{ByteString, Format, MacaroonKey, Verifier};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;
use std::time::Duration;

/// Everything that reads a stranger's text, on this text.
fn read_all(text: &str) {
    if let Err(error) = challenge::parse(text) {
        assert_eq!(error.code(), Code::InvalidChallenge);
    }
    if let Err(error) = Invoice::decode(text) {
        assert_eq!(error.code(), Code::InvalidInvoice);
    }
    if let Err(error) = Macaroon::decode(text) {
        assert_eq!(error.code(), Code::InvalidMacaroon);
    }
    if let Err(error) = ours::attenuate(text, &["a=b"]) {
        assert_eq!(error.code(), Code::InvalidMacaroon);
    }
    if let Err(error) = Preimage::prove(text, &[0; 32].into()) {
        assert!([Code::NoPreimage, Code::WrongPreimage].contains(&error.code()));
    }
    if let Err(error) = ours::decode_parts(text) {
        assert_eq!(error.code(), Code::InvalidMacaroon);
    }
    let _ = Json::parse(text);
    for charge in mpp::charges(&challenge::read(text).0) {
        let checked = charge.and_then(|charge| charge.check(None));
        if let Err(error) = checked {
            let known = [Code::InvalidChallenge, Code::InvalidInvoice, Code::HashMismatch, Code::BodyNotReplayable];
            assert!(known.contains(&error.code()));
        }
    }
    if let Err(error) = PaymentRequired::decode(text).and_then(|_| PaymentRequired::parse(text.to_owned())) {
        assert_eq!(error.code(), Code::InvalidChallenge);
    }
    if let Err(error) = Signature::of(text) {
        assert_eq!(error.code(), Code::InvalidInvoice);
    }
    let hash = [0; 32].into();
    let _ = (mpp::attested(text, text, &hash), x402::attested(text, &hash), mpp::expires_at(text));
    let _ = (Refusal::of_problem(text), Refusal::of_x402(Some(text), Some(text)));
}

/// A text with some characters replaced, removed or repeated.
fn mutated(text: &str, changes: &[(Index, u8, char)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, kind, character) in changes {
        if characters.is_empty() {
            break;
        }
        let at = place.index(characters.len());
        match kind % 4 {
            0 => characters[at] = *character,
            1 => drop(characters.remove(at)),
            2 => characters.insert(at, *character),
            _ => characters.truncate(at),
        }
    }
    characters.into_iter().collect()
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8, char)>> {
    let character = prop_oneof![
        any::<char>(),
        proptest::sample::select("\"'\\,;= \t\r\n\0{}[]:01Aa+/-_".chars().collect::<Vec<_>>())
    ];
    proptest::collection::vec((any::<Index>(), any::<u8>(), character), 1..4)
}

static VALID: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    let challenges: serde_json::Value = serde_json::from_str(include_str!("vectors/challenges.json")).unwrap();
    for entry in challenges.as_array().unwrap() {
        for text in [&entry["header"], &entry["expect"]["token"], &entry["expect"]["invoice"]] {
            texts.extend(text.as_str().filter(|text| text.len() < 10_000).map(str::to_owned));
        }
    }
    for format in [Format::V1, Format::V2, Format::V2JSON] {
        texts.push(minted(b"identifier", &["a=b".to_owned()], true).serialize(format).unwrap());
    }
    texts
});

fn minted(identifier: &[u8], caveats: &[String], third_party: bool) -> macaroon::Macaroon {
    let mut minted = macaroon::Macaroon::create(Some("here".into()), &key(), identifier.to_vec().into()).unwrap();
    for caveat in caveats {
        minted.add_first_party_caveat(caveat.as_str().into());
    }
    if third_party {
        minted.add_third_party_caveat("elsewhere", &MacaroonKey::generate(b"other"), "ticket=1".into());
    }
    minted
}

fn signature(minted: &macaroon::Macaroon) -> [u8; 32] {
    *AsRef::<[u8; 32]>::as_ref(&minted.signature())
}

fn key() -> MacaroonKey {
    MacaroonKey::generate(b"root key")
}

fn node() -> SecretKey {
    SecretKey::from_slice(&[0x42; 32]).unwrap()
}

/// An invoice by lightning-invoice. A description of `None` is one by hash.
fn issued(
    currency: Currency,
    hash: [u8; 32],
    msat: Option<u64>,
    description: Option<String>,
    timestamp: u64,
    expiry: Option<u64>,
    payee: bool,
) -> Bolt11Invoice {
    let builder = InvoiceBuilder::new(currency);
    let builder = match description {
        Some(text) => builder.invoice_description(lightning_invoice::Bolt11InvoiceDescription::Direct(
            lightning_invoice::Description::new(text).unwrap(),
        )),
        None => builder.invoice_description(lightning_invoice::Bolt11InvoiceDescription::Hash(
            lightning_invoice::Sha256(sha256::Hash::hash(b"long")),
        )),
    };
    let mut builder = builder
        .payment_hash(sha256::Hash::from_byte_array(hash))
        .payment_secret(PaymentSecret([5; 32]))
        .duration_since_epoch(Duration::from_secs(timestamp))
        .min_final_cltv_expiry_delta(18);
    if let Some(msat) = msat {
        builder = builder.amount_milli_satoshis(msat);
    }
    if let Some(seconds) = expiry {
        builder = builder.expiry_time(Duration::from_secs(seconds));
    }
    if payee {
        builder = builder.payee_pub_key(PublicKey::from_secret_key(&Secp256k1::new(), &node()));
    }
    builder.build_signed(|digest| Secp256k1::new().sign_ecdsa_recoverable(digest, &node())).unwrap()
}

const NETWORKS: [(Currency, Network); 5] = [
    (Currency::Bitcoin, Network::Bitcoin),
    (Currency::BitcoinTestnet, Network::Testnet),
    (Currency::Signet, Network::Signet),
    (Currency::Regtest, Network::Regtest),
    (Currency::Simnet, Network::Simnet),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        read_all(&text);
    }

    #[test]
    fn no_text_of_likely_characters_panics(text in "[\"'\\\\,;= \t\r\n{}\\[\\]:a-c0-3+/_A-C-]{0,64}") {
        read_all(&text);
        read_all(&format!("L402 token={text}"));
        read_all(&format!("lnbc{text}1qqqqqq"));
    }

    #[test]
    fn no_bytes_panic_behind_base64(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in 0usize..4) {
        let start = [&b"\x02\x02\x02id\x00"[..], b"0012location x\n", b"{\"v\":2,\"i\":\"", b""][first];
        read_all(&base64(&[start, &bytes].concat()));
    }

    #[test]
    fn no_mutation_of_a_good_text_panics(which in any::<Index>(), changes in changes()) {
        read_all(&mutated(&VALID[which.index(VALID.len())], &changes));
    }

    #[test]
    fn invoices_are_read_as_their_maker_meant(
        network in 0usize..5,
        hash in any::<[u8; 32]>(),
        msat in proptest::option::of(1u64..1 << 53),
        description in proptest::option::of("\\PC{0,100}"),
        timestamp in 0u64..1 << 35,
        expiry in proptest::option::of(0u64..1 << 40),
        payee in any::<bool>(),
    ) {
        let (currency, network) = NETWORKS[network].clone();
        let text = issued(currency, hash, msat, description.clone(), timestamp, expiry, payee).to_string();
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &node()).serialize();
        prop_assert_eq!(Invoice::decode(&text).unwrap(), Invoice {
            payment_request: text,
            network,
            amount_msat: msat,
            payment_hash: hash.into(),
            description_hash: description.is_none().then(|| sha256::Hash::hash(b"long").to_byte_array()),
            description,
            payee: payee.then_some(key),
            timestamp,
            expires_at: timestamp + expiry.unwrap_or(3600),
            takes_amp: false,
        });
    }

    /// Fields changed at random, with a checksum that is right again: what lightning-invoice reads we read, and the
    /// same.
    #[test]
    fn changed_fields_are_read_as_lightning_invoice_reads_them(
        description in proptest::option::of("[a-z☃]{0,20}"),
        changes in proptest::collection::vec((any::<Index>(), 0u8..3, 0u8..32), 1..4),
    ) {
        let invoice = issued(Currency::Regtest, [7; 32], Some(1000), description, 1_790_000_000, Some(60), true);
        let text = invoice.to_string();
        let (prefix, _) = text.rsplit_once('1').unwrap();
        let mut groups = bech32::groups(&text);
        for (place, kind, value) in &changes {
            let at = place.index(groups.len() - 104);
            match kind {
                0 => groups[at] = *value,
                1 => drop(groups.remove(at)),
                _ => groups.insert(at, *value),
            }
        }
        let text = bech32::bech32(prefix, &groups, 1);
        bolt11::check(&text, text.parse().ok());
    }

    #[test]
    fn macaroons_are_read_as_their_maker_meant(
        identifier in proptest::collection::vec(any::<u8>(), 1..200),
        caveats in proptest::collection::vec("[a-z]{1,8}( ?= ?[a-z0-9]{1,8})?", 0..5),
        third_party in any::<bool>(),
    ) {
        let minted = minted(&identifier, &caveats, third_party);
        for (format, version) in [(Format::V1, 1), (Format::V2, 2), (Format::V2JSON, 2)] {
            let macaroon = Macaroon::decode(&minted.serialize(format).unwrap()).unwrap();
            prop_assert_eq!(macaroon.version, version);
            prop_assert_eq!(macaroon.location.as_deref(), Some("here"));
            prop_assert_eq!(&macaroon.identifier, &identifier);
            prop_assert_eq!(macaroon.signature, signature(&minted));
            let raw: Vec<&str> = macaroon.caveats.iter().map(|caveat| caveat.raw.as_str()).collect();
            let own = caveats.iter().map(String::as_str);
            let expected: Vec<&str> = own.chain(third_party.then_some("ticket=1")).collect();
            prop_assert_eq!(raw, expected);
        }
    }

    /// Whatever joins and follows macaroons: each of them is found, and nothing else is.
    #[test]
    fn every_macaroon_of_a_token_is_found(
        list in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 1..80), 0usize..3, any::<bool>()),
            1..5,
        ),
        joint in proptest::sample::select(vec!["", "", ",", ", ", "=", "==", ".", ":", ";", "~"]),
        bytewise in any::<bool>(),
        behind in proptest::sample::select(vec![&b""[..], b"\n", b"\0", b"x", b"\x02\x02"]),
    ) {
        let texts: Vec<String> = list
            .iter()
            .map(|(identifier, format, _)| {
                let format = match format {
                    0 => Format::V1,
                    1 => Format::V2,
                    _ => Format::V2JSON,
                };
                minted(identifier, &["a=b".to_owned()], false).serialize(format).unwrap()
            })
            .collect();
        // the crate writes bare JSON, and the others in URL-safe base64
        let bytes = texts.iter().map(|text| match text.as_bytes() {
            json @ [b'{', ..] => json.to_vec(),
            _ => ::base64::decode_config(text.trim_end_matches('='), ::base64::URL_SAFE_NO_PAD).unwrap(),
        });
        let token = if bytewise {
            base64(&[&bytes.collect::<Vec<_>>().concat()[..], behind].concat())
        } else {
            let written = bytes.zip(&list).map(|(bytes, (_, _, url))| {
                if *url { ::base64::encode_config(bytes, ::base64::URL_SAFE_NO_PAD) } else { base64(&bytes) }
            });
            written.collect::<Vec<_>>().join(joint)
        };
        let parts = ours::decode_parts(&token).unwrap();
        let found: Vec<_> = parts.into_iter().map(|macaroon| macaroon.identifier).collect();
        prop_assert_eq!(found, list.into_iter().map(|(identifier, ..)| identifier).collect::<Vec<_>>());
    }

    /// A narrowed token is the one its mint would have made, verifies there, and only with the new caveats met.
    #[test]
    fn narrowed_macaroons_verify_at_the_mint(
        identifier in proptest::collection::vec(any::<u8>(), 1..200),
        caveats in proptest::collection::vec("[a-z]{1,8}=[a-z]{1,8}", 0..3),
        added in proptest::collection::vec("[a-zé☃]{1,8}( = |=)\\PC{0,200}", 1..4),
    ) {
        let minted = minted(&identifier, &caveats, false);
        for format in [Format::V1, Format::V2, Format::V2JSON] {
            let token = minted.serialize(format).unwrap();
            let added: Vec<&str> = added.iter().map(String::as_str).collect();
            let narrowed = ours::attenuate(&token, &added).unwrap();
            prop_assert_eq!(narrowed.starts_with('{'), token.starts_with('{'));

            let theirs = macaroon::Macaroon::deserialize(&narrowed).unwrap();
            let satisfied = |caveats: &[&str]| {
                let mut verifier = Verifier::default();
                for caveat in caveats {
                    verifier.satisfy_exact(ByteString::from(*caveat));
                }
                verifier.verify(&theirs, &key(), Vec::new()).is_ok()
            };
            let old: Vec<&str> = caveats.iter().map(String::as_str).collect();
            prop_assert!(satisfied(&[&old[..], &added].concat()));
            prop_assert!(!satisfied(&old) || added.iter().all(|caveat| old.contains(caveat)));

            let mut expected = minted.clone();
            for caveat in &added {
                expected.add_first_party_caveat(ByteString::from(*caveat));
            }
            prop_assert_eq!(&theirs, &expected);
            let read = Macaroon::decode(&narrowed).unwrap();
            prop_assert_eq!(read.signature, signature(&expected));
            prop_assert_eq!(read.caveats.len(), caveats.len() + added.len());
        }
    }

    /// Whatever is written by the rules of RFC 9110 is read back, whichever separators stand between.
    #[test]
    fn well_written_challenges_are_read_back(
        list in proptest::collection::vec(
            (
                "[A-Za-z][A-Za-z0-9-]{0,8}",
                proptest::collection::btree_map("[a-z_]{1,8}", "[ -~éß]{0,20}", 1..6),
                proptest::sample::select(vec![", ", ",", " , ", "; ", " ", ",,"]),
            ),
            0..5,
        ),
        offer in any::<Option<(bool, bool)>>(),
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut written = Vec::new();
        let mut expected = Vec::new();
        for (scheme, params, separator) in &list {
            if ["l402", "lsat"].contains(&scheme.to_lowercase().as_str()) {
                continue;
            }
            let text: Vec<String> = params.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            written.push(format!("{scheme} {}", text.join(separator)));
            expected.push((scheme.clone(), params.clone().into_iter().collect::<Vec<_>>(), None));
        }
        if let Some((first, lsat)) = offer {
            let (scheme, protocol) = if lsat { ("LSAT", Protocol::Lsat) } else { ("L402", Protocol::L402) };
            let at = if first { 0 } else { written.len() };
            written.insert(at, format!("{scheme} macaroon=\"t==\", invoice=lnbc1"));
            let params = vec![("macaroon".to_owned(), "t==".to_owned()), ("invoice".to_owned(), "lnbc1".to_owned())];
            expected.insert(at, (scheme.to_owned(), params, Some(protocol)));
        }
        let read = challenge::parse(&written.join(", ")).unwrap();
        let read: Vec<_> = read.into_iter().map(|c| (c.scheme, c.params, c.offer.map(|o| o.protocol))).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(
        text in "[\\[\\]{}\",:0-9.eE+\\-\\\\ua-f tnrsl]{0,24}",
        wrap in any::<bool>(),
    ) {
        let text = if wrap { format!("[{text}]") } else { text };
        match (Json::parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(own), Ok(theirs)) => {
                let again: serde_json::Value = serde_json::from_str(&own.to_text()).unwrap();
                prop_assert_eq!(again, theirs);
            }
            (Err(why), Ok(_)) => prop_assert_eq!(why, "the json repeats a name"),
            (Ok(_), Err(error)) => prop_assert!(error.to_string().starts_with("number out of range"), "{error}"),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn json_that_serde_json_writes_is_read_back(value in json_values()) {
        let text = value.to_string();
        let own = Json::parse(&text).unwrap();
        prop_assert_eq!(own.to_text().parse::<serde_json::Value>().unwrap(), value);
        prop_assert_eq!(Json::parse(&own.to_text()).unwrap(), own);
    }
}

fn json_values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Standard, padded.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect();
    let digit = |six: &[u8]| (0..6).fold(0, |sum, i| sum << 1 | usize::from(six.get(i).copied().unwrap_or(0)));
    let mut text: String = bits.chunks(6).map(|six| char::from(DIGITS[digit(six)])).collect();
    text.extend(std::iter::repeat_n('=', text.len().next_multiple_of(4) - text.len()));
    text
}
