//! The ledger's steps as data: several instances that decide on rows which they remember and write when they come to
//! it, on a store that refuses, loses answers and writes late. What a run must keep is asserted on the way.

use l402_fetch::ledger::acceptance::Unaccepted;
use l402_fetch::ledger::begin::{begin, Begun, Draft};
use l402_fetch::ledger::certainty::Proof;
use l402_fetch::ledger::dispatch::Dispatch;
use l402_fetch::ledger::forget::forget;
use l402_fetch::ledger::instance;
use l402_fetch::ledger::key;
use l402_fetch::ledger::lease::{renew_lease, Lease};
use l402_fetch::ledger::lessons::Lessons;
use l402_fetch::ledger::level::Level;
use l402_fetch::ledger::limits::{Limits, Windows};
use l402_fetch::ledger::own::{note, Said};
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::read::payment;
use l402_fetch::ledger::record::{scope_paths, Record};
use l402_fetch::ledger::refusal::Refusal;
use l402_fetch::ledger::resource::Resource;
use l402_fetch::ledger::settle::{cancel, repeat, settle_paid, settle_unproven, Outcome};
use l402_fetch::ledger::token::Token;
use l402_fetch::ledger::view::{Changes, Listing, Rows, View};
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::Code;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const START: u64 = 1_800_000_000_000;
const LEASE_MS: u64 = 150_000;
const ORIGINS: [&str; 2] = ["https://a.example", "https://b.example"];
/// Satoshis that the client may spend, and each scope, outermost first.
const TOTALS: [u64; 3] = [200, 120, 60];
const SCOPES: [&[&str]; 4] = [&[], &["agent"], &["agent", "task"], &["agenttask"]];
/// Steps that are run anew so often in a row have no end.
const MOST_TRIES: usize = 50;

/// What is chosen next, below a number.
pub type Choose<'a> = &'a mut dyn FnMut(u64) -> u64;

/// One step, and whose it is.
#[derive(Clone, Debug)]
enum Step {
    Begin {
        owner: String,
        url: String,
        number: u64,
        sat: u64,
        only_reserve: bool,
        approved: Option<u64>,
        scopes: usize,
    },
    Paid {
        number: u64,
        fee_msat: u64,
    },
    Unproven {
        record: Box<Known>,
        outcome: Outcome,
    },
    Cancel {
        number: u64,
        owner: String,
    },
    Repeat {
        record: Box<Known>,
        owner: String,
    },
    Renew {
        owner: String,
    },
    Note {
        number: u64,
        said: Said,
    },
    Forget {
        origin: Option<usize>,
    },
}

/// A record that says nothing of itself in a panic.
#[derive(Clone)]
struct Known(Record);

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} of {}", self.0.payment.payment_hash, self.0.owner)
    }
}

/// What a step came to.
enum Done {
    Entered(Record),
    Bought,
    Standing(Record),
    Settled(Token),
    Repeated(Option<Record>),
    Nothing,
    Refused(Code),
}

/// A step that is decided, and not written yet.
struct Pending {
    step: Step,
    done: Done,
    view: View,
    tries: usize,
}

/// What one process remembers.
#[derive(Default)]
struct Instance {
    rows: Rc<RefCell<Rows>>,
    pending: Option<Pending>,
    is_uncertain: bool,
}

/// A payment, as the world knows it.
struct Sale {
    url: String,
    token: Option<Token>,
    /// It was handed to a wallet, which may pay it until it is known to have failed.
    may_be_paid: bool,
    /// Whose order it was last.
    sent_by: String,
}

pub struct World {
    store: BTreeMap<String, Rc<str>>,
    late: Vec<(Changes, Changes)>,
    instances: Vec<Instance>,
    now: u64,
    /// Owners that others take for gone.
    lapsed: BTreeSet<String>,
    sales: BTreeMap<u64, Sale>,
    /// Numbers of payments whose tokens still open what they were bought for, by URL.
    good: BTreeMap<String, BTreeSet<u64>>,
    reserved: Vec<(String, String, u64, u64, u64, usize)>,
    begun: u64,
}

fn hash(number: u64) -> PaymentHash {
    PaymentHash::parse(&format!("{number:064x}")).unwrap()
}

fn names(scopes: usize) -> Vec<String> {
    SCOPES[scopes].iter().map(|name| (*name).to_owned()).collect()
}

fn origin_of(url: &str) -> &str {
    ORIGINS.into_iter().find(|origin| url.starts_with(origin)).unwrap()
}

fn resource(url: &Url) -> Resource<'_> {
    // Another resource's token is not tried: whether it would open this one is for the flow's tests.
    Resource { method: "GET", url, is_replayable: false, brought: Brought::default() }
}

fn limits(depth: usize) -> Vec<Rc<Level>> {
    let of = |sat: u64| {
        let all = Windows { total: Some(sat * 1000), ..Windows::default() };
        Rc::new(Limits { per_payment: 1_000_000, all, ..Limits::default() }.into())
    };
    TOTALS.into_iter().take(depth + 1).map(of).collect()
}

/// Every instance takes the same owners for gone.
impl instance::Instance for World {
    fn now_ms(&self) -> u64 {
        self.now
    }

    fn has_lapsed(&self, owner: &str, lease: Option<&Lease>) -> bool {
        lease.is_none() || self.lapsed.contains(owner)
    }

    fn knew(&self, _key: &str, _payment_hash: &PaymentHash, _mark: u32) -> bool {
        false
    }
}

impl World {
    pub fn new() -> Self {
        Self {
            store: BTreeMap::new(),
            late: Vec::new(),
            instances: (0..3).map(|_| Instance::default()).collect(),
            now: START,
            lapsed: BTreeSet::new(),
            sales: BTreeMap::new(),
            good: BTreeMap::new(),
            reserved: Vec::new(),
            begun: 0,
        }
    }

    /// Goes on by one event.
    pub fn go_on(&mut self, choose: Choose<'_>) {
        self.now += choose(120_000);
        let who = choose(self.instances.len() as u64) as usize;
        match self.instances[who].pending.take() {
            Some(pending) => self.write(who, pending, choose),
            None => {
                if let Some(step) = self.next(choose) {
                    self.decide(who, step, 0);
                }
            }
        }
        if choose(4) == 0 {
            self.land();
        }
        if choose(16) == 0 {
            // Somebody is taken for gone, rightly or not.
            let owners: Vec<String> =
                self.keys("lease/").into_iter().map(|key| key["lease/".len()..].to_owned()).collect();
            if !owners.is_empty() {
                self.lapsed.insert(owners[choose(owners.len() as u64) as usize].clone());
            }
        }
    }

    /// Brings all that is on its way to an end.
    pub fn end(&mut self) {
        for _ in 0..MOST_TRIES {
            for who in 0..self.instances.len() {
                if let Some(pending) = self.instances[who].pending.take() {
                    self.write(who, pending, &mut |_| 0);
                }
            }
            self.land();
        }
        assert!(self.instances.iter().all(|instance| instance.pending.is_none()));
        self.check();
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        self.store.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    fn next(&mut self, choose: Choose<'_>) -> Option<Step> {
        let records = self.records();
        let any =
            |choose: Choose<'_>| (!records.is_empty()).then(|| records[choose(records.len() as u64) as usize].clone());
        Some(match choose(12) {
            0..=3 => {
                self.begun += 1;
                let url = format!("{}/{}", ORIGINS[choose(2) as usize], choose(3));
                // The same invoice may be offered again.
                let again = self.sales.iter().find(|(_, order)| order.url == url).map(|(number, _)| *number);
                let number = again.filter(|_| choose(4) == 0).unwrap_or(self.begun);
                let (sat, scopes) = (1 + choose(20), choose(4) as usize);
                let (owner, only_reserve) = (format!("owner-{}", self.begun), choose(2) == 0);
                Step::Begin { owner, url, number, sat, only_reserve, approved: None, scopes }
            }
            4 => {
                // Somebody has consented.
                if self.reserved.is_empty() {
                    return None;
                }
                let (owner, url, number, sat, fee, scopes) =
                    self.reserved.swap_remove(choose(self.reserved.len() as u64) as usize);
                if choose(4) == 0 {
                    return Some(Step::Cancel { number, owner });
                }
                Step::Begin { owner, url, number, sat, only_reserve: false, approved: Some(fee), scopes }
            }
            5 | 6 => {
                let record = any(choose).filter(|record| !record.is_reserved)?;
                Step::Paid { number: number_of(&record), fee_msat: choose(record.max_fee_msat + 1) }
            }
            7 => {
                let record = any(choose).filter(|record| !record.is_reserved)?;
                let outcome = [Outcome::Failed, Outcome::Unknown, Outcome::Silent][choose(3) as usize];
                if outcome == Outcome::Failed {
                    // A wallet says so of an order that it has.
                    let sale = self.sales.get_mut(&number_of(&record)).filter(|sale| sale.sent_by == record.owner)?;
                    sale.may_be_paid = false;
                }
                let record = Box::new(Known(record));
                Step::Unproven { record, outcome }
            }
            8 => {
                self.begun += 1;
                let owner = format!("owner-{}", self.begun);
                Step::Repeat { record: Box::new(Known(any(choose).filter(|record| !record.is_reserved)?)), owner }
            }
            9 => Step::Renew { owner: any(choose)?.owner },
            10 => {
                let said = [Said::Accepted, Said::Refused, Said::UsedUp, Said::Doubted][choose(4) as usize];
                Step::Note { number: number_of(&any(choose)?), said }
            }
            _ => Step::Forget { origin: [Some(0), Some(1), None][choose(3) as usize] },
        })
    }

    fn run(&self, step: &Step, view: &mut View) -> Result<Done, Refusal> {
        Ok(match step {
            Step::Begin { owner, url, number, sat, only_reserve, approved, scopes } => {
                let payment = Payment {
                    payment_hash: hash(*number),
                    url: Url::of(url),
                    amount_msat: sat * 1000,
                    scopes: names(*scopes),
                    invoice: "lnbcrt1".into(),
                    ..Payment::default()
                };
                let record = Record {
                    payment,
                    method: "GET".into(),
                    token: "opaque".into(),
                    invoice_expires_at: START / 1000 + 1_000_000,
                    owner: owner.clone(),
                    is_reserved: *only_reserve,
                    dispatch: Dispatch { wallet_id: Some("w".into()), ..Dispatch::default() },
                    ..Record::default()
                };
                let is_shared = origin_of(url) == ORIGINS[1];
                let draft = Draft {
                    levels: Rc::new(limits(record.payment.scopes.len())),
                    booked: Rc::default(),
                    record,
                    // Another resource's token is not tried: whether it would open this one is for the flow's tests.
                    is_replayable: false,
                    brought: Brought::default(),
                    on_trial: Vec::new(),
                    waits_for: None,
                    approved_fee_msat: *approved,
                    lessons: Lessons { opened: is_shared, ..Lessons::default() },
                    unaccepted: Unaccepted::default(),
                    mark: 0,
                    max_deposit_msat: None,
                    draw: None,
                    lease_ms: LEASE_MS,
                };
                match begin(view, &draft, self)? {
                    Begun::Entered(record) => Done::Entered(Record::clone(&record)),
                    Begun::Bought(_) | Begun::Shown(_) => Done::Bought,
                    Begun::Standing(record) => Done::Standing(Record::clone(&record)),
                }
            }
            Step::Paid { number, fee_msat } => {
                // A proof of what was released would count above the limits, and rightly so.
                let record = self.record(*number).filter(|record| record.payment.state != State::Failed);
                let Some(record) = record else { return Ok(Done::Nothing) };
                // And so would a fee that is reported once what was reserved for it is free.
                let fee_msat = match record.payment.state {
                    State::Paid => record.payment.fee_msat,
                    _ => record.max_fee_msat.min(*fee_msat),
                };
                let proof = Proof { preimage: Some("00".repeat(32)), fee_msat: Some(fee_msat) };
                Done::Settled(settle_paid(view, &record, &proof, self.now).token)
            }
            Step::Unproven { record, outcome } => {
                settle_unproven(view, &record.0, *outcome, self.now);
                Done::Nothing
            }
            Step::Cancel { number, owner } => {
                cancel(view, &hash(*number), owner, self.now);
                Done::Nothing
            }
            Step::Repeat { record, owner } => {
                Done::Repeated(repeat(view, &record.0, owner, &limits(0), LEASE_MS, self))
            }
            Step::Renew { owner } => {
                renew_lease(view, owner);
                Done::Nothing
            }
            Step::Note { number, said } => {
                let Some(order) = self.sales.get(number) else { return Ok(Done::Nothing) };
                if let Some(token) = &order.token {
                    note(view, token, &resource(&Url::of(&order.url)), *said);
                }
                Done::Nothing
            }
            Step::Forget { origin } => {
                forget(view, origin.map(|origin| ORIGINS[origin]), None);
                Done::Nothing
            }
        })
    }

    /// Decides a step on what an instance remembers, and reads what it misses.
    fn decide(&mut self, who: usize, step: Step, tries: usize) {
        assert!(tries < MOST_TRIES, "it comes to no end: {step:?}");
        let mut view = View::of(Rc::clone(&self.instances[who].rows));
        let mut rounds = 0;
        let done = loop {
            rounds += 1;
            assert!(rounds < MOST_TRIES, "it reads for ever: {step:?}");
            view.restart();
            let done = view.take(|view| self.run(&step, view));
            if self.instances[who].is_uncertain && done.is_ok() {
                view.fence(key::SUMS);
            }
            if view.is_complete() {
                break done.unwrap_or_else(|refusal| Done::Refused(refusal.error.code()));
            }
            self.read_missing(&mut view);
        };
        if view.changed().is_empty() && !view.is_fresh() {
            // What is only remembered may have changed since.
            view.forget(&mut self.instances[who].rows.borrow_mut());
            return self.decide(who, step, tries + 1);
        }
        self.instances[who].pending = Some(Pending { step, done, view, tries });
    }

    fn read_missing(&self, view: &mut View) {
        let missing = view.missing();
        for key in missing.keys {
            view.learn(&key, self.store.get(&key).map(ToString::to_string));
        }
        for listing in missing.listings {
            let rows = self.list(&listing);
            view.learn_listing(listing, rows);
        }
    }

    fn list(&self, listing: &Listing) -> Vec<(String, String)> {
        assert!(!listing.reverse && listing.after.is_none());
        let found = self.store.iter().filter(|(key, _)| key.starts_with(&listing.prefix));
        found.take(listing.limit).map(|(key, value)| (key.clone(), value.to_string())).collect()
    }

    fn apply(&mut self, changes: &Changes, seen: &Changes) -> bool {
        if seen.iter().any(|(key, value)| self.store.get(key) != value.as_ref()) {
            return false;
        }
        for (key, value) in changes.iter() {
            assert!(key.len() <= 200 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
            match value {
                Some(value) => self.store.insert(key.to_owned(), value.clone()),
                None => self.store.remove(key),
            };
        }
        true
    }

    fn land(&mut self) {
        for (changes, seen) in std::mem::take(&mut self.late) {
            self.apply(&changes, &seen);
        }
    }

    /// Writes what was decided, as the store has it.
    fn write(&mut self, who: usize, pending: Pending, choose: Choose<'_>) {
        let Pending { step, done, view, tries } = pending;
        let (changes, seen) = (view.changed(), view.seen());
        if changes.is_empty() {
            return self.take_effect(&step, done);
        }
        let is_told = match choose(6) {
            // Refused though nothing changed; happens and says that it did not; happens later.
            1 => false,
            2 => {
                self.apply(changes, seen);
                false
            }
            3 => {
                self.late.push((changes.clone(), seen.clone()));
                false
            }
            _ => self.apply(changes, seen),
        };
        let instance = &mut self.instances[who];
        if is_told {
            instance.is_uncertain &= !changes.contains_key(key::SUMS);
            view.remember(&mut instance.rows.borrow_mut());
            return self.take_effect(&step, done);
        }
        instance.is_uncertain |= seen.contains_key(key::SUMS);
        view.forget(&mut instance.rows.borrow_mut());
        self.decide(who, step, tries + 1);
    }

    /// What follows a step that is written.
    fn take_effect(&mut self, step: &Step, done: Done) {
        match (step, done) {
            (Step::Begin { owner, url, number, sat, scopes, approved, .. }, Done::Entered(record)) => {
                assert_eq!((&record.owner, record.payment.url.as_str()), (owner, url.as_str()));
                assert!(
                    approved.is_none_or(|approved| record.max_fee_msat <= approved),
                    "more of a fee than was approved"
                );
                if record.is_reserved {
                    self.reserved.push((owner.clone(), url.clone(), *number, *sat, record.max_fee_msat, *scopes));
                } else {
                    self.send(*number, url, owner);
                }
            }
            (Step::Begin { url, number, .. }, Done::Standing(record)) => {
                let is_shared = origin_of(url) == ORIGINS[1];
                assert!(record.payment.url.as_str() == url || is_shared, "{number}");
            }
            (Step::Begin { .. }, Done::Refused(code)) => {
                assert!(
                    matches!(code, Code::OverLimit | Code::NotHonored | Code::PaymentUnknown | Code::HashMismatch),
                    "{code:?}"
                );
            }
            (Step::Repeat { record, owner }, Done::Repeated(Some(_))) => {
                self.send(number_of(&record.0), record.0.payment.url.as_str(), owner);
            }
            (Step::Paid { number, .. }, Done::Settled(token)) => {
                let url = token.payment.url.as_str().to_owned();
                let stored = self.store.get(&key::token(origin_of(&url), "GET", &url)).map(ToString::to_string);
                // A proof that is told again says nothing of what became of its token since.
                let is_news = self.sales.get(number).is_none_or(|sale| sale.token.is_none());
                if is_news && stored.is_some_and(|row| row.contains(&hash(*number).to_hex())) {
                    self.good.entry(url.clone()).or_default().insert(*number);
                }
                let order = self.sales.entry(*number).or_insert(Sale {
                    url,
                    token: None,
                    may_be_paid: false,
                    sent_by: String::new(),
                });
                (order.token, order.may_be_paid) = (Some(token), false);
            }
            (Step::Note { number, said: Said::Refused | Said::UsedUp }, _) => {
                self.good.values_mut().for_each(|numbers| _ = numbers.remove(number));
            }
            (Step::Forget { origin }, _) => {
                self.good.retain(|url, _| origin.is_some_and(|origin| !url.starts_with(ORIGINS[origin])));
            }
            (_, Done::Refused(code)) => panic!("{code:?}: {step:?}"),
            _ => {}
        }
    }

    /// An owner hands its order to a wallet, unless it was held up for so long that others take it for gone.
    fn send(&mut self, number: u64, url: &str, owner: &str) {
        if self.lapsed.contains(owner) {
            return;
        }
        for (other, order) in &self.sales {
            // It may be written that it is paid before whoever wrote it knows.
            let is_paid = || self.record(*other).is_some_and(|known| known.payment.state == State::Paid);
            assert!(
                *other == number || order.url != url || !order.may_be_paid || is_paid(),
                "{number} is sent while {other} may still be paid for {url}"
            );
        }
        // What opens it in the store is used, whoever bought it.
        let row = self.store.get(&key::token(origin_of(url), "GET", url)).map_or("", |row| row);
        // What says that it opens nothing any more may be written before whoever wrote it knows.
        let is_doubted = |bought: u64| {
            self.instances.iter().filter_map(|instance| instance.pending.as_ref()).any(|pending| {
                matches!(pending.step, Step::Note { number, said: Said::Refused | Said::UsedUp } if number == bought)
            })
        };
        let is_good = |bought: &u64| *bought != number && !is_doubted(*bought) && row.contains(&hash(*bought).to_hex());
        assert!(!self.good.get(url).is_some_and(|numbers| numbers.iter().any(is_good)), "{url} is bought twice");
        self.sales
            .insert(number, Sale { url: url.to_owned(), token: None, may_be_paid: true, sent_by: owner.to_owned() });
    }

    fn record(&self, number: u64) -> Option<Record> {
        let mut view = View::default();
        loop {
            view.restart();
            let found = view.take(|view| Ok(payment(view, &hash(number))));
            if view.is_complete() {
                return found
                    .unwrap_or_else(|refusal| panic!("{:?}", refusal.error))
                    .map(|(record, _)| Record::clone(&record));
            }
            self.read_missing(&mut view);
        }
    }

    fn records(&self) -> Vec<Record> {
        let keys = self.keys("payment/");
        keys.iter().filter_map(|key| self.record(u64::from_str_radix(&key["payment/".len()..], 16).unwrap())).collect()
    }

    /// Sums are those of the records, no limit is exceeded, and an open payment is the lock of its resource.
    pub fn check(&self) {
        let records = self.records();
        let mut expected: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        let mut open = Vec::new();
        for record in &records {
            let amounts = record.amounts();
            for key in record.sums() {
                let sums = expected.entry(key).or_default();
                sums[0] += amounts.spent;
                sums[1] += amounts.reserved;
            }
            if record.is_unsettled() {
                open.push(record.open_key());
            }
        }
        for (key, text) in &self.store {
            let is_sums = key == key::SUMS || key.starts_with("origin/") || key.starts_with("scope/");
            if !is_sums {
                continue;
            }
            let row: Value = serde_json::from_str(text).unwrap();
            let ever = numbers(&row, "ever");
            let sums = expected.remove(key).unwrap_or_default();
            assert_eq!(ever[..2], sums, "{key}");
            let minute = numbers(&row, "minute");
            assert!(minute[4].max(minute[7]) + minute[1] <= ever[0], "{key}");
            let past = self.store.get(&key::past(key)).map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
            for name in ["quarters", "minutes"] {
                let all = if past.is_null() { Vec::new() } else { numbers(&past, name) };
                let in_buckets: u64 = all.chunks(4).map(|bucket| bucket[1]).sum();
                assert!(in_buckets + minute[1] <= ever[0], "{key} {name}");
            }
        }
        assert!(expected.values().all(|sums| *sums == [0, 0]), "{expected:?}");
        for scopes in 0..SCOPES.len() {
            let paths = scope_paths(&names(scopes));
            let keys = std::iter::once(key::SUMS.to_owned()).chain(paths.iter().map(|path| key::scope(path)));
            for (key, total) in keys.zip(TOTALS) {
                let Some(text) = self.store.get(&key) else { continue };
                let row: Value = serde_json::from_str(text).unwrap();
                let counted: u64 = numbers(&row, "ever")[..2].iter().sum();
                assert!(counted <= total * 1000, "{key}: {counted} of {total} sat");
            }
        }
        open.sort_unstable();
        assert_eq!(open, self.keys("open/"), "one lock for each open payment");
    }
}

/// The numbers of a member of a row of sums.
fn numbers(row: &Value, name: &str) -> Vec<u64> {
    row[name].as_str().unwrap().split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn number_of(record: &Record) -> u64 {
    u64::from_str_radix(&record.payment.payment_hash.to_hex(), 16).unwrap()
}
