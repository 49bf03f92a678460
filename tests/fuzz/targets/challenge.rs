//! `WWW-Authenticate`: what is read obeys the limits and, written as RFC 9110 has it, is read again as the same.
#![no_main]

use l402_fetch::wire::challenge::{self, Challenge, MAX_CHALLENGES, MAX_HEADER, MAX_PARAMETERS};
use l402_fetch::Code;
use l402_fetch_fuzz::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(header) = text(data) else { return };
    let read = match challenge::parse(header) {
        Ok(read) => read,
        Err(error) => return assert_eq!(error.code(), Code::InvalidChallenge),
    };
    assert!(header.len() <= MAX_HEADER && read.len() <= MAX_CHALLENGES);
    for challenge in &read {
        check(challenge, header);
    }

    // values hold nothing but escapes, so nothing in them can be taken for something else
    let written: Vec<String> = read.iter().map(written).collect();
    let written = written.join(", ");
    if written.len() <= MAX_HEADER {
        // a challenge that was malformed may be none any more, and then be an offer: names and values are the same
        if let Ok(again) = challenge::parse(&written) {
            let parts = |list: &[Challenge]| -> Vec<_> {
                list.iter().map(|challenge| (challenge.scheme.clone(), challenge.params.clone())).collect()
            };
            assert_eq!(parts(&again), parts(&read));
            for (again, first) in again.iter().zip(&read) {
                assert!(first.offer.is_none() || again.offer == first.offer);
            }
        } else {
            assert!(read.iter().all(|challenge| challenge.offer.is_none()), "an offer is lost");
        }
    }
});

fn check(challenge: &Challenge, header: &str) {
    assert!(!challenge.scheme.is_empty() && header.contains(&challenge.scheme));
    assert!(challenge.params.len() <= MAX_PARAMETERS);
    for (at, (name, _)) in challenge.params.iter().enumerate() {
        assert!(!name.is_empty() && name.to_ascii_lowercase() == *name);
        assert!(challenge.params[..at].iter().all(|(other, _)| other != name), "a name twice");
    }
    let Some(offer) = &challenge.offer else { return };
    let scheme = challenge.scheme.to_ascii_lowercase();
    assert_eq!(scheme, offer.protocol.as_str());
    assert!(!offer.invoice.is_empty() && !offer.token.is_empty());
    // it must not be able to end the header that it is sent in, nor be changed by whoever trims that
    assert!(offer.token.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'"'));
    let value = |name| challenge.params.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    assert_eq!(value("token").or(value("macaroon")), Some(&offer.token));
    assert_eq!(value("invoice"), Some(&offer.invoice));
}

fn written(challenge: &Challenge) -> String {
    let params: Vec<String> = challenge
        .params
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", value.chars().flat_map(|c| ['\\', c]).collect::<String>()))
        .collect();
    format!("{} {}", challenge.scheme, params.join(", "))
}
