//! Clients on one store, driven through the flow by a scheduler that may stop or break anything at every step.
//!
//! **The model.** Each process has a [`Client`](l402_fetch::Client) and a memory of its own; all share one store with
//! its locks, one wallet with its own ledger, which is the truth about every payment, the servers, and a clock.
//! Whatever a client asks of its host (send, pay, look up, load, save, lock, sleep, consent) waits until the scheduler
//! carries it out; a payment takes three steps: the order reaches the wallet, the money moves, the answer arrives.
//! Beside the next step of any request, what may happen next is that a request fails before or after it took effect,
//! takes longer than any timer, or never answers; that a request of an isolate ends or freezes with all its tasks while
//! others of that isolate go on; that a process dies (what it had under way to wallet and store is lost, or arrives
//! later) and its users call again; that all die; that one freezes, its leases are taken over, and it thaws; that the
//! next timer fires first; that the wall clock is set. Timers go on when nobody has anything else to do. [`promises`]
//! are checked at every step that moves money or writes, and again at the end, when everybody who lives, and a new
//! process, asks for everything once more.
//!
//! **Every run** of two processes with one fault is explored, not a sample: depth first, each by running again from the
//! start with the choices made so far, and with every act that is possible at each step as a branch. Two reductions
//! keep it small:
//!
//! - *States seen before are cut off.* A client reads nothing but what its host told it, so its memory is a function of
//!   that sequence, and with it all that it will ever do. A state is therefore named by the hash of what each living
//!   process was told, in order and with the time; by what each has under way; by store, locks, ledger, used tokens,
//!   clock and faults left; and by what the checks count. Two runs that come to the same name go on alike, so the
//!   second is not followed. Names have 128 bits. What a dead process was told is left out: nothing depends on it any
//!   more.
//! - *Effect and answer are one step* for requests that change or read something shared at one moment. Between its
//!   answer and its next request a client touches nothing that others see, so what happens in between may as well
//!   happen before the answer or after the request, and is explored there. Payments, whose effect and answer lie far
//!   apart, have a step for each; a write that has happened though its answer is lost is a fault of its own.
//!
//! What needs no host call (parsing, sums, events) is no step. Offers are numbered by process and request, so that
//! requests of different processes that meet in another order lead to the same state.
//!
//! **Random runs** go beyond: up to four processes with two lanes of calls, several servers (single use, not sharing,
//! expiring, never honouring), tight limits, up to seven faults, callers that give up. `SIM_SEED=… cargo test --test
//! simulation` replays one and tells it step by step when it fails; `SIM_RUNS=…` says how many, `SIM_FROM=…` where to
//! begin. `SIM_FAULTS=2` explores every pair of faults of an isolate, which takes minutes.
//!
//! **Wallets** are as they are found ([`wallet::Manner`]): one that finds no payment that it has made, one whose
//! records are late, one that answers with an error and pays then, one that says "failed" between two attempts, one
//! that is still at work when its time is over, one for each process. What the core is told of each
//! ([`host::Wallet`](l402_fetch::ledger::wallet::Wallet)) is what `env.ts` would say.
//!
//! **Assumed of a wallet:** it pays an invoice once; its answer "failed" is true; what it may still do once its answer
//! was lost it does within the window that it is known for. With Web Locks, which tell nobody that a tab was closed,
//! also that an order of a tab that is gone reaches it before the invoice has expired, or never.
//!
//! `npm run mutants` shows that the checks bite: it takes one safeguard at a time out of a copy of the core.
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
mod server;
mod setup;
mod store;
mod wallet;
mod world;

use explore::{explore, STOP};
use l402_fetch::ledger::wallet::{Wallet, Window};
use setup::{Call, Kind, Setup, Site};
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wallet::Manner;

/// Random runs, where their number is not given.
const RUNS: u64 = 10_000;

/// Shows a line also of tests that pass, which print! would not.
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
fn web_locks() {
    all(&Setup { late_orders: true, ..Setup::new("web locks", Kind::Web) });
}

#[test]
fn leases() {
    all(&Setup { late_orders: true, ..Setup::new("leases", Kind::Lease) });
}

/// Whoever is frozen before it asks the wallet may be passed over by somebody who waited for as long as a wallet is
/// given.
#[test]
fn leases_and_a_long_wait() {
    let setup = Setup::new("leases and a long wait", Kind::Lease);
    let patient = vec![Call::Fetch(0, "/data"), Call::Wait(350_000), Call::Fetch(0, "/data")];
    all(&Setup { plans: vec![vec![fetch("/data")], vec![patient]], ..setup });
}

#[test]
fn lock_files() {
    all(&Setup { late_orders: true, ..Setup::new("lock files", Kind::File) });
}

#[test]
fn a_wallet_without_lookup() {
    all(&Setup { lookup: false, ..Setup::new("a wallet without lookup", Kind::Web) });
}

#[test]
fn no_lock_and_one_process_at_a_time() {
    let setup = Setup::new("no lock, one process at a time", Kind::Open);
    all(&Setup { plans: vec![vec![fetch("/data"), fetch("/data")]], ..setup });
}

/// Nothing brings them into an order, so that one fault at every step would be too much.
#[test]
fn no_lock_and_two_processes() {
    all(&Setup { faults: 0, ..Setup::new("no lock, two processes, no fault", Kind::Open) });
}

#[test]
fn memory() {
    let setup = Setup::new("memory", Kind::Memory);
    all(&Setup { plans: vec![vec![fetch("/data"), fetch("/data"), fetch("/other")]], ..setup });
}

#[test]
fn two_resources_of_a_server_that_does_not_share_tokens() {
    let sites = vec![Site { shares: false, ..Site::new(setup::SHOP) }];
    // What a guess broke is asked again without it: of two processes in which something goes wrong there are too many
    // runs.
    let plans = vec![vec![vec![Call::Fetch(0, "/a"), Call::Fetch(0, "/b")]]];
    all(&Setup { sites: sites.clone(), plans, ..Setup::new("two resources, one process", Kind::Web) });
    let plans = vec![vec![fetch("/a")], vec![fetch("/b")]];
    all(&Setup { sites, plans, faults: 0, ..Setup::new("two resources, no fault", Kind::Web) });
}

#[test]
fn a_limit_that_is_enough_for_one() {
    let sites = vec![Site::new(setup::SHOP), Site::new("https://other.example")];
    let setup = Setup { sites, ..Setup::new("a limit that is enough for one", Kind::Web) }.total(15);
    all(&Setup { plans: vec![vec![fetch("/a")], vec![vec![Call::Fetch(1, "/b")]]], ..setup });
}

#[test]
fn tokens_that_are_good_once() {
    let sites = vec![Site { single_use: true, ..Site::new(setup::SHOP) }];
    let plans = vec![vec![fetch("/data")]];
    all(&Setup { sites: sites.clone(), plans, ..Setup::new("tokens that are good once, one process", Kind::Web) });
    all(&Setup { sites, faults: 0, ..Setup::new("tokens that are good once, no fault", Kind::Web) });
}

#[test]
fn a_server_that_takes_money_and_gives_nothing() {
    let sites = |refusal| vec![Site { refuses: Some(refusal), ..Site::new(setup::SHOP) }];
    // A refusal is written beside what follows, and one that says 402 may be late and is asked again: of two processes
    // in which something goes wrong there are too many runs. The random ones have some of them.
    for refusal in [402, 403] {
        let plans = vec![vec![fetch("/data")]];
        all(&Setup {
            sites: sites(refusal),
            plans,
            ..Setup::new("a server that gives nothing, one process", Kind::Web)
        });
        let setup = Setup::new("a server that gives nothing, no fault", Kind::Web);
        all(&Setup { sites: sites(refusal), faults: 0, ..setup });
    }
}

#[test]
fn a_purchase_beside_lookups() {
    let setup = Setup { late_orders: true, ..Setup::new("a purchase beside lookups", Kind::Lease) };
    all(&Setup { plans: vec![vec![fetch("/data")], vec![vec![Call::Payments]]], ..setup });
}

/// Requests of one isolate, each of which may end or freeze at any step.
fn isolate(name: &str, kind: Kind, paths: &[&'static str]) -> Setup {
    let mut setup = Setup { isolated: true, ..Setup::new(name, kind) };
    setup.config.payment_timeout_ms = 20_000;
    // Two take minutes.
    setup.faults = number("SIM_FAULTS").unwrap_or(1) as u32;
    Setup { plans: vec![paths.iter().map(|path| fetch(path)).collect()], ..setup }
}

#[test]
fn requests_of_an_isolate() {
    all(&isolate("requests of an isolate", Kind::Memory, &["/data", "/data", "/other"]));
}

/// A reserve that outlived its request would keep the other one from buying for ever.
#[test]
fn requests_of_an_isolate_that_asks() {
    let setup = isolate("an isolate that asks", Kind::Memory, &["/data", "/data"]);
    let sites = vec![Site::new(setup::SHOP), Site::new("https://other.example")];
    let plans = vec![vec![fetch("/data"), vec![Call::Fetch(1, "/other")]]];
    all(&Setup { asks: true, sites, plans, ..setup.clone() }.total(15));
    all(&Setup { asks: true, ..setup }.total(15));
}

#[test]
fn requests_of_an_isolate_with_a_store() {
    all(&isolate("an isolate with a store", Kind::Lease, &["/data", "/data"]));
}

/// One process whose user asks, asks again while the wallet may still be at it, and once more; it may be reloaded at
/// any step.
fn wallet(name: &str, wallet: Wallet, manner: Manner) -> Setup {
    let mut setup = Setup {
        wallet,
        manner,
        only_wallet: true,
        late_orders: true,
        jumps: false,
        faults: 2,
        ..Setup::new(name, Kind::Web)
    };
    setup.config.payment_timeout_ms = 20_000;
    let patient = vec![Call::Fetch(0, "/data"), Call::Wait(40_000), Call::Fetch(0, "/data")];
    Setup { plans: vec![vec![patient]], ..setup }
}

/// Its lookup searches what came in only, so that what it was asked to pay is never found.
#[test]
fn a_wallet_that_finds_nothing() {
    let told = Wallet { finds: false, window: Window::Error(60_000), ..Setup::wallet() };
    let manner = Manner { finds_nothing: true, lingers_ms: 30_000, ..Manner::default() };
    all(&wallet("a wallet that finds nothing", told, manner));
}

/// It answers with an error, then finds nothing for a while, and settles.
#[test]
fn a_wallet_whose_records_are_late() {
    let told = Wallet { window: Window::Error(60_000), ..Setup::wallet() };
    let manner = Manner { shows_after_ms: 30_000, lingers_ms: 30_000, ..Manner::default() };
    all(&wallet("a wallet whose records are late", told.clone(), manner));
    // The invoice has expired before its window is over.
    let sites = vec![Site { invoice_expiry_s: 45, ..Site::new(setup::SHOP) }];
    let setup = wallet("a wallet whose records are later than the invoice", told, manner);
    let plan = [fetch("/data"), vec![Call::Wait(25_000)], fetch("/data"), vec![Call::Wait(25_000)], fetch("/data")];
    all(&Setup { sites, plans: vec![vec![plan.concat()]], faults: 1, ..setup });
}

/// Nobody has seen it find anything, so nothing says how late it is.
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

/// The server offers the same invoice until it is paid, so that the record of one attempt is there when the next is
/// sent.
#[test]
fn a_record_of_an_earlier_attempt() {
    let told = Wallet { settles_once: true, ..Setup::wallet() };
    let sites = vec![Site { reoffers: true, ..Site::new(setup::SHOP) }];
    let manner = Manner { dates: true, lingers_ms: 2_000, ..Manner::default() };
    let setup = wallet("a record of an earlier attempt", told, manner);
    all(&Setup { sites, ..setup });
}

/// What it once said to have is not unpaid because it is not found any more.
#[test]
fn a_wallet_that_forgets() {
    let manner = Manner { shows_until_ms: 20_000, ..Manner::default() };
    all(&Setup { kind: Kind::Memory, late_orders: false, ..wallet("a wallet that forgets", Setup::wallet(), manner) });
}

/// A person agrees after the time is over.
#[test]
fn a_wallet_that_is_still_at_work_after_its_time() {
    let told = Wallet { finds: false, ..Setup::wallet() };
    all(&wallet("a wallet still at work", told, Manner { has_no_end: true, ..Manner::default() }));
}

#[test]
fn two_nodes_on_one_store() {
    let setup = Setup::new("two nodes on one store", Kind::Web);
    all(&Setup { manner: Manner { is_own: true, ..Manner::default() }, late_orders: true, ..setup });
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
