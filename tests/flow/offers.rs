//! Offers that are refused before any money moves, and answers that are handed back untouched.

use crate::host::{
    begin, call, client, end, fetch, get, refused, soon, End, Response, TheClient, World, ORIGIN, PAID, REUSED, URL,
};
use crate::mint::{add, drop, set_features, Offer, Terms};
use bitcoin::bech32::Fe32;
use bitcoin::hashes::{sha256, Hash as _};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::failure::Why;
use l402_fetch::flow::host::{Answer, Request};
use l402_fetch::wire::url::HostPattern;
use l402_fetch::Code;
use lightning_invoice::{Currency, Description, ExpiryTime, RawTaggedField, Sha256, TaggedField};
use macaroon::{Format, Macaroon, MacaroonKey};
use std::rc::Rc;

fn configured(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::new(100);
    change(&mut config);
    config
}

#[test]
fn a_resource_is_bought_once_and_its_token_reused() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(host.heard(), ["challenge", "quote", "paying", "paid"]);
    assert_eq!(*world.discarded.borrow(), [1], "the body of the paid 402 holds a socket");
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!((world.paid(), world.sends()), (1, 3));
    let sent = world.sent.borrow();
    assert_eq!([sent[0].repeat, sent[1].repeat, sent[2].repeat], [false, true, false]);
    let offer = sent[1].authorization.clone().unwrap();
    assert!(offer.starts_with("L402 ") && offer.len() > 100, "{offer}");
    assert_eq!(sent[2].authorization, Some(offer));
}

#[test]
fn an_answer_that_is_no_402_costs_nothing() {
    let (world, client, host) = begin();
    for status in [200, 204, 301, 400, 401, 403, 404, 500] {
        world.answers(move |sent| Ok(Response::status(status, sent)));
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, None));
    }
    world.answers(|_| Err("offline"));
    assert_eq!(fetch(&client, &host, get(URL)), End::Foreign("offline"));
    assert_eq!((world.paid(), host.heard().len()), (0, 0));
}

#[test]
fn an_offer_in_a_body_alone_is_never_paid_and_told_as_a_hint() {
    let (world, client, host) = begin();
    world.answers(|sent| {
        let mut response = Response::status(402, sent);
        response.problem = Some("an offer".into());
        Ok(response)
    });
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, None));
    assert_eq!((world.paid(), host.heard()), (0, vec!["unpayable NoChallenge, but in the body".to_owned()]));
}

#[test]
fn a_402_for_others_comes_back_untouched() {
    let own = |request: &mut Request| request.brought.authorization = true;
    let table: [(&str, Option<&str>, bool, fn(&mut Request), &[&str]); 8] = [
        ("no header", None, false, |_| {}, &["unpayable NoChallenge"]),
        ("no header, but others may be hidden", None, true, |_| {}, &["unpayable ChallengeHidden"]),
        ("an empty header", Some(""), false, |_| {}, &["unpayable NoChallenge"]),
        ("another scheme", Some("Basic realm=\"x\""), false, |_| {}, &["unpayable NoLightning"]),
        (
            "the caller's own authorization",
            Some("L402 token=\"a\", invoice=\"b\""),
            false,
            own,
            &["unpayable AuthorizationSet"],
        ),
        ("a bare L402 and the caller's own authorization", Some("L402"), false, own, &["unpayable AuthorizationSet"]),
        (
            "a preflight",
            Some("L402 token=\"a\", invoice=\"b\""),
            false,
            |request| request.payable = false,
            &["unpayable RequestMode"],
        ),
        (
            "a malformed one nobody could read",
            Some("L402"),
            false,
            |request| request.payable = false,
            &["unpayable RequestMode"],
        ),
    ];
    for (name, header, filtered, change, events) in table {
        let (world, client, host) = begin();
        world.answers(move |sent| {
            let mut response = Response::status(402, sent);
            response.head.challenge = header.map(str::to_owned);
            response.head.filtered = filtered;
            Ok(response)
        });
        let mut request = get(URL);
        change(&mut request);
        assert_eq!(fetch(&client, &host, request), End::Answer(402, None), "{name}");
        assert_eq!((world.paid(), world.sends(), host.heard()), (0, 1, events.iter().map(|e| (*e).into()).collect()));
        assert!(world.discarded.borrow().is_empty(), "{name}");
    }
}

#[test]
fn protocols_that_are_not_listed_are_not_paid() {
    let world = World::new();
    let (client, host) = client(&world, None, configured(|config| config.protocols = Vec::new()));
    assert_eq!(fetch(&client, &host, get(URL)), End::Answer(402, None));
    assert_eq!((world.paid(), host.heard()), (0, vec!["unpayable NoLightning".to_owned()]));
}

#[test]
fn every_refusal_has_its_code_and_pays_nothing() {
    let terms = |change: fn(&mut Terms)| {
        let mut terms = Terms::default();
        change(&mut terms);
        terms
    };
    let table = [
        (terms(|t| t.network = Currency::Regtest), Code::WrongNetwork),
        (terms(|t| t.amount_msat = None), Code::NoAmount),
        (terms(|t| t.fields = |fields| set_features(fields, &[30])), Code::InvalidInvoice),
        (terms(|t| t.fields = |fields| set_features(fields, &[9, 14, 31])), Code::InvalidInvoice),
        (terms(|t| t.fields = |fields| add(fields, hash(1))), Code::InvalidInvoice),
        (
            terms(|t| t.fields = |fields| fields.splice(0..0, [hash(1).into()]).for_each(std::mem::drop)),
            Code::InvalidInvoice,
        ),
        (terms(|t| t.fields = |fields| add(fields, described_by_hash())), Code::InvalidInvoice),
        (terms(|t| t.fields = |fields| drop(fields, is_description)), Code::InvalidInvoice),
        (
            terms(|t| t.fields = |fields| add(fields, TaggedField::Description(Description::empty()))),
            Code::InvalidInvoice,
        ),
        (
            terms(|t| t.fields = |fields| add(fields, TaggedField::ExpiryTime(ExpiryTime::from_seconds(9)))),
            Code::InvalidInvoice,
        ),
        (terms(|t| t.expiry_s = 5), Code::InvoiceExpired),
        (terms(|t| t.mismatch = true), Code::HashMismatch),
        (terms(|t| t.caveats = vec!["api_valid_until=1800000000".into()]), Code::InvalidMacaroon),
        (terms(|t| t.caveats = vec!["expires = 1800000000".into()]), Code::InvalidMacaroon),
        (terms(|t| t.caveats = vec!["exp=1800000000999".into()]), Code::InvalidMacaroon),
        (terms(|t| t.caveats = vec!["expiration=1800000000".into()]), Code::InvalidMacaroon),
        (terms(|t| t.caveats = vec!["expiresAt=2027-01-15T09:00:00.5+01:00".into()]), Code::InvalidMacaroon),
        (
            terms(|t| t.caveats = vec!["exp=1900000000".into(), "expires=2027-01-14T20:00:00".into()]),
            Code::InvalidMacaroon,
        ),
        (terms(|t| t.amount_msat = Some(100_001)), Code::OverLimit),
    ];
    for (terms, code) in table {
        let (world, client, host) = begin();
        world.server.terms.replace(terms);
        assert_eq!(fetch(&client, &host, get(URL)), refused(code));
        assert_eq!((world.paid(), world.sends(), world.credentials().len()), (0, 1, 0), "{}", code.as_str());
        assert_eq!(world.run(async move { client.spent(None).await.ok().unwrap().total }), 0);
        assert_eq!(host.heard().last().unwrap(), &format!("refused {}", code.as_str()));
        assert!(world.discarded.borrow().is_empty(), "its 402 comes with the error, unread");
    }
}

/// The price that an error tells, in millisatoshis.
fn priced(world: &Rc<World>, client: &TheClient, request: Request) -> (Code, Option<u64>) {
    let client = client.clone();
    let result = world.run(async move { client.fetch(call(request.clone()), request).await });
    let Err(failure) = result else { panic!("it was paid") };
    let Why::Raised(raised) = *failure.0 else { panic!("the error is none of the client's") };
    let quote = raised.quote.map(|quote| {
        assert_eq!((quote.url.as_str(), quote.url.origin()), (URL, ORIGIN));
        assert_eq!(Some(quote.amount_msat), quote.invoice.amount_msat);
        quote.amount_msat
    });
    (raised.error.code(), quote)
}

#[test]
fn a_refusal_tells_the_price_if_it_is_known() {
    let known = Some(10_000);
    type Change = (fn(&mut Terms), fn(&mut Config), fn(&mut Request), Code, Option<u64>);
    let table: [Change; 11] = [
        (|t| t.network = Currency::Regtest, |_| {}, |_| {}, Code::WrongNetwork, known),
        (|t| t.amount_msat = None, |_| {}, |_| {}, Code::NoAmount, None),
        (|t| t.expiry_s = 5, |_| {}, |_| {}, Code::InvoiceExpired, known),
        (|t| t.mismatch = true, |_| {}, |_| {}, Code::HashMismatch, known),
        (|t| t.caveats = vec!["api_valid_until=1".into()], |_| {}, |_| {}, Code::InvalidMacaroon, known),
        (|t| t.amount_msat = Some(100_001), |_| {}, |_| {}, Code::OverLimit, Some(100_001)),
        (|_| {}, |c| c.hosts = Some(Vec::new()), |_| {}, Code::HostNotAllowed, known),
        (|_| {}, |_| {}, |r| r.replayable = false, Code::BodyNotReplayable, known),
        (|t| t.amount_msat = None, |_| {}, |r| r.replayable = false, Code::BodyNotReplayable, None),
        (|_| {}, |c| c.limits.all.total = Some(1), |_| {}, Code::OverLimit, known),
        (|_| {}, |c| c.limits.per_payment = 0, |_| {}, Code::OverLimit, known),
    ];
    for (terms, config, request, code, price) in table {
        let world = World::new();
        let (client, _host) = client(&world, None, configured(config));
        terms(&mut world.server.terms.borrow_mut());
        let mut asked = get(URL);
        request(&mut asked);
        assert_eq!(priced(&world, &client, asked), (code, price));
        assert_eq!(world.paid(), 0);
    }
    let world = World::new();
    let (client, _host) = client(&world, None, Config::new(100));
    world.answers(|sent| Ok(Response::challenge("L402 token=\"a\", invoice=\"lnbc1\"", sent)));
    assert_eq!(priced(&world, &client, get(URL)), (Code::InvalidInvoice, None));
}

#[test]
fn an_error_after_the_wallet_was_asked_tells_the_price_too() {
    for (answer, code) in [
        (Answer::Failed { text: "no route".into(), cause: None }, Code::PaymentFailed),
        (Answer::Threw("broken"), Code::PaymentUnknown),
        (Answer::PaidWithoutProof, Code::NoPreimage),
        (Answer::Preimage { text: "11".repeat(32), fee_msat: None }, Code::WrongPreimage),
    ] {
        let world = World::new();
        let (client, _host) = client(&world, None, Config::new(100));
        world.wallet_says(answer);
        assert_eq!(priced(&world, &client, get(URL)), (code, Some(10_000)));
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn the_last_terms_that_are_still_accepted() {
    let (world, client, host) = begin();
    let caveats = vec!["api_valid_until=1800000001".into()];
    world.server.terms.replace(Terms { expiry_s: 6, amount_msat: Some(100_000), caveats, ..Terms::default() });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 1);
}

/// Fields that invoices of wallets hold, now or in the future.
#[test]
fn unusual_fields_that_are_still_accepted() {
    let table: [fn(&mut Vec<RawTaggedField>); 4] = [
        |fields| set_features(fields, &[9, 14, 17]),
        |fields| fields.reverse(),
        |fields| {
            drop(fields, is_description);
            add(fields, described_by_hash());
        },
        // An unknown field, and a field with a length of the future.
        |fields| {
            let field = |tag: u8, length: u8| {
                RawTaggedField::UnknownSemantics(fes(
                    &[&[tag, length >> 5, length & 31][..], &vec![1; length.into()]].concat()
                ))
            };
            fields
                .splice(0..0, [field(1, 53), field(23, 51), field(19, 52), field(31, 5), field(31, 5)])
                .for_each(std::mem::drop);
        },
    ];
    for fields in table {
        let (world, client, host) = begin();
        world.server.terms.replace(Terms { fields, ..Terms::default() });
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(world.paid(), 1);
    }
}

fn hash(byte: u8) -> TaggedField {
    TaggedField::PaymentHash(Sha256(sha256::Hash::from_byte_array([byte; 32])))
}

fn described_by_hash() -> TaggedField {
    TaggedField::DescriptionHash(Sha256(sha256::Hash::from_byte_array([1; 32])))
}

fn is_description(field: &TaggedField) -> bool {
    matches!(field, TaggedField::Description(_))
}

fn fes(groups: &[u8]) -> Vec<Fe32> {
    groups.iter().map(|group| Fe32::try_from(*group).unwrap()).collect()
}

/// An expiry in a server's local time is read as UTC. That may shorten a token's life, but never prevents its purchase.
#[test]
fn an_expiry_without_a_zone_only_shortens() {
    for (expires, sold, minutes, reused) in [
        // In UTC, or east of it: 10 minutes and more.
        ("2027-01-15T08:10:00", PAID, 9, true),
        ("2027-01-15T08:10:00", PAID, 10, false),
        ("2027-01-15T20:10:00", PAID, 60, true),
        // West of it: not expired when it was sold.
        ("2027-01-15T08:00:00", PAID, 60, true),
        ("2027-01-14 20:00:01.5", PAID, 60, true),
        ("2027-01-14T20:00:00", refused(Code::InvalidMacaroon), 0, false),
    ] {
        let (world, client, host) = begin();
        let caveats = vec![format!("expires = {expires}")];
        world.server.terms.replace(Terms { caveats, ..Terms::default() });
        assert_eq!(fetch(&client, &host, get(URL)), sold, "{expires}");
        if sold == PAID {
            let executor = world.executor.clone();
            world.run(async move { executor.sleep(minutes * 60_000).await });
            assert_eq!(fetch(&client, &host, get(URL)), if reused { REUSED } else { PAID }, "{expires}");
            assert_eq!(world.paid(), if reused { 1 } else { 2 }, "{expires}");
        }
    }
}

/// The hash and the expiry of a macaroon are checked in every form, and beside any other text.
#[test]
fn no_form_of_a_macaroon_escapes_the_checks() {
    let forms: [fn(&Macaroon) -> String; 10] = [
        |macaroon| macaroon.serialize(Format::V2).unwrap(),
        |macaroon| macaroon.serialize(Format::V1).unwrap(),
        |macaroon| base64::encode(macaroon.serialize(Format::V2JSON).unwrap()),
        |macaroon| base64::encode(macaroon.serialize(Format::V2JSON).unwrap().replace("\"v\":2,", "")),
        |macaroon| base64::encode([&bytes(macaroon), &b"\n"[..]].concat()),
        |macaroon| base64::encode([bytes(macaroon), bytes(&harmless())].concat()),
        |macaroon| base64::encode([bytes(&harmless()), bytes(macaroon)].concat()),
        |macaroon| [base64::encode(bytes(&harmless())), base64::encode(bytes(macaroon))].concat(),
        |macaroon| format!("{},{}", base64::encode(bytes(&harmless())), base64::encode(bytes(macaroon))),
        |macaroon| format!("{}.sig", base64::encode(bytes(macaroon))),
    ];
    for (at, form) in forms.into_iter().enumerate() {
        for (hash, expires, expected) in [
            (0, "1900000000", PAID),
            (1, "1900000000", refused(Code::HashMismatch)),
            (0, "1800000000", refused(Code::InvalidMacaroon)),
        ] {
            let (world, client, host) = begin();
            let offer = world.mint.offer(&Terms::default(), world.now());
            let mut committed = *offer.hash.as_bytes();
            committed[0] ^= hash;
            let token =
                form(&macaroon(&[&[0, 0], &committed[..], &[5; 32]].concat(), &format!("expires_at={expires}")));
            let header = Offer { token, ..offer.clone() }.header();
            world.answers(move |sent| {
                Ok(match sent.authorization {
                    None => Response::challenge(&header, sent),
                    Some(_) => Response::status(200, sent),
                })
            });
            assert_eq!(fetch(&client, &host, get(URL)), expected, "form {at}, {hash} {expires}");
            assert_eq!((world.paid(), world.sends()), if expected == PAID { (1, 2) } else { (0, 1) });
            let spent = world.run(async move { client.spent(None).await.ok().unwrap().total });
            assert_eq!(spent, if expected == PAID { 10 } else { 0 });
        }
    }
}

fn macaroon(identifier: &[u8], caveat: &str) -> Macaroon {
    let mut made = Macaroon::create(None, &MacaroonKey::generate(b"root"), identifier.into()).unwrap();
    made.add_first_party_caveat(caveat.into());
    made
}

fn harmless() -> Macaroon {
    macaroon(b"of another layout", "a=b")
}

/// Version 2.
fn bytes(macaroon: &Macaroon) -> Vec<u8> {
    base64::decode_config(macaroon.serialize(Format::V2).unwrap(), base64::URL_SAFE).unwrap()
}

#[test]
fn a_token_that_cannot_be_sent_is_not_bought() {
    let offer = World::new().mint.offer(&Terms::default(), 1_800_000_000_000);
    for token in ["a b", " a", "a ", "a\\\"b", "a\\\\\\\"", "a\tb", "é", "a\u{2028}", "☃", "a, b", ""] {
        let (world, client, host) = begin();
        let header = Offer { token: token.to_owned(), ..offer.clone() }.header();
        world.answers(move |sent| Ok(Response::challenge(&header, sent)));
        assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvalidChallenge), "{token}");
        assert_eq!((world.paid(), world.sends()), (0, 1), "{token}");
        assert_eq!(world.run(async move { client.spent(None).await.ok().unwrap().total }), 0);
    }
}

/// A server may say with it that a resource needs payment, without making an invoice for a HEAD.
#[test]
fn a_scheme_with_a_token68_comes_back_untouched() {
    for method in ["HEAD", "GET", "POST"] {
        for header in ["L402 price-only", "LSAT abc==", "l402 price-only, Basic realm=\"x\""] {
            let (world, client, host) = begin();
            world.answers(move |sent| Ok(Response::challenge(header, sent)));
            let request = Request { method: method.into(), ..get(URL) };
            assert_eq!(fetch(&client, &host, request.clone()), End::Answer(402, None), "{method} {header}");
            assert_eq!((world.paid(), world.sends(), host.heard()), (0, 1, vec!["unpayable NoLightning".to_owned()]));
            assert!(world.discarded.borrow().is_empty(), "its body is the caller's");
        }
    }
}

#[test]
fn malformed_challenges_and_invoices() {
    for (header, code) in [
        ("L402", Code::InvalidChallenge),
        ("L402 price-only, token=\"a\", invoice=\"b\"", Code::InvalidChallenge),
        ("L402 token=\"a\", invoice=\"", Code::InvalidChallenge),
        ("L402 token=\"a\", token=\"b\", invoice=\"c\"", Code::InvalidChallenge),
        ("L402 token=\"a\", invoice=\"lnbc1\"", Code::InvalidInvoice),
        ("L402 token=\"a\", invoice=\"required\"", Code::InvalidInvoice),
    ] {
        let (world, client, host) = begin();
        world.answers(move |sent| Ok(Response::challenge(header, sent)));
        assert_eq!(fetch(&client, &host, get(URL)), refused(code), "{header}");
        assert_eq!((world.paid(), world.sends()), (0, 1));
    }
}

#[test]
fn lsat_is_sent_only_if_the_server_knows_no_other_name() {
    for (schemes, expected) in [(&["LSAT"][..], "LSAT "), (&["LSAT", "L402"], "L402 ")] {
        let (world, client, host) = begin();
        let offer = world.mint.offer(&Terms::default(), world.now());
        let line = |scheme| format!("{scheme} macaroon=\"{}\", invoice=\"{}\"", offer.token, offer.invoice);
        let header = schemes.iter().map(line).collect::<Vec<_>>().join(", ");
        world.answers(move |sent| {
            Ok(match sent.authorization {
                None => Response::challenge(&header, sent),
                Some(_) => Response::status(200, sent),
            })
        });
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(world.credentials(), [format!("{expected}{}:{}", offer.token, offer.preimage)]);
    }
}

#[test]
fn opaque_tokens_are_kept_unchanged_and_macaroons_in_them_are_checked() {
    let (world, client, host) = begin();
    let offer = world.mint.offer(&Terms::default(), world.now());
    let other = world.mint.offer(&Terms::default(), world.now());
    let header = format!("L402 token=\"{},{}\", invoice=\"{}\"", offer.token, other.token, offer.invoice);
    world.answers(move |sent| Ok(Response::challenge(&header, sent)));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::HashMismatch), "the second part is for another hash");
    assert_eq!(world.paid(), 0);

    let header = format!("L402 token=\"6eb1db0a\", invoice=\"{}\"", offer.invoice);
    world.answers(move |sent| {
        Ok(match sent.authorization {
            None => Response::challenge(&header, sent),
            Some(_) => Response::status(200, sent),
        })
    });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), world.credentials()), (1, vec![format!("L402 6eb1db0a:{}", offer.preimage)]));
}

#[test]
fn money_and_tokens_go_only_to_allowed_hosts() {
    let listed = || configured(|config| config.hosts = Some(vec![HostPattern::new("*.example")]));
    let insecure = || configured(|config| config.insecure_hosts = vec![HostPattern::new("umbrel.local:3000")]);
    for (url, config, expected) in [
        ("http://api.example/", Config::new(100), refused(Code::InsecureTransport)),
        ("http://api.example/", listed(), refused(Code::InsecureTransport)),
        ("https://api.test/", listed(), refused(Code::HostNotAllowed)),
        ("http://localhost:8080/", listed(), refused(Code::HostNotAllowed)),
        ("http://localhost:8080/", Config::new(100), PAID),
        ("http://127.0.0.1:8080/", Config::new(100), PAID),
        ("https://api.example:8443/x", listed(), PAID),
        ("http://shop.onion/", Config::new(100), PAID),
        ("http://shop.onion/", listed(), refused(Code::HostNotAllowed)),
        ("http://umbrel.local:3000/", insecure(), PAID),
        ("http://umbrel.local:3001/", insecure(), refused(Code::InsecureTransport)),
    ] {
        let world = World::new();
        let (client, host) = client(&world, None, config);
        assert_eq!(fetch(&client, &host, get(url)), expected, "{url}");
        assert_eq!(world.paid(), usize::from(expected == PAID));
    }
}

#[test]
fn a_body_that_cannot_be_sent_twice_is_refused_before_paying() {
    let (world, client, host) = begin();
    let request = Request { method: "POST".into(), replayable: false, ..get(URL) };
    assert_eq!(fetch(&client, &host, request), refused(Code::BodyNotReplayable));
    assert_eq!((world.paid(), world.sends()), (0, 1));
}

#[test]
fn redirects() {
    for (method, landed, expected) in [
        ("GET", "https://api.example/moved", PAID),
        ("HEAD", "https://api.example/moved", PAID),
        ("POST", "https://api.example/moved", refused(Code::BodyNotReplayable)),
        ("GET", "https://other.example/data", refused(Code::CrossOrigin)),
        ("GET", "http://api.example/data", refused(Code::CrossOrigin)),
        ("GET", "https://api.example:444/data", refused(Code::CrossOrigin)),
        ("GET", "https://user:secret@other.example/data", refused(Code::CrossOrigin)),
        ("GET", "https://api.example@other.example/data", refused(Code::CrossOrigin)),
        ("GET", "https://user:secret@api.example/data", PAID),
        ("GET", "data:text/plain,paid", refused(Code::CrossOrigin)),
    ] {
        let (world, client, host) = begin();
        let header = world.mint.offer(&Terms::default(), world.now()).header();
        world.answers(move |sent| {
            let mut response = match sent.authorization {
                None => Response::challenge(&header, sent),
                Some(_) => Response::status(200, sent),
            };
            response.head.redirected = true;
            response.head.url = landed.to_owned();
            Ok(response)
        });
        let request = Request { method: method.into(), ..get(URL) };
        assert_eq!(fetch(&client, &host, request), expected, "{method} {landed}");
        assert_eq!(world.paid(), usize::from(expected == PAID));
    }
}

#[test]
fn only_true_is_consent() {
    let answers: [(Result<bool, &str>, End); 3] = [
        (Ok(true), PAID),
        (Ok(false), refused(Code::Declined)),
        (
            Err("dialog broke"),
            End::Raised { code: Code::Declined, cause: Some("dialog broke"), state: None, has_response: true },
        ),
    ];
    for (answer, expected) in answers {
        let (world, client, host) = begin();
        host.approve.replace(Some(Box::new(move |quote| {
            assert_eq!((quote.amount_msat, quote.url.as_str()), (10_000, URL));
            soon(answer)
        })));
        assert_eq!(fetch(&client, &host, get(URL)), expected);
        assert_eq!((world.paid(), host.approvals.get()), (usize::from(expected == PAID), 1));
        let spent = world.run(async move { client.spent(None).await.ok().unwrap().total });
        assert_eq!(spent, if expected == PAID { 10 } else { 0 }, "the reserve is given back");
    }
}

#[test]
fn an_invoice_that_expires_while_consent_is_awaited_is_not_paid() {
    let (world, client, host) = begin();
    let executor = world.executor.clone();
    host.approve.replace(Some(Box::new(move |_| {
        let executor = executor.clone();
        Box::pin(async move {
            executor.sleep(3_600_000).await;
            Ok(true)
        })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvoiceExpired));
    assert_eq!(world.paid(), 0);
}

#[test]
fn a_quote_never_pays() {
    let world = World::new();
    let (client, host) = client(&world, None, Config::new(0));
    let quote = |request: Request| {
        let client = client.clone();
        world.run(async move { client.quote(call(request.clone()), request).await })
    };
    let asked = quote(get(URL)).ok().unwrap().unwrap();
    assert_eq!((asked.amount_msat, asked.url.as_str(), asked.url.origin()), (10_000, URL, "https://api.example"));
    assert!(asked.macaroon.is_some(), "limits do not apply");
    assert_eq!((world.paid(), world.discarded.borrow().clone()), (0, vec![1]));

    for (header, code) in [
        (None, Code::InvalidChallenge),
        (Some("Basic"), Code::InvalidChallenge),
        (Some("L402 price-only"), Code::InvalidChallenge),
        (Some("L402"), Code::InvalidChallenge),
        (Some("L402 token=\"a\", invoice=\"b\""), Code::InvalidInvoice),
    ] {
        world.answers(move |sent| {
            let mut response = Response::status(402, sent);
            response.head.challenge = header.map(str::to_owned);
            Ok(response)
        });
        match quote(get(URL)) {
            Err(failure) => assert!(failure.is(code)),
            Ok(_) => panic!("{header:?} has no price"),
        }
    }
    world.answers(|sent| Ok(Response::status(200, sent)));
    assert!(quote(get(URL)).ok().unwrap().is_none(), "free");
    world.answers(|_| Err("offline"));
    assert!(matches!(quote(get(URL)), Err(failure) if matches!(*failure.0, Why::Foreign("offline"))));
    assert_eq!(world.paid(), 0);
    let _ = host;
}

#[test]
fn a_token_that_should_work_answers_a_quote_without_a_request() {
    let (world, client, host) = begin();
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let asked = client.clone();
    let quote = world.run(async move { asked.quote(call(get(URL)), get(URL)).await });
    assert!(quote.ok().unwrap().is_none());
    assert_eq!((world.paid(), world.sends()), (1, 2));
}

#[test]
fn the_answer_after_a_payment_is_the_callers() {
    for status in [400, 401, 402, 403, 404, 408, 429, 500, 503] {
        let (world, client, host) = begin();
        let header = world.mint.offer(&Terms::default(), world.now()).header();
        world.answers(move |sent| {
            Ok(match sent.authorization {
                None => Response::challenge(&header, sent),
                Some(_) => Response::status(status, sent),
            })
        });
        assert_eq!(fetch(&client, &host, get(URL)), End::Answer(status, Some(true)));
        // A server that refuses may learn of the payment late: see late.rs.
        let sends = if matches!(status, 401 | 402) { 5 } else { 2 };
        assert_eq!((world.paid(), world.sends()), (1, sends), "{status}");
    }
}

#[test]
fn a_network_error_after_paying_keeps_the_token() {
    let (world, client, host) = begin();
    world.on_send.replace(Some(Box::new(|sent| sent.authorization.is_some().then(|| soon(Err("reset"))))));
    let state = Some(l402_fetch::ledger::payment::State::Paid);
    assert_eq!(
        fetch(&client, &host, get(URL)),
        End::Raised { code: Code::RequestFailed, cause: Some("reset"), state, has_response: false }
    );
    assert_eq!(fetch(&client, &host, get(URL)), End::Foreign("reset"), "in later calls it is the runtime's own");
    world.on_send.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.paid(), 1);
}

#[test]
fn an_abort_while_repeating_is_the_callers_own() {
    let world = World::new();
    let (client, _host) = client(&world, None, Config::new(100));
    let aborted = call(get(URL));
    let seen = aborted.clone();
    world.on_send.replace(Some(Box::new(move |sent| {
        sent.authorization.as_ref()?;
        seen.aborted.set(true);
        Some(soon(Err("aborted")))
    })));
    let result = world.run(async move { client.fetch(aborted, get(URL)).await });
    assert_eq!(end(&result), End::Foreign("aborted"));
    assert_eq!(world.paid(), 1);
}
