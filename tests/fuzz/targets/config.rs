//! The options as the core reads them: accepted only as what they say, never as "no limit".
#![no_main]

use l402_fetch::flow::config::Config;
use l402_fetch::Code;
use l402_fetch_fuzz::text;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(given) = text(data) else { return };
    let config = match Config::parse(given) {
        Ok(config) => config,
        Err(error) => return assert_eq!(error.code(), Code::InvalidOptions),
    };
    // numbers that serde_json refuses are too large for it alone
    let Ok(json) = serde_json::from_str::<Value>(given) else { return };
    let msat = |sat: &Value| sat.as_u64().map(|sat| sat.saturating_mul(1000));
    let limits = json["limits"].as_array().map_or(&[][..], Vec::as_slice);
    let Some([one, all @ .., a, b, c, d, e, f, g]) = limits.get(..14) else { panic!("some limits are missing") };
    let own = [b, c, d, e, f, g];
    assert_eq!(Some(config.limits.per_payment), [msat(one), msat(a)].into_iter().flatten().min());
    let all: Vec<&Value> = all.iter().collect();
    for (windows, given) in [(config.limits.all, all), (config.limits.per_origin, own.to_vec())] {
        let orders = [windows.orders.per_minute, windows.orders.per_hour, windows.orders.per_day];
        let read = [windows.per_hour, windows.per_day, windows.total].into_iter().chain(orders);
        for (place, (read, given)) in read.zip(given).enumerate() {
            assert!(given.is_null() || given.is_u64());
            assert_eq!(read, if place < 3 { msat(given) } else { given.as_u64() }, "{place}");
        }
    }
    assert_eq!(config.approve_above_msat, msat(&json["approveAbove"]).unwrap_or(0));
    let listed = |name: &str, length: usize| {
        json[name].is_null() || json[name].as_array().is_some_and(|list| list.len() == length)
    };
    assert!(listed("networks", config.networks.len()) && listed("protocols", config.protocols.len()));
    assert!(listed("hosts", config.hosts.as_ref().map_or(0, Vec::len)));
    assert_eq!(config.trust_wallet, json["proof"] == "none");
    assert_eq!(config.payment_timeout_ms, json["paymentTimeout"].as_u64().unwrap_or(300_000));
    // a wrong type anywhere was refused above; a change of one member must not go unnoticed
    assert!(Config::parse(&format!("[{given}]")).is_err());
});
