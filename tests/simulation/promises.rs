//! The promises to a user. They are checked against the wallet's ledger during a run and at its end.

use crate::process::{says_unpaid, End, Op, Process};
use crate::records::{flaw, is_stored, leases, records, Record};
use crate::setup::Call;
use crate::wallet::{Money, Way};
use crate::world::{Act, World};
use l402_fetch::ledger::limits::{Spent, Windows};
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::record::FORGOTTEN_AFTER_S;
use l402_fetch::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// The time after which nobody waits for a lock of a dead process, every invoice has expired, and every answer of a
/// lookup is believed.
const REST_MS: u64 = 4_000_000;
/// A number of steps that no run reaches.
const MOST_STEPS: usize = 20_000;

impl World {
    /// Notes a broken promise. Only the first is kept.
    pub fn breaks(&self, promise: &str, how: &str) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = Some(format!("{promise}: {how}"));
        }
    }

    fn keeps(&self, promise: &str, kept: bool, how: impl FnOnce() -> String) {
        if !kept {
            self.breaks(promise, &how());
        }
    }

    /// The wallet is asked: the journal says since when.
    pub fn check_order(&self, process: &Process, hash: &PaymentHash) -> u64 {
        self.keeps("one payment per call", process.orders.get() <= process.begun.get(), || {
            format!("process {} asked {} times", process.id, process.orders.get())
        });
        let record = records(&process.store).into_iter().find(|record| record.hash == *hash);
        let is_written = record.as_ref().is_some_and(|record| !record.is_reserved);
        self.keeps("written before the wallet is asked", is_written, || hash.to_hex());
        record.map_or_else(|| self.wall(), |record| record.started_at_ms)
    }

    /// A token is about to be shown, so the store must have it. Another call may come during the write.
    pub fn check_shown(&self, process: &Process, url: &str, authorization: &str) {
        let site = self.setup.site_of(url).1;
        // Such tokens are replaced and dropped while others still use them.
        let is_fleeting = site.single_use || site.refuses.is_some() || site.lasts_s.is_some();
        if process.ops.borrow().values().any(Op::is_at_store) {
            return;
        }
        let is_taken_back = !self.forgotten.borrow().is_empty();
        if is_fleeting || is_taken_back || self.store_failed.get() {
            return;
        }
        let preimage = authorization.rsplit(':').next().unwrap_or_default();
        self.keeps("token before repeat", is_stored(&process.store, preimage), || authorization.to_owned());
    }

    /// The records must have every preimage that the wallet told to a living process.
    fn check_revealed(&self) {
        if self.store_failed.get() {
            return;
        }
        for (hash, process) in &*self.revealed.borrow() {
            let process = self.process(*process);
            if process.is_running() {
                let is_kept = is_paid(&records(&process.store), hash);
                self.keeps("what was revealed is kept", is_kept, || hash.to_hex());
            }
        }
    }

    /// The wallet has taken a payment on.
    pub fn check_money(&self, hash: &PaymentHash) {
        if self.is_replayed.get() {
            return;
        }
        let payments = self.wallet.payments.borrow();
        let Some(new) = payments.get(hash) else { return };
        let group = self.setup.group(&new.url);
        let same: Vec<_> = payments.iter().filter(|(_, money)| self.setup.group(&money.url) == group).collect();
        let allowed = self.allowed(&group, &same);
        self.keeps("no second payment", same.len() <= allowed, || {
            format!("{} payments for {group}, {allowed} allowed", same.len())
        });
        let limits = &self.setup.config.limits;
        let origin = self.setup.site_of(&new.url).1.origin;
        let counted = |which: &dyn Fn(&Money) -> bool| {
            let mut spent = Spent::default();
            for money in payments.values().filter(|money| which(money)) {
                let fee = if money.way == Way::Flying { money.max_fee_msat } else { money.fee_msat };
                spent.add(money.amount_msat + fee, money.started_at, self.wall());
            }
            spent
        };
        self.check_windows(&limits.all, &counted(&|_| true));
        self.check_windows(&limits.per_origin, &counted(&|money| money.url.starts_with(origin)));
        self.keeps("limits", new.amount_msat + new.max_fee_msat <= limits.per_payment, || "perPayment".into());
    }

    fn check_windows(&self, windows: &Windows, spent: &Spent) {
        for (limit, sum) in [(windows.per_hour, spent.hour), (windows.per_day, spent.day), (windows.total, spent.total)]
        {
            self.keeps("limits", limit.is_none_or(|limit| sum <= limit), || format!("{sum} of {limit:?} msat"));
        }
    }

    /// The number of payments that one group may cost. One payment is enough for it. One more is allowed for each
    /// payment that a user has forgotten, that stayed unknown for a day, or whose token is used up or expired. One more
    /// is allowed for each refusal that came only from an overloaded server.
    fn allowed(&self, group: &str, payments: &[(&PaymentHash, &Money)]) -> usize {
        let (_, site) = self.setup.site_of(group);
        let begun = self.begun.borrow().get(group).copied().unwrap_or(0);
        let aged = |(hash, money): &&(&PaymentHash, &Money)| {
            let expires_at = self.server.preimages.borrow().get(*hash).and_then(|(_, expires_at)| *expires_at);
            expires_at.is_some_and(|at| self.latest() >= at) || self.is_aged(money)
        };
        let gone = payments.iter().filter(aged).count();
        let forgotten = self.forgotten.borrow().get(site.origin).copied().unwrap_or(0);
        if site.single_use {
            begun
        } else {
            1 + gone + forgotten + self.busy.get() / 2
        }
    }

    /// A write has happened, or the wallet has moved money.
    pub fn check_store(&self) {
        if self.is_replayed.get() {
            return;
        }
        for Record { hash, state, .. } in records(&self.store) {
            let has_moved = self.wallet.way(&hash) == Some(Way::Moved);
            self.keeps("failed only what did not move", state != State::Failed || !has_moved, || hash.to_hex());
            self.keeps("paid only what moved", state != State::Paid || has_moved, || hash.to_hex());
        }
        if let Some(flaw) = flaw(&self.store) {
            self.breaks("sums equal the records", &flaw);
        }
    }

    /// A call has ended.
    pub fn judge(&self, process: &Process, end: &End) {
        self.say(|| format!("#{} ended {end:?}", process.id));
        match end {
            End::Answer(_, Some((paid_now, hash))) => {
                let moved = self.wallet.way(hash) == Some(Way::Moved);
                self.keeps("says what happened", moved, || format!("receipt of {hash}, paid now: {paid_now}"));
            }
            End::Raised(code, Some((state, hash))) => {
                let said_unpaid = says_unpaid(code) || *state == "failed";
                let way = self.wallet.way(hash);
                self.keeps("says what happened", !said_unpaid || way != Some(Way::Moved), || {
                    format!("{code} of {hash}")
                });
            }
            _ => {}
        }
    }

    /// The run is over. Checks that every call has ended, and then the day after.
    pub fn check_rest(self: &Rc<Self>) {
        self.check_end();
        if self.broken.borrow().is_none() {
            self.live_on();
        }
    }

    /// The run is over. Checks that every call has ended as it should.
    pub fn check_end(self: &Rc<Self>) {
        for process in self.running() {
            self.keeps("every call ends", process.is_idle(), || format!("process {} waits for ever", process.id));
        }
        self.check_revealed();
        if self.is_healthy() {
            for process in self.running() {
                self.check_calls(&process, 0);
            }
        }
    }

    /// The day after: nothing goes wrong any more. Those who still live ask again, and a new process does.
    fn live_on(self: &Rc<Self>) {
        self.say(|| "-- the day after".into());
        self.is_day_after.set(true);
        self.pass(REST_MS + self.set_back());
        let mut again: Vec<Call> =
            self.setup.plans.iter().flatten().flatten().filter(|call| matches!(call, Call::Fetch(..))).copied().fold(
                Vec::new(),
                |mut calls, call| {
                    if !calls.contains(&call) {
                        calls.push(call);
                    }
                    calls
                },
            );
        let before = self.wallet.moved();
        again.push(Call::Payments);
        // A user who settles what nobody can tell may be asked to wait, and does so once more.
        let told = if self.setup.can_tell() { vec![] } else { vec![Call::Resolve] };
        let (first, last) = ([again.clone(), told.clone()].concat(), [told, again].concat());
        if self.setup.has_store {
            self.start(usize::MAX, std::slice::from_ref(&first));
        }
        self.watch(&first);
        for process in self.running() {
            process.call(last.clone());
            process.run();
            self.finish();
            self.check_last_calls(&process);
        }
        // In memory alone all is lost with its process.
        if !self.setup.has_store {
            return;
        }
        let process = self.start(usize::MAX, &[first]);
        self.finish();
        self.pass(REST_MS);
        process.call(last);
        process.run();
        self.finish();
        self.check_last_calls(&process);
        self.check_books(&before);
        self.check_left_behind();
    }

    /// Everybody asks once, and has then watched the leases of the dead for long enough.
    fn watch(self: &Rc<Self>, again: &[Call]) {
        self.finish();
        for process in self.running() {
            process.call(again.to_vec());
            process.run();
            self.finish();
        }
        self.pass(REST_MS);
    }

    /// Carries out the ordinary acts in order until none is left.
    fn finish(self: &Rc<Self>) {
        for _ in 0..MOST_STEPS {
            let (acts, _) = self.acts();
            match acts.into_iter().find(|act| !matches!(act, Act::Fizzle(..))) {
                Some(act) => self.apply(act),
                None => return,
            }
        }
        self.breaks("every call ends", "endless");
    }

    /// Whether nothing has gone wrong so far, and no user has forgotten anything.
    fn is_healthy(&self) -> bool {
        self.faults_left.get() == self.setup.faults && self.forgotten.borrow().is_empty()
    }

    fn check_last_calls(&self, process: &Process) {
        self.keeps("every call ends", process.is_idle(), || format!("process {} waits for ever", process.id));
        let lanes = process.lanes.borrow().len();
        self.check_calls(process, lanes - 1);
        for (url, told) in &*process.lanes.borrow()[lanes - 1].refused.borrow() {
            self.keeps("no reserve is left behind", self.setup.is_random || self.is_used_up(told, url), || url.clone());
        }
    }

    /// Whether the paid and the open payments leave too little for one more.
    fn is_used_up(&self, told: &[Payment], url: &str) -> bool {
        let (limits, site) = (&self.setup.config.limits, self.setup.site_of(url).1);
        let sum = |which: &dyn Fn(&Payment) -> bool| {
            let mut spent = Spent::default();
            for payment in told.iter().filter(|payment| which(payment)) {
                let msat = match payment.state {
                    State::Paid => payment.amount_msat + payment.fee_msat,
                    State::Pending | State::Unknown => payment.amount_msat + (payment.amount_msat / 100).max(5_000),
                    // The payment may have been open until `payments()` looked it up.
                    State::Failed => payment.amount_msat + 5_000,
                };
                spent.add(msat, payment.started_at * 1000, self.wall());
            }
            spent
        };
        let is_over = |windows: &Windows, spent: Spent| {
            [(windows.per_hour, spent.hour), (windows.per_day, spent.day), (windows.total, spent.total)]
                .iter()
                .any(|(limit, sum)| limit.is_some_and(|limit| sum + site.price_msat > limit))
        };
        is_over(&limits.all, sum(&|_| true))
            || is_over(&limits.per_origin, sum(&|payment| payment.url.origin() == site.origin))
    }

    /// Every call without a fault must have the right end.
    fn check_calls(&self, process: &Process, from: usize) {
        let refuses = |url: &str| self.setup.site_of(url).1.refuses.is_some();
        for lane in process.lanes.borrow().iter().skip(from) {
            for (url, end) in &*lane.ends.borrow() {
                let is_fine = match end {
                    End::Answer(200, _) | End::Done => true,
                    // A process may have used a single-use token and died. A token that lasts for minutes expires if
                    // the clock is set before its first use.
                    End::Answer(401, _) | End::Raised("not_honored", _) if self.setup.site_of(url).1.single_use => true,
                    End::Raised("not_honored", _) if self.setup.site_of(url).1.lasts_s.is_some() => true,
                    End::Answer(..) | End::Raised("not_honored", _) => refuses(url),
                    End::Raised("over_limit", None) => self.is_tight(),
                    // An order is out for as long as its wallet never answers.
                    End::Raised("payment_unknown", Some((_, hash))) => {
                        self.running().iter().any(|other| other.has_out(hash)) || !self.setup.can_tell()
                    }
                    _ => false,
                };
                self.keeps("what is bought can be had", is_fine, || {
                    format!("process {}: {end:?} for {url}", process.id)
                });
            }
        }
    }

    fn is_tight(&self) -> bool {
        let limits = &self.setup.config.limits;
        [limits.all, limits.per_origin].iter().any(|windows| *windows != Windows::default())
    }

    /// What the books say in the end is what the wallet's ledger says.
    fn check_books(&self, before: &[(PaymentHash, Money)]) {
        let records = records(&self.store);
        for (hash, money) in self.wallet.moved() {
            let record = records.iter().find(|record| record.hash == hash);
            let is_known = record.is_some_and(|record| record.amount_msat == money.amount_msat);
            self.keeps("the ledger knows every payment", is_known, || hash.to_hex());
        }
        for record in &records {
            let has_moved = self.wallet.way(&record.hash) == Some(Way::Moved);
            // What the dead reserved is released by whoever would be refused for it.
            let is_over = record.is_reserved || !record.is_unsettled();
            let is_settled = if has_moved { record.state == State::Paid } else { is_over };
            self.keeps("nothing stays open that can be told", is_settled || self.can_still_be_open(record), || {
                format!("{} {:?}", record.hash, record.state)
            });
        }
        // The processes of the day after must not buy again what was bought before.
        for (hash, money) in before {
            let site = self.setup.site_of(&money.url).1;
            let is_bought = is_paid(&records, hash) || site.single_use;
            self.keeps("what was revealed is kept", is_bought || self.is_aged(money), || hash.to_hex());
        }
    }

    fn is_aged(&self, money: &Money) -> bool {
        self.latest() / 1000 > money.invoice_expires_at + FORGOTTEN_AFTER_S
    }

    /// An order that is never answered is out for ever. A payment is looked up when its resource is bought next: where
    /// another token opens it, that may be never.
    fn can_still_be_open(&self, record: &Record) -> bool {
        let is_out = self.running().iter().any(|process| process.has_out(&record.hash));
        is_out || self.wall() / 1000 > record.invoice_expires_at + FORGOTTEN_AFTER_S
    }

    /// All is over, and leases have lapsed.
    fn check_left_behind(&self) {
        let records = records(&self.store);
        for owner in leases(&self.store) {
            let is_held = records.iter().any(|record| record.is_unsettled() && record.owner == owner);
            self.keeps("no lease is left behind", is_held, || owner);
        }
    }
}

fn is_paid(records: &[Record], hash: &PaymentHash) -> bool {
    records.iter().any(|record| record.hash == *hash && record.state == State::Paid)
}
