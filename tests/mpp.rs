//! MPP charges: what is read, each check before paying, the credential, and what the server says after.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod invoices;

use bitcoin::hashes::{sha256 as hmac_sha256, Hash, HashEngine, Hmac, HmacEngine};
use invoices::{assert_linear, hex, sha256, text, Terms, PREIMAGE};
use l402_fetch::ledger::begin::check_expiry;
use l402_fetch::text::json::Json;
use l402_fetch::wire::challenge::{self, MAX_HEADER};
use l402_fetch::wire::credential::Field;
use l402_fetch::wire::invoice::{Invoice, Network};
use l402_fetch::wire::jcs::canonical;
use l402_fetch::wire::mpp::{self, charges, Charge};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::{Code, Error};
use lightning_invoice::Currency;
use serde_json::{json, Value};

const NOW: u64 = 1_700_000_000;

fn vectors(name: &str) -> Value {
    let text = include_str!("vectors/mpp-aperture.json");
    serde_json::from_str::<Value>(text).unwrap()[name].clone()
}

fn base64url(text: &str) -> String {
    base64::encode_config(text, base64::URL_SAFE_NO_PAD)
}

fn preimage() -> Preimage {
    Preimage::prove(&hex(&PREIMAGE), &sha256(&PREIMAGE).into()).unwrap()
}

/// The header of one challenge, as RFC 9110 writes it.
fn header(params: &[(String, String)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("Payment {}", params.join(", "))
}

/// The only charge in a header.
fn read(header: &str) -> Result<Charge, Error> {
    let mut found = charges(&challenge::read(header).0);
    assert_eq!(found.len(), 1, "{header}");
    found.remove(0)
}

/// A charge of 10 sat. Each test changes one thing of it.
#[derive(Clone)]
struct Shop {
    terms: Terms,
    /// The invoice is signed anew, unless a test has set one.
    request: Value,
    params: Vec<(String, String)>,
    body: Option<&'static [u8]>,
}

impl Shop {
    fn new() -> Self {
        let params = [("id", "an id"), ("realm", "api.example"), ("method", "lightning"), ("intent", "charge")];
        Self {
            terms: Terms {
                currency: Currency::Bitcoin,
                msat: Some(10_000),
                description_hash: None,
                timestamp: NOW,
                expiry: Some(600),
                key: 1,
                payee: None,
            },
            request: json!({
                "amount": "10",
                "currency": "sat",
                "methodDetails": { "invoice": null, "paymentHash": hex(&sha256(&PREIMAGE)), "network": "mainnet" },
            }),
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Some(b""),
        }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(n, _)| n != name);
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.params.retain(|(n, _)| n != name);
        self
    }

    fn request(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.request.pointer_mut(parent).unwrap()[name] = value.into();
        self
    }

    fn without_request(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.request.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        self
    }

    fn terms(mut self, change: fn(&mut Terms)) -> Self {
        change(&mut self.terms);
        self
    }

    fn body(mut self, body: Option<&'static [u8]>) -> Self {
        self.body = body;
        self
    }

    fn all_params(&self) -> Vec<(String, String)> {
        let mut request = self.request.clone();
        if let Some(invoice) = request.pointer_mut("/methodDetails/invoice").filter(|invoice| invoice.is_null()) {
            *invoice = self.terms.sign().into();
        }
        let mut params = self.params.clone();
        if !params.iter().any(|(name, _)| name == "request" || name == "none") {
            params.insert(4.min(params.len()), ("request".to_owned(), base64url(&request.to_string())));
        }
        params
    }

    fn read(&self) -> Result<Charge, Error> {
        read(&header(&self.all_params()))
    }

    /// All that happens before the wallet is asked.
    fn buy(&self) -> Result<Invoice, Error> {
        self.read()?.check(self.body.map(sha256))
    }
}

const OLDER: &str = r#"Payment method="lightning", invoice="INVOICE""#;

fn older(more: &str) -> String {
    [&OLDER.replace("INVOICE", &Shop::new().terms.sign()), more].concat()
}

#[test]
fn a_good_charge_is_paid() {
    let invoice = Shop::new().buy().unwrap();
    assert_eq!((invoice.amount_msat, invoice.network), (Some(10_000), Network::Bitcoin));
    for same in [
        Shop::new().without_request("/methodDetails/paymentHash"),
        Shop::new().request("/methodDetails/paymentHash", hex(&sha256(&PREIMAGE)).to_uppercase()),
        // an absent network means what the invoice says
        Shop::new().without_request("/methodDetails/network").terms(|terms| terms.currency = Currency::Regtest),
        Shop::new().request("/methodDetails/network", "regtest").terms(|terms| terms.currency = Currency::Regtest),
        Shop::new().request("/methodDetails/network", "signet").terms(|terms| terms.currency = Currency::Signet),
        Shop::new().request("/methodDetails/network", "simnet").terms(|terms| terms.currency = Currency::Simnet),
        Shop::new().request("/description", "Q&A").request("/externalId", 7).request("/recipient", Value::Null),
        Shop::new().set("realm", "").set("unknown", "x").set("opaque", "any"),
        Shop::new().set("expires", "2036-01-01T00:00:00.5+01:00"),
        Shop::new().set("digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
        Shop::new()
            .set("digest", "sha-512=:AA==:, sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=: ")
            .body(Some(b"x")),
    ] {
        assert!(same.buy().is_ok(), "{:?} {:?}", same.buy(), same.all_params());
    }
    for good in ["", r#", amount="10""#, r#", amount="10", currency="sat", realm="r", intent="charge""#] {
        let charge = read(&older(good)).unwrap();
        assert_eq!(charge.check(None).unwrap().amount_msat, Some(10_000), "{good}");
        assert_eq!(charge.field, Field::Authorization);
    }
}

#[test]
fn each_fault_is_refused_before_paying() {
    let amount = "its amount is not a positive whole number";
    let no_json = "its request is not json in base64url";
    let not_sat = "its currency is not sat";
    let no_invoice = "it has no invoice";
    let hash = "its payment hash is malformed";
    let network = "its network is not known";
    let lacks = "it lacks its realm or its intent";
    let no_id = "it has no id";
    let no_time = "its expires is no time";
    let field = "its header is not payment-authorization";
    for (shop, why) in [
        (Shop::new().without("id"), no_id),
        (Shop::new().set("id", ""), no_id),
        (Shop::new().without("realm"), lacks),
        (Shop::new().without("intent"), lacks),
        (Shop::new().set("none", "").set("id", "a"), "it has no request"),
        (Shop::new().set("request", ""), no_json),
        (Shop::new().set("request", "!!!"), no_json),
        (Shop::new().set("request", "e30="), amount),
        (Shop::new().set("request", "e31="), no_json),
        (Shop::new().set("request", &base64url("{\"amount\":\"10\",\"amount\":\"10\"}")), no_json),
        (Shop::new().set("request", &base64url("{\"amount\":")), no_json),
        (Shop::new().set("request", &base64url("[]")), amount),
        (Shop::new().request("/amount", 10), amount),
        (Shop::new().request("/amount", "0"), amount),
        (Shop::new().request("/amount", "010"), amount),
        (Shop::new().request("/amount", "+10"), amount),
        (Shop::new().request("/amount", "-10"), amount),
        (Shop::new().request("/amount", "10.0"), amount),
        (Shop::new().request("/amount", "1e1"), amount),
        (Shop::new().request("/amount", "18446744073709551616"), amount),
        (Shop::new().without_request("/amount"), amount),
        (Shop::new().request("/currency", "BTC"), not_sat),
        (Shop::new().request("/currency", "SAT"), not_sat),
        (Shop::new().request("/currency", "usd"), not_sat),
        (Shop::new().without_request("/currency"), not_sat),
        (Shop::new().without_request("/methodDetails"), no_invoice),
        (Shop::new().request("/methodDetails", "lnbc1"), no_invoice),
        (Shop::new().without_request("/methodDetails/invoice"), no_invoice),
        (Shop::new().request("/methodDetails/invoice", ""), no_invoice),
        (Shop::new().request("/methodDetails/invoice", 1), no_invoice),
        (Shop::new().request("/methodDetails/paymentHash", "00"), hash),
        (Shop::new().request("/methodDetails/paymentHash", Value::Null), hash),
        (Shop::new().request("/methodDetails/network", "moonnet"), network),
        (Shop::new().request("/methodDetails/network", 1), network),
        (Shop::new().set("expires", ""), no_time),
        (Shop::new().set("expires", "soon"), no_time),
        (Shop::new().set("expires", "2036-01-01T00:00:00"), no_time),
        (Shop::new().set("expires", "2082758400"), no_time),
        (Shop::new().set("header", "X-Payment"), field),
        (Shop::new().set("header", "Authorization"), field),
        (Shop::new().set("header", ""), field),
    ] {
        let message = format!("the payment challenge is malformed: {why}");
        assert_eq!(shop.buy(), Err(Error::new(Code::InvalidChallenge, message)), "{:?}", shop.all_params());
    }
    for (header, why) in [
        (older(r#", amount="""#), amount),
        (older(r#", amount="010""#), amount),
        (older(r#", currency="BTC""#), not_sat),
        (older(r#", id="a""#), lacks),
        (older(r#", request="e30""#), no_id),
        (older(r#", header="Payment-Authorization""#), no_id),
        (older(r#", expires="soon""#), no_time),
        (OLDER.replace("INVOICE", ""), no_invoice),
        (r#"Payment method="lightning", amount="10""#.to_owned(), no_invoice),
        // what is wrong with the header itself
        (older(r#", a="1", a="2""#), "a parameter is given twice and differs"),
        (older(r#", invoice="lnbc1""#), "its invoice is given twice and differs"),
        (older(r#", a="1"#), "a quoted value has no end"),
        (older(", a=\"\u{7}\""), "a value holds a control character"),
    ] {
        let message = format!("the payment challenge is malformed: {why}");
        assert_eq!(read(&header), Err(Error::new(Code::InvalidChallenge, message)), "{header}");
    }

    let another_amount = "the payment challenge names another amount than its invoice";
    let another_network = "the payment challenge names another network than its invoice";
    let another_hash = "the payment challenge is for another payment hash than its invoice: paying would buy nothing";
    let another_body = "the payment challenge is for another body than was sent: paying would buy nothing";
    let another_digest = "the payment challenge is for a body by a digest other than sha-256";
    let unknown_body =
        "the payment challenge is for one body, and this one can't be read before it is sent: give it as a string or bytes";
    let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    for (shop, code, message) in [
        (Shop::new().request("/amount", "11"), Code::InvalidChallenge, another_amount),
        (Shop::new().request("/amount", "18446744073709551615"), Code::InvalidChallenge, another_amount),
        // a thousand times this is 10,000 by a computation that overflows
        (Shop::new().request("/amount", "2305843009213693962"), Code::InvalidChallenge, another_amount),
        (Shop::new().terms(|terms| terms.msat = Some(10_001)), Code::InvalidChallenge, another_amount),
        (Shop::new().terms(|terms| terms.msat = None), Code::InvalidChallenge, another_amount),
        (Shop::new().request("/methodDetails/network", "regtest"), Code::InvalidChallenge, another_network),
        (Shop::new().terms(|terms| terms.currency = Currency::Regtest), Code::InvalidChallenge, another_network),
        (Shop::new().request("/methodDetails/paymentHash", "00".repeat(32)), Code::HashMismatch, another_hash),
        (Shop::new().set("digest", empty).body(Some(b"x")), Code::HashMismatch, another_body),
        (Shop::new().set("digest", "sha-256=:AA==:"), Code::HashMismatch, another_body),
        (Shop::new().set("digest", "sha-256=47DEQpj8HBSa"), Code::HashMismatch, another_body),
        (Shop::new().set("digest", empty).body(None), Code::BodyNotReplayable, unknown_body),
        (Shop::new().set("digest", "sha-512=:AA==:"), Code::InvalidChallenge, another_digest),
        (Shop::new().set("digest", ""), Code::InvalidChallenge, another_digest),
        (
            Shop::new().request("/methodDetails/invoice", "lnbc1"),
            Code::InvalidInvoice,
            "the invoice's checksum is wrong: it was mistyped, cut or changed",
        ),
    ] {
        assert!(shop.read().is_ok());
        assert_eq!(shop.buy(), Err(Error::new(code, message)), "{:?}", shop.all_params());
    }
    let charge = read(&older(r#", amount="11""#)).unwrap();
    assert_eq!(charge.check(None), Err(Error::new(Code::InvalidChallenge, another_amount)));
}

#[test]
fn the_earlier_expiry_counts() {
    // the invoice expires at NOW + 600: 22:23:20 on that day
    for (expires, last) in [
        (None, NOW + 600),
        (Some("2023-11-14T22:23:19Z"), NOW + 599),
        (Some("2023-11-14T23:23:19+01:00"), NOW + 599),
        (Some("2023-11-14T22:23:21Z"), NOW + 600),
        (Some("2020-01-01T00:00:00Z"), 1_577_836_800),
    ] {
        let shop = expires.map_or_else(Shop::new, |text| Shop::new().set("expires", text));
        let charge = shop.read().unwrap();
        let invoice = charge.check(Some(sha256(b""))).unwrap();
        assert_eq!(charge.last_moment(&invoice), last, "{expires:?}");
        assert_eq!(check_expiry(last, (last - 5) * 1000).map_err(|error| error.code()), Err(Code::InvoiceExpired));
        // the same is known of the token alone, when it is tried again
        assert_eq!(mpp::expires_at(&charge.token), charge.expires_at);
    }
    assert_eq!(mpp::expires_at("opaque"), None);
}

#[test]
fn other_methods_and_intents_are_left_to_others() {
    for header in [
        r#"Payment id="a", realm="r", method="tempo", intent="charge", request="e30""#,
        r#"Payment id="a", realm="r", method="Lightning", intent="charge", request="e30""#,
        r#"Payment id="a", realm="r", method="lightning", intent="session", request="e30""#,
        r#"Payment id="a", realm="r", intent="charge", request="e30""#,
        r#"Bearer method="lightning", invoice="lnbc1""#,
        "Payment",
        "Payment YWJj",
        "",
    ] {
        assert_eq!(charges(&challenge::parse(header).unwrap()), [], "{header}");
    }
    // a malformed one is no bar to the next
    let [good, bad] = [Shop::new(), Shop::new().set("id", "")].map(|shop| header(&shop.all_params()));
    let both = format!("{bad}, Basic realm=\"x\", {good}");
    let found: Vec<_> = charges(&challenge::parse(&both).unwrap()).iter().map(Result::is_ok).collect();
    assert_eq!(found, [false, true]);
    // nor is a malformed challenge of another protocol
    let (challenges, error) = challenge::read(&format!("L402 token=\"a\", {good}"));
    let message = "the l402 challenge is malformed: it has no invoice";
    assert_eq!(error, Some(Error::new(Code::InvalidChallenge, message)));
    assert!(matches!(charges(&challenges)[..], [Ok(_)]));
}

/// What a server decodes of a credential.
fn decoded(value: &str) -> Value {
    let token = value.strip_prefix("Payment ").unwrap();
    let text = String::from_utf8(base64::decode_config(token, base64::URL_SAFE_NO_PAD).unwrap()).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    // serde sorts the members, and escapes as RFC 8785 does
    assert_eq!(value.to_string(), text, "not canonical");
    value
}

#[test]
fn every_parameter_comes_back() {
    let shop = Shop::new()
        .set("expires", "2036-01-01T00:00:00Z")
        .set("description", "say \"hi\", \\ \u{7f}é☃")
        .set("realm", "tab\there, a=\"b\"")
        .set("opaque", "eyJvIjoiMSJ9")
        .set("digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")
        .set("x-unknown", "1")
        .set("__proto__", "2");
    // a control character is no part of a header: this one is left out
    let shop = shop.set("description", "say \"hi\", \\ é☃");
    let charge = shop.read().unwrap();
    assert!(charge.token.bytes().all(|byte| byte.is_ascii_graphic()));
    let credential = mpp::credential(&charge.token, &preimage()).unwrap();
    assert_eq!((credential.field, charge.field), (Field::Authorization, Field::Authorization));
    let params: Value = shop.all_params().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let expected = json!({ "challenge": params, "payload": { "preimage": hex(&PREIMAGE) } });
    assert_eq!(decoded(&credential.value), expected);

    // names are read in any case, values as they are
    let header = header(&shop.all_params()).replace("realm=", "ReAlM=").replace("id=", "ID =  ");
    let credential = mpp::credential(&read(&header).unwrap().token, &preimage()).unwrap();
    assert_eq!(decoded(&credential.value), expected);
}

#[test]
fn a_server_may_want_the_credential_in_another_header() {
    for name in ["Payment-Authorization", "payment-authorization"] {
        let charge = Shop::new().set("header", name).read().unwrap();
        let credential = mpp::credential(&charge.token, &preimage()).unwrap();
        assert_eq!((credential.field, charge.field), (Field::PaymentAuthorization, Field::PaymentAuthorization));
        assert_eq!(decoded(&credential.value)["challenge"]["header"], name);
    }
}

#[test]
fn the_older_shape_has_its_own_credential() {
    let charge = read(&older("")).unwrap();
    let credential = mpp::credential(&charge.token, &preimage()).unwrap();
    assert_eq!(credential.field, Field::Authorization);
    assert_eq!(credential.value, format!(r#"Payment method="lightning", preimage="{}""#, hex(&PREIMAGE)));
    for token in ["", "opaque", "W10", "e30=x", &base64url("1")] {
        assert!(mpp::credential(token, &preimage()).is_none(), "{token}");
    }
}

#[test]
fn a_receipt_counts_if_it_is_for_this_payment() {
    let token = Shop::new().read().unwrap().token;
    let hash = PaymentHash::from(sha256(&PREIMAGE));
    let good = json!({
        "method": "lightning", "challengeId": "an id", "reference": hash.to_hex(), "status": "success",
        "timestamp": "2026-03-10T21:00:00Z", "more": 9_007_199_254_740_993_u64,
    });
    let text = good.to_string();
    assert_eq!(mpp::attested(&base64url(&text), &token, &hash), Some(text.clone()));
    assert_eq!(mpp::attested(&base64::encode_config(&text, base64::URL_SAFE), &token, &hash), Some(text));
    let mut short = good.clone();
    short.as_object_mut().unwrap().remove("challengeId");
    assert_eq!(mpp::attested(&base64url(&short.to_string()), &token, &hash), Some(short.to_string()));
    for (name, value) in [
        ("method", json!("tempo")),
        ("challengeId", json!("another")),
        ("challengeId", json!(null)),
        ("reference", json!(hex(&[0; 32]))),
        ("reference", json!(hex(&PREIMAGE))),
        ("status", json!("failed")),
        ("status", json!(true)),
    ] {
        let mut other = good.clone();
        other[name] = value;
        assert_eq!(mpp::attested(&base64url(&other.to_string()), &token, &hash), None, "{other}");
    }
    for header in ["", "%", "e30", &base64url("[]"), &base64url(r#"{"status":"success","status":"success"}"#)] {
        assert_eq!(mpp::attested(header, &token, &hash), None, "{header}");
    }
    // the older shape has no id
    let token = read(&older("")).unwrap().token;
    assert!(mpp::attested(&base64url(&short.to_string()), &token, &hash).is_some());
}

/// The bytes of real charges, bought from aperture.
#[test]
fn aperture_took_these() {
    let entries: Value = serde_json::from_str(include_str!("vectors/aperture.json")).unwrap();
    let mut count = 0;
    for entry in entries.as_array().unwrap() {
        let charge = &entry["charge"];
        let found = charges(&challenge::parse(text(entry, "header")).unwrap());
        if charge.is_null() {
            assert_eq!(found, []);
            continue;
        }
        let [Ok(ours)] = &found[..] else { panic!("one charge: {found:?}") };
        assert_eq!(ours.invoice, text(&charge["request"]["methodDetails"], "invoice"));
        let invoice = ours.check(Some(sha256(b""))).unwrap();
        assert_eq!((invoice.network, charge["status"].as_u64()), (Network::Regtest, Some(200)));
        let preimage = Preimage::prove(text(charge, "preimage"), &invoice.payment_hash).unwrap();
        let credential = mpp::credential(&ours.token, &preimage).unwrap();
        let expected = json!({ "challenge": charge["challenge"], "payload": { "preimage": charge["preimage"] } });
        assert_eq!(decoded(&credential.value), expected);
        assert!(mpp::attested(text(charge, "receipt"), &ours.token, &invoice.payment_hash).is_some());
        count += 1;
    }
    assert_eq!(count, 2);
}

/// The charges among the challenges that real and hostile servers send.
#[test]
fn known_challenges() {
    let entries: Value = serde_json::from_str(include_str!("vectors/challenges.json")).unwrap();
    let mut seen = Vec::new();
    for entry in entries.as_array().unwrap() {
        for charge in charges(&challenge::read(text(entry, "header")).0) {
            let checked = charge.as_ref().map_err(Clone::clone).and_then(|charge| {
                let body = if text(entry, "name").contains("digest") { None } else { Some(sha256(b"")) };
                charge.check(body).map(|invoice| charge.last_moment(&invoice))
            });
            if let (Ok(_), Some(invoice)) = (&checked, entry["expect"]["invoice"].as_str()) {
                assert_eq!(charge.unwrap().invoice, invoice);
            }
            seen.push((text(entry, "name").to_owned(), checked.map_err(|error| error.message().to_owned())));
        }
    }
    let seen: Vec<_> = seen.iter().map(|(name, last)| (name.as_str(), last.as_ref().map_err(String::as_str))).collect();
    let not_sat = Err("the payment challenge is malformed: its currency is not sat");
    let body =
        "the payment challenge is for one body, and this one can't be read before it is sent: give it as a string or bytes";
    let expected = [
        ("spring-l402-plus-payment", not_sat),
        ("spring-payment-currency-btc", not_sat),
        ("mpp-opaque-digest-escaped-description", Err(body)),
        ("mpp-padded-request", Ok(&2_082_758_400)),
        ("mpp-lowercase-scheme-param-order", Ok(&2_105_360_000)),
        ("mpp-std-base64-request", Err("the payment challenge is malformed: its request is not json in base64url")),
        ("mpp-amount-mismatch", Err("the payment challenge names another amount than its invoice")),
        // in 2020
        ("mpp-expired", Ok(&1_577_836_800)),
    ];
    assert_eq!(seen, expected);
}

/// `Number::toString` of ECMAScript, from the shortest digits of Rust.
fn number(text: &str) -> Option<String> {
    let value: f64 = text.parse().unwrap();
    if !value.is_finite() || value == 0.0 {
        return (value == 0.0).then(|| "0".to_owned());
    }
    let shortest = format!("{:e}", value.abs());
    let (digits, exponent) = shortest.split_once('e').unwrap();
    let digits = digits.replace('.', "");
    let (count, point) = (digits.len() as i32, exponent.parse::<i32>().unwrap() + 1);
    let zeros = |count: i32| "0".repeat(count.try_into().unwrap());
    let text = if (count..=21).contains(&point) {
        [digits, zeros(point - count)].concat()
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{first}{dot}{rest}e{}{}", if point > 0 { "+" } else { "-" }, (point - 1).abs())
    };
    Some(if value < 0.0 { format!("-{text}") } else { text })
}

#[test]
fn canonical_json_is_that_of_aperture() {
    for vector in vectors("canonicalization").as_array().unwrap() {
        let ours = Json::parse(text(vector, "input")).ok().and_then(|value| canonical(&value, &number));
        assert_eq!(ours.as_deref(), vector["canonical"].as_str(), "{}", vector["name"]);
        assert_eq!(vector["error"] == true, ours.is_none());
    }
    let too_large = Json::parse(r#"{"a":[1e400]}"#).unwrap();
    assert_eq!(canonical(&too_large, &number), None);
    // whole numbers that are small need no help
    let plain = Json::parse("[0,-7,999999999999999,-999999999999999]").unwrap();
    assert_eq!(canonical(&plain, &|_| None).as_deref(), Some("[0,-7,999999999999999,-999999999999999]"));
    for help in ["-0", "1000000000000000", "1.0", "1e0", "1E3"] {
        let asked = |text: &str| Some(["<", text, ">"].concat());
        assert_eq!(canonical(&Json::Number(help.to_owned()), &asked), Some(format!("<{help}>")));
    }
}

#[test]
fn challenges_are_read_as_aperture_writes_them() {
    let params = |challenge: &challenge::Challenge| -> Value {
        challenge.params.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()
    };
    for vector in vectors("challengeHeaders").as_array().unwrap() {
        let challenges = challenge::parse(text(vector, "header")).unwrap();
        assert_eq!(challenges.iter().map(params).collect::<Vec<_>>(), [vector["parsed"].clone()], "{}", vector["name"]);
        assert_eq!(challenges[0].defect, None);
    }
    for vector in vectors("challengeLists").as_array().unwrap() {
        let challenges = challenge::parse(text(vector, "header")).unwrap();
        let is_whole =
            |params: &Value| ["id", "realm", "method", "intent", "request"].iter().all(|n| params[n].is_string());
        let payment = challenges.iter().filter(|challenge| challenge.scheme.eq_ignore_ascii_case("payment"));
        let found: Vec<_> = payment.clone().map(params).filter(is_whole).collect();
        let expected = vector["challenges"].as_array().cloned().unwrap_or_default();
        assert_eq!(found, expected, "{}", vector["name"]);
        assert_eq!(vector["error"] == true, found.is_empty());
        // the first of two values is read, but nothing is paid where they differ
        let differs = text(vector, "name").starts_with("repeated parameter");
        assert_eq!(payment.clone().any(|challenge| challenge.defect.is_some()), differs);
    }
}

/// An HMAC over what came back is the id again, so a server that keeps no state takes the credential.
#[test]
fn ids_of_aperture_hold_over_what_is_read() {
    let secret: Value = serde_json::from_str(include_str!("vectors/mpp-aperture.json")).unwrap();
    let secret = text(&secret, "hmacSecretHex");
    let secret: Vec<u8> =
        (0..secret.len() / 2).map(|at| u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).unwrap()).collect();
    let id = |params: &Value| {
        let slots = ["realm", "method", "intent", "request", "expires", "digest", "opaque"];
        let input: Vec<_> = slots.iter().map(|name| params[name].as_str().unwrap_or_default()).collect();
        let mut engine = HmacEngine::<hmac_sha256::Hash>::new(&secret);
        engine.input(input.join("|").as_bytes());
        base64::encode_config(Hmac::from_engine(engine).to_byte_array(), base64::URL_SAFE_NO_PAD)
    };
    for vector in vectors("challengeIds").as_array().unwrap() {
        let params: Vec<(String, String)> = vector["params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let read = challenge::parse(&header(&params)).unwrap().remove(0).params;
        let read: Value = read.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        assert_eq!(id(&read), text(&vector["params"], "id"), "{}", vector["name"]);
    }
    // and over the whole way: challenge, token, credential
    let shop = Shop::new().set("expires", "2036-01-01T00:00:00Z").set("opaque", "eyJvIjoiMSJ9");
    let sent: Value = shop.all_params().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let shop = shop.set("id", &id(&sent));
    let credential = mpp::credential(&shop.read().unwrap().token, &preimage()).unwrap();
    let back = &decoded(&credential.value)["challenge"];
    assert_eq!(id(back), text(back, "id"));
}

#[test]
fn json_in_headers_is_read_as_aperture_writes_it() {
    for vector in vectors("base64url").as_array().unwrap() {
        // the same bytes as the only text of a JSON value, so that what is no JSON is read too
        let encoded = text(vector, "encoded");
        let is_json = vector["decodedHex"].as_str().is_some_and(|hex| hex.starts_with("7b"));
        assert_eq!(mpp::decode(encoded).is_some(), is_json, "{}", vector["name"]);
    }
    for vector in vectors("receipts").as_array().unwrap() {
        let (read, json) = mpp::decode(text(vector, "header")).unwrap();
        assert_eq!((read.as_str(), json.to_text().as_str()), (text(vector, "receiptJson"), read.as_str()));
    }
    for vector in vectors("credentials").as_array().unwrap() {
        let header = text(vector, "header");
        let token =
            header.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("payment ")).and_then(|_| header.get(8..));
        let read = token.and_then(mpp::decode);
        let is_whole = |json: &Json| {
            json.get("challenge").and_then(|challenge| challenge.get("id")).is_some() && json.get("payload").is_some()
        };
        let read = read.filter(|(_, json)| is_whole(json));
        assert_eq!(read.as_ref().map_or("", |(text, _)| text), text(vector, "credentialJson"), "{}", vector["name"]);
        let Some((_, json)) = read else { continue };
        // the token of that challenge makes the same credential with another proof
        let token =
            base64url(&Json::Object(vec![("challenge".into(), json.get("challenge").unwrap().clone())]).to_text());
        let ours = mpp::credential(&token, &preimage()).unwrap();
        let ours: Value = serde_json::from_str(&mpp::decode(&ours.value[8..]).unwrap().0).unwrap();
        let theirs: Value = serde_json::from_str(text(vector, "credentialJson")).unwrap();
        assert_eq!(ours["challenge"], theirs["challenge"]);
        assert_eq!(ours["payload"], json!({ "preimage": hex(&PREIMAGE) }));
    }
}

/// Whatever a header of full size holds, reading it takes time in proportion.
#[test]
fn reading_is_linear() {
    let invoice = Shop::new().terms.sign();
    let of = |request: &str| Shop::new().set("request", &base64url(request)).all_params();
    let filled = |part: &str, size: usize| part.repeat(size / part.len());
    let shapes: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("one long request", &|size| {
            let text = filled("\\u0041", size);
            header(&of(&format!(
                r#"{{"amount":"10","currency":"sat","x":"{text}","methodDetails":{{"invoice":"a"}}}}"#
            )))
        }),
        ("many brackets", &|size| header(&of(&filled("[", size)))),
        ("many items", &|size| header(&of(&format!("[{}1]", filled("1,", size))))),
        ("many escapes in a parameter", &|size| {
            header(&[&Shop::new().all_params()[..], &[("x".to_owned(), filled("\\", size / 2))]].concat())
        }),
        ("many charges", &|size| vec![older(""); size / 400].join(", ")),
        ("a request that is none", &|size| header(&Shop::new().set("request", &filled("A", size)).all_params())),
    ];
    let work = |header: &str| {
        for charge in charges(&challenge::read(header).0).into_iter().flatten() {
            let _ = (charge.check(Some(sha256(b""))), mpp::credential(&charge.token, &preimage()));
        }
    };
    for (name, make) in shapes {
        let [small, large] = [11_000, 44_000].map(make);
        assert!(large.len() <= MAX_HEADER && small.len() * 3 < large.len(), "{name} {}", large.len());
        assert_linear(name, &|| work(&small), &|| work(&large));
    }
    let many: Vec<_> = (0..61).map(|at| (format!("p{at}"), invoice[..100].to_owned())).collect();
    let charge = read(&header(&[&Shop::new().params[..], &many].concat()));
    assert_eq!(charge.unwrap_err().message(), "the payment challenge is malformed: it has more than 64 parameters");
}

/// Otherwise the tests of linear time would say nothing.
#[test]
#[should_panic(expected = "for four times as much")]
fn a_square_is_noticed() {
    let work = |size: u64| _ = std::hint::black_box((0..size).flat_map(|a| (0..size).map(move |b| a ^ b)).sum::<u64>());
    assert_linear("a square", &|| work(100), &|| work(400));
}
