//! Questions to `approve`: what they tell, one at a time, and no longer than somebody waits.

use crate::executor::Later;
use crate::host::{begin, begin_with, fetch, get, never, refused, soon, End, Fake, PAID, REUSED, URL};
use crate::mint::Terms as Offered;
use crate::parallel::{start, until_done};
use l402_fetch::flow::host::Terms;
use l402_fetch::ledger::limits::{Remaining, Windows};
use l402_fetch::Code;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const OTHER: &str = "https://other.example/";
const THIRD: &str = "https://third.example/";

/// Questions that are answered one by one. Notes the hosts of the questions in order, and which of them are open.
#[derive(Default)]
struct Person {
    asked: RefCell<Vec<(String, Rc<Later<Result<bool, &'static str>>>)>>,
    open: Rc<Cell<usize>>,
}

/// Counts a question as open until it is dropped.
struct Open(Rc<Cell<usize>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Person {
    fn of(host: &Fake) -> Rc<Self> {
        let person = Rc::new(Self::default());
        let asked = person.clone();
        host.approve.replace(Some(Box::new(move |quote| {
            let answer = Later::new();
            asked.asked.borrow_mut().push((quote.url.origin().to_owned(), answer.clone()));
            asked.open.set(asked.open.get() + 1);
            let open = Open(asked.open.clone());
            Box::pin(async move {
                let _open = open;
                answer.get().await
            })
        })));
        person
    }

    fn asked(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|(origin, _)| origin.clone()).collect()
    }

    fn says(&self, question: usize, answer: bool) {
        self.asked.borrow()[question].1.bring(Ok(answer));
    }
}

#[test]
fn approve_is_told_the_fee_reserve_and_the_rest_of_the_limits() {
    let spent = |hour, day, total| Windows { per_hour: hour, per_day: day, total, ..Windows::default() };
    let left = |payment, hour, day, total| Remaining { payment, hour, day, total, payments: None };
    let none = Windows::default();
    for (per_payment, all, own, expected) in [
        (100_000, none, none, left(100_000, None, None, None)),
        (
            100_000,
            spent(Some(50_500), Some(70_000), None),
            spent(Some(60_000), Some(30_000), Some(40_000)),
            left(20_000, Some(40_500), Some(20_000), Some(30_000)),
        ),
        (13_000, spent(None, None, Some(90_000)), none, left(13_000, None, None, Some(80_000))),
    ] {
        let (world, client, host) = begin_with(|config| {
            config.limits.per_payment = per_payment;
            (config.limits.all, config.limits.per_origin) = (all, own);
        });
        world.server.shares.set(false);
        assert_eq!(fetch(&client, &host, get(URL)), PAID);
        host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
        assert_eq!(fetch(&client, &host, get("https://api.example/more")), PAID);
        let max_fee_msat = 5_000.min(expected.payment - 10_000);
        assert_eq!(*host.terms.borrow(), [Terms { max_fee_msat, remaining: expected }]);
    }
}

#[test]
fn the_rest_of_the_limits_is_shown_in_whole_satoshis_rounded_down() {
    let remaining = Remaining { payment: 999, hour: Some(1_999), day: None, total: Some(u64::MAX), payments: Some(3) };
    assert_eq!(remaining.to_json(), r#"{"payment":0,"hour":1,"day":null,"total":9007199254740991,"payments":3}"#);
}

#[test]
fn approve_gets_one_question_at_a_time() {
    let (world, client, host) = begin();
    let person = Person::of(&host);
    let running: Vec<_> = [URL, OTHER, THIRD].map(|url| start(&client, &host, get(url)).1).into();
    world.executor.run(1_000);
    let origins = ["https://api.example", "https://other.example", "https://third.example"];
    assert_eq!((person.asked(), person.open.get()), (origins[..1].iter().map(|o| (*o).into()).collect(), 1));
    person.says(0, true);
    world.executor.run(1_000);
    assert_eq!((person.asked().len(), person.open.get(), world.paid()), (2, 1, 1));
    person.says(1, false);
    world.executor.run(1_000);
    assert_eq!((person.asked(), person.open.get()), (origins.map(String::from).to_vec(), 1));
    person.says(2, true);
    assert_eq!(until_done(&host, &running), [PAID, refused(Code::Declined), PAID]);
    assert_eq!((world.paid(), person.open.get()), (2, 0));
}

#[test]
fn a_question_ends_when_its_callers_are_gone_and_the_next_is_asked() {
    let (world, client, host) = begin_with(|config| config.limits.all.total = Some(24_000));
    let person = Person::of(&host);
    let (first, ends_first) = start(&client, &host, get(URL));
    let (second, ends_second) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    first.aborted.set(true);
    world.executor.run(1_000);
    assert_eq!(person.open.get(), 1, "another waits for the same");
    second.aborted.set(true);
    world.executor.run_ready();
    assert_eq!(person.open.get(), 0);
    assert_eq!(until_done(&host, &[ends_first, ends_second]), [End::Abandoned, End::Abandoned]);
    // The reservation is free, even though nobody answered.
    let (_, third) = start(&client, &host, get(OTHER));
    world.executor.run(1_000);
    person.says(1, true);
    assert_eq!((until_done(&host, &[third]), world.paid()), (vec![PAID], 1));
}

#[test]
fn an_abandoned_question_is_skipped_in_the_queue() {
    let (world, client, host) = begin();
    let person = Person::of(&host);
    let (_, first) = start(&client, &host, get(URL));
    let (gone, second) = start(&client, &host, get(OTHER));
    let (_, third) = start(&client, &host, get(THIRD));
    world.executor.run(1_000);
    gone.aborted.set(true);
    world.executor.run(1_000);
    assert_eq!((second.is_done(), person.asked().len()), (true, 1), "it ends at once, and nobody else is asked early");
    person.says(0, true);
    world.executor.run(1_000);
    assert_eq!(person.asked(), ["https://api.example", "https://third.example"]);
    person.says(1, true);
    assert_eq!(until_done(&host, &[first, second, third]), [PAID, End::Abandoned, PAID]);
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_caller_who_joins_keeps_the_question_open() {
    let (world, client, host) = begin();
    let person = Person::of(&host);
    let (first, ends_first) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    let (_, second) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    first.aborted.set(true);
    world.executor.run(1_000);
    assert_eq!((person.open.get(), person.asked().len()), (1, 1));
    person.says(0, true);
    assert_eq!(until_done(&host, &[ends_first, second]), [End::Foreign("aborted"), REUSED]);
    assert_eq!(world.paid(), 1);
}

#[test]
fn approve_is_not_asked_about_an_invoice_that_expired_in_the_queue() {
    let (world, client, host) = begin();
    let person = Person::of(&host);
    let (_, first) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    world.server.terms.replace(Offered { expiry_s: 60, ..Offered::default() });
    let (_, second) = start(&client, &host, get(OTHER));
    world.executor.run(120_000);
    person.says(0, true);
    world.executor.run(1_000);
    // A fresh one was asked for, and is asked about.
    assert_eq!((person.asked().len(), host.approvals.get()), (2, 2));
    person.says(1, true);
    assert_eq!(until_done(&host, &[first, second]), [PAID, PAID]);
    assert_eq!(world.paid(), 2);
}

#[test]
fn in_workers_a_question_that_froze_holds_up_no_other() {
    let (world, client, host) = begin();
    host.isolated.set(true);
    host.approve.replace(Some(Box::new(|_| never())));
    let (gone, _) = start(&client, &host, get(URL));
    world.executor.run(1_000);
    host.frozen.take().freeze();
    host.approve.replace(Some(Box::new(|_| soon(Ok(true)))));
    let before = world.now();
    let (_, next) = start(&client, &host, get(OTHER));
    assert_eq!(until_done(&host, &[next]), [PAID]);
    assert!(world.now() - before < 15_000, "{}", world.now() - before);
    assert_eq!((world.paid(), gone.aborted.get()), (1, false));
}
