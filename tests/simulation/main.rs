//! Clients share one store and go through the flow. A scheduler may stop or break anything at every step.
//!
//! **The model.** Each process has a [`Client`](l402_fetch::Client) and a memory of its own. All processes share one
//! store of rows, one wallet, the servers and a clock. The store writes several rows at once if every row that the
//! decision has seen is unchanged. The wallet keeps a ledger of its own, and that ledger is the truth about every
//! payment. A client asks its host to send, pay, look up, read, write, list, sleep or get consent. Each request waits
//! until the scheduler carries it out. A payment takes three steps: the order reaches the wallet, the money moves, and
//! the answer arrives.
//!
//! The scheduler chooses one of these events at each step:
//!
//! - The next step of a request is carried out.
//! - A request fails before or after it took effect, takes longer than any timer, or never answers.
//! - A write happens although the store says that somebody was first. Or it fails, and happens later if the rows that
//!   it has seen are still unchanged.
//! - A request of an isolate ends or freezes with all its tasks. The other requests of that isolate go on.
//! - A process dies and its users call again. Its open orders and writes are lost, or they arrive later.
//! - All processes die.
//! - A process freezes, its leases lapse for those who watch them, and it thaws.
//! - The next timer fires first.
//! - The wall clock is set.
//!
//! The clock also advances if no process has anything else to do. The [`promises`] are checked at every step that moves
//! money or writes. They are checked again at the end: every living process, and a new one, then asks for everything
//! once more.
//!
//! **Every run** of two processes with one fault is explored. The search is depth first. It repeats each run from the
//! start with the choices made so far, and it follows every act that is possible at each step. Four reductions keep it
//! small:
//!
//! - *Known states are cut off.* A client reads only the answers of its host. Its memory, and all its later acts,
//!   therefore depend only on the sequence of those answers. The name of a state is a hash of 128 bits. It covers the
//!   answers to each living process in order with their times, the open requests, the store, the wallet's ledger, the
//!   used tokens, the clock, the faults left and the counters of the checks. Two runs with the same name continue
//!   alike, so the second is not followed. The answers to a dead process are left out, because nothing depends on them.
//! - *Timers fire in their order*, before anything else that is due. A process that waits for another looks again and
//!   again, and each order of these looks would be a run of its own.
//! - *A process that waits for servers alone goes first.* Nobody else sees what a server answers it, so the others may
//!   as well go on afterwards. This does not hold for tokens that are good once, nor for an isolate.
//! - *Effect and answer are one step* if a request reads or changes shared state at one moment. A client touches no
//!   shared state between that answer and its next request. Any event in between has the same result before the answer
//!   or after the next request, and both orders are explored. The effect and the answer of a payment lie far apart, so
//!   each has a step. A write with a lost answer is a fault of its own.
//!
//! Work without a host call (parsing, sums, events) is not a step. Offers are numbered by process and request. Requests
//! of different processes can therefore meet in any order and lead to the same state.
//!
//! **Random runs** go further. They have up to four processes with two lanes of calls, tight limits, up to seven faults
//! and callers that give up. They have several servers: some sell single-use tokens, some do not share tokens, some let
//! tokens expire, and some never honour them. `SIM_SEED=… cargo test --test simulation` replays one run, and prints its
//! steps if it fails. `SIM_RUNS=…` sets the number of runs, and `SIM_FROM=…` sets the first seed. `SIM_FAULTS=2`
//! explores every pair of faults of an isolate, which takes minutes.
//!
//! **Wallets** behave like real ones ([`wallet::Manner`]):
//!
//! - One finds none of its own payments.
//! - One has late records.
//! - One answers with an error and pays afterwards.
//! - One says "failed" between two attempts.
//! - One is still at work after its time is over.
//! - One belongs to each process.
//!
//! The core gets the same description of each wallet ([`Wallet`](l402_fetch::ledger::wallet::Wallet)) as `env.ts` would
//! give it.
//!
//! **Assumptions about a wallet.** It pays an invoice once. Its answer "failed" is true. After a lost answer it acts
//! only within its known window. It takes no order whose invoice has expired. The order of a process that died or
//! froze may reach it at any time until then.
//!
//! `npm run mutants` shows that the checks find faults. It removes one safeguard at a time from a copy of the core.
#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::type_complexity
)]

#[path = "../flow/executor.rs"]
#[allow(dead_code)]
mod executor;
#[path = "../flow/mint.rs"]
#[allow(dead_code)]
mod mint;

mod explore;
mod fault;
mod host;
mod process;
mod promises;
mod random;
mod records;
mod server;
mod setup;
mod store;
mod wallet;
mod world;

use explore::{explore, STOP};
use l402_fetch::ledger::wallet::{Wallet, Window};
use setup::{Call, Only, Setup, Site};
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wallet::Manner;

/// Random runs, where their number is not given.
const RUNS: u64 = 1_000;

/// Prints a line even if the test passes. `print!` would hide it.
fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn fail(how: &str) -> ! {
    STOP.store(number("SIM_FIRST").is_some(), Ordering::Relaxed);
    panic!("{how}")
}

/// Explores every run of a setup.
fn all(setup: &Setup) {
    if number("SIM_SEED").is_some() {
        return report("SIM_SEED is set: only that run");
    }
    let start = Instant::now();
    let figures = explore(setup).unwrap_or_else(|broken| fail(&format!("{}: {broken}", setup.name)));
    let seconds = start.elapsed().as_secs_f64();
    report(&format!(
        "every run of {}: {} runs, {} ends, {} states, {} steps, at most {} deep, {seconds:.1} s, {:.0} runs/s",
        setup.name,
        figures.runs,
        figures.ends,
        figures.states,
        figures.steps,
        figures.deepest,
        figures.runs as f64 / seconds,
    ));
}

fn fetch(path: &'static str) -> Vec<Call> {
    vec![Call::Fetch(0, path)]
}

#[test]
fn two_that_want_the_same() {
    all(&Setup { only: Only::Life, restarts: false, jumps: false, ..Setup::new("two that want the same") });
}

#[test]
fn one_that_begins_anew() {
    all(&Setup { plans: vec![vec![fetch("/data")]], ..Setup::new("one that begins anew") });
}

/// One process whose store fails twice.
#[test]
fn a_store_that_fails_twice() {
    let setup = Setup { only: Only::Store, jumps: false, faults: 2, ..Setup::new("a store that fails twice") };
    all(&Setup { plans: vec![vec![fetch("/data")]], ..setup });
}

/// What a process that died or froze has left open is settled, or handed to the wallet once more, by one that comes a
/// little later, waits, and comes again.
fn patient(name: &str) -> Setup {
    let patient = vec![Call::Wait(10_000), Call::Fetch(0, "/data"), Call::Wait(350_000), Call::Fetch(0, "/data")];
    Setup {
        plans: vec![vec![fetch("/data")], vec![patient]],
        only: Only::Life,
        restarts: false,
        jumps: false,
        ..Setup::new(name)
    }
}

#[test]
fn a_wallet_that_pays_an_invoice_once() {
    let wallet = Wallet { settles_once: true, ..Setup::wallet() };
    all(&Setup { wallet, ..patient("a wallet that pays an invoice once") });
}

#[test]
fn one_that_asks_a_person() {
    all(&Setup { asks: true, plans: vec![vec![fetch("/data")]], ..Setup::new("one that asks a person") });
}

#[test]
fn clocks_that_are_off() {
    let sites = vec![Site { invoice_expiry_s: 300, ..Site::new(setup::SHOP) }];
    let clocks = vec![0, 180_000];
    all(&Setup { sites, clocks, jumps: false, ..patient("clocks that are off") });
}

#[test]
fn a_wallet_without_lookup() {
    all(&Setup { lookup: false, only: Only::Life, restarts: false, ..Setup::new("a wallet without lookup") });
}

#[test]
fn memory() {
    let setup = Setup { has_store: false, late_orders: false, ..Setup::new("memory") };
    all(&Setup { plans: vec![vec![fetch("/data"), fetch("/data"), fetch("/other")]], ..setup });
}

#[test]
fn two_resources_of_a_server_that_does_not_share_tokens() {
    let sites = vec![Site { shares: false, ..Site::new(setup::SHOP) }];
    // A wrong guess about the scope of a token makes the client ask again without the token. Two processes with a fault
    // would therefore make too many runs.
    let plans = vec![vec![vec![Call::Fetch(0, "/a"), Call::Fetch(0, "/b")]]];
    all(&Setup {
        sites: sites.clone(),
        plans,
        only: Only::Life,
        jumps: false,
        ..Setup::new("two resources, one process")
    });
    let plans = vec![vec![fetch("/a")], vec![fetch("/b")]];
    all(&Setup { sites, plans, faults: 0, ..Setup::new("two resources, no fault") });
}

#[test]
fn a_limit_that_is_enough_for_one() {
    let sites = vec![Site::new(setup::SHOP), Site::new("https://other.example")];
    let setup =
        Setup { sites, only: Only::Life, jumps: false, ..Setup::new("a limit that is enough for one") }.total(15);
    all(&Setup { plans: vec![vec![fetch("/a")], vec![vec![Call::Fetch(1, "/b")]]], ..setup });
}

#[test]
fn tokens_that_are_good_once() {
    let sites = vec![Site { single_use: true, ..Site::new(setup::SHOP) }];
    let plans = vec![vec![fetch("/data")]];
    all(&Setup { sites: sites.clone(), plans, ..Setup::new("tokens that are good once, one process") });
    all(&Setup { sites, faults: 0, ..Setup::new("tokens that are good once, no fault") });
}

#[test]
fn a_server_that_takes_money_and_gives_nothing() {
    let sites = |refusal| vec![Site { refuses: Some(refusal), ..Site::new(setup::SHOP) }];
    // A refusal is written while other steps go on. A refusal with 402 may come late, and the client then asks again.
    // Two processes with a fault would therefore make too many runs. The random runs cover some of them.
    for refusal in [402, 403] {
        let plans = vec![vec![fetch("/data")]];
        all(&Setup { sites: sites(refusal), plans, ..Setup::new("a server that gives nothing, one process") });
        let setup = Setup::new("a server that gives nothing, no fault");
        all(&Setup { sites: sites(refusal), faults: 0, ..setup });
    }
}

#[test]
fn a_purchase_beside_lookups() {
    let setup = Setup { only: Only::Store, jumps: false, ..Setup::new("a purchase beside lookups") };
    all(&Setup { plans: vec![vec![fetch("/data")], vec![vec![Call::Payments]]], ..setup });
}

/// Requests of one isolate, each of which may end or freeze at any step.
fn isolate(name: &str, has_store: bool, paths: &[&'static str]) -> Setup {
    let mut setup = Setup { isolated: true, has_store, late_orders: has_store, ..Setup::new(name) };
    // Two take minutes.
    setup.faults = number("SIM_FAULTS").unwrap_or(1) as u32;
    Setup { plans: vec![paths.iter().map(|path| fetch(path)).collect()], ..setup }
}

#[test]
fn requests_of_an_isolate() {
    all(&isolate("requests of an isolate", false, &["/data", "/data", "/other"]));
}

/// A reserve must end with its request. Otherwise it would keep the other request from buying for ever.
#[test]
fn requests_of_an_isolate_that_asks() {
    let setup = isolate("an isolate that asks", false, &["/data", "/data"]);
    let sites = vec![Site::new(setup::SHOP), Site::new("https://other.example")];
    let plans = vec![vec![fetch("/data"), vec![Call::Fetch(1, "/other")]]];
    all(&Setup { asks: true, sites, plans, ..setup.clone() }.total(15));
    all(&Setup { asks: true, ..setup }.total(15));
}

#[test]
fn requests_of_an_isolate_with_a_store() {
    // Each of them waits by timers of its own: with a fault there are too many runs. The random ones have them.
    all(&Setup { faults: 0, ..isolate("an isolate with a store, no fault", true, &["/data", "/data"]) });
}

/// One process, whose user asks, waits and asks again. The wallet may still be at work on the first payment by then.
/// The process may be reloaded at any step.
fn wallet(name: &str, wallet: Wallet, manner: Manner) -> Setup {
    let setup = Setup { wallet, manner, only: Only::Wallet, jumps: false, ..Setup::new(name) };
    let patient = vec![Call::Fetch(0, "/data"), Call::Wait(40_000), Call::Fetch(0, "/data")];
    Setup { plans: vec![vec![patient]], ..setup }
}

/// The lookup of this wallet searches only incoming payments. It never finds the payment that it was asked for.
#[test]
fn a_wallet_that_finds_nothing() {
    let told = Wallet { finds: false, window: Window::Error(60_000), ..Setup::wallet() };
    let manner = Manner { finds_nothing: true, lingers_ms: 30_000, ..Manner::default() };
    all(&wallet("a wallet that finds nothing", told, manner));
}

/// The wallet answers with an error, finds nothing for a while, and then settles.
#[test]
fn a_wallet_whose_records_are_late() {
    let told = Wallet { window: Window::Error(60_000), ..Setup::wallet() };
    let manner = Manner { shows_after_ms: 30_000, lingers_ms: 30_000, ..Manner::default() };
    all(&wallet("a wallet whose records are late", told.clone(), manner));
    // The invoice expires before the window of the wallet is over.
    let sites = vec![Site { invoice_expiry_s: 45, ..Site::new(setup::SHOP) }];
    let setup = wallet("a wallet whose records are later than the invoice", told, manner);
    let plan = [fetch("/data"), vec![Call::Wait(25_000)], fetch("/data"), vec![Call::Wait(25_000)], fetch("/data")];
    all(&Setup { sites, plans: vec![vec![plan.concat()]], faults: 1, ..setup });
}

/// Nobody has seen this wallet find anything. The delay of its records is therefore unknown.
#[test]
fn a_wallet_whose_records_are_very_late() {
    let told = Wallet { finds: false, window: Window::Error(60_000), ..Setup::wallet() };
    let manner = Manner { shows_after_ms: 600_000, lingers_ms: 30_000, ..Manner::default() };
    all(&wallet("a wallet whose records are very late", told, manner));
}

#[test]
fn a_wallet_that_says_failed_between_attempts() {
    let told = Wallet { settles_once: true, window: Window::Sent(70_000), ..Setup::wallet() };
    let manner = Manner { says_failed: true, lingers_ms: 70_000, ..Manner::default() };
    all(&wallet("a wallet that says failed between attempts", told, manner));
}

/// The server offers the same invoice until it is paid. The record of the first attempt is therefore there before the
/// second attempt.
#[test]
fn a_record_of_an_earlier_attempt() {
    let told = Wallet { settles_once: true, ..Setup::wallet() };
    let sites = vec![Site { reoffers: true, ..Site::new(setup::SHOP) }];
    let manner = Manner { dates: true, lingers_ms: 2_000, ..Manner::default() };
    let setup = wallet("a record of an earlier attempt", told, manner);
    all(&Setup { sites, faults: 2, ..setup });
}

/// The wallet has shown a payment once. "Not found" does not prove afterwards that it is unpaid.
#[test]
fn a_wallet_that_forgets() {
    let manner = Manner { shows_until_ms: 20_000, ..Manner::default() };
    all(&Setup { has_store: false, late_orders: false, ..wallet("a wallet that forgets", Setup::wallet(), manner) });
}

/// A person agrees after the time of the wallet is over.
#[test]
fn a_wallet_that_is_still_at_work_after_its_time() {
    let told = Wallet { finds: false, ..Setup::wallet() };
    all(&wallet("a wallet still at work", told, Manner { has_no_end: true, ..Manner::default() }));
}

#[test]
fn two_nodes_on_one_store() {
    let setup = Setup { only: Only::Life, restarts: false, jumps: false, ..Setup::new("two nodes on one store") };
    all(&Setup { manner: Manner { is_own: true, ..Manner::default() }, ..setup });
}

#[test]
fn random_runs() {
    let start = Instant::now();
    let mut figures = random::Figures::default();
    let from = number("SIM_FROM").unwrap_or(0);
    let seeds = match (number("SIM_SEED"), number("SIM_RUNS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, runs) => from..from + runs.unwrap_or(RUNS),
    };
    for seed in seeds {
        if STOP.load(Ordering::Relaxed) {
            return;
        }
        if random::run(seed, false, &mut figures).is_err() {
            let told = random::run(seed, true, &mut figures).err().unwrap_or_default();
            fail(&format!("SIM_SEED={seed} cargo test --test simulation: {told}"));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    report(&format!(
        "random: {} runs, {} steps, {} faults, {} crashes, {} frozen requests, {} payments, {seconds:.1} s, {:.0} runs/s",
        figures.runs,
        figures.steps,
        figures.faults,
        figures.crashes,
        figures.frozen,
        figures.payments,
        figures.runs as f64 / seconds,
    ));
}
