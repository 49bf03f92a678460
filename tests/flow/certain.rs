//! Reports of wallets about a payment whose answer was lost. Real wallets give them. Nothing is paid twice, and nothing
//! is forgotten.

use crate::executor::Later;
use crate::host::{
    begin, client, fetch, get, open, resolve, soon, spent, states, End, Fake, Store, TheClient, World, ORIGIN, PAID,
    REUSED, URL,
};
use crate::mint::Terms;
use crate::parallel::{first_hash, start};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::{Answer, Resolution};
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::wallet::{Fact, Wallet, Window};
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const NWC: Window = Window::Error(60_000);
const CLN: Window = Window::Sent(70_000);
const FAILED: Fact = Fact::Failed { begun_at_ms: None };

fn wallet(id: &str, finds: bool, window: Window) -> Wallet {
    Wallet { id: Some(id.into()), settles_once: false, finds, window }
}

fn instance(world: &Rc<World>, store: &Rc<Store>, wallet: Wallet) -> (TheClient, Fake) {
    let (client, host) = client(world, Some(store), Config::new(100));
    host.wallet.replace(wallet);
    (client, host)
}

fn threw(code: Code, state: State) -> End {
    End::Raised { code, cause: Some("PAYMENT_FAILED"), state: Some(state), has_response: true }
}

/// An instance whose wallet throws; what it reports then is `found`.
fn thrown(wallet: Wallet, found: Fact) -> (Rc<World>, Rc<Store>, (TheClient, Fake), PaymentHash, End) {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet);
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    world.lookup_says(found);
    let end = fetch(&client, &host, get(URL));
    world.on_pay.replace(None);
    let hash = first_hash(&world, &client);
    (world, store, (client, host), hash, end)
}

#[test]
fn not_found_ends_nothing_if_the_wallet_never_finds_a_payment() {
    // NWC, a timeout of what was paid: lookup_invoice of wallets that search incoming invoices only says NOT_FOUND for
    // ever.
    let (world, store, (client, host), hash, end) = thrown(wallet("nwc", false, NWC), Fact::NotFound);
    assert_eq!(end, threw(Code::PaymentUnknown, State::Unknown));
    for wait_ms in [60_000, 3_600_000, 80_000_000] {
        world.executor.pass(wait_ms);
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown), "{wait_ms}");
        assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
    }
    let (later, later_host) = instance(&world, &store, wallet("nwc", false, NWC));
    assert_eq!(fetch(&later, &later_host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    let preimage = world.mint.preimage(&hash).unwrap();
    assert_eq!(resolve(&world, &client, &hash, Some(&preimage)), None);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (REUSED, 1, 10));
}

#[test]
fn payment_failed_then_not_found_then_settled_is_paid_once() {
    let (world, _, (client, host), hash, end) = thrown(wallet("nwc", true, NWC), Fact::NotFound);
    assert_eq!((end, world.lookups.get()), (threw(Code::PaymentUnknown, State::Unknown), 2), "one in the call itself");
    world.executor.pass(5_000);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    let preimage = world.mint.preimage(&hash).unwrap();
    world.lookup_says(Fact::Paid { preimage, fee_msat: Some(2_000) });
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (REUSED, 1, 12));
}

#[test]
fn a_window_counts_from_the_stored_time_of_the_error() {
    let (world, _, (client, host), _, _) = thrown(wallet("nwc", true, NWC), Fact::NotFound);
    world.executor.pass(55_000);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
    // The call waits for a payment that will be certain in a moment.
    world.executor.pass(3_000);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (PAID, 2, 10));
}

#[test]
fn a_window_survives_a_reload_and_holds_in_every_other_instance() {
    for window in [NWC, CLN] {
        let terms = Terms { expiry_s: 20, ..Terms::default() };
        for (after_ms, believed) in [(321_000, false), (359_000, false), (371_000, true)] {
            let (world, store) = (World::new(), Store::new());
            world.server.terms.replace(terms.clone());
            let (first, host) = instance(&world, &store, wallet("w", true, window));
            world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
            world.lookup_says(FAILED);
            world.on_lookup.replace(None);
            assert_eq!(fetch(&first, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
            drop((first, host));
            let (later, later_host) = instance(&world, &store, wallet("w", true, window));
            world.on_pay.replace(None);
            world.lookup_says(FAILED);
            world.executor.pass(after_ms);
            let (end, payments) = if believed { (PAID, 2) } else { (open(Code::PaymentUnknown, State::Unknown), 1) };
            assert_eq!((fetch(&later, &later_host, get(URL)), world.paid()), (end, payments), "{window:?} {after_ms}");
            assert_eq!(spent(&world, &later), 10);
        }
    }
}

#[test]
fn a_command_that_may_still_be_trying_is_waited_for_unless_it_has_ended() {
    for (answer, expected) in [
        (Answer::Threw("PAYMENT_FAILED"), threw(Code::PaymentUnknown, State::Unknown)),
        (Answer::OrderEnded("PAYMENT_FAILED"), threw(Code::PaymentFailed, State::Failed)),
    ] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = instance(&world, &store, wallet("cln", true, CLN));
        world.wallet_says(answer);
        world.lookup_says(FAILED);
        let is_over = expected == threw(Code::PaymentFailed, State::Failed);
        assert_eq!(fetch(&client, &host, get(URL)), expected);
        assert_eq!((world.paid(), spent(&world, &client)), (1, if is_over { 0 } else { 10 }));
        world.executor.pass(70_000);
        world.on_pay.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (PAID, 2, 10));
    }
}

#[test]
fn a_moment_is_waited_for_in_the_call_itself() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("lnd", true, Window::Error(2_000)));
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    world.lookup_says(Fact::NotFound);
    let before = world.now();
    assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentFailed, State::Failed));
    assert_eq!((world.now() - before, world.lookups.get(), spent(&world, &client)), (2_010, 2, 0));

    // A request that the first lookup overtook is found by the second.
    let looks = Cell::new(0);
    world.on_lookup.replace(Some(Box::new(move |_| {
        looks.set(looks.get() + 1);
        soon(if looks.get() == 1 { Fact::NotFound } else { Fact::Pending })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), world.lookups.get(), spent(&world, &client)), (2, 4, 10));
}

#[test]
fn what_a_wallet_says_during_a_lookup_counts_in_the_next_one() {
    for (answer, code, state, sats) in [
        (Answer::Threw("gave up"), Code::PaymentFailed, State::Failed, 0),
        // It has the payment, though it does not find it yet.
        (Answer::HasPayment("in flight"), Code::PaymentUnknown, State::Unknown, 10),
    ] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = instance(&world, &store, wallet("lnd", true, Window::None));
        let (pay, found) = (world.wallet_waits(), Later::new());
        let (first, looks) = (Rc::clone(&found), Rc::clone(&world));
        world.on_lookup.replace(Some(Box::new(move |_| match looks.lookups.get() {
            1 => first.get(),
            _ => soon(Fact::NotFound),
        })));
        let (_, paying) = start(&client, &host, get(URL));
        while world.lookups.get() == 0 {
            world.executor.run(1_000);
        }
        pay.bring(answer);
        world.executor.run_ready();
        found.bring(Fact::NotFound);
        world.executor.run(1_000);
        assert_eq!((paying.take(), world.paid(), world.lookups.get()), (open(code, state), 1, 2));
        assert_eq!(spent(&world, &client), sats);
    }
}

#[test]
fn a_lookup_ends_nothing_while_pay_is_still_at_work() {
    for has_store in [false, true] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, has_store.then_some(&store), Config::new(100));
        // A person takes six minutes to answer. Until then the wallet has nothing.
        let person = world.wallet_waits();
        world.lookup_says(FAILED);
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        world.executor.pass(60_000);
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        assert_eq!((world.paid(), spent(&world, &client)), (1, 10));
        let hash = first_hash(&world, &client);
        assert_eq!(resolve(&world, &client, &hash, None), Some(Code::InvalidOptions), "an order is out");
        person.bring(world.proof_of(&hash));
        world.executor.run(1_000);
        world.on_pay.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (REUSED, 1, 10));
    }
}

#[test]
fn a_pay_that_gives_up_after_its_time_makes_a_lookup_certain() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    world.lookup_says(FAILED);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    answer.bring(Answer::Threw("PAYMENT_FAILED"));
    world.executor.run(1_000);
    world.on_pay.replace(None);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (PAID, 2, 10));
}

#[test]
fn a_pay_that_gives_up_during_the_lookup_is_looked_up_once_more() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let gives_up = answer.clone();
    let executor = world.executor.clone();
    world.on_lookup.replace(Some(Box::new(move |_| {
        gives_up.bring(Answer::Threw("PAYMENT_FAILED"));
        let executor = executor.clone();
        Box::pin(async move {
            executor.sleep(10).await;
            FAILED
        })
    })));
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentFailed, State::Failed));
    assert_eq!((world.paid(), world.lookups.get(), spent(&world, &client)), (1, 2, 0));
}

#[test]
fn a_record_of_an_earlier_attempt_is_no_answer_about_a_later_one() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("lnd", true, Window::None));
    world.sells(Terms::default());
    let begun = world.now();
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentFailed, State::Failed));
    world.executor.pass(60_000);
    // The same invoice once more: the order is on its way, and the wallet still shows its first attempt.
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    world.lookup_says(Fact::Failed { begun_at_ms: Some(begun) });
    assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), spent(&world, &client)), (2, 10));
    world.lookup_says(Fact::Failed { begun_at_ms: Some(begun + 60_001) });
    assert_eq!((spent(&world, &client), states(&world, &client)), (0, vec![State::Failed]));
}

#[test]
fn a_record_without_a_time_may_be_of_an_earlier_attempt_until_the_window_has_passed() {
    // NWC and LNbits don't tell when an attempt was begun, and the second order may be on its way behind the lookup.
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("nwc", true, NWC));
    world.sells(Terms::default());
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    world.lookup_says(FAILED);
    assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentFailed, State::Failed), "there is but one");
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (threw(Code::PaymentUnknown, State::Unknown), 2));
    world.executor.pass(50_000);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!((world.paid(), spent(&world, &client)), (2, 10));
    world.executor.pass(10_000);
    assert_eq!((spent(&world, &client), states(&world, &client)), (0, vec![State::Failed]));
    world.on_pay.replace(None);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (PAID, 3, 10));
}

#[test]
fn another_wallets_report_ends_a_payment_only_with_a_preimage() {
    let (world, store, _, hash, _) = thrown(wallet("one node", true, Window::None), Fact::Pending);
    let (other, host) = instance(&world, &store, wallet("another node", true, Window::None));
    for found in [Fact::NotFound, FAILED] {
        world.lookup_says(found);
        for wait_ms in [0, 3_601_000] {
            world.executor.pass(wait_ms);
            assert_eq!(fetch(&other, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
            assert_eq!((world.paid(), spent(&world, &other)), (1, 10));
        }
    }
    let preimage = world.mint.preimage(&hash).unwrap();
    world.lookup_says(Fact::Paid { preimage, fee_msat: None });
    assert_eq!((fetch(&other, &host, get(URL)), world.paid()), (REUSED, 1));
}

#[test]
fn not_found_ends_nothing_if_the_wallet_had_the_payment() {
    let (world, store, (client, host), _, _) = thrown(wallet("lnd", true, Window::None), Fact::Pending);
    world.lookup_says(Fact::NotFound);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    drop((client, host));
    let (later, later_host) = instance(&world, &store, wallet("lnd", true, Window::None));
    world.executor.pass(3_901_000);
    assert_eq!(fetch(&later, &later_host, get(URL)), open(Code::PaymentUnknown, State::Unknown), "after a reload too");
    assert_eq!((world.paid(), spent(&world, &later)), (1, 10));
    world.lookup_says(FAILED);
    assert_eq!((fetch(&later, &later_host, get(URL)), world.paid(), spent(&world, &later)), (PAID, 2, 10));
}

#[test]
fn a_wallet_that_has_found_a_payment_and_shown_a_pending_one_is_believed() {
    let unknown = wallet("nwc", false, Window::None);
    let (world, store, (client, host), hash, _) = thrown(unknown.clone(), Fact::Pending);
    let preimage = world.mint.preimage(&hash).unwrap();
    world.lookup_says(Fact::Paid { preimage, fee_msat: None });
    assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (REUSED, 1));
    drop((client, host));
    for (id, expected) in
        [("nwc", threw(Code::PaymentFailed, State::Failed)), ("another", threw(Code::PaymentUnknown, State::Unknown))]
    {
        let (later, later_host) = instance(&world, &store, Wallet { id: Some(id.into()), ..unknown.clone() });
        world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
        world.lookup_says(Fact::NotFound);
        let url = format!("https://{id}.example/");
        assert_eq!(fetch(&later, &later_host, get(&url)), expected, "{id}");
    }
    assert_eq!(world.paid(), 3);
}

#[test]
fn a_wallet_that_has_shown_only_one_of_these_is_not_believed() {
    for shown in [Fact::Pending, Fact::Paid { preimage: String::new(), fee_msat: None }] {
        let (world, store, (client, host), hash, _) = thrown(wallet("nwc", false, Window::None), Fact::Unreachable);
        let preimage = world.mint.preimage(&hash).unwrap();
        if shown == Fact::Pending {
            world.lookup_says(shown);
            assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
            assert_eq!(resolve(&world, &client, &hash, Some(&preimage)), None);
        } else {
            world.lookup_says(Fact::Paid { preimage, fee_msat: None });
            assert_eq!(fetch(&client, &host, get(URL)), REUSED);
        }
        let (later, later_host) = instance(&world, &store, wallet("nwc", false, Window::None));
        world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
        world.lookup_says(Fact::NotFound);
        let end = fetch(&later, &later_host, get("https://other.example/"));
        assert_eq!((end, world.paid()), (threw(Code::PaymentUnknown, State::Unknown), 2));
    }
}

#[test]
fn an_open_payment_stands_in_the_way_of_its_own_resource() {
    let (world, _, (client, host), _, _) = thrown(wallet("webln", false, Window::None), Fact::Unreachable);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/other"))), PAID);
    assert_eq!((world.paid(), spent(&world, &client)), (2, 20));
}

#[test]
fn an_open_payment_stands_in_the_way_of_its_origin_where_tokens_are_shared() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("webln", false, Window::None));
    // Both ask for money, and one token opens both.
    let running = ["/a", "/b"].map(|path| start(&client, &host, get(&format!("{ORIGIN}{path}"))).1);
    world.executor.run(10_000);
    assert_eq!(running.map(|running| running.take()), [PAID, REUSED]);
    world.server.shares.set(false);
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}/other"))), open(Code::PaymentUnknown, State::Unknown));
    assert_eq!(fetch(&client, &host, get("https://other.example/")), PAID);
    assert_eq!(world.paid(), 3);
}

/// What whoever is asked says, and of what it was asked.
fn tells(host: &Fake, told: Resolution) -> Rc<std::cell::RefCell<Vec<(State, Code)>>> {
    let asked = Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = asked.clone();
    host.on_unknown.replace(Some(Box::new(move |(payment, code)| {
        seen.borrow_mut().push((payment.state, *code));
        soon(told.clone())
    })));
    asked
}

#[test]
fn on_unknown_settles_a_payment_of_unknown_outcome() {
    for earlier in [false, true] {
        let (world, store) = (World::new(), Store::new());
        let (first, host) = instance(&world, &store, wallet("webln", false, Window::None));
        let offer = world.sells(Terms::default());
        world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
        if earlier {
            assert_eq!(fetch(&first, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
        }
        let asked = tells(&host, Resolution::Preimage(offer.preimage));
        let expected = if earlier { REUSED } else { PAID };
        assert_eq!(fetch(&first, &host, get(URL)), expected, "earlier: {earlier}");
        assert_eq!(asked.take(), [(State::Unknown, Code::PaymentUnknown)]);
        assert_eq!((world.paid(), spent(&world, &first), states(&world, &first)), (1, 10, vec![State::Paid]));
    }
}

#[test]
fn who_is_asked_and_says_failed_frees_the_amount() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("webln", false, Window::None));
    world.wallet_says(Answer::NoPreimage("undefined".into()));
    let asked = tells(&host, Resolution::Failed);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentFailed, State::Failed));
    assert_eq!((world.paid(), spent(&world, &client)), (1, 0));
    // A payment that an earlier call left open is asked about before its resource is bought anew.
    host.on_unknown.replace(None);
    assert_eq!(fetch(&client, &host, get(URL)), open(Code::NoPreimage, State::Unknown));
    world.on_pay.replace(None);
    let again = tells(&host, Resolution::Failed);
    assert_eq!((fetch(&client, &host, get(URL)), world.paid(), spent(&world, &client)), (PAID, 3, 10));
    assert_eq!((asked.take(), again.take().len()), (vec![(State::Unknown, Code::NoPreimage)], 1));
}

#[test]
fn an_on_unknown_that_can_not_tell_leaves_the_payment_open() {
    for told in [Resolution::Wait, Resolution::Preimage("ab".repeat(32)), Resolution::Preimage("nonsense".into())] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = instance(&world, &store, wallet("webln", false, Window::None));
        world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
        let asked = tells(&host, told);
        assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        assert_eq!((asked.take().len(), world.paid(), spent(&world, &client)), (2, 1, 10));
    }
}

#[test]
fn a_payment_that_is_settled_during_the_question_stays_settled() {
    for (is_paid, earlier) in [(true, false), (true, true), (false, false), (false, true)] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = instance(&world, &store, wallet("webln", false, Window::None));
        let offer = world.sells(Terms::default());
        world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
        if earlier {
            assert_eq!(fetch(&client, &host, get(URL)), threw(Code::PaymentUnknown, State::Unknown));
            world.on_pay.replace(None);
        }
        let (asking, preimage) = (client.clone(), is_paid.then_some(offer.preimage));
        host.on_unknown.replace(Some(Box::new(move |(payment, _)| {
            let (client, hash, preimage) = (asking.clone(), payment.payment_hash, preimage.clone());
            Box::pin(async move {
                let _ = client.resolve(&hash, preimage.as_deref()).await;
                Resolution::Wait
            })
        })));
        let (expected, payments, sum) = match (is_paid, earlier) {
            (true, false) => (PAID, 1, 10),
            (true, true) => (REUSED, 1, 10),
            (false, false) => (threw(Code::PaymentFailed, State::Failed), 1, 0),
            (false, true) => (PAID, 2, 10),
        };
        assert_eq!(fetch(&client, &host, get(URL)), expected, "{is_paid} {earlier}");
        assert_eq!((world.paid(), spent(&world, &client)), (payments, sum), "{is_paid} {earlier}");
    }
}

#[test]
fn on_unknown_is_not_asked_while_an_order_is_out() {
    for has_store in [false, true] {
        let (world, store) = (World::new(), Store::new());
        let (client, host) = client(&world, has_store.then_some(&store), Config::new(100));
        let answer = world.wallet_waits();
        let asked = tells(&host, Resolution::Failed);
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        assert_eq!(fetch(&client, &host, get(URL)), open(Code::PaymentUnknown, State::Unknown));
        assert_eq!((asked.borrow().len(), world.paid(), spent(&world, &client)), (0, 1, 10));
        answer.bring(Answer::Threw("PAYMENT_FAILED"));
        world.executor.run(1_000);
        world.on_pay.replace(None);
        assert_eq!((fetch(&client, &host, get(URL)), world.paid()), (PAID, 2));
        assert_eq!((asked.take().len(), spent(&world, &client)), (1, 10));
    }
}

#[test]
fn one_question_at_a_time_and_none_twice() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = instance(&world, &store, wallet("webln", false, Window::None));
    world.wallet_says(Answer::Threw("PAYMENT_FAILED"));
    let urls = [URL, "https://b.example/", "https://c.example/"];
    for url in urls {
        assert_eq!(fetch(&client, &host, get(url)), threw(Code::PaymentUnknown, State::Unknown));
    }
    world.on_pay.replace(None);
    let (answer, at_once, most) = (Rc::new(Later::new()), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (later, now, peak) = (answer.clone(), at_once.clone(), most.clone());
    host.on_unknown.replace(Some(Box::new(move |_| {
        let (later, now, peak) = (later.get(), now.clone(), peak.clone());
        now.set(now.get() + 1);
        peak.set(peak.get().max(now.get()));
        Box::pin(async move {
            let told = later.await;
            now.set(now.get() - 1);
            told
        })
    })));
    let running: Vec<_> = urls.iter().chain(&urls).map(|url| start(&client, &host, get(url)).1).collect();
    world.executor.run(1_000);
    assert_eq!(at_once.get(), 1);
    answer.bring(Resolution::Failed);
    world.executor.run(60_000);
    let ends: Vec<_> = running.iter().map(crate::executor::Running::take).collect();
    assert_eq!(ends.iter().filter(|end| **end == PAID).count(), 3, "{ends:?}");
    assert_eq!((most.get(), host.questions.get(), world.paid()), (1, 3, 6));
}
