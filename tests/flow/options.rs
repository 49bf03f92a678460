//! What a caller allows, as the reader in JavaScript hands it over.

use l402_fetch::flow::config::Config;
use l402_fetch::ledger::limits::Windows;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::invoice::Network;
use l402_fetch::Code;

#[test]
fn options_as_the_reader_in_javascript_writes_them() {
    let config = Config::parse(r#"{"perPayment":100}"#).unwrap();
    assert_eq!(config, Config::new(100));
    assert_eq!(
        (config.payment_timeout_ms, config.trust_wallet, config.networks),
        (300_000, false, vec![Network::Bitcoin])
    );
    let config = Config::parse(
        r#"{"perPayment":1,"perHour":2,"perDay":3,"total":4,"perOrigin":{"perHour":5,"total":0},"networks":["regtest","signet"],
        "hosts":["*.example"],"protocols":["lsat"],"proof":"none","paymentTimeout":7}"#,
    )
    .unwrap();
    assert_eq!(config.limits.per_payment, 1_000);
    assert_eq!(config.limits.all, Windows { per_hour: Some(2_000), per_day: Some(3_000), total: Some(4_000) });
    assert_eq!(config.limits.per_origin, Windows { per_hour: Some(5_000), per_day: None, total: Some(0) });
    assert_eq!(config.networks, [Network::Regtest, Network::Signet]);
    assert_eq!((config.hosts.map(|hosts| hosts.len()), config.protocols), (Some(1), vec![Protocol::Lsat]));
    assert_eq!((config.trust_wallet, config.payment_timeout_ms), (true, 7));
}

#[test]
fn nothing_odd_is_taken_for_no_limit() {
    for (text, key) in [
        ("", "options"),
        ("{}", "limits.perPayment"),
        (r#"{"perPayment":null}"#, "limits.perPayment"),
        (r#"{"perPayment":-1}"#, "limits.perPayment"),
        (r#"{"perPayment":1.5}"#, "limits.perPayment"),
        (r#"{"perPayment":"1"}"#, "limits.perPayment"),
        (r#"{"perPayment":1,"perHour":"1"}"#, "perHour"),
        (r#"{"perPayment":1,"perDay":1e3}"#, "perDay"),
        (r#"{"perPayment":1,"total":18446744073709551615}"#, "total"),
        (r#"{"perPayment":1,"perOrigin":{"perDay":false}}"#, "perDay"),
        (r#"{"perPayment":1,"perOrigin":5}"#, "perOrigin"),
        (r#"{"perPayment":1,"perOrigin":[]}"#, "perOrigin"),
        (r#"{"perPayment":1,"networks":"bitcoin"}"#, "networks"),
        (r#"{"perPayment":1,"networks":["dogecoin"]}"#, "networks"),
        (r#"{"perPayment":1,"hosts":[1]}"#, "hosts"),
        (r#"{"perPayment":1,"protocols":["L402"]}"#, "protocols"),
        (r#"{"perPayment":1,"proof":true}"#, "proof"),
        (r#"{"perPayment":1,"paymentTimeout":"1"}"#, "paymentTimeout"),
    ] {
        let error = Config::parse(text).unwrap_err();
        assert_eq!(
            (error.code(), error.message()),
            (Code::InvalidOptions, format!("{key} has no valid value").as_str())
        );
    }
}
