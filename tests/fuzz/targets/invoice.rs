//! BOLT11: an invoice is read the same from either case, and as lightning-invoice reads it.
#![no_main]

#[path = "../../bech32/mod.rs"]
mod bech32;
#[path = "../../bolt11/mod.rs"]
mod bolt11;

use l402_fetch_fuzz::{foreign, text};
use libfuzzer_sys::fuzz_target;

const PREFIXES: [&str; 8] =
    ["lnbc", "lnbc1", "lnbc25m", "lntb20u", "lntbs5n", "lnbcrt10p", "lnsb0", "lnbcrt9007199254740991"];

fuzz_target!(|data: &[u8]| {
    match data {
        // a checksum that is right whatever the fuzzer does to the fields
        [0, prefix, fields @ ..] => {
            let groups: Vec<u8> = fields.iter().map(|byte| byte & 31).collect();
            check(&bech32::bech32(PREFIXES[usize::from(*prefix) % PREFIXES.len()], &groups, 1));
        }
        _ => _ = text(data).map(check),
    }
});

fn check(given: &str) {
    bolt11::check(given, foreign(|| given.parse().ok()).flatten());
}
