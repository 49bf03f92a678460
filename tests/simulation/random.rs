//! Random runs with more processes and more faults than a full search can cover. One number decides each of them.

use crate::setup::{Call, Lane, Only, Setup, Site};
use crate::wallet::Manner;
use crate::world::{Act, World};
use l402_fetch::flow::config::Config;
use l402_fetch::ledger::limits::Windows;

/// A number of steps that no run reaches.
const MOST_STEPS: usize = 50_000;

/// Pseudo-random numbers (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const ORIGINS: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];
const PATHS: [&str; 3] = ["/x", "/x/y", "/z"];

fn site(origin: &'static str, dice: &mut Dice) -> Site {
    Site {
        price_msat: dice.one(&[1_000, 10_000, 25_000]),
        shares: dice.percent(60),
        single_use: dice.percent(15),
        refuses: dice.percent(15).then(|| dice.one(&[400, 401, 402, 403])),
        lasts_s: dice.percent(15).then(|| dice.one(&[120, 900])),
        invoice_expiry_s: dice.one(&[60, 600, 3600]),
        ..Site::new(origin)
    }
}

fn lane(sites: usize, dice: &mut Dice) -> Lane {
    let mut calls: Lane = (0..=dice.below(3))
        .map(|_| match dice.below(20) {
            0 => Call::Payments,
            1 => Call::Spent,
            2 => Call::Resolve,
            3 => Call::Forget(dice.below(sites)),
            _ => Call::Fetch(dice.below(sites), dice.one(&PATHS)),
        })
        .collect();
    calls.push(Call::Fetch(dice.below(sites), dice.one(&PATHS)));
    calls
}

fn windows(dice: &mut Dice) -> Windows {
    let mut limit = |chance| dice.percent(chance).then(|| dice.one(&[15_000, 30_000, 60_000]));
    Windows { per_hour: limit(15), per_day: limit(10), total: limit(15), ..Windows::default() }
}

pub fn setup(seed: u64, dice: &mut Dice) -> Setup {
    let has_store = dice.percent(85);
    let sites: Vec<Site> = ORIGINS[..=dice.below(3)].iter().map(|origin| site(origin, dice)).collect();
    let processes = if has_store { 1 + dice.below(4) } else { 1 };
    let plans = (0..processes).map(|_| (0..=dice.below(2)).map(|_| lane(sites.len(), dice)).collect()).collect();
    let mut config = Config::new(50);
    if dice.percent(50) {
        config.limits.all = windows(dice);
        config.limits.per_origin = windows(dice);
    }
    let isolated = dice.percent(25);
    Setup {
        name: format!("seed {seed}"),
        has_store,
        isolated,
        lookup: dice.percent(70),
        wallet: Setup::wallet(),
        manner: Manner::default(),
        only: Only::All,
        only_first: false,
        restarts: true,
        jumps: true,
        clocks: Vec::new(),
        stops_clock: dice.percent(50),
        reports_fee: dice.percent(70),
        asks: dice.percent(20),
        sites,
        config,
        plans,
        faults: dice.below(8) as u32,
        is_random: true,
        late_orders: has_store,
    }
}

#[derive(Default)]
pub struct Figures {
    pub runs: usize,
    pub steps: usize,
    pub payments: usize,
    pub faults: usize,
    pub crashes: usize,
    pub frozen: usize,
}

/// One run, decided by its seed alone.
pub fn run(seed: u64, is_logged: bool, figures: &mut Figures) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let setup = setup(seed, &mut dice);
    let world = World::new(&setup, is_logged);
    let chance = dice.one(&[1, 3, 8, 20]);
    for step in 0.. {
        if world.broken.borrow().is_some() {
            break;
        }
        let (acts, faults) = world.acts();
        if acts.is_empty() {
            world.check_rest();
            break;
        }
        if step > MOST_STEPS {
            *world.broken.borrow_mut() = Some("every call ends: endless".into());
            break;
        }
        let act = if !faults.is_empty() && dice.percent(chance) {
            figures.faults += 1;
            let of_one_request = dice.percent(60);
            let some: Vec<Act> =
                faults.iter().filter(|act| matches!(act, Act::Fault(..)) == of_one_request).copied().collect();
            dice.one(if some.is_empty() { &faults } else { &some })
        } else {
            dice.one(&acts)
        };
        figures.crashes += usize::from(matches!(act, Act::Crash(_) | Act::CrashLate(_) | Act::Outage));
        figures.frozen += usize::from(matches!(act, Act::Drop(..) | Act::FreezeRequest(..)));
        figures.steps += 1;
        world.apply(act);
    }
    figures.runs += 1;
    figures.payments += world.wallet.moved().len();
    let broken = world.broken.take();
    let log = world.log.as_ref().map(|log| log.borrow().join("\n"));
    world.end();
    match (broken, log) {
        (None, _) => Ok(()),
        (Some(broken), Some(log)) => Err(format!("{broken}\n{setup:#?}\n{log}")),
        (Some(broken), None) => Err(broken),
    }
}
