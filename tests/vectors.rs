//! What real servers, lnd and aperture sent, against what this crate makes of it.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use l402_fetch::wire::challenge::{self, Challenge, Protocol};
use l402_fetch::wire::invoice::{Invoice, Network};
use l402_fetch::wire::macaroon::{self, Commitment, Macaroon};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::{Code, Error};
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The offer that stands first in the order of preference.
fn best(challenges: &[Challenge]) -> Option<&challenge::Offer> {
    let offers = || challenges.iter().filter_map(|c| c.offer.as_ref());
    Protocol::ALL.iter().find_map(|protocol| offers().find(|offer| offer.protocol == *protocol))
}

#[test]
fn challenges() {
    let entries = read(include_str!("vectors/challenges.json"));
    let mut kinds = [("l402", 0), ("lsat", 0), ("none", 0), ("refused", 0), ("later", 0)];
    for entry in entries.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let expect = &entry["expect"];
        let parsed = challenge::parse(entry["header"].as_str().unwrap());
        let at_parsing = expect["note"].as_str().unwrap().contains("[stage:parse]");
        let kind = match expect["kind"].as_str().unwrap() {
            // the Payment scheme has no offer yet
            _ if name.starts_with("mpp") || expect["kind"] == "mpp" => {
                let challenges = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(best(&challenges), None, "{name}");
                assert!(challenges.iter().any(|c| c.scheme.eq_ignore_ascii_case("payment")), "{name}");
                "later"
            }
            "error" if at_parsing => {
                assert_eq!(parsed.map_err(|error| error.code()), Err(Code::InvalidChallenge), "{name}");
                "refused"
            }
            "none" => {
                assert_eq!(best(&parsed.unwrap()), None, "{name}");
                "none"
            }
            kind => {
                let challenges = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
                let offer = best(&challenges).unwrap_or_else(|| panic!("{name}: no offer"));
                if kind != "error" {
                    assert_eq!(offer.protocol.as_str(), kind, "{name}");
                }
                if let Some(token) = expect["token"].as_str() {
                    assert_eq!(offer.token, token, "{name}");
                    assert_eq!(offer.invoice, expect["invoice"].as_str().unwrap(), "{name}");
                }
                offer.protocol.as_str()
            }
        };
        kinds.iter_mut().find(|(k, _)| *k == kind).unwrap().1 += 1;
    }
    assert_eq!(kinds, [("l402", 27), ("lsat", 1), ("none", 5), ("refused", 11), ("later", 7)]);
}

/// The entries whose fault lies deeper than the header: what the flow will find.
#[test]
fn challenges_that_fail_later() {
    let entries = read(include_str!("vectors/challenges.json"));
    let entry = |name: &str| {
        let entry = entries.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
        best(&challenge::parse(entry["header"].as_str().unwrap()).unwrap()).unwrap().clone()
    };
    for (name, message) in [
        ("bad-checksum", "the invoice's checksum is wrong: it was mistyped, cut or changed"),
        ("mixed-case-invoice", "the invoice mixes upper and lower case"),
        ("sub-msat-pico", "the invoice's amount is not a whole number of millisatoshis"),
    ] {
        let error = Invoice::decode(&entry(name).invoice).unwrap_err();
        assert_eq!(error, Error::new(Code::InvalidInvoice, message), "{name}");
    }
    assert_eq!(Invoice::decode(&entry("huge-amount").invoice).unwrap().amount_msat, Some(2_100_000_000_000));
    assert_eq!(Invoice::decode(&entry("mainnet-invoice").invoice).unwrap().network, Network::Bitcoin);
    assert_eq!(Invoice::decode(&entry("expired-invoice").invoice).unwrap().expires_at, 1_600_003_600);
    for (name, commits) in [
        ("macaroon-commits-to-other-hash", Commitment::AnotherInvoice),
        ("unknown-identifier-version", Commitment::Unknown),
    ] {
        let offer = entry(name);
        let hash = Invoice::decode(&offer.invoice).unwrap().payment_hash;
        assert_eq!(Macaroon::decode(&offer.token).unwrap().commits_to(&hash), commits, "{name}");
    }
}

/// Tokens of known servers: which can be read, and that those commit to their invoice.
#[test]
fn tokens() {
    let entries = read(include_str!("vectors/challenges.json"));
    let opaque = [
        "alby-no-comma-after-version",
        "l402-kit-json-token",
        "lightning-toll-invoice-first",
        "token-is-payment-hash-hex",
    ];
    let mut read_tokens = 0;
    for entry in entries.as_array().unwrap() {
        let (name, expect) = (entry["name"].as_str().unwrap(), &entry["expect"]);
        if expect["kind"] != "l402" && expect["kind"] != "lsat" || name == "unknown-identifier-version" {
            continue;
        }
        let parts = macaroon::decode_parts(expect["token"].as_str().unwrap()).unwrap();
        if opaque.contains(&name) {
            assert_eq!(parts, [], "{name}");
            continue;
        }
        let hash = Invoice::decode(expect["invoice"].as_str().unwrap()).unwrap().payment_hash;
        assert!(parts.iter().all(|part| part.version == 2), "{name}");
        let commits: Vec<_> = parts.iter().map(|part| part.commits_to(&hash)).collect();
        // of the two tokens in one value only the first is for the invoice
        let two = name == "two-macaroons-comma-in-token";
        assert_eq!(
            commits,
            if two { vec![Commitment::ThisInvoice, Commitment::AnotherInvoice] } else { vec![Commitment::ThisInvoice] },
            "{name}"
        );
        read_tokens += 1;
    }
    assert_eq!(read_tokens, 18);
}

#[test]
fn expiry_caveats_of_known_servers() {
    let entries = read(include_str!("vectors/challenges.json"));
    for name in ["aperture-lsat-then-l402-joined", "spring-l402-plus-payment", "boltwall-hex-identifier"] {
        let entry = entries.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
        let macaroon = Macaroon::decode(entry["expect"]["token"].as_str().unwrap()).unwrap();
        assert_eq!(macaroon.expires_at, Some(2_105_360_000), "{name}");
    }
}

#[test]
fn invoices() {
    let entries = read(include_str!("vectors/invoices.json"));
    let mut refused = Vec::new();
    for (text, expect) in entries.as_object().unwrap() {
        let invoice = match Invoice::decode(text) {
            Ok(invoice) => invoice,
            Err(error) => {
                refused.push(error.message().to_owned());
                continue;
            }
        };
        assert_eq!(invoice.payment_request, *text);
        let hash = PaymentHash::parse(expect["payment_hash"].as_str().unwrap()).unwrap();
        assert_eq!(invoice.payment_hash, hash, "{text}");
        let network = match expect["network"].as_str().unwrap() {
            "bc" => Network::Bitcoin,
            "bcrt" => Network::Regtest,
            other => panic!("{other}"),
        };
        assert_eq!(invoice.network, network, "{text}");
        assert_eq!(invoice.timestamp, expect["timestamp"].as_u64().unwrap(), "{text}");
        assert_eq!(invoice.expires_at, invoice.timestamp + expect["expiry"].as_u64().unwrap(), "{text}");
        assert_eq!(invoice.amount_msat, expect["amount_msat"].as_u64(), "{text}");
        if let Some(preimage) = expect["preimage"].as_str() {
            assert_eq!(Preimage::prove(preimage, &hash).unwrap().to_hex(), preimage, "{text}");
        }
    }
    assert_eq!(refused, ["the invoice's amount is not a whole number of millisatoshis"]);
}

#[test]
fn invoices_of_lnd() {
    let entries = read(include_str!("vectors/lnd-invoices.json"));
    for entry in entries.as_array().unwrap() {
        let (text, lnd) = (entry["invoice"].as_str().unwrap(), &entry["lnd"]);
        let number = |name: &str| lnd[name].as_str().unwrap().parse::<u64>().unwrap();
        let amount = Some(number("num_msat")).filter(|msat| *msat != 0);
        for spelling in [text.to_owned(), text.to_uppercase()] {
            let invoice = Invoice::decode(&spelling).unwrap();
            assert_eq!(
                invoice,
                Invoice {
                    payment_request: spelling,
                    network: Network::Regtest,
                    amount_msat: amount,
                    payment_hash: PaymentHash::parse(lnd["payment_hash"].as_str().unwrap()).unwrap(),
                    description: Some(lnd["description"].as_str().unwrap().to_owned()),
                    description_hash: None,
                    payee: None,
                    timestamp: number("timestamp"),
                    expires_at: number("timestamp") + number("expiry"),
                    takes_amp: false,
                }
            );
        }
    }
    assert_eq!(entries.as_array().unwrap().len(), 9);
}

#[test]
fn aperture() {
    let entries = read(include_str!("vectors/aperture.json"));
    for entry in entries.as_array().unwrap() {
        let challenges = challenge::parse(entry["header"].as_str().unwrap()).unwrap();
        let offers: Vec<_> = challenges.iter().filter_map(|c| c.offer.as_ref()).collect();
        let [lsat, l402] = offers[..] else { panic!("two offers") };
        assert_eq!((lsat.protocol, l402.protocol), (Protocol::Lsat, Protocol::L402));
        assert_eq!((&lsat.token, &lsat.invoice), (&l402.token, &l402.invoice));
        assert_eq!(l402.token, entry["l402"]["macaroon"].as_str().unwrap());

        let invoice = Invoice::decode(&l402.invoice).unwrap();
        assert_eq!(Macaroon::decode(&l402.token).unwrap().commits_to(&invoice.payment_hash), Commitment::ThisInvoice);
        if let Some(hash) = entry["l402"]["paymentHash"].as_str() {
            assert_eq!(invoice.payment_hash.to_hex(), hash);
            let preimage = entry["l402"]["preimage"].as_str().unwrap();
            assert_eq!(Preimage::prove(preimage, &invoice.payment_hash).unwrap().to_hex(), preimage);
        }

        // the parameters of the Payment scheme come through as they were sent
        if let Some(sent) = entry["charge"]["challenge"].as_object() {
            let payment = challenges.iter().find(|c| c.scheme == "Payment").unwrap();
            let params: Vec<_> = payment.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let mut sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            sent.sort_unstable_by_key(|(name, _)| params.iter().position(|(n, _)| n == name));
            assert_eq!(params, sent);
        }
    }
    assert_eq!(entries.as_array().unwrap().len(), 3);
    let macaroon = Macaroon::decode(entries[2]["l402"]["macaroon"].as_str().unwrap()).unwrap();
    assert_eq!(macaroon.location.as_deref(), Some("lsat"));
    assert_eq!(macaroon.expires_at, Some(1_795_353_322));
    let caveats: Vec<_> = macaroon.caveats.iter().map(|c| (c.condition.as_str(), c.value.as_str())).collect();
    assert_eq!(
        caveats,
        [("services", "weather:0"), ("weather_capabilities", "read,write"), ("weather_valid_until", "1795353322")]
    );
}

/// Invoices and macaroons go to JavaScript as JSON text, so this is the shape that `index.d.ts` promises.
#[test]
fn shapes_for_javascript() {
    let entries = read(include_str!("vectors/aperture.json"));
    let l402 = &entries[2]["l402"];
    let text = l402["invoice"].as_str().unwrap();
    let hash = "3df5925a94946a5dcc50220c4287d6ed8c71b26b4fd64dcfbfc5b29fd5ff8dc5";
    assert_eq!(
        read(&Invoice::decode(text).unwrap().to_json()),
        serde_json::json!({
            "paymentRequest": text,
            "network": "simnet",
            "amountMsat": 12_000,
            "amountSat": 12,
            "paymentHash": hash,
            "description": "L402",
            "descriptionHash": null,
            "payee": null,
            "timestamp": 1_795_352_722,
            "expiresAt": 1_795_439_122,
        })
    );
    let macaroon = read(&Macaroon::decode(l402["macaroon"].as_str().unwrap()).unwrap().to_json());
    let id = "fe02843fd03f6979d42652467f5aa15741c070dfb0048f63c78fb7e0c1328bd9";
    assert_eq!(
        macaroon,
        serde_json::json!({
            "version": 2,
            "location": "lsat",
            "identifier": format!("0000{hash}{id}"),
            "paymentHash": hash,
            "tokenId": id,
            "caveats": [
                { "condition": "services", "value": "weather:0", "raw": "services=weather:0" },
                {
                    "condition": "weather_capabilities",
                    "value": "read,write",
                    "raw": "weather_capabilities=read,write"
                },
                { "condition": "weather_valid_until", "value": "1795353322", "raw": "weather_valid_until=1795353322" },
            ],
            "expiresAt": 1_795_353_322,
            "signature": "3de84b0dd0e35ae070d7132d2ac4110fb630db1397bf4ce566a1c81248f343f4",
        })
    );
    for protocol in Protocol::ALL {
        assert_eq!(Protocol::from_name(protocol.as_str()), Some(protocol));
    }
    for name in ["bitcoin", "testnet", "signet", "regtest", "simnet"] {
        let network = Network::from_name(name).unwrap();
        assert_eq!(network.as_str(), name);
    }
    assert_eq!((Network::from_name("mainnet"), Protocol::from_name("L402")), (None, None));
}
