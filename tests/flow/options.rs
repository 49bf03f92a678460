//! What a caller allows, as the reader in JavaScript hands it over.

use l402_fetch::flow::config::Config;
use l402_fetch::ledger::limits::{Limits, OrderLimits, Windows};
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::invoice::Network;
use l402_fetch::Code;

/// Limits as they are written: for one payment, and that there are no others.
const LIMITS: &str = r#""limits":[100,null,null,null,null,null,null,null,null,null,null,null,null,null]"#;

#[test]
fn options_as_the_reader_in_javascript_writes_them() {
    let config = Config::parse(&format!("{{{LIMITS}}}")).unwrap();
    assert_eq!(config, Config::new(100));
    assert_eq!(
        (config.payment_timeout_ms, config.trust_wallet, config.networks, config.approve_above_msat),
        (300_000, false, vec![Network::Bitcoin], 0)
    );
    let config = Config::parse(
        r#"{"limits":[1,2,3,4,5,null,7,null,8,null,0,null,9,null],"approveAbove":50,"networks":["regtest","signet"],
        "hosts":["*.example"],"protocols":["lsat"],"proof":"none","paymentTimeout":7}"#,
    )
    .unwrap();
    let orders = |per_minute, per_hour, per_day| OrderLimits { per_minute, per_hour, per_day };
    let all = Windows {
        per_hour: Some(2_000),
        per_day: Some(3_000),
        total: Some(4_000),
        orders: orders(Some(5), None, Some(7)),
    };
    let per_origin =
        Windows { per_hour: Some(8_000), per_day: None, total: Some(0), orders: orders(None, Some(9), None) };
    assert_eq!(config.limits, Limits { per_payment: 1_000, all, per_origin });
    assert_eq!(config.approve_above_msat, 50_000);
    assert_eq!(config.networks, [Network::Regtest, Network::Signet]);
    assert_eq!((config.hosts.map(|hosts| hosts.len()), config.protocols), (Some(1), vec![Protocol::Lsat]));
    assert_eq!((config.trust_wallet, config.payment_timeout_ms), (true, 7));
}

#[test]
fn nothing_odd_is_taken_for_no_limit() {
    let with = |member: &str| format!("{{{LIMITS},{member}}}");
    for (text, key) in [
        (String::new(), "options"),
        ("{}".into(), "limits"),
        (r#"{"limits":null}"#.into(), "limits"),
        (r#"{"limits":{}}"#.into(), "limits"),
        (r#"{"limits":[1]}"#.into(), "limits"),
        (with(r#""approveAbove":"1""#), "approveAbove"),
        (with(r#""approveAbove":-1"#), "approveAbove"),
        (with(r#""networks":"bitcoin""#), "networks"),
        (with(r#""networks":["dogecoin"]"#), "networks"),
        (with(r#""hosts":[1]"#), "hosts"),
        (with(r#""protocols":["L402"]"#), "protocols"),
        (with(r#""proof":true"#), "proof"),
        (with(r#""paymentTimeout":"1""#), "paymentTimeout"),
    ] {
        let error = Config::parse(&text).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (Code::InvalidOptions, format!("{key} has no valid value").as_str())
        );
    }
    // Each of the numbers, and that for one payment must be there.
    for odd in ["-1", "1.5", "\"1\"", "false", "[]", "18446744073709551615"] {
        for place in 0..14 {
            let mut list = ["1"; 14];
            list[place] = odd;
            let text = format!("{{\"limits\":[{}]}}", list.join(","));
            assert_eq!(Config::parse(&text).unwrap_err().message(), "limits has no valid value", "{text}");
        }
    }
    let none = LIMITS.replace("100", "null");
    assert_eq!(Config::parse(&format!("{{{none}}}")).unwrap_err().message(), "limits has no valid value");
}
