//! How large the records may grow, and what they forget: never an amount, and never a token that may still open
//! something.

use crate::host::{
    client, code, fetch, get, not_honored, payments, refused, End, Op, Store, TheClient, World, PAID, REUSED, URL,
};
use crate::mint::Terms;
use l402_fetch::flow::config::Config;
use l402_fetch::ledger::bounds::{KEPT_BYTES, MOST_BYTES};
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::entry::Entry;
use l402_fetch::ledger::journal::Journal;
use l402_fetch::ledger::limits::Spent;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::token::{Token, MOST_REFUSALS};
use l402_fetch::ledger::tokens::Tokens;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::challenge::Protocol;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use std::rc::Rc;
use std::time::Instant;

const JOURNAL: &str = "l402-fetch/journal";
const TOKENS: &str = "l402-fetch/tokens";
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// A payment of some time ago. Its invoice lived for an hour.
fn row(number: u64, origin: &str, state: State, started_at_ms: u64) -> Entry {
    let payment = Payment {
        payment_hash: PaymentHash::parse(&format!("{number:064x}")).unwrap(),
        url: Url::of(&format!("{origin}/articles/{number}?page=1")),
        protocol: Protocol::L402,
        amount_msat: 10_000 + number,
        fee_msat: if state == State::Paid { number % 7 } else { 0 },
        state,
        started_at: started_at_ms / 1000,
        settled_at: matches!(state, State::Paid | State::Failed).then_some(started_at_ms / 1000 + 1),
    };
    Entry {
        payment,
        method: "GET".into(),
        token: if state == State::Paid {
            String::new()
        } else {
            "AgEEbHNhdAJCAABDqLSLifcoWmtg4jWCXVau632VJ4".repeat(6)
        },
        preimage: (state == State::Paid).then(|| "ab".repeat(32)),
        max_fee_msat: 5_000,
        started_at_ms,
        invoice_expires_at: started_at_ms / 1000 + 3600,
        dispatch: Dispatch::default(),
    }
}

fn token(number: u64, origin: &str, macaroon: &str, now_ms: u64) -> Token {
    let entry = row(number, origin, State::Paid, now_ms);
    Token::new(entry.payment, "GET".into(), macaroon.to_owned(), entry.preimage)
}

/// As many rows as fill this many bytes.
fn filled(bytes: usize, row: impl Fn(u64) -> Entry) -> Journal {
    let (mut rows, mut size) = (Vec::new(), 0);
    for number in 0.. {
        rows.push(row(number));
        size += rows.last().unwrap().size();
        if size >= bytes {
            break;
        }
    }
    let mut journal = Journal::default();
    rows.into_iter().for_each(|row| journal.put_in_place(row));
    journal
}

fn stock(bytes: usize, token: impl Fn(u64) -> Token) -> Tokens {
    let (mut list, mut size) = (Vec::new(), 0);
    for number in 0.. {
        list.push(token(number));
        size += list.last().unwrap().size();
        if size >= bytes {
            break;
        }
    }
    let mut tokens = Tokens::default();
    tokens.replace(list);
    tokens
}

fn spent(world: &Rc<World>, client: &TheClient, origin: Option<&str>) -> Spent {
    let (client, origin) = (client.clone(), origin.map(str::to_owned));
    world.run(async move { client.spent(origin.as_deref()).await.ok().unwrap() })
}

#[test]
fn the_sizes_are_about_right() {
    for state in [State::Pending, State::Unknown, State::Paid, State::Failed] {
        let mut journal = Journal::default();
        (0..100).for_each(|number| journal.put(row(number, "https://api.example", state, 1_800_000_000_123)));
        let length = journal.to_text().len();
        assert!((length..length * 5 / 4).contains(&journal.size()), "{length} {}", journal.size());
    }
    let tokens = stock(100_000, |number| {
        let mut token = token(number, "https://api.example", &"A".repeat(300), 1_800_000_000_123);
        (0..number % 5)
            .for_each(|path| token.note_refusal("GET", &Url::of(&format!("https://api.example/other/{path}"))));
        token
    });
    let length = tokens.to_text().len();
    assert!((length..length * 5 / 4).contains(&tokens.size()), "{length} {}", tokens.size());
}

#[test]
fn only_old_settled_payments_are_compacted() {
    let now = 1_800_000_000_123;
    let old = now - 10 * DAY_MS;
    let origin = "https://api.example";
    assert!(row(1, origin, State::Paid, old).can_be_compacted(now));
    assert!(row(1, origin, State::Failed, old).can_be_compacted(now));
    assert!(!row(1, origin, State::Pending, old).can_be_compacted(now), "open, however old");
    assert!(!row(1, origin, State::Unknown, 0).can_be_compacted(now));
    let at = |started_at_ms| Entry { invoice_expires_at: 0, ..row(1, origin, State::Paid, started_at_ms) };
    assert!(!at(now - DAY_MS + 1).can_be_compacted(now), "counts in the day's window");
    assert!(at(now - DAY_MS).can_be_compacted(now));
    assert!(!at(now + DAY_MS).can_be_compacted(now), "from the future: counts as now");
    let expires = |expires_at| Entry { invoice_expires_at: expires_at, ..row(1, origin, State::Paid, old) };
    let now_s = now / 1000;
    assert!(!expires(now_s + 1).can_be_compacted(now), "its invoice could be brought again");
    assert!(!expires(now_s - 86_400).can_be_compacted(now), "or by who waits for a clock to be set back");
    assert!(expires(now_s - 86_401).can_be_compacted(now));
    assert!(!expires(u64::MAX).can_be_compacted(now));
}

#[test]
fn old_payments_make_room_and_stay_in_every_total() {
    let (world, store) = (World::new(), Store::new(true));
    let now = world.now();
    let shop = |number: u64| format!("https://shop{}.example", number % 10);
    // One in five failed, one in five is open; the last ones are of today.
    let states = [State::Paid, State::Failed, State::Paid, State::Unknown, State::Paid];
    let journal = filled(KEPT_BYTES, |number| {
        let age = if number < 1_000 { 9 * DAY_MS - number } else { HOUR_MS };
        row(number, &shop(number), states[(number % 5) as usize], now - age)
    });
    store.put(JOURNAL, &journal.to_text());
    let before = (journal.spent(None, now), (0..10).map(|n| journal.spent(Some(&shop(n)), now)).collect::<Vec<_>>());

    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let text = store.value(JOURNAL).unwrap();
    assert!(text.starts_with(r#"{"version":2,"#), "who can't read the sums must not write");
    let after = Journal::parse(&text).unwrap();
    assert!(after.size() <= KEPT_BYTES && after.entries().len() < journal.entries().len());
    let (paid, bought) = (after.spent(None, now), 10_000);
    assert_eq!(
        (paid.hour - bought, paid.day - bought, paid.total - bought),
        (before.0.hour, before.0.day, before.0.total)
    );
    assert_eq!((0..10).map(|n| after.spent(Some(&shop(n)), now)).collect::<Vec<_>>(), before.1);
    assert_eq!(
        after.entries().iter().filter(|entry| entry.is_unsettled()).count(),
        journal.entries().iter().filter(|entry| entry.is_unsettled()).count()
    );
    assert!(after.entries().iter().any(|entry| entry.payment.state == State::Failed), "no more than had to go");

    // An instance that starts now, and one that knew the store before.
    for (client, host) in [crate::host::client(&world, Some(&store), Config::new(100)), (client, host)] {
        let rows = payments(&world, &client);
        assert_eq!(rows.len(), after.entries().len());
        assert_eq!(spent(&world, &client, None).total, paid.total.div_ceil(1000));
        assert_eq!(spent(&world, &client, Some("https://shop3.example/")).total, before.1[3].total.div_ceil(1000));
        assert_eq!(fetch(&client, &host, get(URL)), REUSED);
    }
    assert_eq!(world.paid(), 1);
}

#[test]
fn limits_count_compacted_payments() {
    let (world, store) = (World::new(), Store::new(true));
    let old = world.now() - 9 * DAY_MS;
    let origin = "https://api.example";
    let journal = filled(KEPT_BYTES, |number| row(number, origin, State::Paid, old));
    let counted = journal.counted("", world.now()).all.total;
    store.put(JOURNAL, &journal.to_text());
    let (first, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&first, &host, get("https://other.example/")), PAID);
    assert!(payments(&world, &first).len() < journal.entries().len());

    let own = |total| {
        let mut config = Config::new(100);
        config.limits.per_origin.total = Some(total);
        config
    };
    let all = |total| {
        let mut config = Config::new(100);
        config.limits.all.total = Some(total);
        config
    };
    for config in [own(counted + 10_000 - 1), all(counted + 10_000 + 10_000 - 1)] {
        let (client, host) = client(&world, Some(&store), config);
        assert_eq!(fetch(&client, &host, get(URL)), refused(Code::OverLimit));
    }
    let (client, host) = client(&world, Some(&store), own(counted + 10_000));
    assert_eq!(fetch(&client, &host, get("https://third.example/")), PAID, "other origins have their own");
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 3);
}

#[test]
fn memory_is_bounded_as_well() {
    let world = World::new();
    world.server.single_use.set(true);
    let (client, host) = client(&world, None, Config::new(100));
    // A long URL, so that few payments fill the records.
    let url = format!("{URL}?{}", "q".repeat(5_000));
    for bought in 1..=600 {
        assert_eq!(fetch(&client, &host, get(&url)), PAID);
        world.executor.pass(HOUR_MS / 2);
        if bought % 100 == 0 {
            let rows = payments(&world, &client).len();
            assert!(rows == bought || (170..190).contains(&rows), "{rows} of {bought}");
        }
    }
    assert_eq!((spent(&world, &client, None).total, spent(&world, &client, Some(URL)).total), (6_000, 6_000));
}

#[test]
fn an_invoice_whose_payment_was_compacted_has_expired() {
    let (world, store) = (World::new(), Store::new(true));
    let (client, host) = client(&world, Some(&store), Config::new(100));
    // The same 402 for ever, to whoever has lost the token.
    world.sells(Terms::default());
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    let hash = payments(&world, &client)[0].payment_hash;
    world.executor.pass(3 * DAY_MS);
    let mut journal = Journal::parse(&store.value(JOURNAL).unwrap()).unwrap();
    filled(KEPT_BYTES, |number| row(number, "https://a.example", State::Paid, world.now()))
        .entries()
        .iter()
        .for_each(|entry| journal.put(entry.clone()));
    store.put(JOURNAL, &journal.to_text());
    let request = get("https://b.example/");
    world.on_send.replace(None);
    assert_eq!(fetch(&client, &host, request), PAID);
    assert!(payments(&world, &client).iter().all(|payment| payment.payment_hash != hash), "it is compacted");

    world.sells(Terms::default());
    let forgetting = client.clone();
    let offer = world.mint.offer(&Terms::default(), world.now() - 3 * DAY_MS);
    let header = offer.header();
    world.answers(move |sent| Ok(crate::host::Response::challenge(&header, sent)));
    world.run(async move { forgetting.forget(Some(URL)).await.ok().unwrap() });
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::InvoiceExpired));
    assert_eq!(world.paid(), 2);
}

#[test]
fn a_hash_stays_known_while_its_token_is_kept() {
    let (world, store) = (World::new(), Store::new(true));
    let (first, host) = client(&world, Some(&store), Config::new(100));
    let terms = Terms { preimage: Some(5), ..Terms::default() };
    world.sells(terms.clone());
    assert_eq!(fetch(&first, &host, get(URL)), PAID);
    // Compacted, as after many payments more.
    let journal = Journal::parse(&store.value(JOURNAL).unwrap()).unwrap();
    world.executor.pass(3 * DAY_MS);
    let mut compacted = journal.clone();
    compacted.compact(0, world.now());
    assert!(compacted.entries().is_empty() && compacted.spent(None, world.now()) == journal.spent(None, world.now()));
    store.put(JOURNAL, &compacted.to_text());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    let expected = End::Raised { code: Code::HashMismatch, cause: None, state: Some(State::Paid), has_response: true };
    world.sells(terms.clone());
    assert_eq!(fetch(&client, &host, get("https://thief.example/")), expected);
    // Its own origin sells another resource by the same hash: the preimage is there.
    world.server.shares.set(false);
    let offer = world.mint.offer(&terms, world.now());
    let (header, token) = (offer.header(), offer.token.clone());
    world.answers(move |sent| {
        let is_right = sent.authorization.as_ref().is_some_and(|value| value.contains(&token));
        Ok(if is_right {
            crate::host::Response::status(200, sent)
        } else {
            crate::host::Response::challenge(&header, sent)
        })
    });
    assert_eq!(fetch(&client, &host, get("https://api.example/other")), REUSED);
    assert_eq!(world.paid(), 1);
    assert_eq!(spent(&world, &client, None).total, 10);
}

#[test]
fn payments_that_another_instance_compacted_do_not_come_back() {
    let (world, store) = (World::new(), Store::new(true));
    let old = world.now() - 9 * DAY_MS;
    let journal = filled(KEPT_BYTES, |number| row(number, "https://a.example", State::Paid, old));
    store.put(JOURNAL, &journal.to_text());
    let (first, first_host) = client(&world, Some(&store), Config::new(100));
    let (second, second_host) = client(&world, Some(&store), Config::new(100));
    // The first knows all of them, and has something that the store has not.
    let (broken, inner) = (store.clone(), world.clone());
    world.on_pay.replace(Some(Box::new(move |invoice, _| {
        broken.fails_at(|op, _| op == Op::Save);
        crate::host::soon(inner.proof(invoice))
    })));
    let row_count = journal.entries().len();
    assert_eq!(fetch(&first, &first_host, get("https://b.example/")), PAID);
    world.on_pay.replace(None);
    store.works();
    for number in 0..5 {
        assert_eq!(fetch(&second, &second_host, get(&format!("https://c{number}.example/"))), PAID);
    }
    let paid = journal.spent(None, world.now()).total + 60_000;
    assert_eq!(spent(&world, &first, None).total, paid.div_ceil(1000), "the first one's proof, and nothing twice");
    assert_eq!(spent(&world, &second, None).total, paid.div_ceil(1000));
    assert_eq!(payments(&world, &first), payments(&world, &second));
    assert!(payments(&world, &first).len() < row_count);
    assert_eq!(world.paid(), 6);
}

#[test]
fn a_journal_full_of_open_payments_refuses_to_buy() {
    let (world, store) = (World::new(), Store::new(true));
    let old = world.now() - 9 * DAY_MS;
    let journal = filled(MOST_BYTES, |number| row(number, "https://a.example", State::Unknown, old));
    store.put(JOURNAL, &journal.to_text());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    world.lookup_says(Fact::Pending);
    let saves = store.count(Op::Save);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed));
    assert_eq!((world.paid(), store.count(Op::Save)), (0, saves));
    assert_eq!(payments(&world, &client).len(), journal.entries().len());
    assert_eq!(host.heard().last().unwrap(), "refused store_failed");
    // After some are settled, there is room again.
    for entry in &journal.entries()[..3] {
        let (resolving, hash) = (client.clone(), entry.payment.payment_hash);
        assert_eq!(code(world.run(async move { resolving.resolve(&hash, None).await })), None);
    }
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_journal_full_of_todays_payments_refuses_to_buy_until_they_may_be_compacted() {
    let (world, store) = (World::new(), Store::new(true));
    let now = world.now();
    let journal = filled(MOST_BYTES, |number| row(number, "https://a.example", State::Paid, now - HOUR_MS));
    store.put(JOURNAL, &journal.to_text());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed));
    assert_eq!((world.paid(), store.count(Op::Save)), (0, 0));
    // Their invoices expired as they were an hour old.
    world.executor.pass(DAY_MS);
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed));
    world.executor.pass(1000);
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(spent(&world, &client, None).total, (journal.spent(None, now).total + 10_000).div_ceil(1000));
    assert_eq!(world.paid(), 1);
}

#[test]
fn a_store_full_of_good_tokens_refuses_to_buy() {
    let (world, store) = (World::new(), Store::new(true));
    let now = world.now();
    let tokens = stock(MOST_BYTES, |number| {
        let mut token = token(number, &format!("https://shop{}.example", number % 2), &"A".repeat(300), now);
        token.note_accepted();
        token
    });
    store.put(TOKENS, &tokens.to_text());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed));
    assert_eq!((world.paid(), store.count(Op::Save)), (0, 0));
    assert_eq!(store.value(TOKENS).unwrap(), tokens.to_text());
    world.answers(|sent| Ok(crate::host::Response::status(if sent.authorization.is_some() { 200 } else { 402 }, sent)));
    assert_eq!(fetch(&client, &host, get("https://shop1.example/articles/1?page=1")), REUSED, "what is there is used");
    world.on_send.replace(None);
    let forgetting = client.clone();
    world.run(async move { forgetting.forget(Some("https://shop1.example")).await.ok().unwrap() });
    assert_eq!(fetch(&client, &host, get(URL)), PAID);
    assert_eq!(world.paid(), 1);
}

#[test]
fn room_is_kept_for_the_tokens_of_open_payments() {
    for (open, expected) in [(true, refused(Code::StoreFailed)), (false, PAID)] {
        let (world, store) = (World::new(), Store::new(true));
        let now = world.now();
        let tokens = stock(MOST_BYTES - 50_000, |number| {
            let mut token = token(number, "https://shop.example", &"A".repeat(300), now);
            token.note_accepted();
            token
        });
        store.put(TOKENS, &tokens.to_text());
        if open {
            let journal = filled(50_000, |number| row(1_000_000 + number, "https://a.example", State::Unknown, now));
            store.put(JOURNAL, &journal.to_text());
        }
        let (client, host) = client(&world, Some(&store), Config::new(100));
        assert_eq!(fetch(&client, &host, get(URL)), expected);
    }
}

#[test]
fn expired_and_used_up_tokens_make_room_and_dishonored_ones_do_not() {
    let (world, store) = (World::new(), Store::new(true));
    let now = world.now();
    let origin = "https://shop.example";
    let offer = |valid_until: u64| {
        let caveats = vec![format!("shop_valid_until = {valid_until}")];
        world.mint.offer(&Terms { caveats, ..Terms::default() }, now).token
    };
    let (expired, valid) = (offer(now / 1000 - 5), offer(now / 1000 + 3600));
    let url = |number: u64| format!("{origin}/articles/{number}?page=1");
    // In turn: good, expired, used up, expired and never accepted though sent, and good until later.
    let tokens = stock(KEPT_BYTES, |number| {
        let mut token = token(number, origin, if matches!(number % 5, 1 | 3) { &expired } else { &valid }, now);
        match number % 5 {
            2 => {
                token.note_accepted();
                token.note_refusal("GET", &Url::of(&url(number)));
            }
            3 => (0..2).for_each(|_| token.note_refusal("GET", &Url::of(&url(number)))),
            _ => token.note_accepted(),
        }
        token
    });
    let kinds = |tokens: &Tokens| {
        let mut counts = [0; 5];
        for token in tokens.iter().filter(|token| token.payment.url.origin() == origin) {
            let number = u64::from_str_radix(&token.payment.payment_hash.to_hex(), 16).unwrap();
            counts[(number % 5) as usize] += 1;
        }
        counts
    };
    let before = kinds(&tokens);
    store.put(TOKENS, &tokens.to_text());
    let (client, host) = client(&world, Some(&store), Config::new(100));
    for number in 0..3 {
        assert_eq!(fetch(&client, &host, get(&format!("https://other{number}.example/"))), PAID);
    }
    let mut after = Tokens::default();
    after.replace(Tokens::parse(&store.value(TOKENS).unwrap()).unwrap());
    let found = kinds(&after);
    assert_eq!([found[0], found[3], found[4]], [before[0], before[3], before[4]], "{found:?} of {before:?}");
    assert!((3..9).contains(&(before[1] + before[2] - found[1] - found[2])), "no more than had to go: {found:?}");
    assert!(after.size() <= KEPT_BYTES);
    // All of them, where room is needed.
    after.prune(0, now);
    assert_eq!(kinds(&after), [before[0], 0, 0, before[3], before[4]]);
    assert_eq!(fetch(&client, &host, get(&url(3))), not_honored(), "whose server got the money once");
    assert_eq!(world.paid(), 3);
}

#[test]
fn a_token_remembers_a_limited_number_of_refusals() {
    let mut bought = token(0, "https://api.example", "token", 1_800_000_000_123);
    let at = |number: usize| Url::of(&format!("https://api.example/other/{number}"));
    (0..2).for_each(|_| bought.note_refusal("GET", &at(0)));
    for number in 1..MOST_REFUSALS * 3 {
        bought.note_refusal("GET", &at(number));
        assert!(bought.refused.len() <= MOST_REFUSALS);
    }
    assert_eq!((bought.refused[0].at.as_str(), bought.refused[0].times), ("GET /other/0", 2), "what says most is kept");
    assert_eq!(bought.refused.last().unwrap().at, format!("GET /other/{}", MOST_REFUSALS * 3 - 1));
    // Two readings of it are no more together.
    let mut tokens = Tokens::default();
    tokens.replace(vec![bought.clone()]);
    let mut stored = token(0, "https://api.example", "token", 1_800_000_000_123);
    (0..MOST_REFUSALS).for_each(|number| stored.note_refusal("POST", &at(number)));
    tokens.replace(vec![stored]);
    assert_eq!(tokens.iter().next().unwrap().refused.len(), MOST_REFUSALS);
}

#[test]
fn sums_that_cannot_be_read_are_never_overwritten() {
    for text in [
        r#"{"version":2,"payments":[]}"#,
        r#"{"version":2,"payments":[],"foldedUntil":1,"folded":[{"origin":"https://a.example"}]}"#,
        r#"{"version":3,"payments":[],"foldedUntil":1,"folded":[]}"#,
    ] {
        let (world, store) = (World::new(), Store::new(true));
        store.put(JOURNAL, text);
        let (client, host) = client(&world, Some(&store), Config::new(100));
        assert_eq!(fetch(&client, &host, get(URL)), refused(Code::StoreFailed));
        assert_eq!((world.paid(), store.count(Op::Save), store.value(JOURNAL).as_deref()), (0, 0, Some(text)));
    }
}

/// Prints the time that one purchase takes the core and its store, if the records are as full as they get:
/// `cargo test --release --test flow full_records -- --nocapture`
#[test]
fn a_purchase_with_full_records() {
    let sizes: &[usize] = if cfg!(debug_assertions) { &[KEPT_BYTES] } else { &[KEPT_BYTES, MOST_BYTES] };
    for bytes in sizes.iter().copied() {
        let (world, store) = (World::new(), Store::new(true));
        let now = world.now();
        let journal = filled(bytes - 100_000, |number| row(number, "https://a.example", State::Paid, now - HOUR_MS));
        let tokens = stock(bytes - 100_000, |number| {
            let mut token = token(number, "https://a.example", &"A".repeat(300), now);
            token.note_accepted();
            token
        });
        store.put(JOURNAL, &journal.to_text());
        store.put(TOKENS, &tokens.to_text());
        let (client, host) = client(&world, Some(&store), Config::new(100));
        let buy = |number: usize| {
            let started = Instant::now();
            assert_eq!(fetch(&client, &host, get(&format!("https://b{number}.example/"))), PAID);
            started.elapsed().as_micros()
        };
        let first = buy(0);
        let later = (1..6).map(buy).min().unwrap();
        println!(
            "{} payments and {} tokens, {bytes} bytes each: first purchase {first} µs, a later one {later} µs",
            journal.entries().len(),
            tokens.iter().count()
        );
        assert_eq!(world.paid(), 6);
    }
}
