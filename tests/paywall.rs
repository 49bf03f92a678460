//! The paywall, from outside: what it offers is what we read, what it sells is paid once, and no bad input brings it
//! down.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use l402_fetch::wire::challenge;
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::macaroon::{decode_parts, Commitment, Macaroon};
use l402_fetch::wire::preimage::Preimage;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

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
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let credential = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\n{credential}Content-Length: {length}\r\n\r\n");
        stream.write_all([&head, body].concat().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.into(), body: body.into() }
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
