//! A setup of the simulation: a store, a wallet, servers, and the calls of the users of each process.

use crate::wallet::Manner;
use l402_fetch::flow::config::Config;
use l402_fetch::ledger::limits::Windows;
use l402_fetch::ledger::wallet::Wallet;

/// What may fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Only {
    All,
    Wallet,
    Store,
    /// Nothing but whether a process lives.
    Life,
}

/// A server.
#[derive(Clone, Debug)]
pub struct Site {
    pub origin: &'static str,
    pub price_msat: u64,
    /// Whether a token opens every resource. Otherwise it opens only the one that it was bought for.
    pub shares: bool,
    /// Whether a token is good for one request only.
    pub single_use: bool,
    /// The status with which the server answers every token. It takes the money first.
    pub refuses: Option<u16>,
    /// The number of seconds after the offer at which a token expires.
    pub lasts_s: Option<u64>,
    pub invoice_expiry_s: u64,
    /// Whether the server offers the same invoice again until it is paid.
    pub reoffers: bool,
}

impl Site {
    pub fn new(origin: &'static str) -> Self {
        Self {
            origin,
            price_msat: 10_000,
            shares: true,
            single_use: false,
            refuses: None,
            lasts_s: None,
            invoice_expiry_s: 3600,
            reoffers: false,
        }
    }
}

/// A call of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// A request to a site, for a path.
    Fetch(usize, &'static str),
    Payments,
    Spent,
    /// The user looks into the wallet and tells the truth about every open payment.
    Resolve,
    Forget(usize),
    /// The user waits for this number of milliseconds.
    Wait(u64),
}

/// Calls that are made one after the other. The lanes of a process run at once.
pub type Lane = Vec<Call>;

#[derive(Clone, Debug)]
pub struct Setup {
    pub name: String,
    /// Whether processes share a store; else each has its own memory.
    pub has_store: bool,
    /// Whether each lane is a request of one isolate, as in workerd: its tasks freeze when it ends or is dropped, and
    /// none wakes another's.
    pub isolated: bool,
    /// Whether the wallet has `lookup`.
    pub lookup: bool,
    /// The description of the wallet that every client gets.
    pub wallet: Wallet,
    pub manner: Manner,
    /// Whether the wallet reports its fees.
    pub reports_fee: bool,
    pub asks: bool,
    pub sites: Vec<Site>,
    pub config: Config,
    /// The lanes of each process.
    pub plans: Vec<Vec<Lane>>,
    /// The number of faults in a run.
    pub faults: u32,
    /// What fails; besides, processes may die or freeze.
    pub only: Only,
    /// Whether what happens to one process alone happens to the first: the others are its equals.
    pub only_first: bool,
    /// Whether the users of a process that died call again.
    pub restarts: bool,
    /// Whether the wall clock may be set.
    pub jumps: bool,
    /// By how many milliseconds the clocks of the processes are off.
    pub clocks: Vec<i64>,
    /// Whether the clock that is never set stands still while a process is frozen.
    pub stops_clock: bool,
    /// Whether it is one of the random runs: much more may happen, and the clock may jump so far that what nobody can
    /// tell may be bought anew.
    pub is_random: bool,
    /// Whether a wallet may get an order from a process that has died already.
    pub late_orders: bool,
}

pub const SHOP: &str = "https://shop.example";

impl Setup {
    /// Two processes that want the same thing at once.
    pub fn new(name: &str) -> Self {
        let lane = vec![Call::Fetch(0, "/data")];
        let mut config = Config::new(100);
        // Others look again all this time, and each look is a step.
        config.payment_timeout_ms = 20_000;
        Self {
            name: name.to_owned(),
            has_store: true,
            isolated: false,
            lookup: true,
            wallet: Self::wallet(),
            manner: Manner::default(),
            reports_fee: true,
            asks: false,
            sites: vec![Site::new(SHOP)],
            config,
            plans: vec![vec![lane.clone()], vec![lane]],
            faults: 1,
            only: Only::All,
            only_first: true,
            restarts: true,
            jumps: true,
            clocks: Vec::new(),
            stops_clock: true,
            is_random: false,
            late_orders: true,
        }
    }

    /// One wallet for all processes, with complete records.
    pub fn wallet() -> Wallet {
        Wallet { id: Some("wallet".into()), finds: true, ..Wallet::default() }
    }

    /// Whether the wallet's records can tell every process the result of every payment.
    pub fn can_tell(&self) -> bool {
        self.lookup && self.wallet.finds && !self.manner.is_own && self.manner.shows_until_ms == 0
    }

    pub fn total(mut self, sat: u64) -> Self {
        self.config.limits.all = Windows { total: Some(sat * 1000), ..Windows::default() };
        self
    }

    pub fn url(&self, site: usize, path: &str) -> String {
        format!("{}{path}", self.sites[site].origin)
    }

    pub fn site_of(&self, url: &str) -> (usize, &Site) {
        self.sites.iter().enumerate().find(|(_, site)| url.starts_with(site.origin)).unwrap()
    }

    /// The scope of a token.
    pub fn scope(&self, url: &str) -> String {
        let (_, site) = self.site_of(url);
        if site.shares { site.origin } else { url }.to_owned()
    }

    /// The group that one payment is enough for, whatever goes wrong. An open payment stands in the way of its own
    /// resource.
    pub fn group(&self, url: &str) -> String {
        url.to_owned()
    }
}
