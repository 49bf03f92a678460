//! Macaroons: what is read is read as the crate macaroon reads it, and narrowing keeps all and adds what was asked for.
#![no_main]

use base64::{CharacterSet, Config};
use l402_fetch::wire::macaroon::{attenuate, decode_parts, Commitment, Macaroon, MAX_CAVEAT, MAX_PARTS, MAX_TOKEN};
use l402_fetch::Code;
use l402_fetch_fuzz::{foreign, text};
use libfuzzer_sys::fuzz_target;
use macaroon::{ByteString, Macaroon as Theirs};

const FLAVOURS: [(CharacterSet, bool); 4] = [
    (CharacterSet::Standard, true),
    (CharacterSet::UrlSafe, false),
    (CharacterSet::UrlSafe, true),
    (CharacterSet::Standard, false),
];

fuzz_target!(|data: &[u8]| {
    match data {
        // the bytes behind the base64, without which a fuzzer gets nowhere
        [flavour @ 0..=3, bytes @ ..] => {
            let (alphabet, padded) = FLAVOURS[usize::from(*flavour)];
            check(&base64::encode_config(bytes, Config::new(alphabet, padded)));
        }
        _ => _ = text(data).map(check),
    }
});

fn check(token: &str) {
    let parts = decode_parts(token);
    let macaroon = match Macaroon::decode(token) {
        Ok(macaroon) => macaroon,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidMacaroon);
            assert_eq!(attenuate(token, &["a=b"]).map_err(|error| error.code()), Err(Code::InvalidMacaroon));
            match parts {
                Ok(parts) => assert!(parts.len() <= MAX_PARTS),
                Err(error) => assert_eq!(error.code(), Code::InvalidMacaroon),
            }
            return;
        }
    };
    assert!(token.len() <= MAX_TOKEN && parts == Ok(vec![macaroon.clone()]));
    assert!(macaroon.expires_at.is_none_or(|at| at < 1 << 53));
    if let Some(hash) = macaroon.payment_hash {
        assert_eq!((macaroon.commits_to(&hash), macaroon.token_id.is_some()), (Commitment::ThisInvoice, true));
    }
    let theirs = theirs(token);
    if let Some(theirs) = &theirs {
        agree(&macaroon, theirs);
    }

    let long = ["b=", &"x".repeat(MAX_CAVEAT - 2)].concat();
    for caveats in [&["a = 1", "ExpiresAt=5"][..], &[&long], &["\u{2603}"]] {
        let narrowed = match attenuate(token, caveats) {
            Ok(narrowed) => narrowed,
            Err(error) => {
                assert!(token.len() > MAX_TOKEN - 2 * MAX_CAVEAT, "{}", error.message());
                continue;
            }
        };
        let again = Macaroon::decode(&narrowed).expect("what was narrowed can be read");
        assert_eq!(
            (again.version, &again.location, &again.identifier, again.payment_hash, again.token_id),
            (macaroon.version, &macaroon.location, &macaroon.identifier, macaroon.payment_hash, macaroon.token_id)
        );
        let raw: Vec<_> = again.caveats.iter().map(|caveat| caveat.raw.as_str()).collect();
        let kept = macaroon.caveats.iter().map(|caveat| caveat.raw.as_str());
        assert_eq!(raw, kept.chain(caveats.iter().copied()).collect::<Vec<_>>());
        assert_eq!(again.caveats[..macaroon.caveats.len()], macaroon.caveats);
        assert!(again.expires_at.unwrap_or(u64::MAX) <= macaroon.expires_at.unwrap_or(u64::MAX));
        assert_eq!(narrowed.starts_with('{'), token.starts_with('{'));
        // in two steps it is the same token, but for a flavour of base64 that the text between showed nothing of
        if let ([_, rest @ ..], Ok(once)) = (caveats, attenuate(token, &caveats[..1])) {
            let twice = if rest.is_empty() { Ok(once) } else { attenuate(&once, rest) };
            assert_eq!(twice.map(|twice| plain(&twice)), Ok(plain(&narrowed)));
        }
        if let (Some(theirs), Some(read)) = (&theirs, self::theirs(&narrowed)) {
            let mut expected = theirs.clone();
            for caveat in caveats {
                expected.add_first_party_caveat(ByteString::from(*caveat));
            }
            assert_eq!(read, expected);
        }
    }
}

/// Without its flavour of base64.
fn plain(token: &str) -> String {
    token.trim_end_matches('=').replace('-', "+").replace('_', "/")
}

fn theirs(token: &str) -> Option<Theirs> {
    foreign(|| Theirs::deserialize(token).ok()).flatten()
}

fn agree(own: &Macaroon, theirs: &Theirs) {
    assert_eq!(own.identifier, theirs.identifier().0);
    assert_eq!(own.signature, *AsRef::<[u8; 32]>::as_ref(&theirs.signature()));
    assert_eq!(own.caveats.len(), theirs.caveats().len());
    for (own, theirs) in own.caveats.iter().zip(theirs.caveats()) {
        match theirs {
            macaroon::Caveat::FirstParty(theirs) => {
                if let Ok(text) = String::from_utf8(theirs.predicate().0) {
                    assert_eq!(own.raw, text);
                }
            }
            macaroon::Caveat::ThirdParty(_) => assert!(own.condition.is_empty() && own.value.is_empty()),
        }
    }
}
