//! What is simulated: a store, a wallet, servers, and what the users of each process call.

use crate::wallet::Manner;
use l402_fetch::flow::config::Config;
use l402_fetch::ledger::limits::Windows;
use l402_fetch::ledger::wallet::Wallet;

/// How a store's locks behave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Web Locks: freed at once where their holder dies, kept by one that is frozen.
    Web,
    /// A Durable Object's leases: taken over from a dead or frozen holder when they have run out, and what that one
    /// writes afterwards is refused.
    Lease,
    /// Lock files: the same, but that a process has ended is seen at once.
    File,
    /// A store without `lock`.
    Open,
    /// No store: memory.
    Memory,
}

impl Kind {
    pub fn has_store(self) -> bool {
        self != Self::Memory
    }

    pub fn has_lock(self) -> bool {
        matches!(self, Self::Web | Self::Lease | Self::File)
    }

    /// Whether a lock can be taken from a holder that still runs.
    pub fn has_leases(self) -> bool {
        matches!(self, Self::Lease | Self::File)
    }
}

/// A server.
#[derive(Clone, Debug)]
pub struct Site {
    pub origin: &'static str,
    pub price_msat: u64,
    /// A token opens every resource; else only the one that it was bought for.
    pub shares: bool,
    /// A token is good for one request.
    pub single_use: bool,
    /// It takes the money and answers every token with this status.
    pub refuses: Option<u16>,
    /// Tokens expire so many seconds after they were offered.
    pub lasts_s: Option<u64>,
    pub invoice_expiry_s: u64,
    /// Until it is paid, it offers the same invoice again.
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

/// What a user calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// A request to a site, for a path.
    Fetch(usize, &'static str),
    Payments,
    Spent,
    /// Looks into the wallet and tells the truth about every payment that is open.
    Resolve,
    Forget(usize),
    /// Nothing, for so many milliseconds.
    Wait(u64),
}

/// Calls that are made one after the other; the lanes of a process run at once.
pub type Lane = Vec<Call>;

#[derive(Clone, Debug)]
pub struct Setup {
    pub name: String,
    pub kind: Kind,
    /// Whether each lane is a request of one isolate, as in workerd: its tasks freeze when it ends or is dropped, and
    /// none wakes another's.
    pub isolated: bool,
    /// Whether the wallet has `lookup`.
    pub lookup: bool,
    /// What is known of the wallet, which all share.
    pub wallet: Wallet,
    pub manner: Manner,
    /// Whether the wallet reports what it spent on fees.
    pub reports_fee: bool,
    pub asks: bool,
    pub sites: Vec<Site>,
    pub config: Config,
    /// For each process its lanes.
    pub plans: Vec<Vec<Lane>>,
    /// How much may go wrong in a run.
    pub faults: u32,
    /// Whether only the wallet fails, or whoever asks it dies.
    pub only_wallet: bool,
    /// Whether the wall clock may be set.
    pub jumps: bool,
    /// Whether the clock may jump so far that what nobody can tell may be bought anew.
    pub long_jumps: bool,
    /// Whether a wallet may get an order from a process that has died already.
    pub late_orders: bool,
}

pub const SHOP: &str = "https://shop.example";

impl Setup {
    /// Two processes that want the same thing at once.
    pub fn new(name: &str, kind: Kind) -> Self {
        let lane = vec![Call::Fetch(0, "/data")];
        Self {
            name: name.to_owned(),
            kind,
            isolated: false,
            lookup: true,
            wallet: Self::wallet(),
            manner: Manner::default(),
            reports_fee: true,
            asks: false,
            sites: vec![Site::new(SHOP)],
            config: Config::new(100),
            plans: vec![vec![lane.clone()], vec![lane]],
            faults: 1,
            only_wallet: false,
            jumps: true,
            long_jumps: false,
            late_orders: false,
        }
    }

    /// One wallet for all, whose records are whole.
    pub fn wallet() -> Wallet {
        Wallet { id: Some("wallet".into()), finds: true, ..Wallet::default() }
    }

    /// Whether the wallet's records can tell everybody what became of every payment.
    pub fn can_tell(&self) -> bool {
        self.lookup && self.wallet.finds && !self.manner.is_own && self.manner.shows_until_ms == 0
    }

    pub fn total(mut self, sat: u64) -> Self {
        self.config.limits.all = Windows { total: Some(sat * 1000), ..Windows::default() };
        self
    }

    /// Whether more than one process runs at a time on a store without lock: what they write may be lost to each other.
    pub fn is_racy(&self) -> bool {
        !self.kind.has_lock() && self.plans.len() > 1
    }

    pub fn url(&self, site: usize, path: &str) -> String {
        format!("{}{path}", self.sites[site].origin)
    }

    pub fn site_of(&self, url: &str) -> (usize, &Site) {
        self.sites.iter().enumerate().find(|(_, site)| url.starts_with(site.origin)).unwrap()
    }

    /// What a token opens.
    pub fn scope(&self, url: &str) -> String {
        let (_, site) = self.site_of(url);
        if site.shares { site.origin } else { url }.to_owned()
    }

    /// What one payment is enough for, whatever goes wrong: while it is open, it stands in the way of its own resource.
    pub fn group(&self, url: &str) -> String {
        url.to_owned()
    }
}
