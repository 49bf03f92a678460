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

use l402_fetch::wire::challenge::{self, Protocol, MAX_CHALLENGES, MAX_HEADER, MAX_PARAMETERS};
use l402_fetch::wire::invoice::{Invoice, Network, MAX_LENGTH};
use l402_fetch::wire::macaroon::{self, Commitment, Macaroon, MAX_CAVEAT};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Moved;
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
            ("L402, Basic", "the l402 challenge is malformed: it has no token"),
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
            (
                "L402 abc def",
                "the l402 challenge is malformed: it holds something that is neither a parameter nor a scheme",
            ),
            (
                "L402 abc, realm=x",
                "the l402 challenge is malformed: it holds something that is neither a parameter nor a scheme",
            ),
            ("L402 abc=, realm=x", "the l402 challenge is malformed: it has no token"),
            ("L402 abc==x", "the l402 challenge is malformed: it has no token"),
            ("L402 abc= =", "the l402 challenge is malformed: it has no token"),
            ("L402 abc, LSAT token=b", "the lsat challenge is malformed: it has no invoice"),
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

    /// RFC 9110, 11.3: after the scheme stand parameters or one token68, which is no offer that anybody could pay.
    #[test]
    fn a_scheme_with_a_token68_is_well_formed_and_no_offer() {
        for header in [
            "L402 price-only",
            "l402 price-only ,",
            "LSAT abc==",
            "L402 abc=",
            "L402 abc==, Basic realm=x",
            "L402 a-._~+/9=",
            "L402 price-only, LSAT price-only",
            "Basic realm=x, L402 price-only",
        ] {
            assert_eq!(offers(header), [], "{header}");
        }
        let challenges = challenge::parse("L402 price-only, LSAT abc==").unwrap();
        let all: Vec<_> = challenges.iter().map(|c| (c.scheme.as_str(), c.params.len())).collect();
        assert_eq!(all, [("L402", 0), ("LSAT", 0)]);
        for header in ["L402 price-only, L402 token=t, invoice=i", "L402 token=t, invoice=i, LSAT abc=="] {
            assert_eq!(offers(header), l402("t", "i"), "{header}");
        }
    }

    /// The token goes into a header between `L402 ` and `:`, as it is.
    #[test]
    fn tokens_that_no_credential_can_hold() {
        let refused = |token: char| {
            let header = format!("L402 token=\"a\\{token}b\", invoice=i");
            let error = challenge::parse(&header).expect_err(&header);
            assert_eq!(error.code(), Code::InvalidChallenge, "{token:?}");
        };
        ('\0'..='\x20').chain(['"', '\x7f', '\u{80}', '\u{a0}', 'é', '\u{2028}', '☃', '\u{feff}']).for_each(refused);
        for taken in ('!'..='~').filter(|c| *c != '"') {
            assert_eq!(offers(&format!("L402 token=\"a\\{taken}b\", invoice=i")), l402(&format!("a{taken}b"), "i"));
        }
        for header in ["L402 token=\"a, b\", invoice=i", "L402 token='a\"b', invoice=i", "L402 token='a b', invoice=i"]
        {
            let message = "the l402 challenge is malformed: its token is empty or can't be sent in a header";
            self::refused(header, message);
        }
    }

    #[test]
    fn odd_but_good() {
        for header in [
            "L402 x=, token=t, invoice=i",
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
        assert_eq!(offers("L402 token=\"a==,b+/\", invoice=i"), l402("a==,b+/", "i"));
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

    /// The fields without which nothing is an invoice: a hash and a description, here an empty one.
    fn least() -> Vec<u8> {
        [hash(), field(13, &[])].concat()
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
        const START: &str = "the invoice is not bolt11: it must start with ln";
        let good = invoice("lnbc1n", &[least()]);
        for (text, message) in [
            ("", START),
            ("required", START),
            ("lnbc", START),
            ("é1qqqqqq", START),
            (&format!(" {good}"), START),
            (&format!("lightning:{good}"), START),
            (&format!("{good} "), "the invoice holds a character that bech32 does not have"),
            (&good.replacen("1n1", "1n1b", 1), "the invoice holds a character that bech32 does not have"),
            (&format!("{}☃", &good[..good.len() - 1]), "the invoice holds a character that bech32 does not have"),
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
        const NUMBER: &str = "the invoice's amount is not a number with a multiplier of m, u, n or p";
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
            ("lnbc1p", "the invoice's amount is not a whole number of millisatoshis"),
            ("lnbc15p", "the invoice's amount is not a whole number of millisatoshis"),
            ("lnbc90072", BIG),
            ("lnbc90071992547409920p", BIG),
            ("lnbc99999999999999999999", BIG),
        ] {
            refused(&invoice(prefix, &[least()]), message);
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
            let invoice = decoded(prefix, &[least()]);
            assert_eq!((invoice.network, invoice.amount_msat), (network, amount), "{prefix}");
            let upper = Invoice::decode(&invoice.payment_request.to_uppercase()).unwrap();
            assert_eq!((upper.network, upper.amount_msat), (network, amount), "{prefix}");
        }
    }

    #[test]
    fn malformed_fields() {
        const NEITHER: &str = "the invoice must have either a description or its hash";
        for (fields, message) in [
            (vec![], "the invoice has no payment hash"),
            (vec![field(1, &groups(&[7; 32])[..51])], "the invoice has no payment hash"),
            (vec![field(1, &groups(&[7; 33]))], "the invoice has no payment hash"),
            (vec![field(13, &[])], "the invoice has no payment hash"),
            (vec![hash()], NEITHER),
            (vec![hash(), field(23, &[1; 51])], NEITHER),
            (vec![hash(), field(23, &[1; 52]), field(13, &[])], NEITHER),
            (vec![hash(), field(13, &[]), field(23, &[1; 52])], NEITHER),
            (vec![hash(), vec![1]], "a field of the invoice is cut short"),
            (vec![hash(), vec![1, 1]], "a field of the invoice is cut short"),
            (vec![hash(), vec![13, 0, 2, 0]], "a field of the invoice is cut short"),
            (vec![hash(), vec![13, 31, 31]], "a field of the invoice is cut short"),
            (vec![hash(), field(13, &groups(&[0xff, 0xfe]))], "the invoice's description is not utf-8"),
        ] {
            refused(&invoice("lnbc", &fields), message);
        }
    }

    /// Which one counts is told by no rule that all wallets keep to, so what is shown and checked may not be what is
    /// paid.
    #[test]
    fn no_field_comes_twice() {
        let second: [(u8, &[u8]); 9] = [
            (1, &[1; 52]),
            (13, &[1; 8]),
            (23, &[1; 52]),
            (19, &[1; 53]),
            (6, &[9]),
            (5, &[1, 0, 0, 0, 0, 0, 0]),
            (16, &[1; 52]),
            (24, &[9]),
            (27, &[1; 8]),
        ];
        for (tag, data) in second {
            let described = if tag == 23 { hash() } else { least() };
            let first = if [1, 13].contains(&tag) { vec![] } else { field(tag, data) };
            let once = [described.clone(), first.clone()];
            assert!(Invoice::decode(&invoice("lnbc", &once)).is_ok(), "{tag}");
            // the same again, and another, before and behind
            for other in [field(tag, data), field(tag, &vec![0; data.len()])] {
                for fields in [
                    vec![described.clone(), first.clone(), other.clone()],
                    vec![other.clone(), described.clone(), first.clone()],
                    vec![described.clone(), other.clone(), field(31, &[1]), first.clone(), other.clone()],
                ] {
                    refused(
                        &invoice("lnbc", &fields),
                        "the invoice has a field twice, and wallets differ in which one counts",
                    );
                }
            }
        }
        // several of these are alternatives, and an unknown one is skipped
        for (tag, data) in [(3, &[1; 82][..]), (9, &[17, 0]), (20, &[1; 8]), (31, &[1]), (0, &[])] {
            decoded("lnbc", &[least(), field(tag, data), field(tag, data)]);
        }
    }

    #[test]
    fn fields() {
        let plain = decoded("lnbc", &[least()]);
        assert_eq!(
            plain,
            Invoice {
                payment_request: invoice("lnbc", &[least()]),
                network: Network::Bitcoin,
                amount_msat: None,
                payment_hash: [7; 32].into(),
                description: Some(String::new()),
                description_hash: None,
                payee: None,
                timestamp: 33,
                expires_at: 33 + 3600,
                takes_amp: false,
            }
        );
        let full = decoded(
            "lnbc",
            &[
                field(13, &groups("ナンセンス 1杯".as_bytes())),
                field(19, &groups(&[2; 33])),
                field(6, &[1, 0]),
                // unknown, and known ones of a wrong length: skipped
                field(31, &[1; 1023]),
                field(0, &[]),
                field(1, &[1; 51]),
                field(23, &[1; 53]),
                field(19, &[1; 52]),
                hash(),
                field(1, &[1; 53]),
            ],
        );
        assert_eq!(full.payment_hash, [7; 32].into());
        assert_eq!(full.description.as_deref(), Some("ナンセンス 1杯"));
        assert_eq!(full.description_hash, None);
        assert_eq!(full.payee, Some([2; 33]));
        assert_eq!(full.expires_at, 33 + 32);
        let hashed = decoded("lnbc", &[hash(), field(23, &groups(&[8; 32]))]);
        assert_eq!((hashed.description, hashed.description_hash), (None, Some([8; 32])));
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
            assert_eq!(decoded("lnbc", &[least(), field(6, &data)]).expires_at, expires_at, "{data:?}");
        }
        let latest = bech32("lnbc", &[&[31; 7][..], &least(), &[0; 104]].concat(), 1);
        assert_eq!(Invoice::decode(&latest).unwrap().timestamp, (1 << 35) - 1);
    }

    #[test]
    fn both_amp_bits_are_seen() {
        for (features, takes_amp) in [
            (vec![], false),
            (vec![1, 0, 0, 0, 0, 0, 0], true),
            (vec![31, 3, 0, 0, 0, 0, 0, 0], true),
            (vec![2, 0, 0, 0, 0, 0, 0], true),
            (vec![3, 0, 0, 0, 0, 0, 0], true),
            (vec![28, 0, 0, 0, 0, 0, 0], false),
            (vec![1, 0, 0, 0, 0, 0], false),
            (vec![1, 0, 0, 0, 0, 0, 0, 0], false),
        ] {
            assert_eq!(decoded("lnbc", &[least(), field(5, &features)]).takes_amp, takes_amp, "{features:?}");
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
            ([&[2, 2][..], &[0x80; 10], &[0, 0]].concat(), CUT),
            ([&[2, 2][..], &[0xff; 9], &[1, 0]].concat(), CUT),
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
            (format!(r#"{{"v":3,"i":"id",{signature}}}"#), NONE),
            (format!(r#"{{"i":"id",{signature}}}{{"i":"id",{signature}}}"#), "something follows the json value"),
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
        // Go's and Python's libraries write no version
        let plain = json.replace("\"v\":2,", "");
        let long = overlong(&v2);
        for (token, version) in [
            (base64(&v1), 1),
            (base64(&v2), 2),
            (base64(&long), 2),
            (base64(json.as_bytes()), 2),
            (base64(plain.as_bytes()), 2),
            (json, 2),
            (plain, 2),
        ] {
            let macaroon = Macaroon::decode(&token).unwrap();
            assert_eq!((macaroon.version, macaroon.location.as_deref()), (version, Some("l")));
            assert_eq!((macaroon.identifier.as_slice(), macaroon.signature), (&b"id"[..], [9; 32]));
            let caveats: Vec<_> =
                macaroon.caveats.iter().map(|c| (c.condition.as_str(), c.value.as_str(), c.raw.as_str())).collect();
            assert_eq!(caveats, [("a", "b=c", "a = b=c "), ("", "", "ff"), ("", "", "expires_at=5")]);
            assert_eq!(macaroon.expires_at, None, "a third party's caveat is not the client's to obey");
            assert!(!format!("{macaroon:?}").contains("9, 9"), "debug hides the signature");
            assert_eq!(macaroon::decode_parts(&token), Ok(vec![macaroon]));
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
            ("expiration=7999", Some(7999)),
            ("expires=7", Some(7)),
            ("expiresAt=7", Some(7)),
            ("exp=7", Some(7)),
            ("expiration = 99999999999", Some(99_999_999_999)),
            ("expiration = 100000000000", Some(100_000_000)),
            ("exp=2105360000000", Some(2_105_360_000)),
            ("expires_at=2105360000999", Some(2_105_360_000)),
            ("api_valid_until=2105360000", Some(2_105_360_000)),
            ("expires = 2036-09-18T18:13:20", Some(2_105_374_400)),
            ("api_valid_until = 2036-09-18T18:13:20Z", Some(2_105_374_400)),
            ("expiry=7", None),
            ("not_exp=7", None),
            ("EXP=7", None),
            ("Expires=7", None),
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
        assert_eq!(expires_at(&["expires=2001-01-01", "exp=2000-01-01T00:00:00Z", "exp=1e3"]), Some(946_684_800));
    }

    /// Version 2 with every length in as many bytes as the longest that libraries read.
    fn overlong(v2: &[u8]) -> Vec<u8> {
        let (mut bytes, mut rest) = (vec![v2[0]], &v2[1..]);
        while let [kind, behind @ ..] = rest {
            bytes.push(*kind);
            rest = behind;
            if *kind != 0 {
                bytes.extend([&[rest[0] | 128][..], &[128; 7], &[0]].concat());
                bytes.extend(&rest[1..=usize::from(rest[0])]);
                rest = &rest[1 + usize::from(rest[0])..];
            }
        }
        bytes
    }

    /// The identifiers of the macaroons that are found in a token.
    fn found(token: &str) -> Result<Vec<String>, Error> {
        let parts = macaroon::decode_parts(token)?;
        Ok(parts.into_iter().map(|part| String::from_utf8(part.identifier).unwrap()).collect())
    }

    fn named(identifier: &str) -> [Vec<u8>; 3] {
        let v1 = [packet("identifier", identifier.as_bytes()), packet("cid", b"a=b"), packet("signature", &[9; 32])];
        let id = identifier.as_bytes();
        let v2 = [&[2, 2, id.len() as u8][..], id, &[0, 0, 6, 32], &[9; 32]].concat();
        let json = format!(r#"{{"i":"{identifier}","s64":"{}"}}"#, base64(&[9; 32]));
        [v1.concat(), v2, json.into_bytes()]
    }

    #[test]
    fn every_macaroon_in_a_token_is_found() {
        for first in named("one") {
            assert_eq!(found(&base64(&first)), Ok(vec!["one".to_owned()]));
            // what follows and is no macaroon: libraries stop reading before it
            for behind in [&b"\0"[..], b"\n", b" ", b"{", b"{}", b"\x02", b"\xff\xff", b"0008cid ", b"more", b"AgI="] {
                let token = base64(&[&first[..], behind].concat());
                assert_eq!(found(&token), Ok(vec!["one".to_owned()]), "{behind:?}");
            }
            // what stands before it and is none
            assert_eq!(found(&base64(&[&b" \n"[..], &first].concat())), Ok(vec!["one".to_owned()]));
            for (before, behind) in
                [("opaque.", ""), ("", ".sig"), ("v2:", "~x"), (",", ",,"), ("6eb1,", ",AgI"), ("x=", "|")]
            {
                let token = [before, &base64(&first), behind].concat();
                assert_eq!(found(&token), Ok(vec!["one".to_owned()]), "{token}");
            }
            for second in named("second") {
                let both = Ok(vec!["one".to_owned(), "second".to_owned()]);
                let (a, b) = (base64(&first), base64(&second));
                assert_eq!(found(&base64(&[&first[..], &second].concat())), both, "bytes in a row");
                for joint in ["", ",", ", ", "=", ".", ":", "|", "☃"] {
                    assert_eq!(found(&[&a, joint, &b].concat()), both, "{joint}");
                    let bare = [a.trim_end_matches('='), joint, b.trim_end_matches('=')].concat();
                    assert_eq!(found(&bare), both, "{joint}");
                    let url = bare.replace('+', "-").replace('/', "_");
                    assert_eq!(found(&url), both, "{joint}");
                }
            }
        }
        let list = format!(
            "[{}]",
            named("one").into_iter().skip(2).map(|json| String::from_utf8(json).unwrap()).collect::<String>()
        );
        assert_eq!(found(&base64(list.as_bytes())), Ok(vec!["one".to_owned()]), "a list as Go's library writes it");
    }

    #[test]
    fn a_token_that_is_no_macaroon_is_opaque() {
        for token in [
            "opaque".to_owned(),
            String::new(),
            "6eb1db0ab1f44f9c7cd586397a32e5ef3187c79c12b9caf8f0f8ce3fac5a3f07".to_owned(),
            "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln".to_owned(),
            base64(br#"{"hash":"00","exp":1}"#),
            base64(br#"{"id":"x","caveats":["expires_at = 1"],"signature":"x"}"#),
            base64(br#"{"i":1,"s":2}"#),
            base64(br#"{"i":"x"}"#),
            base64(br#"{"i":"x","e":5,"s":"of another kind"}"#),
            base64(br#"{"i":5,"c":1,"s":"0123456789abcdef0123456789abcdef"}"#),
            base64(br#"{"i":5,"s64":"x"}"#),
            base64(b"[1]"),
            base64(b"{not json"),
            base64(&[2, 2]),
            base64(&[2, 2, 9, 1]),
            base64(&[2, 2, 1, b'i']),
            base64(&[2, 2, 1, b'i', 99]),
            base64(&[2, 7, 1, b'i', 0]),
            base64(&[0, 0x22, 0, 1]),
            base64(b"0010"),
            base64(b"000aother x"),
        ] {
            assert_eq!(found(&token), Ok(vec![]), "{token}");
        }
    }

    /// Such a token may be for anything, so nobody knows what its payment would buy.
    #[test]
    fn a_token_that_starts_as_a_macaroon_must_be_one() {
        let signature = format!("\"s64\":\"{}\"", base64(&[9; 32]));
        let id = packet("identifier", b"id");
        let sig = packet("signature", &[9; 32]);
        let bad: Vec<(Vec<u8>, &str)> = vec![
            ([&[2, 2, 1, b'i', 2, 1, b'j', 0, 0, 6, 32][..], &[9; 32]].concat(), PLACE),
            ([&[2, 2, 1, b'i', 1, 1, b'l', 0, 0, 6, 32][..], &[9; 32]].concat(), PLACE),
            ([&[2, 2, 1, b'i', 0, 2, 1, b'c', 2, 1, b'd', 0, 0, 6, 32][..], &[9; 32]].concat(), PLACE),
            ([&[2, 2, 1, b'i', 0, 0, 6, 31][..], &[9; 31]].concat(), SIGNATURE),
            (vec![2, 2, 1, b'i', 0, 0], CUT),
            ([&id[..], &id, &sig].concat(), PLACE),
            ([&id[..], &packet("location", b"l"), &sig].concat(), PLACE),
            (id.clone(), CUT),
            (packet("location", b"l"), CUT),
            (format!(r#"{{"i":"a","i":"b",{signature}}}"#).into_bytes(), "the json repeats a name"),
            (format!(r#"{{"i":"a","i64":"Yg",{signature}}}"#).into_bytes(), PLACE),
            (format!(r#"{{"v":1,"i":"a",{signature}}}"#).into_bytes(), NONE),
            (format!(r#"{{"i":"a","c":[{{}}],{signature}}}"#).into_bytes(), PLACE),
            (br#"{"v":2,"i":"a","s":"short"}"#.to_vec(), SIGNATURE),
            (br#"{"i":"a","s64":"AA A"}"#.to_vec(), PLACE),
            (br#"{"i":"a","s64":"AAA\n"}"#.to_vec(), PLACE),
            (format!(r#"{{"i":"a","x":{}}}"#, "[".repeat(80)).into_bytes(), "the json is nested too deeply"),
            (format!(r#"{{"i":"a","x":"\ud800",{signature}}}"#).into_bytes(), "a json string holds a malformed escape"),
            ([&b"{\"i\":\"a\",\"x\":\"\xff\","[..], signature.as_bytes(), b"}"].concat(), "a json string has no end"),
            (format!(r#"[ {{ "i":"a","i":"b",{signature}}}]"#).into_bytes(), "the json repeats a name"),
        ];
        for (bytes, message) in bad {
            let error = Error::new(Code::InvalidMacaroon, message);
            let good = base64(&named("one")[1]);
            for token in [
                base64(&bytes),
                [&good, ",", &base64(&bytes)].concat(),
                base64(&[&named("one")[1][..], &bytes].concat()),
            ] {
                assert_eq!(found(&token), Err(error.clone()), "{token}");
            }
        }
        let many = vec![base64(&named("one")[1]); macaroon::MAX_PARTS];
        assert_eq!(found(&many.join(",")).map(|found| found.len()), Ok(macaroon::MAX_PARTS));
        let error = Error::new(Code::InvalidMacaroon, "the token holds more than 32 macaroons");
        assert_eq!(found(&[&many.join(","), ",", &many[0]].concat()), Err(error));
    }

    #[test]
    fn an_identifier_commits_to_a_hash_only_in_known_layouts() {
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
        let [seven, eight] = [[7; 32], [8; 32]].map(PaymentHash::from);
        let binary = [&[0, 0][..], &[7; 32], &[8; 32]].concat();
        let hex: String = binary.iter().map(|b| format!("{b:02x}")).collect();
        for identifier in [&binary[..], hex.as_bytes(), hex.to_uppercase().as_bytes()] {
            let macaroon = identify(identifier);
            assert_eq!((macaroon.payment_hash, macaroon.token_id), (Some(seven), Some([8; 32])));
            assert_eq!(
                (macaroon.commits_to(&seven), macaroon.commits_to(&eight)),
                (Commitment::ThisInvoice, Commitment::AnotherInvoice)
            );
        }
        let other_version = [&[0, 1], &binary[2..]].concat();
        let unknown: [&[u8]; 5] = [b"", &binary[..65], &hex.as_bytes()[..130], &other_version, &hex.as_bytes()[..66]];
        for identifier in unknown {
            let macaroon = identify(identifier);
            assert_eq!(
                (macaroon.payment_hash, macaroon.token_id, macaroon.commits_to(&seven)),
                (None, None, Commitment::Unknown)
            );
        }
        let raw = identify(&[7; 32]);
        assert_eq!(
            (raw.payment_hash, raw.commits_to(&seven), raw.commits_to(&eight)),
            (None, Commitment::ThisInvoice, Commitment::Unknown)
        );
    }

    #[test]
    fn a_token_or_caveat_that_cant_be_used_is_refused() {
        let good = base64(&v2(&[]));
        let long = "x".repeat(MAX_CAVEAT + 1);
        let most = "x".repeat(MAX_CAVEAT);
        let many = vec![most.as_str(); 12];
        for (token, caveats, message) in [
            (good.as_str(), &[][..], "give at least one caveat to narrow the macaroon by"),
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
        let plain = format!(r#"{{"i":"id","s64":"{}"}}"#, base64(&[9; 32]));
        let narrowed = Macaroon::decode(&macaroon::attenuate(&plain, &["a=b"]).unwrap()).unwrap();
        assert_eq!(narrowed.caveats.len(), 1);
    }
}

#[test]
fn every_code_says_whether_money_moved() {
    let that = |moved| Code::ALL.iter().filter(move |code| code.money_moved() == moved).map(|code| code.as_str());
    assert_eq!(that(Moved::Maybe).collect::<Vec<_>>(), ["payment_unknown", "no_preimage", "wrong_preimage"]);
    assert_eq!(that(Moved::Yes).collect::<Vec<_>>(), ["request_failed"]);
    assert_eq!(that(Moved::No).count(), Code::ALL.len() - 4);
}
