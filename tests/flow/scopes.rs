//! Scopes: budgets within budgets. And limits on the number of orders.

use crate::executor::Later;
use crate::host::{
    begin, begin_with, call, client, code, fetch, get, open, payments, refused, soon, spent, within, End, Fake, Store,
    TheClient, World, PAID, REUSED, URL,
};
use crate::parallel::{start, until_done};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::limits::{Limits, OrderLimits, Remaining, Spent, Windows};
use l402_fetch::ledger::payment::State;
use l402_fetch::ledger::read::Filter;
use l402_fetch::Code;
use std::cell::RefCell;
use std::rc::Rc;

/// A limit on all that is spent, in satoshis.
fn total(sat: u64) -> Limits {
    Limits { all: Windows { total: Some(sat * 1000), ..Windows::default() }, ..Limits::default() }
}

/// A limit on the orders of a day.
fn orders(per_day: u64) -> Limits {
    let orders = OrderLimits { per_day: Some(per_day), ..OrderLimits::default() };
    Limits { all: Windows { orders, ..Windows::default() }, ..Limits::default() }
}

fn shop(number: usize) -> String {
    format!("https://shop{number}.example/")
}

/// Buys at a shop that nobody has been to.
fn buy(scope: &(TheClient, Fake)) -> End {
    let number = scope.1.world.sends();
    fetch(&scope.0, &scope.1, get(&shop(number)))
}

/// The text of the error of a purchase at a shop that nobody has been to.
fn message(scope: &(TheClient, Fake)) -> String {
    let (client, request) = (scope.0.clone(), get(&shop(scope.1.world.sends())));
    let result = scope.1.world.run(async move { client.fetch(call(request.clone()), request).await });
    crate::money::message(result)
}

fn remaining(scope: &(TheClient, Fake), url: Option<&'static str>) -> Remaining {
    let client = scope.0.clone();
    scope.1.world.run(async move { client.remaining(url).await.ok().unwrap() })
}

fn left(payment: u64, total: Option<u64>, payments: Option<u64>) -> Remaining {
    Remaining { payment, hour: None, day: None, total, payments }
}

const OVER_LIMIT: Code = Code::OverLimit;

#[test]
fn what_a_scope_spends_counts_in_all_around_it_and_in_none_beside_it() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(50_000));
    let agent = within(&client, &host, Some("agent"), total(30));
    let task = within(&agent.0, &agent.1, Some("task"), total(20));
    let other = within(&client, &host, Some("other"), total(1_000));
    assert_eq!([buy(&task), buy(&task), buy(&task)], [PAID, PAID, refused(OVER_LIMIT)]);
    assert_eq!(
        message(&task),
        "paying 10 sat would exceed limits.total of 20 sat in the scope task: 20 are spent or reserved, 0 are left"
    );
    assert_eq!([buy(&agent), buy(&agent)], [PAID, refused(OVER_LIMIT)]);
    assert_eq!([buy(&other), buy(&other), buy(&other)], [PAID, PAID, refused(OVER_LIMIT)]);
    let text = "paying 10 sat would exceed limits.total of 50 sat: 50 are spent or reserved, 0 are left";
    assert_eq!(message(&other), text, "a scope can't widen");
    let sums = [&task.0, &agent.0, &other.0, &client].map(|client| spent(&world, client));
    assert_eq!((world.paid(), sums), (5, [20, 30, 20, 50]));
}

#[test]
fn a_name_is_kept_across_restarts_and_a_scope_without_one_goes_with_its_object() {
    let (world, store) = (World::new(), Store::new());
    let instance = || {
        let (client, host) = client(&world, Some(&store), Config::new(100));
        (within(&client, &host, Some("task"), total(15)), within(&client, &host, None, total(15)))
    };
    for round in 0..3 {
        let (named, nameless) = instance();
        let expected = if round == 0 { PAID } else { refused(OVER_LIMIT) };
        assert_eq!(buy(&named), expected, "round {round}");
        assert_eq!([buy(&nameless), buy(&nameless)], [PAID, refused(OVER_LIMIT)], "round {round}");
        assert_eq!([spent(&world, &named.0), spent(&world, &nameless.0)], [10, 10]);
    }
    assert_eq!(world.paid(), 4);
    // Nothing is stored of those that have no name.
    assert_eq!(store.keys("scope/").len(), 2, "one for all origins, one for the one origin");
    assert_eq!(store.keys("in/").len(), 1);
}

#[test]
fn one_name_within_two_others_is_two_scopes_and_none_within_none_is_both() {
    let (world, client, host) = begin();
    let [a, b] = ["a", "b"].map(|name| within(&client, &host, Some(name), Limits::default()));
    let tasks = [&a, &b].map(|outer| within(&outer.0, &outer.1, Some("task"), total(10)));
    assert_eq!([buy(&tasks[0]), buy(&tasks[1])], [PAID, PAID]);
    let nameless = within(&a.0, &a.1, None, total(100));
    let again = within(&nameless.0, &nameless.1, Some("task"), total(10));
    assert_eq!(buy(&again), refused(OVER_LIMIT), "a/task is spent");
    let inner = within(&nameless.0, &nameless.1, None, total(10));
    assert_eq!([buy(&inner), buy(&inner), buy(&nameless)], [PAID, refused(OVER_LIMIT), PAID]);
    let sums = [&inner.0, &nameless.0, &again.0, &a.0, &client].map(|client| spent(&world, client));
    assert_eq!((world.paid(), sums), (4, [10, 20, 10, 30, 40]));
    let told: Vec<_> = payments(&world, &client).into_iter().map(|payment| payment.scopes.join("/")).collect();
    assert_eq!(told, ["a/task", "b/task", "a", "a"]);
    for (scope, count) in [("a", 3), ("a/task", 1), ("b", 1), ("task", 0)] {
        let scopes = scope.split('/').map(str::to_owned).collect();
        let (client, filter) = (client.clone(), Filter { scopes, limit: 9, ..Filter::default() });
        let found = world.run(async move { client.payments(filter).await.ok().unwrap() });
        assert_eq!(found.len(), count, "{scope}");
    }
}

#[test]
fn who_waits_for_a_purchase_of_another_scope_is_not_charged() {
    let (world, client, host) = begin();
    let answer = world.wallet_waits();
    let scopes = ["a", "b"].map(|name| within(&client, &host, Some(name), total(100)));
    let nameless = within(&client, &host, None, total(0));
    let first = start(&scopes[0].0, &scopes[0].1, get(URL)).1;
    world.executor.run(1_000);
    let [second, third] = [&scopes[1], &nameless].map(|scope| start(&scope.0, &scope.1, get(URL)).1);
    world.executor.run(1_000);
    assert_eq!(world.paid(), 1);
    answer.bring(world.proof_of(&payments(&world, &client)[0].payment_hash));
    assert_eq!(until_done(&host, &[first, second, third]), [PAID, REUSED, REUSED]);
    let sums = [&scopes[0].0, &scopes[1].0, &nameless.0, &client].map(|client| spent(&world, client));
    assert_eq!((world.paid(), sums), (1, [10, 0, 0, 10]));
    assert_eq!(buy(&nameless), refused(OVER_LIMIT));
}

#[test]
fn who_waits_is_refused_by_no_other_scope_but_shares_what_became_of_the_money() {
    for refusal in [Code::OverLimit, Code::Declined] {
        let (world, client, host) = begin();
        let gate = Later::new();
        let later = gate.clone();
        let narrow = within(&client, &host, None, if refusal == Code::OverLimit { total(9) } else { total(100) });
        // It holds the purchase up until the other has joined it.
        if refusal == Code::Declined {
            narrow.1.approve.replace(Some(Box::new(move |_| later.get())));
        }
        let first = start(&narrow.0, &narrow.1, get(URL)).1;
        let second = start(&client, &host, get(URL)).1;
        world.executor.run(1_000);
        gate.bring(Ok(false));
        assert_eq!(until_done(&host, &[first, second]), [refused(refusal), PAID]);
        assert_eq!((world.paid(), spent(&world, &narrow.0), spent(&world, &client)), (1, 0, 10));
    }
    // Where money may have moved, nobody pays once more.
    let (world, client, host) = begin();
    world.wallet_says(Answer::NoPreimage("nothing".into()));
    let scope = within(&client, &host, Some("a"), total(100));
    let ends = [start(&scope.0, &scope.1, get(URL)).1, start(&client, &host, get(URL)).1];
    let lost = open(Code::NoPreimage, State::Unknown);
    assert_eq!(until_done(&host, &ends), [lost.clone(), lost]);
    assert_eq!((world.paid(), spent(&world, &scope.0), spent(&world, &client)), (1, 10, 10));
}

#[test]
fn every_approve_outwards_must_say_true_outermost_first() {
    for (answers, asked, end) in [
        ([Ok(true), Ok(true), Ok(true)], 3, PAID),
        ([Ok(false), Ok(true), Ok(true)], 1, refused(Code::Declined)),
        (
            [Ok(true), Err("mine"), Ok(true)],
            2,
            End::Raised { code: Code::Declined, cause: Some("mine"), state: None, has_response: true },
        ),
        ([Ok(true), Ok(true), Ok(false)], 3, refused(Code::Declined)),
    ] {
        let (world, client, host) = begin_with(|config| config.limits.all.total = Some(90_000));
        let outer = within(&client, &host, Some("outer"), total(50));
        let nobody = within(&outer.0, &outer.1, None, total(70));
        let inner = within(&nobody.0, &nobody.1, Some("inner"), total(60));
        let order = Rc::new(RefCell::new(Vec::new()));
        for (number, (host, answer)) in [&host, &outer.1, &inner.1].into_iter().zip(answers).enumerate() {
            let order = order.clone();
            host.approve.replace(Some(Box::new(move |_| {
                order.borrow_mut().push(number);
                soon(answer)
            })));
        }
        assert_eq!(buy(&inner), end);
        assert_eq!(*order.borrow(), (0..asked).collect::<Vec<_>>());
        for host in [&host, &outer.1, &inner.1].into_iter().take(asked) {
            assert_eq!(host.terms.borrow()[0].remaining, left(50_000, Some(50_000), None), "the least of all");
        }
        let is_paid = usize::from(end == PAID);
        let sums = [&inner.0, &nobody.0, &outer.0, &client].map(|client| spent(&world, client));
        assert_eq!((world.paid(), sums), (is_paid, [10 * is_paid as u64; 4]));
        // Nothing stays reserved, and no order is counted.
        assert_eq!(remaining(&nobody, None).total, Some(50_000 - 10_000 * is_paid as u64));
    }
}

#[test]
fn approve_is_asked_only_above_so_much_fee_included() {
    for (above_sat, total_sat, asked) in [(15, 100, 0), (14, 100, 1), (14, 14, 0), (13, 14, 1), (0, 10, 1)] {
        let (world, client, host) = begin_with(|config| {
            config.approve_above_msat = above_sat * 1000;
            config.limits.all.total = Some(total_sat * 1000);
        });
        host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!((host.approvals.get(), world.paid()), (asked, 1), "above {above_sat} of {total_sat}");
    }
}

#[test]
fn every_listener_outwards_is_told_and_no_other() {
    let (world, client, host) = begin();
    let outer = within(&client, &host, Some("outer"), total(15));
    let inner = within(&outer.0, &outer.1, None, Limits::default());
    let other = within(&client, &host, Some("other"), Limits::default());
    assert_eq!([buy(&inner), buy(&inner)], [PAID, refused(OVER_LIMIT)]);
    let expected = ["challenge", "quote", "paying", "paid", "challenge", "quote", "refused over_limit"];
    for host in [&host, &outer.1, &inner.1] {
        assert_eq!(host.heard(), expected);
    }
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
    assert_eq!(buy(&other), open(Code::PaymentFailed, State::Failed));
    assert_eq!(other.1.heard(), ["challenge", "quote", "paying", "failed payment_failed"]);
    assert_eq!((host.heard().len(), outer.1.heard().len()), (11, 7));
}

#[test]
fn a_late_answer_is_told_where_the_purchase_was_made() {
    let (world, client, host) = begin_with(|config| config.payment_timeout_ms = 1_000);
    let scope = within(&client, &host, Some("task"), Limits::default());
    let answer = world.wallet_waits();
    assert_eq!(fetch(&scope.0, &scope.1, get(URL)), open(Code::PaymentUnknown, State::Unknown));
    answer.bring(world.proof_of(&payments(&world, &client)[0].payment_hash));
    world.executor.run(1_000);
    let expected = ["challenge", "quote", "paying", "failed payment_unknown", "paid"];
    assert_eq!((scope.1.heard(), host.heard()), (expected.map(String::from).into(), expected.map(String::from).into()));
    assert_eq!((world.paid(), spent(&world, &scope.0)), (1, 10));
}

#[test]
fn parallel_purchases_exceed_no_limit_of_any_scope() {
    for store in [None, Some(Store::new())] {
        let world = World::new();
        let mut config = Config::new(100);
        config.limits.all.total = Some(75_000);
        let clients = [0, 1].map(|_| client(&world, store.as_ref(), config.clone()));
        let mut scopes = Vec::new();
        for (client, host) in &clients {
            for name in [Some("a"), Some("b"), None] {
                scopes.push(within(client, host, name, total(35)));
            }
        }
        let calls: Vec<_> = (0..36)
            .map(|number| {
                let scope = &scopes[number % scopes.len()];
                start(&scope.0, &scope.1, get(&shop(number))).1
            })
            .collect();
        let ends = until_done(&clients[0].1, &calls);
        assert!(ends.iter().all(|end| [PAID, refused(OVER_LIMIT)].contains(end)), "{ends:?}");
        let sums: Vec<u64> = scopes.iter().map(|scope| spent(&world, &scope.0)).collect();
        assert!(sums.iter().all(|sum| *sum <= 35), "{sums:?}");
        let all: Vec<u64> = clients.iter().map(|(client, _)| spent(&world, client)).collect();
        // While five are under way, their fee reserves leave nothing for a sixth.
        assert!(all.iter().all(|sum| (50..=75).contains(sum)), "{all:?}");
        let instances = if store.is_some() { 1 } else { 2 };
        assert_eq!(10 * world.paid() as u64, all.iter().take(instances).sum::<u64>());
    }
}

#[test]
fn an_order_counts_whatever_becomes_of_it_and_only_if_the_wallet_was_asked() {
    let (world, client, host) = begin();
    let scopes = [Some("task"), None].map(|name| within(&client, &host, name, orders(2)));
    for (scope, place) in scopes.iter().zip(["the scope task", "a scope without a name"]) {
        let paid = world.paid();
        scope.1.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
        assert_eq!(buy(scope), refused(Code::Declined));
        scope.1.approve.replace(None);
        world.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
        assert_eq!(buy(scope), open(Code::PaymentFailed, State::Failed));
        assert_eq!(remaining(scope, None), left(100_000, None, Some(1)));
        world.on_pay.replace(None);
        assert_eq!([buy(scope), buy(scope)], [PAID, refused(OVER_LIMIT)]);
        assert_eq!(remaining(scope, None), left(0, None, Some(0)));
        let text = message(scope);
        let (limit, wait) = text.split_once(": wait ").unwrap();
        assert_eq!(limit, format!("one more payment would exceed limits.payments.perDay of 2 in {place}"));
        assert!(wait.ends_with(" s for the next one"), "{text}");
        assert_eq!(world.paid() - paid, 2);
    }
}

#[test]
fn reservations_hold_orders_too() {
    let (world, client, host) = begin();
    for name in [Some("task"), None] {
        let scope = within(&client, &host, name, orders(1));
        let person = scope.1.user_waits();
        let waiting = start(&scope.0, &scope.1, get(&shop(100 + world.sends()))).1;
        world.executor.run(1_000);
        scope.1.approve.replace(None);
        assert_eq!(buy(&scope), refused(OVER_LIMIT));
        person.bring(Ok(name.is_some()));
        let end = if name.is_some() { PAID } else { refused(Code::Declined) };
        assert_eq!(until_done(&host, &[waiting]), [end]);
        assert_eq!(remaining(&scope, None).payments, Some(u64::from(name.is_none())));
    }
    assert_eq!(world.paid(), 1);
}

#[test]
fn what_nobody_can_tell_counts_in_full_in_a_scope_without_a_name() {
    let (world, client, host) = begin();
    let [named, nameless] = [Some("task"), None].map(|name| within(&client, &host, name, total(100)));
    world.wallet_says(Answer::NoPreimage("nothing".into()));
    for scope in [&named, &nameless] {
        assert_eq!(buy(scope), open(Code::NoPreimage, State::Unknown));
        assert_eq!(remaining(scope, None), left(85_000, Some(85_000), None), "fee reserves are taken off");
    }
    for payment in payments(&world, &client) {
        let proof = world.mint.preimage(&payment.payment_hash).unwrap();
        assert_eq!(crate::host::resolve(&world, &client, &payment.payment_hash, Some(&proof)), None);
    }
    assert_eq!(remaining(&named, None).total, Some(90_000));
    assert_eq!(remaining(&nameless, None).total, Some(85_000));
    assert_eq!([&named.0, &nameless.0, &client].map(|client| spent(&world, client)), [10, 10, 20]);
}

#[test]
fn what_remains_is_the_least_of_all_limits_and_an_origins_only_where_it_is_named() {
    let (world, client, host) = begin_with(|config| {
        config.limits.all = Windows { per_day: Some(80_000), ..Windows::default() };
        config.limits.all.orders.per_hour = Some(9);
        config.limits.per_origin.per_hour = Some(30_000);
        config.limits.per_origin.orders.per_day = Some(2);
    });
    let all = Windows { per_hour: Some(60_000), ..Windows::default() };
    let scope = within(&client, &host, Some("task"), Limits { per_payment: 50_000, all, ..Limits::default() });
    let told = |url| {
        let Remaining { payment, hour, day, total, payments } = remaining(&scope, url);
        assert_eq!(total, None);
        (payment / 1000, hour.map(|msat| msat / 1000), day.map(|msat| msat / 1000), payments)
    };
    assert_eq!(told(None), (50, Some(60), Some(80), Some(9)));
    assert_eq!(told(Some(URL)), (30, Some(30), Some(80), Some(2)));
    assert_eq!(fetch(&scope.0, &scope.1, get(URL)), PAID);
    assert_eq!(told(None), (50, Some(50), Some(70), Some(8)));
    assert_eq!(told(Some(URL)), (20, Some(20), Some(70), Some(1)));
    assert_eq!(told(Some("https://other.example/")), (30, Some(30), Some(70), Some(2)));
    let asked = client.clone();
    let wrong = world.run(async move { asked.remaining(Some("nowhere")).await });
    assert_eq!(code(wrong), Some(Code::InvalidOptions));
}

#[test]
fn a_scope_without_a_name_costs_the_store_nothing_and_a_scope_with_one_a_fixed_number_of_rows() {
    let (world, store) = (World::new(), Store::new());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let rows = |scope: &(TheClient, Fake), number: usize| {
        let before = store.keys("").len();
        assert_eq!(fetch(&scope.0, &scope.1, get(&format!("https://api.example/{number}"))), PAID);
        store.keys("").len() - before
    };
    world.server.shares.set(false);
    let mut outer = (client, host);
    rows(&outer, 0);
    let plain = rows(&outer, 1);
    for depth in 0..5 {
        outer = within(&outer.0, &outer.1, None, total(1_000));
        assert_eq!(rows(&outer, 10 + depth), plain);
    }
    let named = within(&outer.0, &outer.1, Some("task"), total(1_000));
    rows(&named, 20);
    assert_eq!(rows(&named, 21), plain + 1, "the index of the scope's payments");
    let Spent { total, .. } = world.run(async move { named.0.spent(Some(URL)).await.ok().unwrap() });
    assert_eq!((total, world.paid()), (20, 9));
}
