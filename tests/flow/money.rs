//! Limits, windows, fees and sums.

use crate::executor::Later;
use crate::host::{begin, begin_with, fetch, get, listed, refused, soon, Fake, TheClient, World, PAID, URL};
use crate::mint::Terms;
use crate::parallel::{start, until_done};
use l402_fetch::flow::call::Reply;
use l402_fetch::flow::failure::{Failure, Why};
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::limits::{Spent, Windows};
use l402_fetch::ledger::payment::State;
use l402_fetch::Code;
use std::cell::Cell;
use std::rc::Rc;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

fn spent(world: &Rc<World>, client: &TheClient, origin: Option<&str>) -> (u64, u64, u64) {
    let (client, origin) = (client.clone(), origin.map(str::to_owned));
    let Spent { hour, day, total } = world.run(async move { client.spent(origin.as_deref()).await.ok().unwrap() });
    (hour, day, total)
}

pub fn message(result: Result<Reply<Fake>, Failure<Fake>>) -> String {
    match result.map_err(|failure| *failure.0) {
        Err(Why::Raised(raised)) => raised.error.message().to_owned(),
        _ => String::new(),
    }
}

fn shop(number: u64) -> String {
    format!("https://shop{number}.example/")
}

#[test]
fn sums_are_rounded_up_once_and_slide_by_the_minute_and_by_the_quarter_of_an_hour() {
    let (world, client, host) = begin();
    world.server.terms.replace(Terms { amount_msat: Some(1_001), ..Terms::default() });
    assert_eq!([fetch(&client, &host, get(&shop(1))), fetch(&client, &host, get(&shop(2)))], [PAID, PAID]);
    assert_eq!(spent(&world, &client, None), (3, 3, 3), "2.002 sat");
    assert_eq!(spent(&world, &client, Some("https://shop1.example/any?thing")), (2, 2, 2));
    assert_eq!(spent(&world, &client, Some("https://shop1.example:444/")), (0, 0, 0));
    // The world begins 123 ms after a quarter of an hour does.
    let mut pass_to = 123;
    for (at_ms, hour, day) in
        [(HOUR_MS + 59_999, 3, 3), (HOUR_MS + 60_000, 0, 3), (DAY_MS + 899_999, 0, 3), (DAY_MS + 900_000, 0, 0)]
    {
        world.executor.pass(at_ms - pass_to);
        pass_to = at_ms;
        assert_eq!(spent(&world, &client, None), (hour, day, 3), "{at_ms}");
    }
    let wrong = world.run(async move { client.spent(Some("shop1.example")).await });
    assert!(matches!(wrong, Err(failure) if failure.is(Code::InvalidOptions)));
}

#[test]
fn each_limit_refuses_by_its_name() {
    let day = |per_day| Windows { per_day, ..Windows::default() };
    let hour = |per_hour| Windows { per_hour, ..Windows::default() };
    let ever = |total| Windows { total, ..Windows::default() };
    let limit = Some(29_999);
    let none = Windows::default();
    let table: [(&str, Windows, Windows, Option<u64>, &str); 6] = [
        ("perHour", hour(limit), none, Some(HOUR_MS), " within 60 minutes"),
        ("perDay", day(limit), none, Some(DAY_MS), " within 24 hours"),
        ("total", ever(limit), none, None, ""),
        ("perOrigin.perHour", none, hour(limit), Some(HOUR_MS), " at this origin within 60 minutes"),
        ("perOrigin.perDay", none, day(limit), Some(DAY_MS), " at this origin within 24 hours"),
        ("perOrigin.total", none, ever(limit), None, " at this origin"),
    ];
    for (name, all, own, slides, counted) in table {
        let (world, client, host) = begin_with(|config| {
            config.limits.all = all;
            config.limits.per_origin = own;
        });
        world.server.shares.set(false);
        for path in ["a", "b"] {
            assert_eq!(fetch(&client, &host, get(&format!("{}{path}", shop(1)))), PAID, "{name}");
        }
        let third = || fetch(&client, &host, get(&format!("{}c", shop(1))));
        assert_eq!(third(), refused(Code::OverLimit), "{name}");
        let asked = client.clone();
        let text = world.run(async move {
            let url = format!("{}c", shop(1));
            message(asked.fetch(crate::host::call(get(&url)), get(&url)).await)
        });
        assert_eq!(
            text,
            format!(
                "paying 10 sat would exceed limits.{name} of 29.999 sat: 20 are spent or reserved{counted}, 9.999 are left"
            )
        );
        assert_eq!(world.paid(), 2);
        if name.starts_with("perOrigin") {
            assert_eq!(fetch(&client, &host, get(&shop(2))), PAID, "{name}: others are not held up");
        }
        if let Some(window) = slides {
            world.executor.pass(window + 900_000);
            assert_eq!(third(), PAID, "{name}: the window slides");
        }
    }
}

#[test]
fn a_limit_for_each_payment_counts_nothing_else() {
    let (world, client, host) = begin_with(|config| config.limits.per_payment = 9_999);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    let text = world.run(async move { message(client.fetch(crate::host::call(get(URL)), get(URL)).await) });
    assert_eq!(text, "paying 10 sat would exceed limits.perPayment of 9.999 sat");
    assert_eq!(world.paid(), 0);
}

#[test]
fn nothing_is_paid_with_limits_of_zero() {
    let (world, client, host) = begin_with(|config| config.limits.per_payment = 0);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    let (other, client, host) = begin_with(|config| config.limits.all.total = Some(0));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    assert_eq!((world.paid(), other.paid()), (0, 0));
}

#[test]
fn the_fee_reserve_is_one_percent_or_five_satoshis_within_the_limits() {
    for (amount, limit_sat, expected) in
        [(10_000, 100, 5_000), (600_000, 1_000, 6_000), (97_000, 100, 3_000), (100_000, 100, 0), (1, 1, 999)]
    {
        let (world, client, host) = begin_with(|config| config.limits.per_payment = limit_sat * 1000);
        world.server.terms.replace(Terms { amount_msat: Some(amount), ..Terms::default() });
        let inner = world.clone();
        world.on_pay.replace(Some(Box::new(move |invoice, max_fee| {
            assert_eq!(max_fee, expected, "{amount} of {limit_sat}");
            soon(inner.proof(invoice))
        })));
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        assert_eq!(world.paid(), 1);
    }
}

#[test]
fn reported_fees_count_and_reserves_do_not() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(40_000));
    let inner = world.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        let Answer::Preimage { text, .. } = inner.proof(invoice) else { unreachable!() };
        soon(Answer::Preimage { text, fee_msat: Some(4_500) })
    })));
    assert_eq!(fetch(&client, &host, get(&shop(1))), PAID);
    assert_eq!(spent(&world, &client, None), (15, 15, 15));
    assert_eq!(fetch(&client, &host, get(&shop(2))), PAID);
    assert_eq!(spent(&world, &client, None), (29, 29, 29));
    assert_eq!(fetch(&client, &host, get(&shop(3))), PAID, "29 + 10 fit");
    assert_eq!(fetch(&client, &host, get(&shop(4))), refused(Code::OverLimit));
    assert_eq!(world.paid(), 3);
}

#[test]
fn an_open_payment_counts_with_its_fee_reserve_against_limits_but_not_as_spent() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(24_999));
    world.wallet_says(Answer::NoPreimage("null".into()));
    fetch(&client, &host, get(&shop(1)));
    assert_eq!(spent(&world, &client, None), (10, 10, 10));
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(&shop(2))), refused(Code::OverLimit), "10 + 5 + 10 > 24.999");
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_declined_or_failed_payment_frees_its_reservation() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(10_000));
    host.approve.replace(Some(Box::new(|_| soon(Ok(false)))));
    assert_eq!(fetch(&client, &host, get(&shop(1))), refused(Code::Declined));
    host.approve.replace(None);
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
    fetch(&client, &host, get(&shop(2)));
    world.on_pay.replace(None);
    assert_eq!(fetch(&client, &host, get(&shop(3))), PAID);
    assert_eq!(world.paid(), 2);
}

#[test]
fn the_fee_is_never_more_than_was_approved() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(27_000));
    let answers = [Later::new(), Later::new()];
    let (asked, waiting) = (answers.clone(), Rc::new(Cell::new(0)));
    host.approve.replace(Some(Box::new(move |_| {
        waiting.set(waiting.get() + 1);
        asked[waiting.get() - 1].get()
    })));
    let allowed = Rc::new(Cell::new(u64::MAX));
    let (seen, inner) = (allowed.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, max_fee| {
        seen.set(max_fee);
        soon(inner.proof(invoice))
    })));
    let (_, first) = start(&client, &host, get(&shop(1)));
    world.executor.run_ready();
    let (_, second) = start(&client, &host, get(&shop(2)));
    world.executor.run_ready();
    // The first held 15 sat of 27 when `approve` was asked about the second. Then there is room for the whole fee.
    answers[0].bring(Ok(false));
    world.executor.run_ready();
    answers[1].bring(Ok(true));
    assert_eq!(until_done(&host, &[first, second]), [refused(Code::Declined), PAID]);
    assert_eq!((world.paid(), allowed.get()), (1, 2_000));
}

#[test]
fn the_journal_has_one_row_for_each_payment_oldest_first() {
    let (world, client, host) = begin();
    let before = world.now() / 1000;
    assert_eq!(fetch(&client, &host, get(&format!("{}x?q=1", shop(1)))), PAID);
    world.executor.pass(1500);
    world.wallet_says(Answer::Failed { text: "no route".into(), cause: None });
    fetch(&client, &host, get(&shop(2)));
    let reading = client.clone();
    let rows = world.run(async move { listed(&reading).await });
    let short: Vec<_> =
        rows.iter().map(|row| (row.url.as_str(), row.url.origin(), row.state, row.amount_msat)).collect();
    assert_eq!(
        short,
        [
            ("https://shop1.example/x?q=1", "https://shop1.example", State::Paid, 10_000),
            ("https://shop2.example/", "https://shop2.example", State::Failed, 10_000),
        ]
    );
    assert_eq!((rows[0].started_at, rows[0].settled_at), (before, Some(before)));
    assert_eq!(rows[1].started_at, before + 1);
}
