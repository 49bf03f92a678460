//! What is told of payments and sums: pages, newest first, and what limits count.

use crate::host::{
    client, code, fetch, get, listed, never, open, refused, spent, Fake, Op, Store, TheClient, World, ORIGIN, PAID, URL,
};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::limits::Spent;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::read::Filter;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::Code;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
const QUARTER_MS: u64 = 900_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

fn shop(number: usize) -> String {
    format!("https://shop{}.example", number % 3)
}

/// So many payments, one a second, at three origins in turn. Every fifth failed, and every seventh is open.
fn many(count: usize) -> (Rc<World>, Rc<Store>, TheClient, Fake) {
    let (world, store) = (World::new(), Store::new());
    world.server.shares.set(false);
    let (client, host) = client(&world, Some(&store), Config::new(100));
    for number in 0..count {
        match (number % 5, number % 7) {
            (0, _) => world.wallet_says(Answer::Failed { text: "no route".into(), cause: None }),
            (_, 0) => world.wallet_says(Answer::NoPreimage("null".into())),
            _ => drop(world.on_pay.take()),
        }
        fetch(&client, &host, get(&format!("{}/{number}", shop(number))));
        world.executor.run(1_000);
    }
    world.on_pay.replace(None);
    (world, store, client, host)
}

fn told(world: &World, client: &TheClient, filter: &Filter) -> Vec<Payment> {
    let (client, filter) = (client.clone(), filter.clone());
    world.run(async move { client.payments(filter).await.ok().unwrap() })
}

/// The numbers in the URLs.
fn numbers(payments: &[Payment]) -> Vec<usize> {
    payments.iter().map(|payment| payment.url.as_str().rsplit('/').next().unwrap().parse().unwrap()).collect()
}

fn sums(world: &World, client: &TheClient, origin: Option<&str>) -> Spent {
    let (client, origin) = (client.clone(), origin.map(str::to_owned));
    world.run(async move { client.spent(origin.as_deref()).await.ok().unwrap() })
}

#[test]
fn payments_are_told_newest_first_in_pages() {
    const COUNT: usize = 230;
    let (world, store, client, _) = many(COUNT);
    let newest_first: Vec<usize> = (0..COUNT).rev().collect();
    for limit in [1, 99, 100, 101, 229, 230, 1_000] {
        let found = numbers(&told(&world, &client, &Filter { limit, ..Filter::default() }));
        assert_eq!(found, newest_first[..limit.min(COUNT)], "{limit}");
    }
    for limit in [7, 100] {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = told(&world, &client, &Filter { limit, before, ..Filter::default() });
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            before = Some(last.payment_hash);
            found.extend(numbers(&page));
        }
        assert_eq!(found, newest_first, "{limit}");
    }
    // A page costs what it holds, wherever it begins.
    store.ops.take();
    let before = told(&world, &client, &Filter { limit: 150, ..Filter::default() }).last().unwrap().payment_hash;
    store.ops.take();
    told(&world, &client, &Filter { limit: 20, before: Some(before), ..Filter::default() });
    assert!(store.count(Op::List) <= 2, "{}", store.count(Op::List));
}

#[test]
fn each_part_of_a_filter_keeps_what_it_names() {
    let (world, _, client, _) = many(120);
    let all = told(&world, &client, &Filter { limit: 1_000, ..Filter::default() });
    let middle = all[60].clone();
    for origin in [None, Some(shop(0)), Some(shop(2)), Some("https://none.example".into())] {
        for state in [None, Some(State::Paid), Some(State::Failed), Some(State::Unknown)] {
            for since in [None, Some(middle.started_at), Some(u64::MAX)] {
                for before in [None, Some(all[20].payment_hash), Some(middle.payment_hash)] {
                    for limit in [3, 200] {
                        let origin = origin.clone();
                        let from = before.as_ref().map_or(0, |hash| {
                            1 + all.iter().position(|payment| payment.payment_hash == *hash).unwrap()
                        });
                        let expected: Vec<Payment> = all[from..]
                            .iter()
                            .filter(|payment| origin.as_ref().is_none_or(|origin| origin == payment.url.origin()))
                            .filter(|payment| state.is_none_or(|state| state == payment.state))
                            .filter(|payment| since.is_none_or(|since| since <= payment.started_at))
                            .take(limit)
                            .cloned()
                            .collect();
                        let filter = Filter { origin, scopes: Vec::new(), state, since, before, limit };
                        assert_eq!(told(&world, &client, &filter), expected);
                    }
                }
            }
        }
    }
}

#[test]
fn a_payment_that_is_not_known_is_before_nothing() {
    let (world, _, client, _) = many(3);
    let before =
        world.run({
            let client = client.clone();
            async move {
                code(client.payments(Filter { before: Some([0xab; 32].into()), limit: 5, ..Filter::default() }).await)
            }
        });
    assert_eq!(before, Some(Code::InvalidOptions));
}

#[test]
fn reading_what_is_settled_writes_nothing() {
    let (world, store, client, _) = many(4);
    store.ops.take();
    let read = told(&world, &client, &Filter { limit: 100, ..Filter::default() });
    assert_eq!((read.len(), spent(&world, &client), store.count(Op::Write)), (4, 30, 0));
}

#[test]
fn what_is_only_reserved_is_told_nowhere_and_counts() {
    let (world, store) = (World::new(), Store::new());
    let mut config = Config::new(100);
    config.limits.all.total = Some(24_000);
    let (asking, first) = client(&world, Some(&store), config.clone());
    let (second, host) = client(&world, Some(&store), config);
    first.approve.replace(Some(Box::new(|_| never())));
    let _waiting = crate::parallel::start(&asking, &first, get(URL));
    world.executor.run(1_000);
    for client in [&asking, &second] {
        assert_eq!(sums(&world, client, None), Spent::default());
        let client = client.clone();
        assert_eq!(world.run(async move { listed(&client).await.len() }), 0);
    }
    assert_eq!(fetch(&second, &host, get("https://other.example/")), refused(Code::OverLimit));
    assert_eq!(world.paid(), 0);
}

#[test]
fn sums_slide_by_the_minute_and_the_quarter_of_an_hour() {
    let (world, store) = (World::new(), Store::new());
    let (buying, host) = client(&world, Some(&store), Config::new(100));
    let at_ms = world.now();
    assert_eq!(fetch(&buying, &host, get(URL)), PAID);
    let (client, _) = client(&world, Some(&store), Config::new(100));
    let (hour, day) = (MINUTE_MS - at_ms % MINUTE_MS + HOUR_MS, QUARTER_MS - at_ms % QUARTER_MS + DAY_MS);
    let paid = Spent { hour: 10, day: 10, total: 10 };
    let table = [
        (0, paid),
        (HOUR_MS, paid),
        (hour - 1, paid),
        (hour, Spent { hour: 0, ..paid }),
        (DAY_MS, Spent { hour: 0, ..paid }),
        (day - 1, Spent { hour: 0, ..paid }),
        (day, Spent { hour: 0, day: 0, total: 10 }),
        (1_000 * DAY_MS, Spent { hour: 0, day: 0, total: 10 }),
    ];
    for (after_ms, expected) in table {
        let now = world.now();
        world.executor.pass(at_ms + after_ms - now);
        assert_eq!(sums(&world, &client, None), expected, "{after_ms}");
        assert_eq!(sums(&world, &client, Some(URL)), expected, "{after_ms}");
        assert_eq!(sums(&world, &client, Some("https://other.example/x?y")), Spent::default());
    }
}

#[test]
fn sums_are_those_of_all_instances_and_take_the_origin_of_any_url() {
    let (world, store) = (World::new(), Store::new());
    for number in 0..3 {
        let (client, host) = client(&world, Some(&store), Config::new(100));
        assert_eq!(fetch(&client, &host, get(&format!("{}/x", shop(number)))), PAID);
    }
    world.wallet_says(Answer::NoPreimage("null".into()));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get("https://open.example/")), open(Code::NoPreimage, State::Unknown));
    let origin = |text: &str| sums(&world, &client, Some(text)).total;
    assert_eq!(sums(&world, &client, None).total, 40, "what is open counts, without its fee reserve");
    assert_eq!((origin("https://shop0.example/any?q#f"), origin("https://open.example")), (10, 10));
    assert_eq!(origin("https://shop1.example:8443/"), 0);
    let asking = client.clone();
    assert_eq!(code(world.run(async move { asking.spent(Some("shop1.example")).await })), Some(Code::InvalidOptions));
    // A fee that is reported counts, rounded up once.
    world.lookup_says(Fact::Unreachable);
    world.on_pay.replace(None);
    let inner = world.clone();
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        let Answer::Preimage { text, .. } = inner.proof(invoice) else { unreachable!() };
        crate::host::soon(Answer::Preimage { text, fee_msat: Some(1) })
    })));
    for path in ["/a", "/b", "/c"] {
        world.server.shares.set(false);
        assert_eq!(fetch(&client, &host, get(&format!("{ORIGIN}{path}"))), PAID);
    }
    assert_eq!((sums(&world, &client, Some(URL)).total, sums(&world, &client, None).total), (31, 71));
}

#[test]
fn a_purchase_touches_as_many_rows_after_many_as_after_few() {
    let (_, store, client, host) = many(20);
    let cost = |number: usize| {
        store.ops.take();
        assert_eq!(fetch(&client, &host, get(&format!("{}/{number}", shop(number)))), PAID);
        let ops = store.ops.take();
        (ops.len(), ops.iter().map(|(_, keys)| keys.len()).sum::<usize>())
    };
    let few = cost(1_001);
    for number in 20..150 {
        fetch(&client, &host, get(&format!("{}/{number}", shop(number))));
    }
    assert_eq!(cost(1_003), few);
    assert!(few.0 <= 6 && few.1 <= 60, "{few:?}");
}
