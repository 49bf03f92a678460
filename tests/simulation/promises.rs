//! The promises to a user. They are checked against the wallet's ledger during a run and at its end.

use crate::process::{says_unpaid, End, Op, Process, Status};
use crate::setup::{Call, Kind};
use crate::store::{Holder, JOURNAL, TOKENS};
use crate::wallet::{Money, Way};
use crate::world::{Act, World};
use l402_fetch::ledger::entry::{Entry, FORGOTTEN_AFTER_S};
use l402_fetch::ledger::journal::Journal;
use l402_fetch::ledger::limits::{Spent, Windows};
use l402_fetch::ledger::payment::{Payment, State};
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

    fn journal(&self) -> Vec<Entry> {
        let text = self.store.value(JOURNAL);
        text.and_then(|text| Journal::parse(&text).ok()).map(|journal| journal.entries().to_vec()).unwrap_or_default()
    }

    /// A client asks the wallet. The payment must be open in the journal.
    /// Returns the start time that the journal gives.
    pub fn check_order(&self, process: &Process, hash: &PaymentHash) -> u64 {
        self.keeps("one payment per call", process.orders.get() <= process.begun.get(), || {
            format!("process {} asked {} times", process.id, process.orders.get())
        });
        let entry = self.journal().into_iter().rev().find(|entry| entry.payment.payment_hash == *hash);
        if self.setup.kind.has_store() && !self.setup.is_racy() {
            let is_open = entry.as_ref().is_some_and(Entry::is_unsettled);
            // A process may have been frozen since its entry. Others may then have judged that the payment never
            // started.
            let is_overtaken = self.setup.kind.has_leases() && entry.is_some();
            self.keeps("journal before wallet", is_open || is_overtaken, || {
                format!("{hash} is not open in the journal")
            });
        }
        entry.map_or_else(|| self.wall(), |entry| entry.started_at_ms)
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
        if !self.setup.kind.has_store()
            || self.setup.is_racy()
            || is_fleeting
            || is_taken_back
            || self.store_failed.get()
        {
            return;
        }
        let preimage = authorization.rsplit(':').next().unwrap_or_default();
        let stored = self.store.value(TOKENS).unwrap_or_default();
        self.keeps("token before repeat", stored.contains(preimage), || authorization.to_owned());
    }

    /// The records must have every preimage that the wallet told to a living process.
    fn check_revealed(&self) {
        if !self.setup.kind.has_store() || self.setup.is_racy() || self.store_failed.get() {
            return;
        }
        let journal = self.journal();
        for (hash, process) in &*self.revealed.borrow() {
            if self.process(*process).is_running() {
                self.keeps("what was revealed is kept", entry_is_paid(&journal, hash), || hash.to_string());
            }
        }
    }

    /// The wallet has taken a payment on.
    pub fn check_money(&self, hash: &PaymentHash) {
        if self.setup.is_racy() || self.is_replayed.get() {
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
        for entry in self.journal() {
            let hash = &entry.payment.payment_hash;
            // Without a lock only the clock can tell that nobody is about to pay.
            let is_blind = self.setup.is_racy() && self.is_set_forward();
            if entry.payment.state == State::Failed && !is_blind {
                self.keeps("failed only what did not move", self.wallet.way(hash) != Some(Way::Moved), || {
                    hash.to_string()
                });
            }
            if entry.payment.state == State::Paid {
                self.keeps("paid only what moved", self.wallet.way(hash) == Some(Way::Moved), || hash.to_string());
            }
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
        for process in self.running() {
            self.keeps("every call ends", process.is_idle(), || format!("process {} waits for ever", process.id));
        }
        self.check_locks();
        self.check_revealed();
        if self.is_healthy() && !self.setup.is_racy() {
            for process in self.running() {
                self.check_calls(&process, 0);
            }
        }
        if self.broken.borrow().is_none() {
            self.live_on();
        }
    }

    fn check_locks(&self) {
        let processes = self.processes.borrow();
        for (name, lock) in &*self.store.locks.borrow() {
            let is_dead = |holder: &Holder| processes[holder.0].status_of_holder(*holder).0 == Status::Dead;
            let is_free = lock.holder.is_none_or(|holder| self.store.kind != Kind::Web && is_dead(&holder));
            self.keeps("locks are freed", is_free, || name.clone());
        }
    }

    /// The day after, without faults. Every living process asks again, and so does a new one.
    fn live_on(self: &Rc<Self>) {
        self.say(|| "-- the day after".into());
        self.is_day_after.set(true);
        self.pass(REST_MS + self.set_back());
        let again: Vec<Call> =
            self.setup.plans.iter().flatten().flatten().filter(|call| matches!(call, Call::Fetch(..))).copied().fold(
                Vec::new(),
                |mut calls, call| {
                    if !calls.contains(&call) {
                        calls.push(call);
                    }
                    calls
                },
            );
        // A memory store dies with its process. A store without locks loses some of the writes of several processes.
        let is_kept = self.setup.kind.has_store() && !self.setup.is_racy();
        let before = self.wallet.moved();
        let asked_last = [again.clone(), vec![Call::Payments]].concat();
        if self.setup.kind.has_leases() {
            // A process that takes locks over from the dead believes no "failed" until the time of their wallets is
            // over.
            self.start(usize::MAX, std::slice::from_ref(&again));
            self.finish();
            self.pass(REST_MS);
        }
        for process in self.running() {
            process
                .call([if self.setup.can_tell() { vec![] } else { vec![Call::Resolve] }, asked_last.clone()].concat());
            process.run();
            self.finish();
            self.check_last_calls(&process);
        }
        if !is_kept {
            return;
        }
        let mut last = vec![Call::Resolve];
        last.splice(..usize::from(self.setup.can_tell()), []);
        last.extend(asked_last);
        let process = self.start(usize::MAX, &[last]);
        self.finish();
        self.check_last_calls(&process);
        self.check_locks();
        self.check_books(&before);
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
            self.keeps("no reserve is left behind", self.setup.long_jumps || self.is_used_up(told, url), || {
                url.clone()
            });
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
                    // An order stays open as long as its wallet never answers.
                    End::Raised("payment_unknown", Some((_, hash))) => process.has_out(hash) || !self.setup.can_tell(),
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

    /// The records must agree with the wallet's ledger in the end.
    fn check_books(&self, before: &[(PaymentHash, Money)]) {
        let journal = self.journal();
        for (hash, money) in self.wallet.moved() {
            let entry = journal.iter().rev().find(|entry| entry.payment.payment_hash == hash);
            self.keeps("the journal knows every payment", entry.is_some(), || hash.to_string());
            let Some(entry) = entry else { continue };
            let is_resolved = entry.payment.state == State::Paid || self.can_still_be_open(entry);
            self.keeps("nothing stays open that can be told", is_resolved, || {
                format!("{hash} {:?}", entry.payment.state)
            });
            let counted = entry.payment.amount_msat == money.amount_msat;
            self.keeps("the journal knows every payment", counted, || format!("{hash} amount"));
        }
        for entry in &journal {
            let is_resolved = !entry.is_unsettled() || self.can_still_be_open(entry);
            self.keeps("nothing stays open that can be told", is_resolved, || {
                format!("{} {:?}", entry.payment.payment_hash, entry.payment.state)
            });
        }
        // The processes of the day after must not buy again what was bought before.
        for (hash, money) in before {
            let site = self.setup.site_of(&money.url).1;
            let is_bought = entry_is_paid(&journal, hash) || site.single_use;
            self.keeps("what was revealed is kept", is_bought || self.is_aged(money), || hash.to_string());
        }
    }

    fn is_aged(&self, money: &Money) -> bool {
        self.latest() / 1000 > money.invoice_expires_at + FORGOTTEN_AFTER_S
    }

    /// Whether an entry may still be open. It is looked up at the next purchase of its resource. That purchase may
    /// never come, if another token opens the resource.
    fn can_still_be_open(&self, entry: &Entry) -> bool {
        self.wall() / 1000 > entry.invoice_expires_at + FORGOTTEN_AFTER_S
    }
}

fn entry_is_paid(journal: &[Entry], hash: &PaymentHash) -> bool {
    journal.iter().any(|entry| entry.payment.payment_hash == *hash && entry.payment.state == State::Paid)
}
