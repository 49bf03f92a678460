//! Each malformed input of the core parsers with its exact code and text, and what is odd but good.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

use l402_fetch::challenge::{self, Protocol, MAX_CHALLENGES, MAX_HEADER, MAX_PARAMETERS};
use l402_fetch::invoice::{Invoice, Network, MAX_LENGTH};
use l402_fetch::macaroon::{self, Macaroon, MAX_CAVEAT};
use l402_fetch::{Code, Error};

mod bech32;

mod challenges {
    use super::*;

    fn refused(header: &str, message: &str) {
        let error = challenge::parse(header).expect_err(header);
        assert_eq!(error, Error::new(Code::InvalidChallenge, message.to_owned()), "{header}");
    }

    /// The offers, as protocol, token and invoice.
    fn offers(header: &str) -> Vec<(Protocol, String, String)> {
        let challenges = challenge::parse(header).unwrap_or_else(|error| panic!("{header}: {error}"));
        challenges.into_iter().filter_map(|c| c.offer).map(|o| (o.protocol, o.token, o.invoice)).collect()
    }

    fn l402(token: &str, invoice: &str) -> Vec<(Protocol, String, String)> {
        vec![(Protocol::L402, token.to_owned(), invoice.to_owned())]
    }

    #[test]
    fn malformed() {
        let too_many = (0..=MAX_PARAMETERS).map(|i| format!("p{i}=1,")).collect::<String>();
        let too_many = format!("L402 {too_many}");
        let schemes = "Basic,".repeat(MAX_CHALLENGES + 1);
        let long = format!("L402 token=t, invoice={}", "i".repeat(MAX_HEADER));
        for (header, message) in [
            ("L402", "the l402 challenge is malformed: it has no token"),
            ("L402 ", "the l402 challenge is malformed: it has no token"),
            ("l402 realm=\"x\"", "the l402 challenge is malformed: it has no token"),
            ("LSAT invoice=i", "the lsat challenge is malformed: it has no token"),
            ("L402 token=t", "the l402 challenge is malformed: it has no invoice"),
            ("L402 token=t, invoice=\"\"", "the l402 challenge is malformed: its invoice is empty"),
            (
                "L402 token=, invoice=i",
                "the l402 challenge is malformed: its token is empty or can't be sent in a header",
            ),
            (
                "L402 token=\" t\", invoice=i",
                "the l402 challenge is malformed: its token is empty or can't be sent in a header",
            ),
            (
                "L402 token=\"é\", invoice=i",
                "the l402 challenge is malformed: its token is empty or can't be sent in a header",
            ),
            (
                "L402 token=a, macaroon=b, invoice=i",
                "the l402 challenge is malformed: its token and its macaroon differ",
            ),
            (
                "L402 token=a, Token=b, invoice=i",
                "the l402 challenge is malformed: its token is given twice and differs",
            ),
            (
                "L402 token=a, invoice=i, invoice=j",
                "the l402 challenge is malformed: its invoice is given twice and differs",
            ),
            (
                "L402 token=a, x=1, invoice=i, X=2",
                "the l402 challenge is malformed: a parameter is given twice and differs",
            ),
            ("L402 token=\"a, invoice=i", "the l402 challenge is malformed: a quoted value has no end"),
            ("L402 token='a, invoice=i", "the l402 challenge is malformed: a quoted value has no end"),
            ("L402 token=a, invoice=\"i\\", "the l402 challenge is malformed: a quoted value has no end"),
            ("L402 token=\"a\r\nx\", invoice=i", "the l402 challenge is malformed: a value holds a control character"),
            ("L402 token=\"a\\\0\", invoice=i", "the l402 challenge is malformed: a value holds a control character"),
            (
                "L402 token=a\r\n, invoice=i",
                "the l402 challenge is malformed: something follows a value without a separator",
            ),
            (
                "L402 token=\"a\"invoice=\"i\"",
                "the l402 challenge is malformed: something follows a value without a separator",
            ),
            (
                "L402 token=a\"b\", invoice=i",
                "the l402 challenge is malformed: something follows a value without a separator",
            ),
            (
                "L402 token=a, (, invoice=i",
                "the l402 challenge is malformed: it holds a character that has no place there",
            ),
            (
                "L402 abc token=a, invoice=i",
                "the l402 challenge is malformed: it holds something that is neither a parameter nor a scheme",
            ),
            ("L402 token=a, LSAT token=b", "the l402 challenge is malformed: it has no invoice"),
            ("Basic realm=x, LSAT token=b", "the lsat challenge is malformed: it has no invoice"),
            ("token=t, invoice=i", "the www-authenticate header is malformed: it starts with a parameter"),
            ("\0", "the www-authenticate header is malformed: it holds a character that has no place there"),
            (
                "\"L402 token=t, invoice=i\"",
                "the www-authenticate header is malformed: it holds a character that has no place there",
            ),
            (
                "☃, Basic realm=x",
                "the www-authenticate header is malformed: it holds a character that has no place there",
            ),
            (&schemes, "the www-authenticate header is malformed: it holds more than 64 challenges"),
            (&too_many, "the l402 challenge is malformed: it has more than 64 parameters"),
            (&long, "the www-authenticate header is malformed: it is longer than 64 KiB"),
        ] {
            refused(header, message);
        }
    }

    #[test]
    fn other_schemes_alone_are_no_offer_however_they_are_written() {
        for header in [
            "",
            " ",
            ";,",
            "Basic",
            "Negotiate YWJj==",
            "Negotiate a/b+c=, Basic realm=\"L402 token=t, invoice=i\"",
            "Basic realm=\"x",
            "Basic realm=\"x\", realm=\"y\"",
            "Bearer (",
            "Bearer realm=a\0b",
            "XL402 token=t, invoice=i",
            "L402x token=t, invoice=i",
            "Digest l402=\"t\", invoice=\"i\"",
            "Basic ( \", L402 token=t, invoice=i \"",
        ] {
            assert_eq!(offers(header), [], "{header}");
        }
    }

    #[test]
    fn odd_but_good() {
        for header in [
            "L402 token=t,invoice=i",
            "L402 token=t invoice=i",
            "L402 token=t;invoice=i",
            "L402 , token = \"t\" ,\t; invoice = 'i' ,",
            "l402 MACAROON=t, INVOICE=i",
            "L402 token=\"\\t\", invoice=\"\\i\"",
            "L402 token=t, macaroon=t, token=t, invoice=i",
            "L402 version=\"9\", x=, token=t, invoice=i, __proto__=1",
            "Negotiate YWJj==, L402 token=t, invoice=i",
            "Negotiate, L402 token=t, invoice=i",
            "Basic realm=\"a\" L402 token=t, invoice=i",
            // malformed neighbours do not matter
            "☃, L402 token=t, invoice=i",
            "x=1, L402 token=t, invoice=i",
            "L402 token=a, L402 token=t, invoice=i, L402 token=\"",
            "L402 token=t, invoice=i, Basic realm=\"",
            "L402 token=a, macaroon=b, invoice=i, L402 token=t, invoice=i",
        ] {
            assert_eq!(offers(header), l402("t", "i"), "{header}");
        }
        assert_eq!(offers("L402 token=\"a==, b+/\", invoice=i"), l402("a==, b+/", "i"));
        assert_eq!(offers("L402 token=a=+/b==, invoice=i"), l402("a=+/b==", "i"));
        let both = offers("LSAT macaroon=a, invoice=i, L402 macaroon=b, invoice=j");
        assert_eq!(both.iter().map(|(protocol, ..)| *protocol).collect::<Vec<_>>(), [Protocol::Lsat, Protocol::L402]);
    }

    #[test]
    fn parameters_keep_their_order_and_place() {
        let header = r#"Basic Realm="a \"b\" \\, c", L402 token=t, __proto__="x", invoice=i, Bearer error=e"#;
        let challenges = challenge::parse(header).unwrap();
        let all: Vec<_> = challenges
            .iter()
            .map(|c| (c.scheme.as_str(), c.params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            all,
            [
                ("Basic", vec![("realm", r#"a "b" \, c"#)]),
                ("L402", vec![("token", "t"), ("__proto__", "x"), ("invoice", "i")]),
                ("Bearer", vec![("error", "e")]),
            ]
        );
    }

    /// 64 KiB of what is worst for a reader that goes back takes no longer than 64 KiB of anything else.
    #[test]
    fn hostile_headers_are_read_to_the_end() {
        for unit in ["\\", "\"", "(", "(\"", "a", "a=", "a ", "=", "a=\"\\", "L402 ", "a,", "'", "a='"] {
            let header = format!("L402 x=\"{}", unit.repeat((MAX_HEADER - 8) / unit.len()));
            assert!(challenge::parse(&header).is_err(), "{unit}");
            let header = unit.repeat(MAX_HEADER / unit.len());
            let _ = challenge::parse(&header);
        }
    }
}

mod invoices {
    use super::bech32::bech32;
    use super::*;

    fn field(tag: u8, data: &[u8]) -> Vec<u8> {
        [&[tag, (data.len() >> 5) as u8, (data.len() & 31) as u8], data].concat()
    }

    fn groups(bytes: &[u8]) -> Vec<u8> {
        let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect();
        bits.chunks(5).map(|five| (0..5).fold(0, |sum, i| sum << 1 | five.get(i).copied().unwrap_or(0))).collect()
    }

    fn hash() -> Vec<u8> {
        field(1, &groups(&[7; 32]))
    }

    /// An invoice of these fields, with timestamp 33 and a signature of zeros.
    fn invoice(prefix: &str, fields: &[Vec<u8>]) -> String {
        bech32(prefix, &[&[0, 0, 0, 0, 0, 1, 1][..], &fields.concat(), &[0; 104]].concat(), 1)
    }

    fn decoded(prefix: &str, fields: &[Vec<u8>]) -> Invoice {
        Invoice::decode(&invoice(prefix, fields)).unwrap_or_else(|error| panic!("{prefix}: {error}"))
    }

    fn refused(text: &str, message: &'static str) {
        assert_eq!(Invoice::decode(text), Err(Error::new(Code::InvalidInvoice, message)), "{text}");
    }

    #[test]
    fn malformed_text() {
        const START: &str = "the invoice is no bolt11 text: it must start with ln";
        let good = invoice("lnbc1n", &[hash()]);
        for (text, message) in [
            ("", START),
            ("required", START),
            ("lnbc", START),
            ("é1qqqqqq", START),
            (&format!(" {good}"), START),
            (&format!("lightning:{good}"), START),
            (&format!("{good} "), "the invoice holds a character that bech32 does not know"),
            (&good.replacen("1n1", "1n1b", 1), "the invoice holds a character that bech32 does not know"),
            (&format!("{}☃", &good[..good.len() - 1]), "the invoice holds a character that bech32 does not know"),
            (&good.replacen("ln", "LN", 1), "the invoice mixes upper and lower case"),
            (&good.replacen("ln", "lN", 1), "the invoice mixes upper and lower case"),
            (&good[..good.len() - 1], "the invoice's checksum is wrong: it was mistyped, cut or changed"),
            (&good.replacen("lnbc1n", "lnbc2n", 1), "the invoice's checksum is wrong: it was mistyped, cut or changed"),
            (&good.replacen("lnbc", "lntb", 1), "the invoice's checksum is wrong: it was mistyped, cut or changed"),
            ("lnbc1", "the invoice's checksum is wrong: it was mistyped, cut or changed"),
            (
                &bech32("lnbc", &[0; 111], 0x2bc8_30a3),
                "the invoice's checksum is wrong: it was mistyped, cut or changed",
            ),
            (&bech32("lnbc", &[], 1), "the invoice is too short to hold a timestamp and a signature"),
            (&bech32("lnbc", &[0; 110], 1), "the invoice is too short to hold a timestamp and a signature"),
            (&"1".repeat(MAX_LENGTH + 1), "the invoice is longer than 7089 characters"),
        ] {
            refused(text, message);
        }
    }

    #[test]
    fn malformed_prefix() {
        const NETWORK: &str = "the invoice is for a network that is not known";
        const NUMBER: &str = "the invoice's amount is no number with a multiplier of m, u, n or p";
        const ZERO: &str = "the invoice's amount is zero or starts with one";
        const BIG: &str = "the invoice's amount is 2^53 millisatoshis or more";
        for (prefix, message) in [
            ("ln", NETWORK),
            ("lnx", NETWORK),
            ("lnbcx", NETWORK),
            ("lntbsx1", NETWORK),
            ("ln1", NETWORK),
            ("lnbc1x", NUMBER),
            ("lnbc1mm", NUMBER),
            ("lnbc1.5m", NUMBER),
            ("lnbc-1m", NETWORK),
            ("lnbc1k", NUMBER),
            ("lnbc0", ZERO),
            ("lnbc0u", ZERO),
            ("lnbc01u", ZERO),
            ("lnbc1p", "the invoice's amount is no whole number of millisatoshis"),
            ("lnbc15p", "the invoice's amount is no whole number of millisatoshis"),
            ("lnbc90072", BIG),
            ("lnbc90071992547409920p", BIG),
            ("lnbc99999999999999999999", BIG),
        ] {
            refused(&invoice(prefix, &[hash()]), message);
        }
    }

    #[test]
    fn amounts_and_networks() {
        for (prefix, network, amount) in [
            ("lnbc", Network::Bitcoin, None),
            ("lntb1", Network::Testnet, Some(100_000_000_000)),
            ("lntbs1m", Network::Signet, Some(100_000_000)),
            ("lnbcrt2500u", Network::Regtest, Some(250_000_000)),
            ("lnsb1n", Network::Simnet, Some(100)),
            ("lnbc10p", Network::Bitcoin, Some(1)),
            ("lnbc90071", Network::Bitcoin, Some(9_007_100_000_000_000)),
            ("lnbc90071992547409910p", Network::Bitcoin, Some((1 << 53) - 1)),
        ] {
            let invoice = decoded(prefix, &[hash()]);
            assert_eq!((invoice.network, invoice.amount_msat), (network, amount), "{prefix}");
            let upper = Invoice::decode(&invoice.payment_request.to_uppercase()).unwrap();
            assert_eq!((upper.network, upper.amount_msat), (network, amount), "{prefix}");
        }
    }

    #[test]
    fn malformed_fields() {
        for (fields, message) in [
            (vec![], "the invoice has no payment hash"),
            (vec![field(1, &groups(&[7; 32])[..51])], "the invoice has no payment hash"),
            (vec![field(1, &groups(&[7; 33]))], "the invoice has no payment hash"),
            (vec![hash(), vec![1]], "a field of the invoice is cut short"),
            (vec![hash(), vec![1, 1]], "a field of the invoice is cut short"),
            (vec![hash(), vec![13, 0, 2, 0]], "a field of the invoice is cut short"),
            (vec![hash(), vec![13, 31, 31]], "a field of the invoice is cut short"),
            (vec![hash(), field(13, &groups(&[0xff, 0xfe]))], "the invoice's description is no utf-8"),
        ] {
            refused(&invoice("lnbc", &fields), message);
        }
    }

    #[test]
    fn fields() {
        let plain = decoded("lnbc", &[hash()]);
        assert_eq!(
            plain,
            Invoice {
                payment_request: invoice("lnbc", &[hash()]),
                network: Network::Bitcoin,
                amount_msat: None,
                payment_hash: [7; 32],
                description: None,
                description_hash: None,
                payee: None,
                timestamp: 33,
                expires_at: 33 + 3600,
                requires_amp: false,
            }
        );
        let full = decoded(
            "lnbc",
            &[
                field(13, &groups("ナンセンス 1杯".as_bytes())),
                field(23, &groups(&[8; 32])),
                field(19, &groups(&[2; 33])),
                field(6, &[1, 0]),
                // unknown, and known ones of a wrong length: skipped
                field(31, &[1; 1023]),
                field(0, &[]),
                field(1, &[1; 51]),
                field(23, &[1; 53]),
                field(19, &[1; 52]),
                hash(),
                // of a repeated field the first counts
                field(1, &[1; 52]),
                field(13, &[]),
                field(6, &[9]),
                field(23, &[1; 52]),
                field(19, &[1; 53]),
            ],
        );
        assert_eq!(full.payment_hash, [7; 32]);
        assert_eq!(full.description.as_deref(), Some("ナンセンス 1杯"));
        assert_eq!(full.description_hash, Some([8; 32]));
        assert_eq!(full.payee, Some([2; 33]));
        assert_eq!(full.expires_at, 33 + 32);
        assert_eq!(decoded("lnbc", &[hash(), field(13, &[])]).description.as_deref(), Some(""));
    }

    #[test]
    fn expiry_never_overflows() {
        for (data, expires_at) in [
            (vec![], 33),
            (vec![0; 40], 33),
            ([vec![0; 40], vec![2]].concat(), 35),
            (vec![31; 10], (1 << 50) + 32),
            (vec![31; 12], (1 << 53) - 1),
            (vec![31; 1023], (1 << 53) - 1),
        ] {
            assert_eq!(decoded("lnbc", &[hash(), field(6, &data)]).expires_at, expires_at, "{data:?}");
        }
        let latest = bech32("lnbc", &[&[31; 7][..], &hash(), &[0; 104]].concat(), 1);
        assert_eq!(Invoice::decode(&latest).unwrap().timestamp, (1 << 35) - 1);
    }

    #[test]
    fn only_the_required_amp_bit_demands_amp() {
        for (features, requires_amp) in [
            (vec![], false),
            (vec![1, 0, 0, 0, 0, 0, 0], true),
            (vec![31, 3, 0, 0, 0, 0, 0, 0], true),
            (vec![2, 0, 0, 0, 0, 0, 0], false),
            (vec![1, 0, 0, 0, 0, 0], false),
            (vec![1, 0, 0, 0, 0, 0, 0, 0], false),
        ] {
            assert_eq!(decoded("lnbc", &[hash(), field(5, &features)]).requires_amp, requires_amp, "{features:?}");
        }
    }
}

mod macaroons {
    use super::*;

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)).collect();
        let digit = |six: &[u8]| (0..6).fold(0, |sum, i| sum << 1 | usize::from(six.get(i).copied().unwrap_or(0)));
        let mut text: String = bits.chunks(6).map(|six| char::from(DIGITS[digit(six)])).collect();
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    fn packet(name: &str, content: &[u8]) -> Vec<u8> {
        let length = name.len() + content.len() + 6;
        [format!("{length:04x}{name} ").as_bytes(), content, b"\n"].concat()
    }

    /// Version 2 with the identifier `id` and these caveats.
    fn v2(caveats: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![2, 2, 2, b'i', b'd', 0];
        for caveat in caveats {
            bytes.extend([&[2, caveat.len() as u8], *caveat, &[0]].concat());
        }
        [&bytes, &[0, 6, 32][..], &[9; 32]].concat()
    }

    fn refused(token: &str, message: &'static str) {
        assert_eq!(Macaroon::decode(token), Err(Error::new(Code::InvalidMacaroon, message)), "{token}");
    }

    const CUT: &str = "the macaroon is cut short or a length in it is wrong";
    const PLACE: &str = "the macaroon holds a part that is unknown or out of place";
    const SIGNATURE: &str = "the macaroon's signature does not have 32 bytes";
    const TRAILING: &str = "something follows the macaroon's signature: only a single macaroon can be read";
    const NONE: &str = "the token is no macaroon: it has neither version 1, version 2 nor json form";

    #[test]
    fn malformed_text() {
        let good = base64(&v2(&[]));
        for (token, message) in [
            ("", NONE),
            ("☃", "the token is no base64"),
            ("AgI", CUT),
            ("AAAA", NONE),
            ("3q2+7w==", NONE),
            (&format!("{good} "), "the token is no base64"),
            (&format!("{good},{good}"), "the token holds a comma: only a single macaroon can be read"),
            (&"A".repeat(macaroon::MAX_TOKEN + 1), "the token is longer than 64 KiB"),
            // tokens of lightning-toll and l402-kit
            (&base64(br#"{"id":"x","caveats":[],"signature":"x"}"#), NONE),
            (r#"{"hash":"00","exp":1}"#, NONE),
        ] {
            refused(token, message);
        }
    }

    #[test]
    fn malformed_v2() {
        let good = v2(&[b"a=b"]);
        for length in 1..good.len() {
            let error = Macaroon::decode(&base64(&good[..length])).unwrap_err();
            assert!([CUT, SIGNATURE].contains(&error.message()), "{length}: {error}");
        }
        for (bytes, message) in [
            ([&good[..], &[0]].concat(), TRAILING),
            ([&good[..], &good].concat(), TRAILING),
            (vec![2, 3, 0], PLACE),
            (vec![2, 2, 1, b'i', 1, 0, 0], PLACE),
            (vec![2, 2, 0x80, 0x80, 0x80, 1, 0], CUT),
            ([&[2, 2, 1, b'i', 0, 0, 6, 31][..], &[9; 31]].concat(), SIGNATURE),
            ([&[2, 2, 1, b'i', 0, 4, 1, 1, 0, 0, 6, 32][..], &[9; 32]].concat(), PLACE),
        ] {
            refused(&base64(&bytes), message);
        }
    }

    #[test]
    fn malformed_v1() {
        let (location, identifier) = (packet("location", b"l"), packet("identifier", b"id"));
        let (caveat, signature) = (packet("cid", b"a=b"), packet("signature", &[9; 32]));
        let good = [&location[..], &identifier, &caveat, &signature].concat();
        assert!(Macaroon::decode(&base64(&good)).is_ok());
        for length in 1..good.len() {
            refused(&base64(&good[..length]), CUT);
        }
        for (parts, message) in [
            (vec![&identifier, &signature, &caveat], TRAILING),
            (vec![&signature], PLACE),
            (vec![&caveat, &identifier, &signature], PLACE),
            (vec![&identifier, &identifier, &signature], PLACE),
            (vec![&identifier, &location, &signature], PLACE),
            (vec![&identifier, &packet("vid", b"x"), &signature], PLACE),
            (vec![&identifier, &packet("other", b"x"), &signature], PLACE),
            (vec![&identifier, &packet("signature", &[9; 33])], SIGNATURE),
            (vec![&b"0003".to_vec()], CUT),
            (vec![&b"000ax\n\n\n\n\n".to_vec()], PLACE),
            (vec![&b"0g00".to_vec()], CUT),
        ] {
            refused(&base64(&parts.into_iter().flatten().copied().collect::<Vec<_>>()), message);
        }
    }

    #[test]
    fn malformed_json() {
        let signature = format!("\"s64\":\"{}\"", base64(&[9; 32]));
        for (token, message) in [
            ("{".to_owned(), "the json lacks a quoted name"),
            (format!(r#"{{"v":1,"i":"id",{signature}}}"#), NONE),
            (format!(r#"{{"v":"2","i":"id",{signature}}}"#), NONE),
            (format!(r#"{{"v":2,{signature}}}"#), PLACE),
            (r#"{"v":2,"i":"id"}"#.to_owned(), PLACE),
            (r#"{"v":2,"i":"id","s64":"AAAA"}"#.to_owned(), SIGNATURE),
            (format!(r#"{{"v":2,"i":"id","i64":"aWQ",{signature}}}"#), PLACE),
            (format!(r#"{{"v":2,"i":7,{signature}}}"#), PLACE),
            (format!(r#"{{"v":2,"i64":"%",{signature}}}"#), PLACE),
            (format!(r#"{{"v":2,"i":"id","c":{{}},{signature}}}"#), PLACE),
            (format!(r#"{{"v":2,"i":"id","c":[{{}}],{signature}}}"#), PLACE),
            (format!(r#"{{"v":2,"v":2,"i":"id",{signature}}}"#), "the json repeats a name"),
        ] {
            refused(&token, message);
            refused(&base64(token.as_bytes()), message);
        }
    }

    #[test]
    fn every_format_reads_the_same() {
        let v1 = [
            packet("location", b"l"),
            packet("identifier", b"id"),
            packet("cid", b"a = b=c "),
            packet("cid", &[0xff]),
            packet("cid", b"expires_at=5"),
            packet("vid", b"x"),
            packet("cl", b"elsewhere"),
            packet("signature", &[9; 32]),
        ]
        .concat();
        let v2 = [
            &[2, 1, 1, b'l', 2, 2, b'i', b'd', 0][..],
            &[&[2, 8][..], b"a = b=c ", &[0]].concat(),
            &[2, 1, 0xff, 0],
            &[&[1, 9][..], b"elsewhere", &[2, 12], b"expires_at=5", &[4, 1, b'x', 0]].concat(),
            &[0, 6, 32],
            &[9; 32],
        ]
        .concat();
        let json = format!(
            r#"{{"v":2,"l":"l","i64":"aWQ","c":[{{"i":"a = b=c "}},{{"i64":"/w=="}},{{"i":"expires_at=5","l":"elsewhere","v64":"eA"}}],"s64":"{}","x":1}}"#,
            base64(&[9; 32])
        );
        for (token, version) in [(base64(&v1), 1), (base64(&v2), 2), (base64(json.as_bytes()), 2), (json, 2)] {
            let macaroon = Macaroon::decode(&token).unwrap();
            assert_eq!((macaroon.version, macaroon.location.as_deref()), (version, Some("l")));
            assert_eq!((macaroon.identifier.as_slice(), macaroon.signature), (&b"id"[..], [9; 32]));
            let caveats: Vec<_> =
                macaroon.caveats.iter().map(|c| (c.condition.as_str(), c.value.as_str(), c.raw.as_str())).collect();
            assert_eq!(caveats, [("a", "b=c", "a = b=c "), ("", "", "ff"), ("", "", "expires_at=5")]);
            assert_eq!(macaroon.expires_at, None, "a third party's caveat is not the client's to obey");
            assert!(!format!("{macaroon:?}").contains("9, 9"), "debug hides the signature");
            assert_eq!(macaroon::decode_parts(&token), [macaroon]);
        }
    }

    #[test]
    fn expiry_names_are_exact_and_the_earliest_wins() {
        let expires_at = |caveats: &[&str]| {
            let caveats: Vec<_> = caveats.iter().map(|c| c.as_bytes()).collect();
            Macaroon::decode(&base64(&v2(&caveats))).unwrap().expires_at
        };
        for (caveat, seconds) in [
            ("api_valid_until=7", Some(7)),
            ("a_b_valid_until = 7", Some(7)),
            ("ExpiresAt = 7", Some(7)),
            ("expires_at=7", Some(7)),
            ("expiration=7999", Some(7)),
            ("expires_at=18446744073709551615", Some((1 << 53) - 1)),
            ("expires_at=18446744073709551616", None),
            ("_valid_until=7", None),
            ("valid_until=7", None),
            ("api_valid_until_x=7", None),
            ("expiresat=7", None),
            ("Expires_At=7", None),
            ("Expiration=7", None),
            ("expires_at=", None),
            ("expires_at", None),
            ("expires_at=+7", None),
            ("expires_at=-7", None),
            ("expires_at=7.0", None),
            ("expires_at=soon", None),
        ] {
            assert_eq!(expires_at(&[caveat]), seconds, "{caveat}");
        }
        assert_eq!(expires_at(&["expires_at=9", "a_valid_until=5", "expiration=8000", "expires_at=never"]), Some(5));
    }

    #[test]
    fn what_an_identifier_commits_to() {
        let identify = |identifier: &[u8]| {
            let bytes = [
                &[2, 2, (identifier.len() & 127 | (usize::from(identifier.len() > 127) << 7)) as u8][..],
                if identifier.len() > 127 { &[1] } else { &[] },
                identifier,
                &[0, 0, 6, 32],
                &[9; 32],
            ]
            .concat();
            Macaroon::decode(&base64(&bytes)).unwrap()
        };
        let binary = [&[0, 0][..], &[7; 32], &[8; 32]].concat();
        let hex: String = binary.iter().map(|b| format!("{b:02x}")).collect();
        for identifier in [&binary[..], hex.as_bytes(), hex.to_uppercase().as_bytes()] {
            let macaroon = identify(identifier);
            assert_eq!((macaroon.payment_hash, macaroon.token_id), (Some([7; 32]), Some([8; 32])));
            assert_eq!((macaroon.commits_to(&[7; 32]), macaroon.commits_to(&[8; 32])), (Some(true), Some(false)));
        }
        let other_version = [&[0, 1], &binary[2..]].concat();
        let unknown: [&[u8]; 5] = [b"", &binary[..65], &hex.as_bytes()[..130], &other_version, &hex.as_bytes()[..66]];
        for identifier in unknown {
            let macaroon = identify(identifier);
            assert_eq!((macaroon.payment_hash, macaroon.token_id, macaroon.commits_to(&[7; 32])), (None, None, None));
        }
        let raw = identify(&[7; 32]);
        assert_eq!((raw.payment_hash, raw.commits_to(&[7; 32]), raw.commits_to(&[8; 32])), (None, Some(true), None));
    }

    #[test]
    fn what_cant_be_narrowed() {
        let good = base64(&v2(&[]));
        let long = "x".repeat(MAX_CAVEAT + 1);
        let most = "x".repeat(MAX_CAVEAT);
        let many = vec![most.as_str(); 12];
        for (token, caveats, message) in [
            (good.as_str(), &[][..], "no caveat is given to narrow the macaroon by"),
            (&good, &["a=b", ""], "a caveat to be added is empty"),
            (&good, &[" "], "a caveat to be added is empty"),
            (&good, &["a\n"], "a caveat to be added holds control characters"),
            (&good, &["a\u{85}"], "a caveat to be added holds control characters"),
            (&good, &[&long], "a caveat to be added is longer than 4096 bytes"),
            (&good, &many, "the token would grow beyond 64 KiB"),
            ("6eb1db0ab1f44f9c7cd586397a32e5ef", &["a=b"], NONE),
            (&format!("{good},{good}"), &["a=b"], "the token holds a comma: only a single macaroon can be read"),
        ] {
            assert_eq!(macaroon::attenuate(token, caveats), Err(Error::new(Code::InvalidMacaroon, message)));
        }
        assert!(macaroon::attenuate(&good, &[&most]).is_ok());
    }
}
