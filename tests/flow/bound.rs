//! Offers of x402: each is for one request, paid once and used once.

use crate::host::{
    begin, begin_with, call, end, fetch, get, not_honored, open, refused, Call, End, Fake, Response, Sent, TheClient,
    World, ORIGIN, PAID, URL,
};
use crate::mint::{node, Offer, Terms};
use crate::parallel::{start, until_done};
use l402_fetch::flow::host::{Answer, Request};
use l402_fetch::ledger::payment::State;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::credential::{Brought, Field};
use l402_fetch::Code;
use lightning_invoice::Currency;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::rc::Rc;

pub const MAINNET: &str = "lnbtc:000000000019d6689c085ae165831e93";
pub const EXPIRY_S: u64 = 300;

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The request that an offer is for.
#[derive(Clone)]
pub struct Bound {
    pub method: &'static str,
    pub url: String,
    pub body: &'static [u8],
    pub headers: Vec<(&'static str, Option<&'static str>)>,
}

impl Bound {
    pub fn get(url: &str) -> Self {
        Self { method: "GET", url: url.to_owned(), body: b"", headers: Vec::new() }
    }

    pub fn hash(&self) -> [u8; 32] {
        let value_hash = |value: &Option<&str>| match value {
            Some(value) => Sha256::digest([&[1], value.as_bytes()].concat()),
            None => Sha256::digest([0]),
        };
        let headers: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!({ "name": name, "valueHash": hex(&value_hash(value)) }))
            .collect();
        // serde_json sorts the names of an object.
        let text = json!({
            "domain": "x402:exact:lnbtc:bolt11:http:1",
            "method": self.method,
            "url": self.url,
            "bodyHash": hex(&Sha256::digest(self.body)),
            "headers": headers,
        });
        Sha256::digest(text.to_string()).into()
    }
}

pub fn mint(world: &World, bound: &Bound, change: impl FnOnce(&mut Terms)) -> Offer {
    let mut terms = Terms { expiry_s: EXPIRY_S, description_hash: Some(bound.hash()), ..Terms::default() };
    change(&mut terms);
    world.mint.offer(&terms, world.now())
}

pub fn entry(bound: &Bound, offer: &Offer) -> Value {
    let names: Vec<&str> = bound.headers.iter().map(|(name, _)| *name).collect();
    json!({
        "scheme": "exact",
        "network": MAINNET,
        "amount": "10000",
        "asset": "BTC",
        "payTo": node(),
        "maxTimeoutSeconds": EXPIRY_S,
        "extra": {
            "paymentFlow": "upfront",
            "requestHash": hex(&bound.hash()),
            "requestBindingProfile": "http:1",
            "requestBindingParams": { "headers": names },
            "invoice": offer.invoice,
        },
    })
}

pub fn required(url: &str, entries: &[Value]) -> String {
    let foreign = json!({ "scheme": "exact", "network": "eip155:8453", "amount": "1", "asset": "0x1", "payTo": "0x2" });
    let mut accepts = vec![foreign];
    accepts.extend_from_slice(entries);
    base64::encode(json!({ "x402Version": 2, "resource": { "url": url }, "accepts": accepts }).to_string())
}

/// What a test makes of the shop's 402.
type Change = dyn Fn(&mut Response);

/// A shop that sells each request for itself. It takes a proof once.
pub struct Shop {
    world: Rc<World>,
    offered: RefCell<Vec<(Value, Offer, String)>>,
    used: RefCell<Vec<String>>,
    /// The status for a proof that was used.
    used_up: u16,
}

pub fn shop(world: &Rc<World>, used_up: u16) -> Rc<Shop> {
    let offered = RefCell::default();
    Rc::new(Shop { world: world.clone(), offered, used: RefCell::default(), used_up })
}

impl Shop {
    fn asks(&self, sent: &Sent, reason: &str) -> Response {
        let bound = Bound { method: if sent.method == "POST" { "POST" } else { "GET" }, ..Bound::get(&sent.url) };
        let offer = mint(&self.world, &bound, |_| {});
        let entry = entry(&bound, &offer);
        let mut response = Response::status(402, sent);
        let mut json: Value = decoded(&required(&sent.url, std::slice::from_ref(&entry)));
        json["error"] = reason.into();
        response.head.payment_required = Some(base64::encode(json.to_string()));
        self.offered.borrow_mut().push((entry, offer, sent.url.clone()));
        response
    }

    pub fn answer(&self, sent: &Sent) -> Response {
        let Some(credential) = &sent.authorization else { return self.asks(sent, "payment required") };
        assert_eq!(sent.field, Some(Field::PaymentSignature));
        let credential = decoded(credential);
        let offered = self.offered.borrow();
        let known = offered.iter().find(|(entry, ..)| *entry == credential["accepted"]);
        let (_, offer, url) = known.expect("an entry of this shop, as it was");
        assert_eq!(credential["x402Version"], 2);
        let is_good = credential["payload"] == json!({ "preimage": offer.preimage }) && *url == sent.url;
        let hash = offer.hash.to_hex();
        drop(offered);
        if !is_good {
            return self.asks(sent, "invalid_exact_lnbtc_request_mismatch");
        }
        if self.used.borrow().contains(&hash) {
            let said = json!({ "success": false, "errorReason": "duplicate_settlement", "transaction": "" });
            let mut response = self.asks(sent, "duplicate_settlement");
            if self.used_up == 409 {
                response.head.payment_required = None;
            }
            response.head.status = self.used_up;
            response.head.payment_response = Some(base64::encode(said.to_string()));
            return response;
        }
        self.used.borrow_mut().push(hash.clone());
        let mut response = Response::status(200, sent);
        let said = json!({ "success": true, "transaction": hash, "network": MAINNET });
        response.head.payment_response = Some(base64::encode(said.to_string()));
        response
    }

    pub fn opens(self: &Rc<Self>) {
        let shop = self.clone();
        self.world.answers(move |sent| Ok(shop.answer(sent)));
    }
}

pub fn decoded(base64: &str) -> Value {
    serde_json::from_slice(&base64::decode(base64).unwrap()).unwrap()
}

/// A call whose body and headers are known, to its end.
pub fn finish(client: &TheClient, host: &Fake, calling: Rc<Call>) -> End {
    let (client, request) = (client.clone(), calling.request.clone());
    host.world.run(async move { end(&client.fetch(calling, request).await) })
}

#[test]
fn each_call_pays_for_itself_and_answers_in_its_own_header() {
    for used_up in [402, 409] {
        let (world, client, host) = begin();
        shop(&world, used_up).opens();
        for times in 1..4 {
            assert_eq!(fetch(&client, &host, get(URL)), PAID);
            assert_eq!((world.paid(), world.sends()), (times, 2 * times), "nothing is sent that can't open");
        }
        assert_eq!(host.heard()[..4], ["challenge", "quote", "paying", "paid"]);
        assert_eq!(host.recoveries.get(), 3);
    }
}

#[test]
fn what_the_server_attests_is_in_the_receipt() {
    let (world, client, _) = begin();
    shop(&world, 409).opens();
    let request = get(URL);
    let reply = world.run(async move { client.fetch(call(request.clone()), request).await });
    let receipt = reply.ok().unwrap().receipt.unwrap();
    let attested: Value = serde_json::from_str(&receipt.attested.unwrap()).unwrap();
    assert_eq!(attested["transaction"], receipt.payment.payment_hash.to_hex());
    assert_eq!(receipt.payment.protocol, Protocol::X402);
}

#[test]
fn it_is_paid_beside_the_callers_own_authorization_and_not_beside_its_own_payment() {
    let (world, client, host) = begin();
    shop(&world, 409).opens();
    let with = |authorization, payment| Request { brought: Brought { authorization, payment }, ..get(URL) };
    assert_eq!(fetch(&client, &host, with(true, false)), PAID);
    for authorization in [false, true] {
        assert_eq!(fetch(&client, &host, with(authorization, true)), End::Answer(402, None));
        assert_eq!(host.heard().last().unwrap(), "unpayable AuthorizationSet");
    }
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_proof_whose_answer_was_lost_is_shown_again_and_bought_anew_if_it_was_used() {
    for (is_used, used_up) in [(false, 402), (true, 402), (true, 409)] {
        let (world, client, host) = begin();
        let shop = shop(&world, used_up);
        let inner = shop.clone();
        world.answers(move |sent| {
            if sent.authorization.is_some() {
                if is_used {
                    inner.answer(sent);
                }
                return Err("reset");
            }
            Ok(inner.answer(sent))
        });
        assert!(matches!(
            fetch(&client, &host, get(URL)),
            End::Raised { code: Code::RequestFailed, state: Some(State::Paid), .. }
        ));
        shop.opens();
        let expected = if is_used { PAID } else { End::Answer(200, Some(false)) };
        assert_eq!(fetch(&client, &host, get(URL)), expected, "{used_up}");
        assert_eq!(world.paid(), if is_used { 2 } else { 1 });
        let is_told = host.heard().contains(&"rejected duplicate_settlement".to_owned());
        assert_eq!(is_told, is_used);
        // A used one is not tried again.
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(world.paid(), if is_used { 3 } else { 2 });
    }
}

#[test]
fn one_that_was_paid_for_in_this_call_is_never_paid_again_in_it() {
    for (status, requests) in [(402, 5), (409, 2)] {
        let (world, client, host) = begin();
        let shop = shop(&world, status);
        let inner = shop.clone();
        world.answers(move |sent| {
            if sent.authorization.is_some() {
                inner.answer(sent);
            }
            Ok(inner.answer(sent))
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
        assert_eq!((world.paid(), world.sends()), (1, requests));
        // A server that takes money and says that it was shown before sells nothing more.
        assert_eq!(fetch(&client, &host, get(URL)), not_honored());
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn calls_at_once_each_pay_once_and_those_for_other_urls_do_not_wait() {
    let (world, client, host) = begin();
    shop(&world, 409).opens();
    let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
    assert_eq!(until_done(&host, &running), [PAID, PAID, PAID]);
    assert_eq!(world.paid(), 3);
    let wallet = world.wallet_waits();
    let others: Vec<_> =
        ["/a", "/b"].iter().map(|path| start(&client, &host, get(&format!("{ORIGIN}{path}"))).1).collect();
    world.executor.run_ready();
    assert_eq!(world.paid(), 5, "both are with the wallet");
    wallet.bring(Answer::Failed { text: "no route".into(), cause: None });
    until_done(&host, &others);
}

#[test]
fn each_check_refuses_by_its_code_before_anything_is_paid() {
    let as_it_is = |_: &mut Value| {};
    type Case = (&'static str, fn(&mut Terms), fn(&mut Value), Code, usize);
    let table: [Case; 14] = [
        ("unknown network", |_| {}, |e| e["network"] = json!("lnbtc:00"), Code::WrongNetwork, 0),
        ("amount", |_| {}, |e| e["amount"] = json!("9999"), Code::InvalidChallenge, 0),
        ("leading zero", |_| {}, |e| e["amount"] = json!("010000"), Code::InvalidChallenge, 0),
        ("asset", |_| {}, |e| e["asset"] = json!("USD"), Code::InvalidChallenge, 0),
        ("flow", |_| {}, |e| e["extra"]["paymentFlow"] = json!("later"), Code::InvalidChallenge, 0),
        ("method", |_| {}, |e| e["extra"]["assetTransferMethod"] = json!("bolt12"), Code::InvalidChallenge, 0),
        ("payee", |_| {}, |e| e["payTo"] = json!(format!("02{}", "11".repeat(32))), Code::InvalidChallenge, 1),
        ("request", |_| {}, |e| e["extra"]["requestHash"] = json!("00".repeat(32)), Code::HashMismatch, 0),
        ("another request", |t| t.description_hash = Some([7; 32]), as_it_is, Code::HashMismatch, 0),
        ("a description", |t| t.description_hash = None, as_it_is, Code::HashMismatch, 0),
        ("expiry", |t| t.expiry_s = 299, as_it_is, Code::InvalidChallenge, 0),
        ("invoice's network", |t| t.network = Currency::BitcoinTestnet, as_it_is, Code::InvalidChallenge, 0),
        ("no amount", |t| t.amount_msat = None, as_it_is, Code::InvalidChallenge, 0),
        ("profile", |_| {}, |e| e["extra"]["requestBindingProfile"] = json!("http:2"), Code::InvalidChallenge, 0),
    ];
    for (name, terms, change, code, recoveries) in table {
        let (world, client, host) = begin();
        let bound = Bound::get(URL);
        let mut entry = entry(&bound, &mint(&world, &bound, terms));
        change(&mut entry);
        offers(&world, required(URL, &[entry]), |_| {});
        assert_eq!(fetch(&client, &host, get(URL)), refused(code), "{name}");
        assert_eq!((world.paid(), world.sends(), host.recoveries.get()), (0, 1, recoveries), "{name}");
    }
}

/// Every answer to a request without a proof is this 402; each proof is taken.
pub fn offers(world: &Rc<World>, required: String, change: impl Fn(&mut Response) + 'static) {
    let change: Rc<Change> = Rc::new(change);
    world.answers(move |sent| {
        if sent.authorization.is_some() {
            return Ok(Response::status(200, sent));
        }
        let mut response = Response::status(402, sent);
        response.head.payment_required = Some(required.clone());
        change(&mut response);
        Ok(response)
    });
}

#[test]
fn an_offer_that_has_expired_or_is_for_another_url_is_refused() {
    let (world, client, host) = begin();
    let bound = Bound::get(URL);
    let old = required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]);
    world.executor.run(EXPIRY_S * 1000);
    offers(&world, old, |_| {});
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvoiceExpired));
    let fresh = entry(&bound, &mint(&world, &bound, |_| {}));
    for url in ["https://evil.example/data", "https://api.example/other", "", "https://api.example/data#x"] {
        offers(&world, required(url, std::slice::from_ref(&fresh)), |_| {});
        assert_eq!(fetch(&client, &host, get(URL)), refused(Code::HashMismatch), "{url}");
    }
    assert_eq!((world.paid(), host.recoveries.get()), (0, 0));
}

#[test]
fn only_ones_own_entry_counts() {
    let (world, client, host) = begin();
    offers(&world, required(URL, &[]), |_| {});
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, None));
    assert_eq!(host.heard(), ["unpayable NoLightning"]);
    for bad in ["", "!", "e30=", "eyJ4NDAyVmVyc2lvbiI6Mn0="] {
        offers(&world, bad.to_owned(), |_| {});
        assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvalidChallenge), "{bad}");
    }
    assert_eq!(world.paid(), 0);
}

#[test]
fn the_next_offer_is_taken_where_one_fails_or_its_library_cant_be_loaded() {
    for has_curve in [true, false] {
        let (world, client, host) = begin_with(|config| {
            config.protocols = vec![Protocol::X402, Protocol::L402];
        });
        host.has_curve.set(has_curve);
        let bound = Bound::get(URL);
        let mut entry = entry(&bound, &mint(&world, &bound, |_| {}));
        if has_curve {
            entry["amount"] = json!("1");
        }
        let l402 = world.mint.offer(&Terms::default(), world.now());
        let header = l402.header();
        offers(&world, required(URL, &[entry]), move |response| response.head.challenge = Some(header.clone()));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        let code = if has_curve { "invalid_challenge" } else { "load_failed" };
        assert_eq!(host.heard()[1], format!("passed_over x402 {code}"));
        assert_eq!(*world.payments.borrow(), [l402.invoice]);
    }
    let (world, client, host) = begin();
    host.has_curve.set(false);
    shop(&world, 409).opens();
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::LoadFailed));
    assert_eq!(world.paid(), 0);
}

#[test]
fn a_redirect_within_the_origin_binds_the_url_that_answered() {
    let (world, client, host) = begin();
    let to = format!("{ORIGIN}/moved");
    let bound = Bound::get(&to);
    let header = required(&to, &[entry(&bound, &mint(&world, &bound, |_| {}))]);
    let end_url = to.clone();
    offers(&world, header.clone(), move |response| {
        response.head.redirected = true;
        response.head.url.clone_from(&end_url);
    });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let urls: Vec<String> = world.sent.borrow().iter().map(|sent| sent.url.clone()).collect();
    assert_eq!(urls, [URL.to_owned(), to]);
    // Beyond the origin nothing is paid.
    offers(&world, header, |response| {
        response.head.redirected = true;
        response.head.url = "https://other.example/moved".into();
    });
    assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/x"))), refused(Code::CrossOrigin));
    assert_eq!(world.paid(), 1);
}

#[test]
fn body_and_bound_headers_are_those_that_are_sent() {
    type Case = (&'static str, Option<&'static [u8]>, &'static [(&'static str, &'static str)], Option<Code>);
    let table: [Case; 6] = [
        ("as bound", Some(b"{}"), &[("X-Tenant", "7")], None),
        ("lines are joined", Some(b"{}"), &[("x-tenant", " 7 ")], None),
        ("another body", Some(b"{ }"), &[("x-tenant", "7")], Some(Code::HashMismatch)),
        ("another header", Some(b"{}"), &[("x-tenant", "8")], Some(Code::HashMismatch)),
        ("no header", Some(b"{}"), &[], Some(Code::HashMismatch)),
        ("a body nobody can read", None, &[("x-tenant", "7")], Some(Code::BodyNotReplayable)),
    ];
    let bound = Bound { method: "POST", body: b"{}", headers: vec![("x-tenant", Some("7"))], ..Bound::get(URL) };
    for (name, body, headers, code) in table {
        let (world, client, host) = begin();
        offers(&world, required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]), |_| {});
        let calling = call(Request { method: "POST".into(), ..get(URL) });
        calling.outgoing.borrow_mut().body_hash = body.map(|body| Sha256::digest(body).into());
        calling.outgoing.borrow_mut().headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(finish(&client, &host, calling), code.map_or(PAID, refused), "{name}");
        assert_eq!(world.paid(), usize::from(code.is_none()), "{name}");
    }
    // A header that the runtime adds where nobody sees it.
    let (world, client, host) = begin();
    let bound = Bound { headers: vec![("user-agent", None)], ..Bound::get(URL) };
    offers(&world, required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]), |_| {});
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvalidChallenge));
}

#[test]
fn without_a_preimage_nothing_can_be_shown_whatever_is_trusted() {
    let (world, client, host) = begin_with(|config| config.trust_wallet = true);
    shop(&world, 409).opens();
    world.wallet_says(Answer::PaidWithoutProof);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::NoPreimage, State::Unknown));
    assert_eq!((world.paid(), world.credentials().len()), (1, 0));
}

#[test]
fn an_entry_whose_invoice_was_paid_and_used_is_not_paid_again() {
    let (world, client, host) = begin();
    let bound = Bound::get(URL);
    offers(&world, required(URL, &[entry(&bound, &mint(&world, &bound, |_| {}))]), |_| {});
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(fetch(&client, &host, get(URL)), not_honored());
    assert_eq!((world.paid(), world.sends()), (1, 3));
}

#[test]
fn its_price_is_told_and_nothing_is_paid() {
    let (world, client, host) = begin();
    shop(&world, 409).opens();
    let request = get(URL);
    let quote = world.run(async move { client.quote(call(request.clone()), request).await });
    let quote = quote.ok().unwrap().unwrap();
    assert_eq!((quote.protocol, quote.amount_msat, world.paid()), (Protocol::X402, 10_000, 0));
    assert_eq!(host.recoveries.get(), 1);
}
