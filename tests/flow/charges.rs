//! Charges of MPP: bought, answered and used again as L402 tokens are, and taken where another offer fails its checks.

use crate::host::{begin, call, client, end, fetch, get, open, refused, End, Response, ORIGIN, PAID, REUSED, URL};
use crate::mint::{Offer, Terms};
use crate::parallel::start;
use crate::world::{Sent, World};
use l402_fetch::flow::config::Config;
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

/// A minute after the clock of these tests starts.
const EXPIRES: &str = "2027-01-15T08:01:00Z";
const EXPIRES_AT_S: u64 = 1_800_000_060;

fn base64url(json: &Value) -> String {
    base64::encode_config(json.to_string(), base64::URL_SAFE_NO_PAD)
}

fn decoded(base64url: &str) -> Value {
    serde_json::from_slice(&base64::decode_config(base64url, base64::URL_SAFE_NO_PAD).unwrap()).unwrap()
}

/// A challenge of 10 sat, with more parameters.
fn charge(offer: &Offer, more: &str) -> String {
    let details = json!({ "invoice": offer.invoice, "paymentHash": offer.hash.to_hex() });
    let request = base64url(&json!({ "amount": "10", "currency": "sat", "methodDetails": details }));
    format!(r#"Payment id="x1", realm="a.example", method="lightning", intent="charge", request="{request}"{more}"#)
}

fn receipt(reference: &str) -> String {
    base64url(&json!({ "method": "lightning", "challengeId": "x1", "reference": reference, "status": "success" }))
}

/// A server that takes whatever stands in `Authorization`.
fn serves(world: &World, header: String, receipt: Option<String>) {
    world.answers(move |sent| {
        let mut response = Response::status(200, sent);
        match sent.authorization {
            Some(_) => response.head.receipt.clone_from(&receipt),
            None => response = Response::challenge(&header, sent),
        }
        Ok(response)
    });
}

fn first_credential(world: &Rc<World>) -> String {
    world.credentials()[0].clone()
}

#[test]
fn a_charge_is_paid_answered_with_all_it_said_and_used_again() {
    let (world, client, host) = begin();
    let offer = world.mint.offer(&Terms::default(), world.now());
    let header = charge(&offer, r#", opaque="kept \"as\" it is", unknown="1""#);
    serves(&world, header, Some(receipt(&offer.hash.to_hex())));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
    let credential = first_credential(&world);
    let credential = decoded(credential.strip_prefix("Payment ").unwrap());
    assert_eq!(credential["payload"], json!({ "preimage": offer.preimage }));
    let challenge = &credential["challenge"];
    assert_eq!(
        [&challenge["id"], &challenge["opaque"], &challenge["unknown"]],
        [&json!("x1"), &json!("kept \"as\" it is"), &json!("1")]
    );
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.sends()), (1, 3));
}

#[test]
fn what_a_server_attests_is_shown_only_if_it_is_of_this_payment() {
    for is_ours in [true, false] {
        let (world, client, _) = begin();
        let offer = world.mint.offer(&Terms::default(), world.now());
        let reference = if is_ours { offer.hash.to_hex() } else { "ab".repeat(32) };
        serves(&world, charge(&offer, ""), Some(receipt(&reference)));
        for _ in 0..2 {
            let (client, request) = (client.clone(), get(URL));
            let reply = world.run(async move { client.fetch(call(request.clone()), request).await });
            let attested = reply.ok().unwrap().receipt.unwrap().attested;
            let attested = attested.map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(attested.map(|attested| attested["reference"].clone()), is_ours.then(|| json!(reference)));
        }
    }
}

#[test]
fn protocols_are_preferred_as_they_are_listed() {
    let table: [(&[Protocol], &str); 4] = [
        (&Protocol::ALL, "L402 "),
        (&[Protocol::Mpp, Protocol::L402], "Payment "),
        (&[Protocol::Mpp], "Payment "),
        (&[Protocol::L402], "L402 "),
    ];
    for (protocols, scheme) in table {
        let world = World::new();
        let mut config = Config::new(100);
        config.protocols = protocols.to_vec();
        let (client, host) = client(&world, None, config);
        let offers = [(); 2].map(|()| world.mint.offer(&Terms::default(), world.now()));
        serves(&world, format!("{}, {}", charge(&offers[0], ""), offers[1].header()), None);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert!(first_credential(&world).starts_with(scheme), "{protocols:?}");
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn an_offer_that_fails_its_checks_is_passed_over_before_anything_is_paid() {
    let (world, client, host) = begin();
    let bad = world.mint.offer(&Terms { mismatch: true, ..Terms::default() }, world.now());
    let good = world.mint.offer(&Terms::default(), world.now());
    serves(&world, format!("{}, {}", bad.header(), charge(&good, "")), None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(host.heard(), ["challenge", "passed_over l402 hash_mismatch", "quote", "paying", "paid"]);
    assert_eq!(*world.payments.borrow(), [good.invoice]);
}

#[test]
fn if_no_offer_holds_the_error_is_that_of_the_first() {
    let (world, client, host) = begin();
    let terms = |network| Terms { network, ..Terms::default() };
    let foreign = world.mint.offer(&terms(Currency::Regtest), world.now());
    let mismatch = world.mint.offer(&Terms { mismatch: true, ..Terms::default() }, world.now());
    serves(&world, format!("{}, {}", charge(&foreign, ""), mismatch.header()), None);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::HashMismatch));
    assert_eq!((world.paid(), host.heard()), (0, vec!["challenge".to_owned(), "refused hash_mismatch".to_owned()]));
}

#[test]
fn each_check_of_a_charge_refuses_by_its_code_and_pays_nothing() {
    let good = |world: &World| world.mint.offer(&Terms::default(), world.now());
    let table: [(&str, fn(&Offer) -> String, Code); 6] = [
        ("expired", |offer| charge(offer, r#", expires="2020-01-01T00:00:00Z""#), Code::InvoiceExpired),
        ("no time", |offer| charge(offer, r#", expires="soon""#), Code::InvalidChallenge),
        ("another amount", |offer| other(offer, |request| request["amount"] = json!("11")), Code::InvalidChallenge),
        (
            "another currency",
            |offer| other(offer, |request| request["currency"] = json!("usd")),
            Code::InvalidChallenge,
        ),
        (
            "another hash",
            |offer| other(offer, |request| request["methodDetails"]["paymentHash"] = json!("ab".repeat(32))),
            Code::HashMismatch,
        ),
        (
            "another network",
            |offer| other(offer, |request| request["methodDetails"]["network"] = json!("regtest")),
            Code::InvalidChallenge,
        ),
    ];
    for (name, header, code) in table {
        let (world, client, host) = begin();
        let header = header(&good(&world));
        serves(&world, header, None);
        assert_eq!(fetch(&client, &host, get(URL)), refused(code), "{name}");
        assert_eq!((world.paid(), world.sends()), (0, 1), "{name}");
    }
}

fn other(offer: &Offer, change: fn(&mut Value)) -> String {
    let header = charge(offer, "");
    let request = header.split("request=\"").nth(1).unwrap().trim_end_matches('"');
    let mut changed = decoded(request);
    change(&mut changed);
    header.replace(request, &base64url(&changed))
}

#[test]
fn a_charge_whose_time_runs_out_while_a_person_decides_is_not_paid() {
    let (world, client, host) = begin();
    let offer = world.mint.offer(&Terms::default(), world.now());
    assert_eq!(world.now() / 60_000, EXPIRES_AT_S / 60 - 1);
    serves(&world, charge(&offer, &format!(", expires=\"{EXPIRES}\"")), None);
    let consent = host.user_waits();
    let (_, running) = start(&client, &host, get(URL));
    world.executor.run(70_000);
    consent.bring(Ok(true));
    world.executor.run(1_000);
    assert_eq!(running.take(), refused(Code::InvoiceExpired));
    assert_eq!((world.paid(), host.approvals.get()), (0, 1));
}

#[test]
fn a_malformed_charge_matters_only_where_nothing_else_is_offered() {
    let (world, client, host) = begin();
    let offer = world.mint.offer(&Terms::default(), world.now());
    let bad = r#"Payment id="", realm="r", method="lightning", intent="charge", request="e30""#;
    serves(&world, bad.to_owned(), None);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvalidChallenge));
    serves(&world, format!("{bad}, {}", offer.header()), None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
}

#[test]
fn without_a_preimage_there_is_no_credential_whatever_is_trusted() {
    let world = World::new();
    let mut config = Config::new(100);
    config.trust_wallet = true;
    let (client, host) = client(&world, None, config);
    let offer = world.mint.offer(&Terms::default(), world.now());
    serves(&world, charge(&offer, ""), None);
    world.wallet_says(Answer::PaidWithoutProof);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::NoPreimage, State::Unknown));
    assert_eq!((world.paid(), world.credentials().len()), (1, 0));
}

#[test]
fn a_used_up_charge_is_bought_anew_once_and_one_of_this_call_never() {
    let (world, client, host) = begin();
    let used = Rc::new(std::cell::RefCell::new(Vec::new()));
    let inner = world.clone();
    // Each credential opens once.
    world.answers(move |sent: &Sent| {
        if let Some(credential) = &sent.authorization {
            if !used.borrow().contains(credential) {
                used.borrow_mut().push(credential.clone());
                return Ok(Response::status(200, sent));
            }
        }
        let offer = inner.mint.offer(&Terms::default(), inner.now());
        Ok(Response::challenge(&charge(&offer, ""), sent))
    });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 2);
    // One that is refused at once is not paid again in this call.
    let inner = world.clone();
    world.answers(move |sent| {
        let offer = inner.mint.offer(&Terms::default(), inner.now());
        Ok(Response::challenge(&charge(&offer, ""), sent))
    });
    assert_eq!(fetch(&client, &host, get("https://a.example/new")), End::Answer(402, Some(true)));
    assert_eq!(world.paid(), 3);
}

/// A server whose answer to a credential is told by what stands in it. Without one it offers a fresh charge.
fn judges(world: &Rc<World>, expires: &'static str, judge: impl Fn(&Value, u64) -> u16 + 'static) {
    let inner = world.clone();
    world.answers(move |sent: &Sent| {
        let offer = inner.mint.offer(&Terms::default(), inner.now());
        let mut answer = Response::challenge(&charge(&offer, expires), sent);
        if let Some(credential) = &sent.authorization {
            let credential = decoded(credential.strip_prefix("Payment ").unwrap());
            answer.head.status = judge(&credential, inner.now());
            if answer.head.status < 400 {
                answer.head.challenge = None;
            }
        }
        Ok(answer)
    });
}

#[test]
fn a_charge_that_names_another_header_is_answered_there_also_beside_the_callers_own() {
    for authorization in [false, true] {
        let (world, client, host) = begin();
        let offer = world.mint.offer(&Terms::default(), world.now());
        serves(&world, charge(&offer, r#", header="Payment-Authorization""#), None);
        let request = Request { brought: Brought { authorization, payment: false }, ..get(URL) };
        assert_eq!(fetch(&client, &host, request.clone()), PAID);
        assert_eq!(world.sent.borrow()[1].field, Some(Field::PaymentAuthorization));
        assert!(first_credential(&world).starts_with("Payment "));
        assert_eq!(fetch(&client, &host, request), REUSED);
        // Whoever brings such a header pays in its own way.
        let own = Request { brought: Brought { authorization, payment: true }, ..get(URL) };
        assert_eq!(fetch(&client, &host, own), End::Answer(402, None));
        assert_eq!(host.heard().last().unwrap(), "unpayable AuthorizationSet");
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn a_charge_for_one_body_is_compared_with_the_body_that_is_sent() {
    let digest = |body: &[u8]| base64::encode(Sha256::digest(body));
    let table: [(&[u8], Option<&[u8]>, End); 3] = [
        (b"x", Some(b"x"), PAID),
        (b"y", Some(b"x"), refused(Code::HashMismatch)),
        (b"x", None, refused(Code::BodyNotReplayable)),
    ];
    for (asked, sent, expected) in table {
        let (world, client, host) = begin();
        let offer = world.mint.offer(&Terms::default(), world.now());
        serves(&world, charge(&offer, &format!(r#", digest="sha-256=:{}:""#, digest(asked))), None);
        let request = Request { method: "POST".into(), ..get(URL) };
        let calling = call(request.clone());
        calling.outgoing.borrow_mut().body_hash = sent.map(|body| Sha256::digest(body).into());
        let running = async move { end(&client.fetch(calling, request).await) };
        assert_eq!(host.world.run(running), expected);
        assert_eq!(world.paid(), usize::from(expected == PAID));
    }
}

#[test]
fn an_origin_whose_charges_are_good_for_one_use_is_shown_no_used_one_any_more() {
    for status in [402, 403] {
        let (world, client, host) = begin();
        let used = RefCell::new(Vec::new());
        judges(&world, "", move |credential, _| {
            let preimage = credential["payload"]["preimage"].clone();
            if used.borrow().contains(&preimage) {
                return status;
            }
            used.borrow_mut().push(preimage);
            200
        });
        let ends: Vec<End> = (0..12).map(|_| fetch(&client, &host, get(URL))).collect();
        // A 403 is the resource's own answer to whoever asks, so it is handed back.
        let handed_back = ends.iter().filter(|end| **end == End::Answer(403, Some(false))).count();
        assert_eq!(handed_back, if status == 403 { 2 } else { 0 }, "{ends:?}");
        assert!(ends.iter().skip(4).all(|end| *end == PAID), "{ends:?}");
        assert_eq!(world.paid(), 12 - handed_back);
        let before = world.sends();
        assert_eq!((fetch(&client, &host, get(URL)), world.sends() - before), (PAID, 2));
    }
}

#[test]
fn why_a_charge_is_refused_is_told_by_the_servers_own_words() {
    let (world, client, host) = begin();
    let offer = world.mint.offer(&Terms::default(), world.now());
    let header = charge(&offer, "");
    world.answers(move |sent| {
        let mut answer = Response::challenge(&header, sent);
        if sent.authorization.is_some() {
            answer.problem = Some(r#"{"type":"https://paymentauth.org/problems/verification-failed"}"#.to_owned());
        }
        Ok(answer)
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, Some(true)));
    assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid", "rejected verification-failed"]);
    // Two refusals: nothing more is bought, and the error says why too.
    assert_eq!(fetch(&client, &host, get(URL)), crate::host::not_honored());
    assert_eq!(host.heard()[5..], ["rejected verification-failed", "refused not_honored"]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_protocol_that_is_not_listed_is_not_even_read() {
    let world = World::new();
    let mut config = Config::new(100);
    config.protocols = vec![Protocol::L402];
    let (client, host) = client(&world, None, config);
    let malformed = r#"Payment id="", realm="r", method="lightning", intent="charge", request="e30""#;
    serves(&world, malformed.to_owned(), None);
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, None));
}

#[test]
fn an_invoice_that_was_paid_by_another_protocol_is_answered_by_that_of_the_new_offer() {
    for is_charge_first in [false, true] {
        let (world, client, host) = begin();
        let offer = world.mint.offer(&Terms::default(), world.now());
        let mut headers = [offer.header(), charge(&offer, "")];
        let mut schemes = ["L402 ", "Payment "];
        if is_charge_first {
            headers.reverse();
            schemes.reverse();
        }
        for (number, (header, scheme)) in headers.into_iter().zip(schemes).enumerate() {
            // It takes the credentials of its own challenge alone.
            world.answers(move |sent| {
                let is_own = sent.authorization.as_deref().is_some_and(|credential| credential.starts_with(scheme));
                Ok(if is_own { Response::status(200, sent) } else { Response::challenge(&header, sent) })
            });
            let end = fetch(&client, &host, get(&format!("https://a.example/{number}")));
            assert_eq!(end, if number == 0 { PAID } else { REUSED });
            assert!(world.credentials().last().unwrap().len() > 100);
        }
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn an_invoice_that_was_paid_without_a_preimage_opens_no_charge() {
    let world = World::new();
    let mut config = Config::new(100);
    config.trust_wallet = true;
    let (client, host) = client(&world, None, config);
    let offer = world.mint.offer(&Terms::default(), world.now());
    world.wallet_says(Answer::PaidWithoutProof);
    serves(&world, offer.header(), None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let header = charge(&offer, "");
    world.answers(move |sent| Ok(Response::challenge(&header, sent)));
    assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/other"))), open(Code::NoPreimage, State::Paid));
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_used_up_charge_may_be_refused_with_any_status_if_a_fresh_one_is_offered() {
    for status in [404, 409, 422] {
        let (world, client, host) = begin();
        let used = std::cell::RefCell::new(Vec::new());
        judges(&world, "", move |credential, _| {
            let preimage = credential["payload"]["preimage"].clone();
            if used.borrow().contains(&preimage) {
                return status;
            }
            used.borrow_mut().push(preimage);
            200
        });
        for _ in 0..3 {
            assert_eq!(fetch(&client, &host, get(URL)), PAID, "{status}");
        }
        assert_eq!(world.paid(), 3);
        // In the call that paid it is the server's answer.
        let (world, client, host) = begin();
        judges(&world, "", move |_, _| status);
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn charges_for_one_use_say_nothing_of_the_l402_tokens_of_their_origin() {
    let (world, client, host) = begin();
    let used = Rc::new(std::cell::RefCell::new(Vec::new()));
    let inner = world.clone();
    world.answers(move |sent: &Sent| {
        let is_l402 = sent.url.ends_with("/l402");
        if let Some(credential) = sent.authorization.as_ref().filter(|text| text.starts_with("L402 ") == is_l402) {
            if is_l402 || !used.borrow().contains(credential) {
                used.borrow_mut().push(credential.clone());
                return Ok(Response::status(200, sent));
            }
        }
        let offer = inner.mint.offer(&Terms::default(), inner.now());
        Ok(Response::challenge(&if is_l402 { offer.header() } else { charge(&offer, "") }, sent))
    });
    for (path, payments) in [("charge", 5), ("l402", 1)] {
        let before = world.paid();
        for _ in 0..5 {
            assert!(matches!(fetch(&client, &host, get(&format!("https://a.example/{path}"))), End::Answer(200, _)));
        }
        assert_eq!(world.paid() - before, payments, "{path}");
    }
}

#[test]
fn what_was_paid_for_is_tried_once_though_its_challenge_has_expired_meanwhile() {
    // The server takes it all the same, or by the drafts it does not.
    for is_strict in [false, true] {
        let (world, client, host) = begin();
        let expires: &'static str = Box::leak(format!(", expires=\"{EXPIRES}\"").into_boxed_str());
        judges(&world, expires, move |_, now| if is_strict && now / 1000 > EXPIRES_AT_S { 402 } else { 200 });
        let answer = world.wallet_waits();
        let running: Vec<_> = (0..3).map(|_| start(&client, &host, get(URL)).1).collect();
        world.executor.run(70_000);
        let hash = crate::parallel::first_hash(&world, &client);
        answer.bring(world.proof_of(&hash));
        world.executor.run(60_000);
        let paid_now: Vec<_> = running.iter().map(crate::executor::Running::take).collect();
        let (first, other) = if is_strict { (End::Answer(402, Some(true)), 402) } else { (PAID, 200) };
        assert_eq!(paid_now[0], first);
        assert!(
            paid_now[1..]
                .iter()
                .all(|end| matches!(end, End::Answer(status, _) if *status == other)
                    || matches!(end, End::Raised { .. })),
            "{paid_now:?}"
        );
        assert_eq!(world.paid(), 1, "those who waited buy no other");
    }
}

#[test]
fn a_charge_that_was_bought_for_one_body_is_not_answered_with_another() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let body: Rc<RefCell<&'static str>> = Rc::new(RefCell::new("one"));
    let next = body.clone();
    world.answers(move |sent| {
        if let Some(credential) = &sent.authorization {
            let digest = decoded(credential.strip_prefix("Payment ").unwrap())["challenge"]["digest"].clone();
            let sent_now = format!("sha-256=:{}:", base64::encode(Sha256::digest(*next.borrow())));
            assert_eq!(digest, json!(sent_now), "sent with another body than its digest says");
            return Ok(Response::status(200, sent));
        }
        let offer = inner.mint.offer(&Terms::default(), inner.now());
        let digest = base64::encode(Sha256::digest(*next.borrow()));
        Ok(Response::challenge(&charge(&offer, &format!(r#", digest="sha-256=:{digest}:""#)), sent))
    });
    for text in ["one", "two"] {
        body.replace(text);
        let calling = call(Request { method: "POST".into(), ..get(URL) });
        calling.outgoing.borrow_mut().body_hash = Some(Sha256::digest(text).into());
        let (client, request) = (client.clone(), calling.request.clone());
        let ended = host.world.run(async move { end(&client.fetch(calling, request).await) });
        assert_eq!(ended, PAID, "{text}");
    }
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_401_to_the_callers_own_authorization_says_nothing_of_a_charge_beside_it() {
    let (world, client, host) = begin();
    let inner = world.clone();
    let has_expired = Rc::new(std::cell::Cell::new(false));
    let expired = has_expired.clone();
    world.answers(move |sent| {
        if sent.field != Some(Field::PaymentAuthorization) {
            let offer = inner.mint.offer(&Terms::default(), inner.now());
            return Ok(Response::challenge(&charge(&offer, r#", header="Payment-Authorization""#), sent));
        }
        let mut response = Response::status(if expired.get() { 401 } else { 200 }, sent);
        response.head.challenge = expired.get().then(|| r#"Bearer error="invalid_token""#.to_owned());
        Ok(response)
    });
    let request = Request { brought: Brought { authorization: true, payment: false }, ..get(URL) };
    assert_eq!(fetch(&client, &host, request.clone()), PAID);
    has_expired.set(true);
    let refused = fetch(&client, &host, request.clone());
    has_expired.set(false);
    // with a fresh bearer
    assert_eq!(fetch(&client, &host, request), REUSED, "after {refused:?}");
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_purchase_beside_the_callers_own_authorization_forgets_nothing_of_the_origin() {
    let (world, store) = (World::new(), crate::host::Store::new());
    let instance = || client(&world, Some(&store), Config::new(1000));
    world.server.single_use.set(true);
    let (first, host) = instance();
    for _ in 0..4 {
        fetch(&first, &host, get(URL));
    }
    world.executor.run(1_000);
    let used_up = |store: &crate::host::Store| {
        let row: Value = serde_json::from_str(&store.text("origin/")).unwrap();
        row["usedUp"].clone()
    };
    let before = used_up(&store);
    assert_ne!(before, json!(0));
    let offer = world.mint.offer(&Terms::default(), world.now());
    serves(&world, charge(&offer, r#", header="Payment-Authorization""#), None);
    let (second, other) = instance();
    let request = Request { brought: Brought { authorization: true, payment: false }, ..get(URL) };
    assert_eq!(fetch(&second, &other, request), PAID);
    assert_eq!(used_up(&store), before, "what its tokens are good for");
}

#[test]
fn what_one_caller_may_not_pay_refuses_no_other_who_brings_a_payment_of_its_own() {
    let world = World::new();
    let mut config = Config::new(10);
    config.protocols = vec![Protocol::Mpp, Protocol::L402];
    let (client, host) = client(&world, None, config);
    let cheap = world.mint.offer(&Terms { amount_msat: Some(1_000), ..Terms::default() }, world.now());
    let dear = world.mint.offer(&Terms { amount_msat: Some(100_000), ..Terms::default() }, world.now());
    let charge = other(&dear, |request| request["amount"] = json!("100"));
    serves(&world, format!(r#"{charge}, header="Payment-Authorization", {}"#, cheap.header()), None);
    let with = |payment| Request { brought: Brought { authorization: false, payment }, ..get(URL) };
    let running: Vec<_> = [false, true].iter().map(|own| start(&client, &host, with(*own)).1).collect();
    assert_eq!(crate::parallel::until_done(&host, &running), [refused(Code::OverLimit), PAID]);
}

#[test]
fn charges_for_several_uses_are_used_up_by_processes_that_make_one_call_each() {
    const USES: usize = 5;
    let (world, store) = (World::new(), crate::host::Store::new());
    let inner = world.clone();
    let uses = RefCell::new(std::collections::HashMap::<String, usize>::new());
    world.answers(move |sent| {
        if let Some(credential) = &sent.authorization {
            let mut uses = uses.borrow_mut();
            let times = uses.entry(credential.clone()).or_default();
            *times += 1;
            if *times <= USES {
                return Ok(Response::status(200, sent));
            }
        }
        Ok(Response::challenge(&charge(&inner.mint.offer(&Terms::default(), inner.now()), ""), sent))
    });
    for _ in 0..50 {
        let (client, host) = client(&world, Some(&store), Config::new(1000));
        assert!(matches!(fetch(&client, &host, get(URL)), End::Answer(200, Some(_))));
        world.executor.run(1_000);
    }
    assert_eq!(world.paid(), 50 / USES);
}
