//! The paywall, from outside: what it offers is what we read, what it sells is paid once, and no bad input brings it
//! down.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use l402_fetch::wire::challenge;
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::macaroon::{decode_parts, Commitment, Macaroon};
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::wire::url::Url;
use l402_fetch::wire::x402::{is_unseen, PaymentRequired, Sent, NETWORKS};
use l402_fetch::{Code, Error};
use lightning_invoice::SignedRawBolt11Invoice;
use serde_json::value::RawValue;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const MAINNET: &str = "lnbtc:000000000019d6689c085ae165831e93";

/// A paywall of its own for each test; it ends with the pipe to its stdin.
struct Paywall {
    _child: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Paywall {
    fn start() -> Paywall {
        let binary = std::env::current_exe().unwrap().parent().unwrap().join("../examples/paywall");
        let mut child = Command::new(&binary)
            .args(["--until-stdin-closes", "--www", concat!(env!("CARGO_MANIFEST_DIR"), "/tests")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --example paywall makes it", binary.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("paywall listening on http://").expect(&line).to_string();
        Paywall { _child: child, address }
    }

    fn send(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        self.ask(method, path, authorization.map(|value| ("Authorization", value)).as_slice(), body)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (host, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n");
        stream.write_all([&head, body].concat().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.into(), body: body.into() }
    }

    /// Pays, and gives the preimage.
    fn pay(&self, invoice: &str) -> String {
        let paid = self.send("POST", "/wallet/a/pay", None, invoice);
        let answer: Value = serde_json::from_str(&paid.body).unwrap();
        answer["preimage"].as_str().expect(&paid.body).into()
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "")
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

impl Answer {
    /// The header as fetch gives it: lines joined by a comma.
    fn challenge(&self) -> String {
        let lines: Vec<_> = self.head.lines().filter_map(|line| line.strip_prefix("www-authenticate: ")).collect();
        lines.join(", ")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The second entry of `PAYMENT-REQUIRED`, where ours is.
    fn entry(&self) -> Entry {
        let text = decoded(self.header("payment-required").expect(&self.head));
        let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
        let entries: Vec<Box<RawValue>> = serde_json::from_str(raw["accepts"].get()).unwrap();
        let text = entries[1].get().to_string();
        Entry {
            json: serde_json::from_str(&text).unwrap(),
            text,
            extensions: raw["extensions"].get().into(),
            error: serde_json::from_str(raw["error"].get()).unwrap(),
        }
    }

    /// The settlement that `PAYMENT-RESPONSE` tells of.
    fn settlement(&self) -> Value {
        serde_json::from_str(&decoded(self.header("payment-response").expect(&self.head))).unwrap()
    }
}

/// What a client of x402 keeps of a 402.
struct Entry {
    json: Value,
    text: String,
    extensions: String,
    error: String,
}

impl Entry {
    fn invoice(&self) -> &str {
        self.json["extra"]["invoice"].as_str().unwrap()
    }

    fn hash(&self) -> String {
        hex(Invoice::decode(self.invoice()).unwrap().payment_hash.as_bytes())
    }

    /// The header of a payment.
    fn signed(&self, preimage: &str) -> String {
        signature(&self.text, &format!(r#","extensions":{}"#, self.extensions), &json!({ "preimage": preimage }))
    }
}

fn signature(accepted: &str, more: &str, payload: &Value) -> String {
    base64::encode(format!(r#"{{"x402Version":2,"payload":{payload},"accepted": {accepted}{more}}}"#))
}

fn decoded(base64: &str) -> String {
    String::from_utf8(base64::decode(base64).unwrap()).unwrap()
}

/// The key that an invoice was signed with.
fn signer(invoice: &str) -> String {
    invoice.parse::<SignedRawBolt11Invoice>().unwrap().recover_payee_pub_key().unwrap().0.to_string()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_core_reads_the_offer_that_the_paywall_makes() {
    let paywall = Paywall::start();
    for settings in [
        "",
        "scheme=lsat",
        "scheme=both",
        "scheme=lower",
        "param=macaroon",
        "param=both",
        "quote=single",
        "quote=none",
        "sep=space",
        "sep=semicolon",
        "token=v1",
        "token=json",
        "token=hexid",
        "token=rawid",
        "token=opaque",
        "token=pair",
        "base64=url",
        "pad=0",
        "base64=url&pad=0&token=v1",
        "valid_until=60",
        "caveat_path=1&caveat=a",
        "network=bc&msat=1",
        "network=tb&price=2100000",
        "network=tbs",
        "network=sb",
        "amount=none",
        "amp=1",
        "amp=optional",
        "payee=1",
        "description=%E2%82%BF+coffee",
        "description_hash=1",
        "age=7200&expiry=60",
        "header=L402+macaroon={token}+invoice={invoice}",
    ] {
        let made = paywall.json(&format!("/challenge?{settings}"));
        let read = challenge::parse(made["header"].as_str().unwrap()).unwrap();
        let offer = read.iter().find_map(|challenge| challenge.offer.clone()).expect(settings);
        assert_eq!(offer.token, made["token"].as_str().unwrap(), "{settings}");

        let (invoice, theirs) = (Invoice::decode(&offer.invoice).unwrap(), &made["invoice"]);
        assert_eq!(invoice.payment_request, theirs["invoice"].as_str().unwrap(), "{settings}");
        assert_eq!(invoice.network.as_str(), theirs["network"], "{settings}");
        assert_eq!(invoice.amount_msat, theirs["amountMsat"].as_u64(), "{settings}");
        assert_eq!(invoice.payment_hash.to_hex(), theirs["paymentHash"], "{settings}");
        assert_eq!(invoice.description.as_deref(), theirs["description"].as_str(), "{settings}");
        assert_eq!(invoice.description_hash.map(|hash| hex(&hash)).as_deref(), theirs["descriptionHash"].as_str());
        assert_eq!(invoice.payee.map(|key| hex(&key)).as_deref(), theirs["payee"].as_str(), "{settings}");
        assert_eq!(invoice.timestamp, theirs["timestamp"].as_u64().unwrap(), "{settings}");
        assert_eq!(invoice.expires_at, theirs["expiresAt"].as_u64().unwrap(), "{settings}");
        assert_eq!(invoice.takes_amp, settings.starts_with("amp="));
        Preimage::prove(theirs["preimage"].as_str().unwrap(), &invoice.payment_hash).unwrap();

        let theirs = &made["macaroon"];
        if theirs.is_null() {
            assert!(Macaroon::decode(&offer.token).is_err(), "{settings}");
            continue;
        }
        let parts = decode_parts(&offer.token).unwrap();
        assert_eq!(parts.len(), if settings == "token=pair" { 2 } else { 1 }, "{settings}");
        assert!(
            parts.iter().all(|part| part.commits_to(&invoice.payment_hash) == Commitment::ThisInvoice),
            "{settings}"
        );
        let raw: Vec<_> = parts[0].caveats.iter().map(|caveat| caveat.raw.as_str()).collect();
        assert_eq!(serde_json::json!(raw), theirs["caveats"], "{settings}");
        assert_eq!(hex(&parts[0].identifier), theirs["identifier"], "{settings}");
        assert_eq!(hex(&parts[0].signature), theirs["signature"], "{settings}");
        assert_eq!(parts[0].location.as_deref(), theirs["location"].as_str(), "{settings}");
    }
    let made = paywall.json("/challenge?mismatch=1");
    let invoice = Invoice::decode(made["invoice"]["invoice"].as_str().unwrap()).unwrap();
    let macaroon = Macaroon::decode(made["token"].as_str().unwrap()).unwrap();
    assert_eq!(macaroon.commits_to(&invoice.payment_hash), Commitment::AnotherInvoice);
}

#[test]
fn a_paid_resource_is_given_and_counted() {
    let paywall = Paywall::start();
    let asked = paywall.get("/shop/a/weather?price=21");
    assert_eq!(asked.status, 402);
    let offer = challenge::parse(&asked.challenge()).unwrap()[0].offer.clone().unwrap();
    let paid = paywall.send("POST", "/wallet/a/pay?fee=500", None, &offer.invoice);
    let answer: Value = serde_json::from_str(&paid.body).unwrap();
    let hash = Invoice::decode(&offer.invoice).unwrap().payment_hash;
    let preimage = Preimage::prove(answer["preimage"].as_str().unwrap(), &hash).unwrap().to_hex();
    let good = format!("L402 {}:{preimage}", offer.token);
    assert_eq!(paywall.send("GET", "/shop/a/weather", Some(&good), "").status, 200);
    let last = if good.ends_with('0') { "1" } else { "0" };
    let wrong = [good.get(..good.len() - 1).unwrap(), last].concat();
    assert_eq!(paywall.send("GET", "/shop/a/weather", Some(&wrong), "").status, 402);
    assert_eq!(paywall.send("GET", "/shop/b/weather", Some(&good), "").status, 402);
    let stats = paywall.json("/stats/a");
    for (count, expected) in
        [("requests", 3), ("challenges", 2), ("payments", 1), ("paidMsat", 21_000), ("feesMsat", 500), ("accepted", 1)]
    {
        assert_eq!(stats[count], expected, "{count}");
    }
}

#[test]
fn bad_input_is_refused_and_nothing_else() {
    let paywall = Paywall::start();
    for credential in
        ["", "L402", "L402 :", "L402 AgE=:00", "L402 MDAw:00", "L402 eyJ2IjoyfQ==:00", "l402 a:b", "L402 ,:,"]
    {
        assert_eq!(paywall.send("GET", "/shop/a/x", Some(credential), "").status, 402, "{credential}");
    }
    for path in [
        "/shop/a?pric=1",
        "/shop/a?price=-1",
        "/shop/a?price=18446744073709551615",
        "/wallet/a/lookup/0",
        "/shop/a?header=%0A",
    ] {
        assert_eq!(paywall.get(path).status, 400, "{path}");
    }
    assert_eq!(paywall.send("POST", "/wallet/a/pay", None, "lnbc1").status, 400);
    assert_eq!(paywall.get("/paywall.rs").status, 200);
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml", "/.%00", "//etc/passwd", "/%"] {
        assert_eq!(paywall.get(path).status, 404, "{path}");
    }
    assert_eq!(paywall.json("/stats/a")["payments"], 0);
}

#[test]
fn a_payment_of_x402_buys_its_request_once() {
    let paywall = Paywall::start();
    for (settings, duplicate) in [("scheme=x402", 409), ("scheme=l402x402&refuse=402", 402)] {
        let path = format!("/shop/a/x?{settings}&bind=cookie,x-a,x-b&expiry=300&msat=25001");
        let headers = [("X-A", " one "), ("x-a", "two"), ("X-B", "")];
        let asked = paywall.ask("POST", &path, &headers, "body");
        assert_eq!(asked.status, 402);
        assert_eq!(asked.challenge().starts_with("L402 "), settings.starts_with("scheme=l402x402"));
        let required: Value = serde_json::from_str(&decoded(asked.header("payment-required").unwrap())).unwrap();
        let url = format!("http://{}{path}", paywall.address);
        assert_eq!(required["x402Version"], 2);
        assert_eq!(required["resource"]["url"], url);
        assert_eq!(required["error"], "PAYMENT-SIGNATURE header is required");
        assert_eq!(required["accepts"][0]["network"], "eip155:8453");

        let entry = asked.entry();
        let bound = |name: &str, value: &[u8]| format!(r#"{{"name":"{name}","valueHash":"{}"}}"#, sha256(value));
        let binding = format!(
            r#"{{"bodyHash":"{}","domain":"x402:exact:lnbtc:bolt11:http:1","headers":[{},{},{}],"method":"POST","url":"{url}"}}"#,
            sha256(b"body"),
            bound("cookie", &[0]),
            bound("x-a", b"\x01one, two"),
            bound("x-b", &[1]),
        );
        let invoice = Invoice::decode(entry.invoice()).unwrap();
        assert_eq!(invoice.network.as_str(), "bitcoin");
        assert_eq!(invoice.amount_msat, Some(25_001));
        assert_eq!(invoice.expires_at - invoice.timestamp, 300);
        assert_eq!(invoice.description_hash.map(|hash| hex(&hash)), Some(sha256(binding.as_bytes())));
        assert_eq!(signer(entry.invoice()), entry.json["payTo"].as_str().unwrap());
        for (name, value) in [
            ("/scheme", json!("exact")),
            ("/network", json!(MAINNET)),
            ("/amount", json!("25001")),
            ("/asset", json!("BTC")),
            ("/maxTimeoutSeconds", json!(300)),
            ("/extra/paymentFlow", json!("upfront")),
            ("/extra/requestHash", json!(sha256(binding.as_bytes()))),
            ("/extra/requestBindingProfile", json!("http:1")),
            ("/extra/requestBindingParams", json!({ "headers": ["cookie", "x-a", "x-b"] })),
        ] {
            assert_eq!(entry.json.pointer(name), Some(&value), "{name}");
        }

        let preimage = paywall.pay(entry.invoice());
        if let Some(offer) = challenge::parse(&asked.challenge()).unwrap().first().and_then(|one| one.offer.clone()) {
            assert_eq!(offer.invoice, entry.invoice());
            let token = format!("L402 {}:{preimage}", offer.token);
            assert_eq!(paywall.send("POST", &path, Some(&token), "body").status, 200);
        }
        let payment = entry.signed(&preimage);
        // a caller's own Authorization is left alone
        let paid = [&headers[..], &[("Authorization", "Bearer b"), ("Payment-Signature", &payment)]].concat();
        let bought = paywall.ask("POST", &path, &paid, "body");
        assert_eq!(bought.status, 200);
        assert_eq!(bought.settlement(), json!({ "success": true, "transaction": entry.hash(), "network": MAINNET }));
        let again = paywall.ask("POST", &path, &paid, "body");
        assert_eq!(again.status, duplicate);
        assert_eq!(
            again.settlement(),
            json!({ "success": false, "errorReason": "duplicate_settlement", "transaction": "", "network": MAINNET })
        );
        if duplicate == 402 {
            assert_eq!(again.entry().error, "duplicate_settlement");
            assert_ne!(again.entry().hash(), entry.hash());
        }
    }
    let log = &paywall.json("/stats/a")["log"];
    assert_eq!(log[0]["paymentSignature"], Value::Null);
    assert_eq!(decoded(log[1]["paymentSignature"].as_str().unwrap()).get(..14), Some(r#"{"x402Version""#));
}

#[test]
fn a_payment_of_x402_that_is_not_for_the_request_buys_nothing() {
    let paywall = Paywall::start();
    let path = "/shop/a/x?scheme=x402&bind=x-a";
    let bound = ("X-A", "one");
    let offer = || paywall.ask("POST", path, &[bound], "body").entry();
    let entry = offer();
    let preimage = paywall.pay(entry.invoice());
    let good = entry.signed(&preimage);
    let extensions = format!(r#","extensions":{}"#, entry.extensions);
    let proof = json!({ "preimage": preimage });
    let expect = |name: &str, asked: Answer, reason: &str| {
        assert_eq!(asked.status, 402, "{name}");
        assert_eq!(asked.entry().error, reason, "{name}");
        assert_eq!(asked.settlement()["errorReason"], reason, "{name}");
    };

    let another = "invalid_exact_lnbtc_request_mismatch";
    let with = |headers: &[(&str, &str)], method: &str, path: &str, body: &str| {
        paywall.ask(method, path, &[headers, &[("PAYMENT-SIGNATURE", &good)]].concat(), body)
    };
    expect("body", with(&[bound], "POST", path, "Body"), another);
    expect("method", with(&[bound], "PUT", path, "body"), another);
    expect("url", with(&[bound], "POST", &format!("{path}&n=1"), "body"), another);
    expect("header", with(&[("X-A", "two")], "POST", path, "body"), another);
    expect("no header", with(&[], "POST", path, "body"), another);
    expect("header twice", with(&[bound, bound], "POST", path, "body"), another);
    let shop = with(&[bound], "POST", "/shop/b/x?scheme=x402&bind=x-a", "body");
    expect("shop", shop, "invalid_exact_lnbtc_invoice_request_mismatch");

    let show = |payment: &str| paywall.ask("POST", path, &[bound, ("PAYMENT-SIGNATURE", payment)], "body");
    let altered = |from: &str, to: &str| {
        assert!(entry.text.contains(from), "{from}");
        show(&signature(&entry.text.replacen(from, to, 1), &extensions, &proof))
    };
    for (from, to, reason) in [
        ("\"exact\"", "\"upto\"", "unsupported_scheme"),
        (MAINNET, "lnbtc:000000000933ea01ad0ee984209779ba", "network_mismatch"),
        ("\"10000\"", "\"10001\"", "invalid_exact_lnbtc_amount_mismatch"),
        (":3600", ":3601", "invalid_exact_lnbtc_max_timeout_mismatch"),
        ("\"upfront\"", "\"later\"", "invalid_exact_lnbtc_payment_flow"),
        ("\"requestHash\"", "\"hash\"", "invalid_exact_lnbtc_request_binding"),
        ("\"http:1\"", "\"mcp:1\"", another),
        ("\"invoice\"", "\"bolt11\"", "invalid_exact_lnbtc_invoice_missing"),
        ("lnbc", "lnbd", "invalid_exact_lnbtc_invoice_decode_failed"),
        // the same to whoever reads JSON, or nearly
        ("9007199254740993", "9007199254740992", "invalid_exact_lnbtc_extra_mismatch"),
        ("1.50", "1.5", "invalid_exact_lnbtc_extra_mismatch"),
        ("\\u00e9", "é", "invalid_exact_lnbtc_extra_mismatch"),
        (": {", ":{", "invalid_exact_lnbtc_extra_mismatch"),
    ] {
        expect(to, altered(from, to), reason);
    }
    expect("no extensions", show(&signature(&entry.text, "", &proof)), "invalid_payload");
    let rounded = extensions.replace("18446744073709551617", "18446744073709551616");
    expect("extensions", show(&signature(&entry.text, &rounded, &proof)), "invalid_payload");
    for (payload, reason) in [
        (json!({}), "invalid_exact_lnbtc_preimage_missing"),
        (json!({ "preimage": preimage.to_uppercase().replace('0', "A") }), "invalid_exact_lnbtc_preimage_malformed"),
        (json!({ "preimage": "00" }), "invalid_exact_lnbtc_preimage_length"),
        (json!({ "preimage": "0".repeat(64) }), "invalid_exact_lnbtc_preimage_hash_mismatch"),
    ] {
        expect(reason, show(&signature(&entry.text, &extensions, &payload)), reason);
    }
    expect("version", show(&base64::encode(decoded(&good).replacen('2', "1", 1))), "invalid_x402_version");
    for malformed in ["", "*", &base64::encode("[]"), &base64::encode(r#"{"x402Version":2}"#)] {
        expect(malformed, show(malformed), "invalid_payload");
    }
    let unpaid = offer();
    let known = paywall.send("POST", "/wallet/a/pay?paid=0", None, unpaid.invoice()).body;
    let known: Value = serde_json::from_str(&known).unwrap();
    let shown = show(&unpaid.signed(known["preimage"].as_str().unwrap()));
    expect("not paid", shown, "exact_lnbtc_payment_not_paid");

    assert_eq!(show(&good).status, 200, "none of this used it up");
    assert_eq!(paywall.json("/stats/a")["accepted"], 1);
}

#[test]
fn a_payment_of_x402_is_taken_for_a_minute_after_its_invoice() {
    let paywall = Paywall::start();
    for (settings, is_late) in
        [("expiry=30&age=80", false), ("expiry=30&age=100", true), ("expiry=30&age=100&grace=90", false)]
    {
        let path = format!("/shop/a/x?scheme=x402&{settings}");
        let entry = paywall.get(&path).entry();
        let payment = entry.signed(&paywall.pay(entry.invoice()));
        let answer = paywall.ask("GET", &path, &[("PAYMENT-SIGNATURE", &payment)], "");
        assert_eq!(answer.status, if is_late { 402 } else { 200 }, "{settings}");
        if is_late {
            assert_eq!(answer.entry().error, "invalid_exact_lnbtc_invoice_expired");
        }
    }
}

#[test]
fn the_core_takes_the_x402_offer_that_the_paywall_makes_and_none_of_its_faults() {
    let paywall = Paywall::start();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (settings, expected) in [
        ("", None),
        ("&network=tb", None),
        ("&bind=accept-charset,x-a", None),
        ("&payee=1", None),
        ("&fault=amount", Some(Code::InvalidChallenge)),
        ("&fault=payto", Some(Code::InvalidChallenge)),
        ("&fault=payto&payee=1", Some(Code::InvalidChallenge)),
        ("&fault=hash", Some(Code::HashMismatch)),
        ("&fault=description", Some(Code::HashMismatch)),
        ("&fault=inline", Some(Code::HashMismatch)),
        ("&fault=expiry", Some(Code::InvalidChallenge)),
        ("&fault=network", Some(Code::InvalidChallenge)),
        ("&fault=unknown", Some(Code::WrongNetwork)),
        ("&fault=url", Some(Code::HashMismatch)),
        ("&fault=params", Some(Code::InvalidChallenge)),
        ("&fault=base64", Some(Code::InvalidChallenge)),
        ("&fault=future", Some(Code::InvalidInvoice)),
    ] {
        let path = format!("/shop/a/caf%c3%a9?n=%2f&n=+&scheme=x402{settings}");
        let headers = [("x-a", "one"), ("Authorization", "Bearer b")];
        let asked = paywall.ask("POST", &path, &headers, "body");
        let url = Url::parse(&format!("http://{}{path}", paywall.address)).unwrap();
        let sent = Sent {
            method: "POST",
            url: &url,
            body_hash: Some(Sha256::digest("body").into()),
            headers: &headers.map(|(name, value)| (name.to_string(), value.to_string())),
            unseen: &is_unseen,
        };
        let taken = PaymentRequired::decode(asked.header("payment-required").unwrap()).and_then(|required| {
            let mut entries = required.entries();
            assert_eq!(entries.len(), 1, "{settings}");
            let entry = entries.remove(0)?;
            let key = SignedRawBolt11Invoice::recover_payee_pub_key(&entry.invoice.parse().unwrap()).unwrap();
            entry.check(entry.for_http(&sent)?, now, NETWORKS)?.signed_by(Some(key.0.serialize()))
        });
        assert_eq!(taken.as_ref().err().map(Error::code), expected, "{settings}");
    }
    for path in [
        "/shop/a/x?scheme=x402&bind=X-A",
        "/shop/a/x?scheme=x402&bind=b,a",
        "/shop/a/x?scheme=x402&bind=payment-signature",
        "/shop/a/x?scheme=x402&network=tbs",
        "/shop/a/x?scheme=x402&amount=none",
        "/challenge?scheme=x402",
    ] {
        assert_eq!(paywall.get(path).status, 400, "{path}");
    }
}

#[test]
fn a_charge_says_where_its_credential_goes_and_for_which_body_it_is() {
    let paywall = Paywall::start();
    let path = "/shop/a/x?scheme=mpp&in=payment-authorization&digest=1";
    let asked = paywall.send("POST", path, Some("Bearer b"), "body");
    assert_eq!(asked.status, 402);
    assert_eq!(paywall.json("/stats/a")["refused"], 0, "the caller's own");
    let line = asked.challenge();
    let params: BTreeMap<&str, &str> = line
        .strip_prefix("Payment ")
        .unwrap()
        .split(", ")
        .map(|param| param.split_once('=').unwrap())
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    assert_eq!(params["header"], "Payment-Authorization");
    assert_eq!(params["digest"], format!("sha-256=:{}:", base64::encode(Sha256::digest("body"))));
    let request = base64::decode_config(params["request"], base64::URL_SAFE_NO_PAD).unwrap();
    let request: Value = serde_json::from_slice(&request).unwrap();
    let preimage = paywall.pay(request["methodDetails"]["invoice"].as_str().unwrap());
    let credential = |params: &BTreeMap<&str, &str>| {
        let json = json!({ "challenge": params, "payload": { "preimage": preimage } });
        format!("Payment {}", base64::encode_config(json.to_string(), base64::URL_SAFE_NO_PAD))
    };
    let good = credential(&params);
    let mut less = params.clone();
    less.remove("digest");
    let less = credential(&less);
    for (name, line, body) in [
        ("Authorization", &good, "body"),
        ("Payment-Authorization", &good, "Body"),
        ("Payment-Authorization", &less, "body"),
    ] {
        assert_eq!(paywall.ask("POST", path, &[(name, line)], body).status, 402, "{name} {body}");
    }
    assert_eq!(paywall.json("/stats/a")["refused"], 3);
    let paid = [("Authorization", "Bearer b"), ("Payment-Authorization", good.as_str())];
    let bought = paywall.ask("POST", path, &paid, "body");
    assert_eq!(bought.status, 200);
    assert!(bought.header("payment-receipt").is_some());
    let log = &paywall.json("/stats/a")["log"];
    assert_eq!(log[4]["paymentAuthorization"], good);
    assert_eq!(log[4]["authorization"], "Bearer b");
}

#[test]
fn a_page_may_send_and_see_what_payments_need_unless_told_otherwise() {
    let paywall = Paywall::start();
    for (settings, sends, sees) in
        [("", true, true), ("&hidden=1", true, false), ("&cors=plain", false, false), ("&cors=none", false, false)]
    {
        let path = format!("/shop/a/x?scheme=x402{settings}");
        let preflight = paywall.ask("OPTIONS", &path, &[("Access-Control-Request-Method", "GET")], "");
        let (allow, expose) = ("access-control-allow-headers", "access-control-expose-headers");
        let says = |answer: &Answer, header, name: &str| answer.header(header).is_some_and(|line| line.contains(name));
        for name in ["Payment-Authorization", "PAYMENT-SIGNATURE"] {
            assert_eq!(says(&preflight, allow, name), sends, "{settings} {name}");
        }
        for name in ["PAYMENT-REQUIRED", "PAYMENT-RESPONSE"] {
            assert_eq!(says(&paywall.get(&path), expose, name), sees, "{settings} {name}");
        }
    }
}
