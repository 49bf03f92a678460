//! Every answer of a wallet, and the amount that counts as spent after it.

use crate::host::{
    begin, client, fetch, get, listed, never, open, soon, spent, states, Cause, End, Fake, TheClient, World, PAID,
    REUSED, URL,
};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::Code;
use std::rc::Rc;

fn text(text: &str) -> Answer<Cause> {
    Answer::Preimage { text: text.to_owned(), fee_msat: None }
}

fn failed() -> Answer<Cause> {
    Answer::Failed { text: "no route".into(), cause: Some("no route") }
}

/// The next call neither pays nor shows a credential while the outcome is unknown.
fn assert_closed(world: &Rc<World>, client: &TheClient, host: &Fake) {
    let paid = world.paid();
    let credentials = world.credentials().len();
    world.on_pay.replace(None);
    assert_eq!(fetch(client, host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), world.credentials().len()), (paid, credentials));
}

#[test]
fn answers_that_prove_nothing_leave_the_amount_counted() {
    let answers = [
        ("nothing", Answer::NoPreimage("undefined".into()), Code::NoPreimage),
        ("true", Answer::PaidWithoutProof, Code::NoPreimage),
        ("an empty text", text(""), Code::NoPreimage),
        ("zeros", text(&"0".repeat(64)), Code::NoPreimage),
        ("an invoice", text("lnbc100n1p"), Code::NoPreimage),
        ("another preimage", text(&"ab".repeat(32)), Code::WrongPreimage),
    ];
    for (name, answer, code) in answers {
        let (world, client, host) = begin();
        world.wallet_says(answer);
        assert_eq!(fetch(&client, &host, get(URL)), open(code, State::Unknown), "{name}");
        assert_eq!(host.heard(), ["challenge", "quote", "paying", &format!("failed {}", code.as_str())], "{name}");
        assert_eq!((world.paid(), spent(&world, &client)), (1, 10), "{name}");
        assert!(world.credentials().is_empty(), "{name}");
        assert_closed(&world, &client, &host);
    }
}

#[test]
fn an_unusual_spelling_of_the_preimage_is_read() {
    let (world, client, host) = begin();
    let inner = world.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, max_fee| {
        assert_eq!(max_fee, 5_000);
        let Answer::Preimage { text, .. } = inner.proof(invoice) else { unreachable!() };
        soon(Answer::Preimage { text: format!(" {} ", text.to_uppercase()), fee_msat: Some(1_500) })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (1, 12), "the reported fee is counted, and rounded up");
    let credential = world.credentials().remove(0);
    let (_, preimage) = credential.rsplit_once(':').unwrap();
    assert_eq!(preimage, preimage.trim().to_lowercase(), "servers take lowercase hex only");
}

#[test]
fn true_counts_as_paid_if_the_options_say_so() {
    let world = World::new();
    let (client, host) = client(&world, None, Config { trust_wallet: true, ..Config::new(100) });
    let offer = world.sells(Default::default());
    world.wallet_says(Answer::PaidWithoutProof);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    assert_eq!(world.credentials(), [format!("L402 {}", offer.token), format!("L402 {}", offer.token)]);
    assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
}

#[test]
fn a_proof_that_comes_with_trust_is_still_proven() {
    let world = World::new();
    let (client, host) = client(&world, None, Config { trust_wallet: true, ..Config::new(100) });
    world.wallet_says(text(&"ab".repeat(32)));
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::WrongPreimage, State::Unknown));
    assert_eq!((world.paid(), world.credentials().len()), (1, 0));
}

#[test]
fn a_wallet_that_knows_it_did_not_pay_frees_the_amount() {
    let (world, client, host) = begin();
    world.wallet_says(failed());
    let expected = End::Raised {
        code: Code::PaymentFailed,
        cause: Some("no route"),
        state: Some(State::Failed),
        has_response: true,
    };
    assert_eq!(fetch(&client, &host, get(URL)), expected);
    assert_eq!((world.paid(), spent(&world, &client)), (1, 0));
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), states(&world, &client)), (2, vec![State::Failed, State::Paid]));
}

#[test]
fn a_failed_invoice_may_be_tried_again() {
    let (world, client, host) = begin();
    world.sells(Default::default());
    world.wallet_says(failed());
    fetch(&client, &host, get(URL));
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), states(&world, &client)), (2, vec![State::Paid]), "one row for one hash");
}

#[test]
fn a_throw_is_looked_up() {
    let wrong = Fact::Paid { preimage: "ab".repeat(32), fee_msat: None };
    let threw = |code, state| End::Raised { code, cause: Some("socket"), state: Some(state), has_response: true };
    let unknown = threw(Code::PaymentUnknown, State::Unknown);
    for (found, expected, sats) in [
        (Fact::Unreachable, unknown.clone(), 10),
        (Fact::Pending, unknown.clone(), 10),
        (wrong, unknown, 10),
        (Fact::NotFound, threw(Code::PaymentFailed, State::Failed), 0),
    ] {
        let (world, client, host) = begin();
        world.wallet_says(Answer::Threw("socket"));
        world.lookup_says(found);
        assert_eq!(fetch(&client, &host, get(URL)), expected);
        assert_eq!((world.paid(), world.lookups.get(), spent(&world, &client)), (1, 1, sats));
        assert!(world.credentials().is_empty());
    }
}

#[test]
fn a_throw_whose_payment_went_through_is_no_failure() {
    let (world, client, host) = begin();
    let preimage = world.sells(Default::default()).preimage;
    world.wallet_says(Answer::Threw("socket"));
    world.lookup_says(Fact::Paid { preimage, fee_msat: Some(2_000) });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (1, 12));
}

#[test]
fn a_lookup_that_hangs_is_no_answer() {
    let (world, client, host) = begin();
    world.wallet_says(Answer::Threw("socket"));
    world.on_lookup.replace(Some(Box::new(|_| never())));
    let before = world.now();
    let expected = End::Raised {
        code: Code::PaymentUnknown,
        cause: Some("socket"),
        state: Some(State::Unknown),
        has_response: true,
    };
    assert_eq!(fetch(&client, &host, get(URL)), expected);
    assert_eq!((world.now() - before, world.paid()), (10_000, 1));
    assert_closed(&world, &client, &host);
    assert_eq!(world.now() - before, 20_000, "the next call looks again");
}

#[test]
fn a_wallet_that_never_answers_leaves_the_payment_unknown() {
    let (world, client, host) = begin();
    world.on_pay.replace(Some(Box::new(|_, _| never())));
    let before = world.now();
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.now() - before, world.paid(), spent(&world, &client)), (300_000, 1, 10));
    assert_closed(&world, &client, &host);
}

#[test]
fn an_answer_after_the_timeout_is_recorded() {
    for (fails, sats, after) in [(false, 10, REUSED), (true, 0, PAID)] {
        let (world, client, host) = begin();
        let answer = world.wallet_waits();
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        let hash = {
            let client = client.clone();
            world.run(async move { listed(&client).await[0].payment_hash })
        };
        answer.bring(if fails { failed() } else { world.proof_of(&hash) });
        world.executor.run_ready();
        assert_eq!(spent(&world, &client), sats);
        world.on_pay.replace(None);
        assert_eq!(fetch(&client, &host, get(URL)), after);
        assert_eq!(world.paid(), if fails { 2 } else { 1 });
    }
}

#[test]
fn a_late_answer_that_proves_nothing_changes_nothing() {
    for answer in [Answer::PaidWithoutProof, text("zz"), Answer::NoPreimage("null".into()), Answer::Threw("late")] {
        let (world, client, host) = begin();
        let later = world.wallet_waits();
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        later.bring(answer);
        world.executor.run_ready();
        assert_eq!((states(&world, &client), spent(&world, &client)), (vec![State::Unknown], 10));
        assert_closed(&world, &client, &host);
    }
}

#[test]
fn an_answer_during_the_last_lookup_still_counts() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let (inner, proof) = (world.clone(), answer.clone());
    world.on_lookup.replace(Some(Box::new(move |hash| {
        proof.bring(inner.proof_of(hash));
        never()
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
}

#[test]
fn a_late_answer_after_forget_keeps_no_empty_token() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let (inner, found) = (world.clone(), Rc::new(std::cell::Cell::new(None)));
    let seen = found.clone();
    world.on_lookup.replace(Some(Box::new(move |hash| {
        seen.set(Some(*hash));
        soon(Fact::Paid { preimage: inner.mint.preimage(hash).unwrap(), fee_msat: None })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(None).await.ok().unwrap() });
    answer.bring(world.proof_of(&found.get().unwrap()));
    world.executor.run_ready();
    assert!(client.token_for(&get(URL)).is_none(), "what was forgotten stays forgotten");
    assert_eq!((world.paid(), states(&world, &client)), (1, vec![State::Paid]));
}

#[test]
fn a_purchase_that_froze_before_it_asked_the_wallet_does_not_ask_it() {
    let (world, client, host) = begin();
    let clock = Rc::clone(&world);
    host.on_event.replace(Some(Box::new(move |event| {
        if event == "paying" {
            clock.executor.pass(300_001);
        }
    })));
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentFailed, State::Failed));
    host.on_event.replace(None);
    assert_eq!(
        (world.paid(), host.heard()),
        (0, vec!["challenge", "quote", "paying", "failed payment_failed"].into_iter().map(str::to_owned).collect())
    );
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 1);
}
