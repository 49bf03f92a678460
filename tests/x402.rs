//! x402 over Lightning: what is read, each check before paying, and the answer.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod bech32;
mod invoices;

use invoices::signer::recover;
use invoices::{assert_linear, hex, public, sha256, text, Terms, PREIMAGE};
use l402_fetch::ledger::begin::check_expiry;
use l402_fetch::text::json::Json;
use l402_fetch::wire::invoice::{Invoice, Network};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::preimage::Preimage;
use l402_fetch::wire::signature::Signature;
use l402_fetch::wire::url::Url;
use l402_fetch::wire::x402::{self, is_unseen, is_unseen_in_pages, Call, PaymentRequired, Sent, NETWORKS};
use l402_fetch::{Code, Error};
use lightning_invoice::Currency;
use serde_json::{json, Value};

const NOW: u64 = 1_700_000_000;
const URL: &str = "https://api.example.com/article/A";
const MAINNET: &str = "lnbtc:000000000019d6689c085ae165831e93";

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/x402-lnbtc.json")).unwrap()
}

fn base64(text: &str) -> String {
    base64::encode(text)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// An offer with its request. Each test changes one thing of it.
#[derive(Clone)]
struct Shop {
    /// The invoice is signed anew, unless a test has set one.
    terms: Terms,
    required: Value,
    method: &'static str,
    url: &'static str,
    body: Option<&'static [u8]>,
    headers: Vec<(String, String)>,
    unseen: fn(&str) -> bool,
    now: u64,
    networks: Vec<(&'static str, Network)>,
    recover: fn(&Signature) -> Option<[u8; 33]>,
}

impl Shop {
    fn new() -> Self {
        let hash = bytes("0d6623f775e025501fa7f0a30b54da25aad62b6ccfe35c85da38016711e6c018");
        Self {
            terms: Terms {
                currency: Currency::Bitcoin,
                msat: Some(25_000),
                description_hash: Some(hash.clone().try_into().unwrap()),
                timestamp: NOW,
                expiry: Some(300),
                key: 1,
                payee: None,
            },
            required: json!({
                "x402Version": 2,
                "error": "payment required",
                "resource": { "url": URL, "description": "A" },
                "accepts": [{
                    "scheme": "exact",
                    "network": MAINNET,
                    "amount": "25000",
                    "asset": "BTC",
                    "payTo": hex(&public(1)),
                    "maxTimeoutSeconds": 300,
                    "extra": {
                        "paymentFlow": "upfront",
                        "requestHash": hex(&hash),
                        "requestBindingProfile": "http:1",
                        "requestBindingParams": { "headers": [] },
                        "invoice": null,
                    },
                }],
            }),
            method: "GET",
            url: URL,
            body: Some(b""),
            headers: Vec::new(),
            unseen: is_unseen,
            now: NOW,
            networks: NETWORKS.to_vec(),
            recover,
        }
    }

    fn entry(&mut self) -> &mut Value {
        &mut self.required["accepts"][0]
    }

    fn extra(&mut self) -> &mut Value {
        &mut self.required["accepts"][0]["extra"]
    }

    fn json(&self) -> String {
        let mut required = self.required.clone();
        if required["accepts"][0]["extra"]["invoice"].is_null() {
            required["accepts"][0]["extra"]["invoice"] = self.terms.sign().into();
        }
        required.to_string()
    }

    fn sent<'a>(&'a self, url: &'a Url) -> Sent<'a> {
        let body_hash = self.body.map(sha256);
        Sent { method: self.method, url, body_hash, headers: &self.headers, unseen: &self.unseen }
    }

    /// All that happens before the wallet is asked.
    fn buy(&self) -> Result<Invoice, Error> {
        let required = PaymentRequired::decode(&base64(&self.json()))?;
        let entry = required.entries().into_iter().next().expect("an entry of ours")?;
        let url = Url::of(self.url);
        let asked = entry.for_http(&self.sent(&url))?;
        let unproven = entry.check(asked, self.now, &self.networks)?;
        let signer = (self.recover)(&unproven.signature);
        unproven.signed_by(signer)
    }

    /// Puts the hash of the request as it is now into the offer.
    fn bind(&mut self) {
        let required = PaymentRequired::parse(self.json()).unwrap();
        let entry = required.entries().remove(0).unwrap();
        let url = Url::of(self.url);
        // the hash itself is not public, so it is made here a second time, by serde's own sorted maps
        let names = self.extra()["requestBindingParams"]["headers"].clone();
        let headers: Vec<Value> = names
            .as_array()
            .unwrap()
            .iter()
            .map(|name| {
                let lines = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_str().unwrap()));
                let lines: Vec<_> = lines.map(|(_, line)| line.trim()).collect();
                let value = if lines.is_empty() { vec![0] } else { [&[1], lines.join(", ").as_bytes()].concat() };
                json!({ "name": name, "valueHash": hex(&sha256(&value)) })
            })
            .collect();
        let binding = json!({
            "domain": "x402:exact:lnbtc:bolt11:http:1",
            "method": self.method,
            "url": self.url,
            "bodyHash": hex(&sha256(self.body.unwrap())),
            "headers": headers,
        });
        let hash = sha256(binding.to_string().as_bytes());
        assert!(entry.for_http(&self.sent(&url)).is_ok());
        self.extra()["requestHash"] = hex(&hash).into();
        self.terms.description_hash = Some(hash);
    }
}

fn set(path: &str, value: impl Into<Value>) -> Box<dyn FnOnce(&mut Shop)> {
    let (path, value) = (path.to_owned(), value.into());
    Box::new(move |shop| {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let entry = shop.entry();
        let parent = if parent.is_empty() { entry } else { entry.pointer_mut(&format!("/{parent}")).unwrap() };
        parent[name] = value;
    })
}

fn remove(path: &str) -> Box<dyn FnOnce(&mut Shop)> {
    let path = path.to_owned();
    Box::new(move |shop| {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let entry = shop.entry();
        let parent = if parent.is_empty() { entry } else { entry.pointer_mut(&format!("/{parent}")).unwrap() };
        parent.as_object_mut().unwrap().remove(name).unwrap();
    })
}

fn change(change: impl FnOnce(&mut Shop) + 'static) -> Box<dyn FnOnce(&mut Shop)> {
    Box::new(change)
}

#[test]
fn a_good_offer_is_paid() {
    let shop = Shop::new();
    let invoice = shop.buy().unwrap();
    assert_eq!((invoice.amount_msat, invoice.network), (Some(25_000), Network::Bitcoin));
    assert_eq!(invoice.payment_hash.as_bytes(), &sha256(&PREIMAGE));
    for same in [
        set("extra/assetTransferMethod", "bolt11"),
        set("extra/unknown", json!([1, { "a": null }])),
        set("unknown", 1),
        change(|shop| shop.terms.payee = Some(1)),
        change(|shop| shop.now = NOW - 60),
        change(|shop| shop.required["resource"]["mimeType"] = "a/b".into()),
        change(|shop| shop.required["extensions"] = json!({ "x": { "info": {}, "schema": {} } })),
        // others describe their extensions by schemas, which are deep
        change(|shop| {
            let deep = (0..40).fold(json!(1), |inner, _| json!({ "properties": inner }));
            shop.required["extensions"] = json!({ "bazaar": { "schema": deep } });
        }),
        // an invoice without an expiry has one hour
        change(|shop| {
            shop.terms.expiry = None;
            shop.entry()["maxTimeoutSeconds"] = 3600.into();
        }),
        change(|shop| {
            shop.terms.currency = Currency::BitcoinTestnet;
            shop.entry()["network"] = NETWORKS[1].0.into();
        }),
        // a network that tests alone know
        change(|shop| {
            shop.terms.currency = Currency::Regtest;
            shop.networks.push(("lnbtc:0f9188f13cb7b2c71f2a335e3a4fc328", Network::Regtest));
            shop.entry()["network"] = shop.networks[2].0.into();
        }),
        change(|shop| {
            shop.method = "POST";
            shop.body = Some(br#"{"a": 1}"#);
            shop.headers = vec![("Content-Type".into(), "a/b".into()), ("X-Two".into(), " 1".into())];
            shop.headers.push(("x-two".into(), "2\t".into()));
            shop.extra()["requestBindingParams"] = json!({ "headers": ["content-type", "x-none", "x-two"] });
            shop.bind();
        }),
        // one that a runtime would add is known if the caller sets it
        change(|shop| {
            shop.unseen = is_unseen_in_pages;
            shop.headers = vec![("Accept".into(), "*/*".into())];
            shop.extra()["requestBindingParams"] = json!({ "headers": ["accept"] });
            shop.bind();
        }),
    ] {
        let mut shop = Shop::new();
        same(&mut shop);
        assert!(shop.buy().is_ok(), "{} {:?}", shop.json(), shop.buy());
    }
}

#[test]
fn each_fault_is_refused_before_paying() {
    use Code::{BodyNotReplayable, HashMismatch, InvalidChallenge, InvalidInvoice, WrongNetwork};
    let malformed = |why: &str| format!("the x402 offer is malformed: {why}");
    let asset = malformed("its asset is not BTC");
    let amount = malformed("its amount is not a positive whole number");
    let pay_to = malformed("its payTo is not the key of a node");
    let timeout = malformed("its maxTimeoutSeconds is not a positive whole number");
    let flow = malformed("its paymentFlow is not upfront");
    let method = malformed("its assetTransferMethod is not bolt11");
    let no_invoice = malformed("it has no invoice");
    let hash = malformed("its requestHash is not 64 lower-case hex digits");
    let no_profile = malformed("it has no requestBindingProfile");
    let no_params = malformed("it has no requestBindingParams");
    let params = malformed("its requestBindingParams are not those of its profile");
    let not_http = "the x402 offer is not for a request over http";
    let another_request = "the x402 offer is for another request than was sent: paying would buy nothing";
    let another_url = "the x402 offer is for another url than was asked: paying would buy nothing";
    let invoice_for_another = "the x402 offer's invoice is for another request: paying would buy nothing";
    let another_node = "the x402 offer is paid to another node than its invoice";
    let another_amount = "the x402 offer names another amount than its invoice";
    let unseen = |name: &str| {
        format!(
            "the x402 offer is for one value of the header {name}, which is set where this program can't see it: set it \
             yourself, or pay elsewhere"
        )
    };
    let headers = |list: Value| set("extra/requestBindingParams", json!({ "headers": list }));
    let sent_with = |value: &'static str| {
        change(move |shop| {
            shop.extra()["requestBindingParams"] = json!({ "headers": ["x-a"] });
            shop.headers = vec![("x-a".into(), value.into())];
        })
    };
    let bad_header =
        "the x402 offer can't be paid for this request: the header x-a holds what has no place there".to_owned();
    let bad_url = "the x402 offer can't be paid for this request: the url holds what has no place there".to_owned();
    let at = |url: &'static str| {
        change(move |shop| {
            shop.url = url;
            shop.required["resource"]["url"] = url.into();
        })
    };
    type Case = (Box<dyn FnOnce(&mut Shop)>, Code, String);
    let cases: Vec<Case> = vec![
        // network, asset, amount
        (set("network", "lnbtc:ffff"), WrongNetwork, "the x402 offer is for a network that is not known".into()),
        (set("asset", "USDC"), InvalidChallenge, asset.clone()),
        (set("asset", "btc"), InvalidChallenge, asset.clone()),
        (set("asset", 1), InvalidChallenge, asset.clone()),
        (remove("asset"), InvalidChallenge, asset),
        (set("amount", "0"), InvalidChallenge, amount.clone()),
        (set("amount", "025000"), InvalidChallenge, amount.clone()),
        (set("amount", "+25000"), InvalidChallenge, amount.clone()),
        (set("amount", "-25000"), InvalidChallenge, amount.clone()),
        (set("amount", "25000.0"), InvalidChallenge, amount.clone()),
        (set("amount", "2.5e4"), InvalidChallenge, amount.clone()),
        (set("amount", " 25000"), InvalidChallenge, amount.clone()),
        (set("amount", ""), InvalidChallenge, amount.clone()),
        (set("amount", "18446744073709551616"), InvalidChallenge, amount.clone()),
        (set("amount", 25_000), InvalidChallenge, amount.clone()),
        (remove("amount"), InvalidChallenge, amount),
        (set("amount", "25001"), InvalidChallenge, another_amount.into()),
        (change(|shop| shop.terms.msat = Some(26_000)), InvalidChallenge, another_amount.into()),
        (change(|shop| shop.terms.msat = None), InvalidChallenge, another_amount.into()),
        (
            change(|shop| shop.terms.currency = Currency::Signet),
            InvalidChallenge,
            "the x402 offer names another network than its invoice".into(),
        ),
        // payTo
        (set("payTo", hex(&public(1)).to_uppercase()), InvalidChallenge, pay_to.clone()),
        (set("payTo", hex(&public(1))[2..].to_owned()), InvalidChallenge, pay_to.clone()),
        (set("payTo", format!("05{}", &hex(&public(1))[2..])), InvalidChallenge, pay_to.clone()),
        (set("payTo", format!("{}00", hex(&public(1)))), InvalidChallenge, pay_to.clone()),
        (set("payTo", 2), InvalidChallenge, pay_to.clone()),
        (remove("payTo"), InvalidChallenge, pay_to),
        (set("payTo", hex(&public(2))), InvalidChallenge, another_node.into()),
        (change(|shop| shop.terms.key = 2), InvalidChallenge, another_node.into()),
        (change(|shop| shop.terms.payee = Some(2)), InvalidChallenge, another_node.into()),
        // it names the right payee, but another node signed it
        (
            change(|shop| (shop.terms.payee, shop.terms.key) = (Some(1), 2)),
            InvalidChallenge,
            another_node.into(),
        ),
        (change(|shop| shop.recover = |_| None), InvalidInvoice, "the invoice's signature is not valid".into()),
        // the time to pay
        (set("maxTimeoutSeconds", 0), InvalidChallenge, timeout.clone()),
        (set("maxTimeoutSeconds", -300), InvalidChallenge, timeout.clone()),
        (set("maxTimeoutSeconds", 300.5), InvalidChallenge, timeout.clone()),
        (set("maxTimeoutSeconds", "300"), InvalidChallenge, timeout.clone()),
        (remove("maxTimeoutSeconds"), InvalidChallenge, timeout),
        (
            set("maxTimeoutSeconds", 301),
            InvalidChallenge,
            "the x402 offer names another time to pay than its invoice".into(),
        ),
        (
            change(|shop| shop.terms.expiry = Some(299)),
            InvalidChallenge,
            "the x402 offer names another time to pay than its invoice".into(),
        ),
        (
            change(|shop| shop.now = NOW - 61),
            InvalidInvoice,
            "the x402 offer's invoice is from the future: check this machine's clock".into(),
        ),
        // the flow and the invoice
        (remove("extra"), InvalidChallenge, flow.clone()),
        (set("extra/paymentFlow", "deferred"), InvalidChallenge, flow.clone()),
        (remove("extra/paymentFlow"), InvalidChallenge, flow),
        (set("extra/assetTransferMethod", "invoice"), InvalidChallenge, method.clone()),
        (set("extra/assetTransferMethod", Value::Null), InvalidChallenge, method),
        (set("extra/invoice", ""), InvalidChallenge, no_invoice.clone()),
        (set("extra/invoice", 1), InvalidChallenge, no_invoice),
        (
            set("extra/invoice", "lnbc1"),
            InvalidInvoice,
            "the invoice's checksum is wrong: it was mistyped, cut or changed".into(),
        ),
        // the request
        (set("extra/requestHash", "0D6623"), InvalidChallenge, hash.clone()),
        (
            change(|shop| {
                let upper = shop.extra()["requestHash"].as_str().unwrap().to_uppercase();
                shop.extra()["requestHash"] = upper.into();
            }),
            InvalidChallenge,
            hash.clone(),
        ),
        (remove("extra/requestHash"), InvalidChallenge, hash),
        (set("extra/requestHash", "00".repeat(32)), HashMismatch, another_request.into()),
        (change(|shop| shop.method = "POST"), HashMismatch, another_request.into()),
        (change(|shop| shop.body = Some(b"x")), HashMismatch, another_request.into()),
        (change(|shop| shop.terms.description_hash = Some([7; 32])), HashMismatch, invoice_for_another.into()),
        (change(|shop| shop.terms.description_hash = None), HashMismatch, invoice_for_another.into()),
        (change(|shop| shop.url = "https://api.example.com/article/B"), HashMismatch, another_url.into()),
        (
            change(|shop| shop.required["resource"]["url"] = "https://other.example/article/A".into()),
            HashMismatch,
            another_url.into(),
        ),
        (change(|shop| shop.required["resource"]["url"] = 1.into()), HashMismatch, another_url.into()),
        (
            change(|shop| _ = shop.required.as_object_mut().unwrap().remove("resource")),
            HashMismatch,
            another_url.into(),
        ),
        // both name another resource than was asked
        (at("https://api.example.com/article/B"), HashMismatch, another_request.into()),
        (at("https://api.example.com/%zz"), InvalidChallenge, bad_url.clone()),
        (at("https://api.example.com/%2"), InvalidChallenge, bad_url.clone()),
        (at("https://api.example.com/é"), InvalidChallenge, bad_url.clone()),
        (at("ftp://api.example.com/"), InvalidChallenge, bad_url),
        (
            change(|shop| shop.method = "GE T"),
            InvalidChallenge,
            "the x402 offer can't be paid for this request: the method holds what has no place there".into(),
        ),
        (
            change(|shop| shop.body = None),
            BodyNotReplayable,
            "the x402 offer is for one body, and this one can't be read before it is sent: give it as a string or bytes"
                .into(),
        ),
        // the binding
        (remove("extra/requestBindingProfile"), InvalidChallenge, no_profile),
        (set("extra/requestBindingProfile", "http:2"), InvalidChallenge, not_http.into()),
        (set("extra/requestBindingProfile", "mcp:1"), InvalidChallenge, not_http.into()),
        (remove("extra/requestBindingParams"), InvalidChallenge, no_params),
        (set("extra/requestBindingParams", json!([])), InvalidChallenge, params.clone()),
        (set("extra/requestBindingParams", json!({})), InvalidChallenge, params.clone()),
        (set("extra/requestBindingParams", json!({ "headers": [], "x": 1 })), InvalidChallenge, params.clone()),
        (set("extra/requestBindingParams", json!({ "header": [] })), InvalidChallenge, params.clone()),
        (headers(json!("a")), InvalidChallenge, params.clone()),
        (headers(json!([1])), InvalidChallenge, params.clone()),
        (headers(json!([""])), InvalidChallenge, params.clone()),
        (headers(json!(["a b"])), InvalidChallenge, params.clone()),
        (headers(json!(["é"])), InvalidChallenge, params.clone()),
        (headers(json!(["Cookie"])), InvalidChallenge, params.clone()),
        (headers(json!(["z", "a"])), InvalidChallenge, params.clone()),
        (headers(json!(["a", "a"])), InvalidChallenge, params.clone()),
        (headers(json!(["payment-signature"])), InvalidChallenge, params),
        (headers(json!(["x-a"])), HashMismatch, another_request.into()),
        (sent_with("1"), HashMismatch, another_request.into()),
        (sent_with("bad\r\nvalue"), InvalidChallenge, bad_header.clone()),
        (sent_with("é"), InvalidChallenge, bad_header),
        // headers that can't be known
        (headers(json!(["accept"])), InvalidChallenge, unseen("accept")),
        (headers(json!(["user-agent"])), InvalidChallenge, unseen("user-agent")),
        (headers(json!(["sec-fetch-mode"])), InvalidChallenge, unseen("sec-fetch-mode")),
        (headers(json!(["content-type", "host"])), InvalidChallenge, unseen("host")),
        (headers(json!(["cookie"])), HashMismatch, another_request.into()),
        (
            change(|shop| {
                shop.unseen = is_unseen_in_pages;
                shop.extra()["requestBindingParams"] = json!({ "headers": ["cookie"] });
            }),
            InvalidChallenge,
            unseen("cookie"),
        ),
        (
            change(|shop| {
                shop.unseen = is_unseen_in_pages;
                shop.extra()["requestBindingParams"] = json!({ "headers": ["accept"] });
            }),
            InvalidChallenge,
            unseen("accept"),
        ),
    ];
    for (spoil, code, message) in cases {
        let mut shop = Shop::new();
        spoil(&mut shop);
        assert_eq!(shop.buy(), Err(Error::new(code, message)), "{}", shop.json());
    }
}

/// How much time is left is decided where it is for every protocol.
#[test]
fn an_invoice_that_has_expired_is_refused() {
    let mut shop = Shop::new();
    shop.now = NOW + 300;
    let invoice = shop.buy().unwrap();
    assert_eq!(invoice.expires_at, NOW + 300);
    let last = |second| check_expiry(invoice.expires_at, second * 1000).map_err(|error| error.code());
    assert_eq!((last(NOW + 294), last(NOW + 295)), (Ok(()), Err(Code::InvoiceExpired)));
}

/// With both, a reader might take either.
#[test]
fn a_description_beside_its_hash_is_refused() {
    let mut groups = bech32::groups(&Shop::new().terms.sign());
    let signature = groups.split_off(groups.len() - 104);
    groups.extend([13, 0, 2, 0, 0]);
    groups.extend(signature);
    let mut shop = Shop::new();
    shop.extra()["invoice"] = bech32::bech32("lnbc250n", &groups, 1).into();
    let text = "the invoice must have either a description or its hash";
    assert_eq!(shop.buy(), Err(Error::new(Code::InvalidInvoice, text)));
}

#[test]
fn what_others_offer_is_left_to_them() {
    let foreign = [
        json!({ "scheme": "exact", "network": "eip155:8453", "amount": "1", "asset": "0x03", "payTo": "0x20" }),
        json!({ "scheme": "upto", "network": MAINNET }),
        json!({ "scheme": "exact", "network": "bip122:000000000019d6689c085ae165831e93" }),
        json!({ "scheme": 1, "network": [] }),
        json!({ "network": MAINNET }),
        json!("exact"),
        json!(null),
        json!([[[]]]),
    ];
    let of = |accepts: &[Value]| {
        let text = json!({ "x402Version": 2, "resource": { "url": URL }, "accepts": accepts }).to_string();
        PaymentRequired::parse(text).unwrap()
    };
    assert_eq!(of(&[]).entries().len(), 0);
    assert_eq!(of(&foreign).entries().len(), 0);
    // among them, ours are found, in order, and one that is malformed is no bar to the next
    let mut ours = Shop::new();
    ours.extra()["invoice"] = ours.terms.sign().into();
    let good = ours.entry().clone();
    let mut bad = good.clone();
    bad["amount"] = "1.5".into();
    let required = of(&[&foreign[..4], &[bad], &foreign[4..], &[good.clone(), good]].concat());
    let found: Vec<_> = required.entries().iter().map(Result::is_ok).collect();
    assert_eq!(found, [false, true, true]);
    // another version is another protocol
    let mut next = Shop::new();
    next.required["x402Version"] = 3.into();
    assert_eq!(PaymentRequired::parse(next.json()).unwrap().entries().len(), 0);
}

#[test]
fn a_malformed_header_has_its_reason() {
    let nested = format!(r#"{{"x402Version":2,"accepts":{}{}}}"#, "[".repeat(70), "]".repeat(70));
    for (header, why) in [
        ("", "the json ends too early"),
        ("%", "it is not base64"),
        ("e30, e30", "it is not base64"),
        ("e3", "the json lacks a quoted name"),
        ("/w==", "it is not utf-8"),
        (&base64("[]"), "it has no version"),
        (&base64("{}"), "it has no version"),
        (&base64(r#"{"accepts":[]}"#), "it has no version"),
        (&base64(r#"{"x402Version":"2","accepts":[]}"#), "it has no version"),
        (&base64(r#"{"x402Version":2}"#), "it has no list of what it accepts"),
        (&base64(r#"{"x402Version":2,"accepts":{}}"#), "it has no list of what it accepts"),
        (&base64(r#"{"x402Version":2,"accepts":[],"accepts":[]}"#), "the json repeats a name"),
        (&base64(r#"{"x402Version":2,"accepts":[{"a":1,"\u0061":2}]}"#), "the json repeats a name"),
        (&base64(r#"{"x402Version":2,"accepts":[]} x"#), "something follows the json value"),
        (&base64(r#"{"x402Version":2,"accepts":["\ud800"]}"#), "a json string holds a malformed escape"),
        (&base64(&nested), "the json is nested too deeply"),
        (&"A".repeat(1 << 20), "it is longer than 64 KiB"),
    ] {
        let message = format!("the payment-required header is malformed: {why}");
        let error = PaymentRequired::decode(header).err();
        assert_eq!(error, Some(Error::new(Code::InvalidChallenge, message)), "{header:.60}");
    }
}

#[test]
fn the_entry_comes_back_byte_for_byte() {
    let invoice = Shop::new().terms.sign();
    let Value::Object(mut fields) = Shop::new().required["accepts"][0].clone() else { panic!() };
    fields["extra"]["invoice"] = invoice.clone().into();
    // spaces, another order, an escape where none is needed, numbers that no double holds, names that are objects' own
    let extra = fields["extra"].to_string().replace("upfront", "\\u0075pfront");
    let entry = format!(
        "{{ \"maxTimeoutSeconds\" :300,\n\t\"big\":9007199254740993 , \"e\": 1.50E+400, \"__proto__\" : {{\"☃\":\"😀\"}},\
         \"scheme\":\"exact\",\"network\":{},\"amount\":\"25000\",\"asset\":\"BTC\",\"payTo\":{}, \"extra\" : {extra} }}",
        fields["network"], fields["payTo"],
    );
    let extensions = "{ \"b\":[ 1,2 ],\"a\" : 18446744073709551616 }";
    for (extensions, expected) in
        [(Some(extensions), Some(extensions)), (Some("{}"), Some("{}")), (Some("null"), None), (None, None)]
    {
        let more = extensions.map_or(String::new(), |text| format!(" , \"extensions\" : {text} "));
        let foreign = r#"{"a":[ "]}" , {"b":"\""} ] , "c":"[{"} , [ ] , 1 "#;
        let text = format!(
            " {{\"resource\" : {{\"url\":\"{URL}\"}} , \"accepts\" : [ {foreign}, {entry} , {{}} ]{more}, \"x402Version\": 2}} "
        );
        let required = PaymentRequired::decode(&base64(&text)).unwrap();
        let [Ok(found)] = &required.entries()[..] else { panic!("one entry") };
        assert_eq!(found.invoice, invoice);

        let preimage = Preimage::prove(&hex(&PREIMAGE), &sha256(&PREIMAGE).into()).unwrap();
        let token = found.token();
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
        let credential = x402::credential(&token, &preimage).unwrap();
        assert_eq!(credential.field.as_str(), "payment-signature");
        let answer = String::from_utf8(base64::decode(&credential.value).unwrap()).unwrap();
        let more = expected.map_or(String::new(), |text| format!(",\"extensions\":{text}"));
        let payload = format!(r#"{{"preimage":"{}"}}"#, hex(&PREIMAGE));
        assert_eq!(answer, format!(r#"{{"x402Version":2,"accepted":{entry}{more},"payload":{payload}}}"#));
        assert!(Json::parse(&answer).is_ok());
    }
}

#[test]
fn a_token_that_is_none_has_no_credential() {
    let preimage = Preimage::prove(&hex(&PREIMAGE), &sha256(&PREIMAGE).into()).unwrap();
    for token in ["", "%", "opaque", "W10=", &base64("1"), &base64("{} {}")] {
        assert!(x402::credential(token, &preimage).is_none(), "{token}");
    }
}

#[test]
fn a_receipt_counts_if_it_is_for_this_payment() {
    let hash = PaymentHash::from(sha256(&PREIMAGE));
    let good = json!({ "success": true, "transaction": hash.to_hex(), "network": MAINNET, "amount": "25000" });
    let text = good.to_string();
    assert_eq!(x402::attested(&base64(&text), &hash), Some(text.clone()));
    assert_eq!(x402::attested(base64(&text).trim_end_matches('='), &hash), Some(text));
    for (name, value) in [
        ("success", json!(false)),
        ("success", json!("true")),
        ("success", json!(null)),
        ("transaction", json!("")),
        ("transaction", json!(hex(&[0; 32]))),
        ("transaction", json!(1)),
    ] {
        let mut other = good.clone();
        other[name] = value;
        assert_eq!(x402::attested(&base64(&other.to_string()), &hash), None, "{other}");
    }
    for header in ["", "%", "e30=", &base64("[true]"), &base64(r#"{"success":true,"success":true}"#)] {
        assert_eq!(x402::attested(header, &hash), None, "{header}");
    }
}

#[test]
fn the_published_requests_have_their_hashes() {
    let vectors = vectors();
    let mut count = 0;
    for vector in vectors["http"].as_array().unwrap() {
        let mut shop = Shop::new();
        let body: &'static [u8] = bytes(text(vector, "bodyHex")).leak();
        (shop.method, shop.body) = (text(vector, "method").to_owned().leak(), Some(body));
        shop.url = text(vector, "url").to_owned().leak();
        shop.unseen = |_| false;
        shop.required["resource"]["url"] = shop.url.into();
        shop.extra()["requestBindingParams"] = json!({ "headers": vector["boundHeaders"] });
        shop.extra()["requestHash"] = vector["requestHash"].clone();
        let hash = bytes(text(vector, "requestHash"));
        shop.terms.description_hash = Some(hash.clone().try_into().unwrap());
        let lines: Vec<(String, String)> = serde_json::from_value(vector["headerLines"].clone()).unwrap();
        shop.headers = lines;
        assert!(shop.buy().is_ok(), "{}: {:?}", vector["name"], shop.buy());
        assert_eq!(sha256(text(vector, "description").as_bytes()).to_vec(), hash);
        count += 1;
    }
    assert_eq!(count, 16);
    for names in vectors["invalidBoundHeaders"].as_array().unwrap() {
        let mut shop = Shop::new();
        shop.extra()["requestBindingParams"] = json!({ "headers": names });
        assert_eq!(shop.buy().map_err(|error| error.code()), Err(Code::InvalidChallenge), "{names}");
    }
}

#[test]
fn the_published_offer_is_good_at_its_time() {
    let challenge = &vectors()["challenge"];
    let mut shop = Shop::new();
    *shop.entry() = challenge["accepts"].clone();
    shop.now = challenge["validAt"].as_u64().unwrap();
    let invoice = shop.buy().unwrap();
    assert!(Preimage::prove(text(challenge, "preimage"), &invoice.payment_hash).is_ok());
    // its signature does not depend on the case that it is written in
    let given = text(&challenge["accepts"]["extra"], "invoice");
    let upper = Signature::of(&given.to_uppercase()).unwrap();
    assert_eq!(upper, Signature::of(given).unwrap());
    assert_eq!(recover(&upper), Some(public(1)));
}

#[test]
fn signers_are_those_that_lightning_invoice_recovers() {
    let lnd: Value = serde_json::from_str(include_str!("vectors/lnd-invoices.json")).unwrap();
    let ours = (1..9).map(|key| Terms { key, msat: Some(u64::from(key) * 1000), ..Shop::new().terms }.sign());
    let all: Vec<_> =
        lnd.as_array().unwrap().iter().map(|entry| text(entry, "invoice").to_owned()).chain(ours).collect();
    assert_eq!(all.len(), 17);
    for invoice in all {
        let theirs: lightning_invoice::Bolt11Invoice = invoice.parse().unwrap();
        let signature = Signature::of(&invoice).unwrap();
        assert_eq!(recover(&signature), Some(theirs.recover_payee_pub_key().serialize()), "{invoice}");
    }
    for bad in ["", "lnbc1", &bech32::bech32("lnbc", &[0; 103], 1)] {
        assert_eq!(Signature::of(bad).unwrap_err().code(), Code::InvalidInvoice, "{bad}");
    }
    let mut groups = bech32::groups(&Shop::new().terms.sign());
    let last = groups.len() - 1;
    groups[last] = 4;
    let text = "the invoice's signature is malformed";
    let bad = bech32::bech32("lnbc250n", &groups, 1);
    assert_eq!(Signature::of(&bad), Err(Error::new(Code::InvalidInvoice, text)));
}

fn number(text: &str) -> Option<String> {
    let number: f64 = text.parse().unwrap();
    number.is_finite().then(|| (number as i64).to_string())
}

/// The outcome of an offer for this call of a tool.
fn call(server: &str, params: &str, offered: (&str, Value), hash: &[u8]) -> Result<(), Error> {
    let mut shop = Shop::new();
    shop.extra()["requestBindingProfile"] = "mcp:1".into();
    shop.extra()["requestBindingParams"] = json!({ "server": offered.0, "metadata": offered.1 });
    shop.extra()["requestHash"] = hex(hash).into();
    shop.terms.description_hash = Some(hash.to_vec().try_into().unwrap());
    let required = PaymentRequired::parse(shop.json()).unwrap();
    let entry = required.entries().remove(0)?;
    let params = Json::parse(params).unwrap();
    let asked = entry.for_mcp(&Call { server, params: &params, number: &number })?;
    entry.check(asked, NOW, NETWORKS).map(|_| ())
}

#[test]
fn calls_of_tools_have_their_published_hashes() {
    let vectors = vectors();
    for vector in vectors["mcp"].as_array().unwrap() {
        let server = text(vector, "server");
        let hash = bytes(text(vector, "requestHash"));
        let params =
            json!({ "name": vector["tool"], "arguments": vector["arguments"], "_meta": { "progressToken": 1 } });
        let metadata = vector["metadata"].clone();
        assert_eq!(call(server, &params.to_string(), (server, metadata), &hash), Ok(()), "{}", vector["name"]);
    }
    let server = "https://a.example/mcp";
    let bound = |metadata: &str, arguments: &str| {
        let domain = "x402:exact:lnbtc:bolt11:mcp:1";
        sha256(
            format!(
                r#"{{"arguments":{arguments},"domain":"{domain}","metadata":{metadata},"method":"tools/call","name":"t","server":"{server}"}}"#
            )
            .as_bytes(),
        )
    };
    let (absent, null) = (text(&vectors, "absentMetadataHash"), text(&vectors, "nullMetadataHash"));
    let value = hex(&sha256(b"\x01{\"a\":1,\"b\":\"\xe2\x98\x83\"}"));
    let metadata = format!(
        r#"[{{"name":"A","valueHash":"{absent}"}},{{"name":"a","valueHash":"{null}"}},{{"name":"☃","valueHash":"{value}"}}]"#
    );
    let params = "{\"_meta\":{\"☃\":{\"b\":\"\\u2603\",\"a\":1.0},\"a\":null},\"name\":\"t\"}";
    let names = json!(["A", "a", "☃"]);
    assert_eq!(call(server, params, (server, names), &bound(&metadata, "{}")), Ok(()));
    // numbers that are not plain are written by the caller's function
    let params = r#"{"name":"t","arguments":{"b":[-0,1e2,12],"a":9007199254740993}}"#;
    let arguments = r#"{"a":9007199254740992,"b":[0,100,12]}"#;
    assert_eq!(call(server, params, (server, json!([])), &bound("[]", arguments)), Ok(()));
}

#[test]
fn calls_and_offers_that_do_not_fit_are_refused() {
    let params = "the x402 offer is malformed: its requestBindingParams are not those of its profile";
    let good = r#"{"name":"t"}"#;
    let mcp = "https://a.example/mcp";
    for (server, call_params, offered, code, message) in [
        (mcp, good, (mcp, json!(["x402/payment"])), Code::InvalidChallenge, params),
        (mcp, good, (mcp, json!(["progressToken"])), Code::InvalidChallenge, params),
        (mcp, good, (mcp, json!(["z", "a"])), Code::InvalidChallenge, params),
        (mcp, good, (mcp, json!(["a", "a"])), Code::InvalidChallenge, params),
        (mcp, good, (mcp, json!([""])), Code::InvalidChallenge, params),
        (mcp, good, (mcp, json!("a")), Code::InvalidChallenge, params),
        // by UTF-16 a pair of surrogates stands before the private use area
        (mcp, good, (mcp, json!(["\u{e000}", "😀"])), Code::InvalidChallenge, params),
        ("https://a.example/#x", good, ("https://a.example/#x", json!([])), Code::InvalidChallenge, params),
        ("https://u@a.example/", good, ("https://u@a.example/", json!([])), Code::InvalidChallenge, params),
        ("https://é/", good, ("https://é/", json!([])), Code::InvalidChallenge, params),
        ("mcp", good, ("mcp", json!([])), Code::InvalidChallenge, params),
        (
            mcp,
            good,
            ("https://b.example/mcp", json!([])),
            Code::HashMismatch,
            "the x402 offer is for another mcp server: paying would buy nothing",
        ),
        (
            mcp,
            good,
            (mcp, json!([])),
            Code::HashMismatch,
            "the x402 offer is for another request than was sent: paying would buy nothing",
        ),
        (
            mcp,
            r#"{"name":""}"#,
            (mcp, json!([])),
            Code::InvalidOptions,
            "the call of the tool is malformed: it has no name",
        ),
        (
            mcp,
            r#"{"name":"t","arguments":null}"#,
            (mcp, json!([])),
            Code::InvalidOptions,
            "the call of the tool is malformed: its arguments are no object",
        ),
        (
            mcp,
            r#"{"name":"t","arguments":[]}"#,
            (mcp, json!([])),
            Code::InvalidOptions,
            "the call of the tool is malformed: its arguments are no object",
        ),
        (
            mcp,
            r#"{"name":"t","_meta":null}"#,
            (mcp, json!([])),
            Code::InvalidOptions,
            "the call of the tool is malformed: its _meta is no object",
        ),
        (
            mcp,
            r#"{"name":"t","arguments":{"a":1e400}}"#,
            (mcp, json!([])),
            Code::InvalidOptions,
            "the call of the tool is malformed: it holds a number that is too large",
        ),
    ] {
        let shown = format!("{call_params} {offered:?}");
        assert_eq!(call(server, call_params, offered, &[7; 32]), Err(Error::new(code, message)), "{shown}");
    }
    // the parameters are those of the profile, and no more
    for more in [json!({ "server": mcp, "metadata": [], "x": 1 }), json!({ "server": mcp }), json!([])] {
        let mut shop = Shop::new();
        shop.extra()["requestBindingProfile"] = "mcp:1".into();
        shop.extra()["requestBindingParams"] = more;
        let required = PaymentRequired::parse(shop.json()).unwrap();
        let call_params = Json::parse(good).unwrap();
        let call = Call { server: mcp, params: &call_params, number: &number };
        let error = required.entries().remove(0).unwrap().for_mcp(&call).unwrap_err();
        assert_eq!(error, Error::new(Code::InvalidChallenge, params));
    }
    // a URI that is no URL is what both sides agreed on
    let agreed = "stdio:weather";
    assert_eq!(
        call(agreed, good, (agreed, json!([])), &[7; 32]).map_err(|error| error.code()),
        Err(Code::HashMismatch)
    );
    let required = PaymentRequired::parse(Shop::new().json()).unwrap();
    let entry = required.entries().remove(0).unwrap();
    let params = Json::parse(good).unwrap();
    let error = entry.for_mcp(&Call { server: mcp, params: &params, number: &number }).unwrap_err();
    let text = "the x402 offer is not for the call of a tool";
    assert_eq!(error, Error::new(Code::InvalidChallenge, text));
}

/// Whatever a header of full size holds, reading it takes time in proportion.
#[test]
fn reading_is_linear() {
    let entry = Shop::new().required["accepts"][0].to_string();
    let accepts = |part: &str, size: usize| {
        let body = vec![part; size / (part.len() + 1)].join(",");
        base64(&format!(r#"{{"x402Version":2,"resource":{{"url":"{URL}"}},"accepts":[{body}]}}"#))
    };
    let own = entry.replace("\"invoice\":null", "\"invoice\":\"lnbc1\"");
    let shapes: [(&str, &dyn Fn(usize) -> String); 8] = [
        ("entries of ours", &|size| accepts(&own, size)),
        ("small malformed entries of ours", &|size| accepts(r#"{"scheme":"exact","network":"lnbtc:"}"#, size)),
        ("empty entries", &|size| accepts("{}", size)),
        ("escapes", &|size| accepts(&format!("\"{}\"", "\\u0041".repeat(size / 6 - 20)), size)),
        ("brackets", &|size| accepts(&format!("{}{}", "[".repeat(50), "]".repeat(50)), size)),
        ("spaces", &|size| accepts(&format!("{}1", " ".repeat(30)), size)),
        ("extensions beside entries of ours", &|size| {
            let body = vec![own.as_str(); size / 2 / own.len()].join(",");
            let extensions = "1,".repeat(size / 4 - 100);
            base64(&format!(r#"{{"x402Version":2,"accepts":[{body}],"extensions":[{extensions}1]}}"#))
        }),
        ("what is no base64", &|size| format!("{}%", "A".repeat(size))),
    ];
    let read = |header: &str| {
        let required = PaymentRequired::decode(header);
        required.map_or(0, |required| required.entries().len())
    };
    for (name, header) in shapes {
        let [small, large] = [11_500, 46_000].map(header);
        assert!(large.len() <= 64 * 1024 && small.len() * 3 < large.len(), "{name} {}", large.len());
        assert_linear(name, &|| _ = read(&small), &|| _ = read(&large));
    }
    let many = format!(r#"{{"x402Version":2,"accepts":[{}{{}}]}}"#, "{},".repeat(9_999));
    assert_eq!(PaymentRequired::decode(&base64(&many)).unwrap().entries().len(), 0, "10,000 entries of others");
    let many = format!(r#"{{"x402Version":2,"accepts":[{}{own}]}}"#, "{},".repeat(9_999));
    assert_eq!(PaymentRequired::decode(&base64(&many)).unwrap().entries().len(), 1, "and one of ours");
}
