//! One world: processes on one store, one wallet, servers, a clock, and all acts that may happen next.

use crate::fault::Fault;
use crate::host::STORE_TIMEOUT_MS;
use crate::process::{digest, Ask, Fetching, Op, Process, Reply, Stage, Status};
use crate::server::{Sent, Server};
use crate::setup::{Lane, Only, Setup};
use crate::store::Store;
use crate::wallet::{Money, Wallet, Way};
use l402_fetch::flow::host::Answer;
use l402_fetch::ledger::wallet::{Fact, Window};
use l402_fetch::wire::payment_hash::PaymentHash;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// An instant in 2027. It has milliseconds, so that rounding shows.
const START_MS: i64 = 1_800_000_000_123;
/// How long a lost comparison is tried again.
const PATIENCE_MS: u64 = 10_000;
/// How long a frozen process may sleep when nobody else has anything to wait for: longer than a wallet is given.
const LONG_MS: u64 = 400_000;
/// A preimage that belongs to no payment hash of the servers.
const WRONG: &str = "abababababababababababababababababababababababababababababababab";

/// An act that may happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// A request of a process is carried out, or goes one stage further.
    Step(usize, u64),
    /// A payment that nobody waits for fails in the end.
    Fizzle(usize, u64),
    /// The asking task stops waiting.
    Expire(usize, u64),
    Thaw(usize),
    /// The clock advances to the next timer.
    Advance,
    /// A request of a process goes wrong.
    Fault(usize, u64, Fault),
    /// A process dies, and its users call again.
    Crash(usize),
    /// A process dies, its users call again, and its open orders and writes still arrive.
    CrashLate(usize),
    /// All processes die at once.
    Outage,
    Freeze(usize),
    /// The users of a process that died call again.
    Start(usize),
    /// A request of an isolate ends before its answer: who called it has gone.
    Drop(usize, usize),
    /// A request of an isolate ends before its answer, and its open orders and writes still arrive.
    DropLate(usize, usize),
    /// A request of an isolate freezes, and thaws at some time.
    FreezeRequest(usize, usize),
    ThawRequest(usize, usize),
    /// The next timer fires although others have work to do.
    Hurry,
    /// The wall clock is set by this number of milliseconds.
    Jump(i64),
    /// A caller gives up.
    Abort(usize, usize),
}

pub struct World {
    pub setup: Setup,
    /// The clock of timers. Only the wall clock may be set.
    timer: Cell<u64>,
    skew: Cell<i64>,
    /// The furthest that the wall clock was ever set forward.
    most_skew: Cell<i64>,
    has_slept_long: Cell<bool>,
    pub faults_left: Cell<u32>,
    /// Whether the faults are over.
    pub is_day_after: Cell<bool>,
    pub processes: RefCell<Vec<Rc<Process>>>,
    plans: RefCell<Vec<usize>>,
    /// Plans whose process has died, and begins anew once the others wait: in every order there would be too many runs.
    dead: RefCell<Vec<usize>>,
    pub store: Rc<Store>,
    pub wallet: Wallet,
    pub server: Server,
    /// The number of fetches that users began, by the group that one payment is enough for.
    pub begun: RefCell<BTreeMap<String, usize>>,
    pub forgotten: RefCell<BTreeMap<String, usize>>,
    /// The payments whose preimage the wallet told, and the process that heard it.
    pub revealed: RefCell<BTreeMap<PaymentHash, usize>>,
    /// Whether a store has failed any process.
    pub store_failed: Cell<bool>,
    /// The number of times that a server was overloaded when it was shown a token. Two such answers look like a refusal
    /// if the token was not bought for that resource.
    pub busy: Cell<usize>,
    /// Whether this part of the run was checked before.
    pub is_replayed: Cell<bool>,
    /// The first promise that was broken.
    pub broken: RefCell<Option<String>>,
    pub log: Option<RefCell<Vec<String>>>,
}

impl World {
    pub fn new(setup: &Setup, is_logged: bool) -> Rc<Self> {
        let world = Rc::new(Self {
            setup: setup.clone(),
            timer: Cell::new(0),
            skew: Cell::new(0),
            most_skew: Cell::new(0),
            has_slept_long: Cell::new(false),
            faults_left: Cell::new(setup.faults),
            is_day_after: Cell::new(false),
            processes: RefCell::default(),
            plans: RefCell::default(),
            dead: RefCell::default(),
            store: Rc::default(),
            wallet: Wallet::default(),
            server: Server::default(),
            begun: RefCell::default(),
            forgotten: RefCell::default(),
            revealed: RefCell::default(),
            store_failed: Cell::new(false),
            busy: Cell::default(),
            is_replayed: Cell::new(false),
            broken: RefCell::default(),
            log: is_logged.then(RefCell::default),
        });
        for (plan, lanes) in setup.plans.iter().enumerate() {
            world.start(plan, lanes);
        }
        world
    }

    pub fn start(self: &Rc<Self>, plan: usize, lanes: &[Lane]) -> Rc<Process> {
        let id = self.processes.borrow().len();
        let process = Process::new(self, id);
        self.processes.borrow_mut().push(Rc::clone(&process));
        self.plans.borrow_mut().push(plan);
        for lane in lanes {
            process.call(lane.clone());
            process.run();
        }
        process
    }

    /// Drops the processes. They and the world hold each other, so neither would be freed otherwise.
    pub fn end(&self) {
        for process in self.processes.take() {
            process.kill(self.timer(), false);
        }
    }

    pub fn timer(&self) -> u64 {
        self.timer.get()
    }

    pub fn wall(&self) -> u64 {
        (START_MS + self.timer.get() as i64 + self.skew.get()) as u64
    }

    /// The latest time that the wall clock may ever have shown.
    pub fn latest(&self) -> u64 {
        self.wall() + self.set_back()
    }

    /// What the clock of a process shows.
    pub fn wall_of(&self, process: &Process) -> u64 {
        let plan = self.plans.borrow().get(process.id).copied();
        let off = plan.and_then(|plan| self.setup.clocks.get(plan)).copied().unwrap_or_default();
        (self.wall() as i64 + off) as u64
    }

    /// The most by which a written time may lie in the future.
    pub fn set_back(&self) -> u64 {
        (self.most_skew.get() - self.skew.get()).unsigned_abs()
    }

    pub fn pass(&self, milliseconds: u64) {
        self.timer.set(self.timer.get() + milliseconds);
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if let Some(log) = &self.log {
            log.borrow_mut().push(format!("{:>8} {}", self.timer.get(), what()));
        }
    }

    pub fn process(&self, id: usize) -> Rc<Process> {
        Rc::clone(&self.processes.borrow()[id])
    }

    pub fn running(&self) -> Vec<Rc<Process>> {
        self.processes.borrow().iter().filter(|process| process.is_running()).map(Rc::clone).collect()
    }

    fn is_ready(&self, process: &Process, op: &Op) -> bool {
        if op.lost {
            return false;
        }
        match &op.ask {
            Ask::Sleep => op.until.is_some_and(|until| until <= self.timer.get()),
            Ask::Lookup(hash) => !self.is_looked_up_twice(process, hash),
            _ => true,
        }
    }

    /// A process that finds nothing looks again a little later. An order that was overtaken has arrived by then. A
    /// record is told at once, even if it is of an earlier attempt.
    fn is_looked_up_twice(&self, process: &Process, hash: &PaymentHash) -> bool {
        let is_overtaken = |op: &Op| {
            op.orphan && matches!(&op.ask, Ask::Pay(bill) if bill.hash == *hash && op.stage == Stage::Asked && !op.lost)
        };
        self.setup.manner.dates
            && !self.wallet.begun.borrow().contains_key(hash)
            && process.ops.borrow().values().any(is_overtaken)
    }

    /// The ordinary acts that may happen next. Those of the second list may also happen much later.
    fn ordinary(&self) -> (Vec<Act>, Vec<Act>) {
        let (mut soon, mut late) = (Vec::new(), Vec::new());
        for process in &*self.processes.borrow() {
            for (&id, op) in &*process.ops.borrow() {
                let status = process.status_of(op.owner).0;
                let has_expired = status == Status::Running
                    && !op.orphan
                    && !matches!(op.ask, Ask::Sleep)
                    && op.until.is_some_and(|until| until <= self.timer.get());
                if has_expired {
                    soon.push(Act::Expire(process.id, id));
                }
                if !self.is_ready(process, op) {
                    continue;
                }
                let is_under_way = match &op.ask {
                    Ask::Pay(_) => op.stage != Stage::Over,
                    Ask::Write(..) => true,
                    _ => false,
                };
                match status {
                    Status::Running if !op.slow && !op.orphan => soon.push(Act::Step(process.id, id)),
                    Status::Running => late.push(Act::Step(process.id, id)),
                    Status::Frozen | Status::Dead if is_under_way => late.push(Act::Step(process.id, id)),
                    Status::Frozen | Status::Dead => {}
                }
                if op.orphan && op.stage == Stage::Flying {
                    late.push(Act::Fizzle(process.id, id));
                }
            }
            if process.status.get().0 == Status::Frozen {
                late.push(Act::Thaw(process.id));
            }
            if process.is_running() {
                late.extend(process.frozen_requests().into_iter().map(|lane| Act::ThawRequest(process.id, lane)));
            }
        }
        (soon, late)
    }

    /// Timers fire in order, before anything else that happens at their time: a process looks again and again, and each
    /// order of that would be a run of its own.
    fn due_timer(&self) -> Option<Act> {
        self.running().iter().find_map(|process| {
            let ops = process.ops.borrow();
            let is_due = |op: &Op| matches!(op.ask, Ask::Sleep) && op.until.is_some_and(|at| at <= self.timer.get());
            let due = ops.iter().filter(|(_, op)| is_due(op) && process.is_awake(op));
            due.min_by_key(|(id, op)| (op.until, **id)).map(|(id, _)| Act::Step(process.id, *id))
        })
    }

    /// A process that waits for nothing but servers: what it does is seen by nobody else, so that others may as well go
    /// on afterwards, or have gone on before.
    fn asks_a_server(&self) -> Option<usize> {
        if self.setup.isolated
            || self.setup.is_random
            || self.setup.sites.iter().any(|site| site.single_use || site.reoffers)
        {
            return None;
        }
        let asks = |process: &&Rc<Process>| {
            let ops = process.ops.borrow();
            let waits = |op: &&Op| !matches!(op.ask, Ask::Sleep);
            ops.values().any(|op| matches!(op.ask, Ask::Send(_)))
                && ops.values().filter(waits).all(|op| matches!(op.ask, Ask::Send(_)) && !op.slow && !op.lost)
        };
        self.running().iter().find(asks).map(|process| process.id)
    }

    fn next_deadline(&self) -> Option<u64> {
        let now = self.timer.get();
        let processes = self.processes.borrow();
        // Who has nothing to do but to renew a lease waits for nothing.
        let is_anyone_busy = processes.iter().any(|process| process.is_running() && !process.is_idle());
        let mut next: Option<u64> = None;
        for process in processes.iter().filter(|process| process.is_running()) {
            let counts =
                |op: &&Op| !op.orphan && process.is_awake(op) && (is_anyone_busy || !matches!(op.ask, Ask::Sleep));
            for op in process.ops.borrow().values().filter(counts) {
                for at in op.until.into_iter().filter(|at| *at > now) {
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
            }
        }
        next
    }

    fn can_advance(&self) -> bool {
        if self.is_anything_overdue() {
            return false;
        }
        self.next_deadline().is_some() || (!self.has_slept_long.get() && self.is_anyone_frozen())
    }

    fn is_anything_overdue(&self) -> bool {
        let is_overdue = |op: &Op| op.slow_until.is_some_and(|until| until <= self.timer.get());
        self.running()
            .iter()
            .any(|process| process.ops.borrow().values().any(|op| is_overdue(op) && process.is_awake(op)))
    }

    fn is_anyone_frozen(&self) -> bool {
        let is_frozen =
            |process: &Rc<Process>| process.status.get().0 == Status::Frozen || !process.frozen_requests().is_empty();
        self.processes.borrow().iter().any(is_frozen)
    }

    /// All acts that may happen next: the ordinary ones first, then the faults.
    pub fn acts(&self) -> (Vec<Act>, Vec<Act>) {
        if let Some(timer) = self.due_timer() {
            return (vec![timer], Vec::new());
        }
        let (mut acts, late) = self.ordinary();
        let is_busy = !acts.is_empty();
        if !is_busy {
            match self.dead.borrow().first() {
                Some(&plan) => acts.push(Act::Start(plan)),
                None if self.can_advance() => acts.push(Act::Advance),
                None => {}
            }
        }
        acts.extend(late);
        let mut faults = Vec::new();
        if self.faults_left.get() > 0 && !acts.is_empty() {
            self.add_faults(&mut faults, is_busy);
        }
        if let Some(id) = self.asks_a_server() {
            let is_its =
                |act: &Act| matches!(act, Act::Step(own, _) | Act::Fault(own, ..) | Act::Abort(own, _) if *own == id);
            acts.retain(is_its);
            faults.retain(is_its);
        }
        (acts, faults)
    }

    fn add_faults(&self, faults: &mut Vec<Act>, is_busy: bool) {
        let mut running = self.running();
        if self.setup.only_first {
            let plans = self.plans.borrow();
            running.retain(|process| plans[process.id] == 0);
        }
        for process in &running {
            let id = process.id;
            for (&op_id, op) in &*process.ops.borrow() {
                let is_meant = match self.setup.only {
                    Only::All => true,
                    Only::Wallet => matches!(op.ask, Ask::Pay(_) | Ask::Lookup(_)),
                    Only::Store => op.is_at_store(),
                    Only::Life => false,
                };
                if is_meant && self.is_ready(process, op) && !op.slow && !op.orphan && process.is_awake(op) {
                    faults.extend(
                        Fault::of(op, &self.setup.manner, self.setup.is_random)
                            .iter()
                            .map(|fault| Act::Fault(id, op_id, *fault)),
                    );
                }
            }
            if self.setup.isolated {
                self.add_ends(process, faults);
            }
            if !process.is_idle() {
                if self.setup.has_store {
                    faults.push(Act::Crash(id));
                }
                let is_late = |op: &Op| match op.ask {
                    Ask::Pay(_) => self.setup.late_orders && op.stage == Stage::Asked && !op.lost,
                    Ask::Write(..) => true,
                    _ => false,
                };
                if process.ops.borrow().values().any(is_late) {
                    faults.push(Act::CrashLate(id));
                }
                if self.setup.has_store && self.setup.only != Only::Wallet {
                    faults.push(Act::Freeze(id));
                }
            }
        }
        if self.setup.restarts && self.running().iter().filter(|process| !process.is_idle()).count() > 1 {
            faults.push(Act::Outage);
        }
        if is_busy && self.setup.only == Only::All && self.next_deadline().is_some() {
            faults.push(Act::Hurry);
        }
        if self.setup.jumps {
            faults.push(Act::Jump(7_200_000));
        }
        if self.setup.is_random {
            faults.extend([600_000, -600_000, 3 * 86_400_000].map(Act::Jump));
        }
        if self.setup.is_random || self.setup.isolated {
            for process in &running {
                for (lane, progress) in process.lanes.borrow().iter().enumerate() {
                    let is_calling = progress.calling.borrow().as_ref().is_some_and(|call| !call.aborted.get());
                    if is_calling && process.status_of(lane).0 == Status::Running {
                        faults.push(Act::Abort(process.id, lane));
                    }
                }
            }
        }
    }

    /// Adds the ways in which the requests of an isolate may end or freeze.
    fn add_ends(&self, process: &Process, faults: &mut Vec<Act>) {
        for lane in process.requests() {
            faults.extend([Act::Drop(process.id, lane), Act::FreezeRequest(process.id, lane)]);
            let is_late = |op: &Op| match op.ask {
                Ask::Pay(_) => self.setup.late_orders && op.stage == Stage::Asked && !op.lost,
                Ask::Write(..) => true,
                _ => false,
            };
            if process.ops.borrow().values().any(|op| op.owner == lane && is_late(op)) {
                faults.push(Act::DropLate(process.id, lane));
            }
        }
    }

    pub fn apply(self: &Rc<Self>, act: Act) {
        self.say(|| self.describe(act));
        let now = self.timer.get();
        match act {
            Act::Step(..) | Act::Fizzle(..) | Act::Expire(..) | Act::Advance => {}
            Act::Thaw(_) | Act::ThawRequest(..) | Act::Start(_) => {}
            _ => self.faults_left.set(self.faults_left.get() - 1),
        }
        match act {
            Act::Step(process, id) => self.step(&self.process(process), id),
            Act::Expire(process, id) => self.expire(&self.process(process), id),
            Act::Fizzle(process, id) => {
                let process = self.process(process);
                let Some(Op { ask: Ask::Pay(bill), .. }) = process.ops.borrow_mut().remove(&id) else { return };
                self.wallet.payments.borrow_mut().remove(&bill.hash);
            }
            Act::Thaw(process) => self.process(process).thaw(now),
            Act::Advance | Act::Hurry => self.advance(),
            Act::Fault(process, id, fault) => fault.apply(self, &self.process(process), id),
            Act::Crash(process) => self.crash(process, false),
            Act::CrashLate(process) => self.crash(process, true),
            Act::Outage => {
                for process in self.running() {
                    self.crash(process.id, false);
                }
            }
            Act::Freeze(process) => self.process(process).freeze(now),
            Act::Start(plan) => {
                self.dead.borrow_mut().retain(|dead| *dead != plan);
                self.start(plan, &self.setup.plans[plan]);
            }
            Act::Drop(process, lane) => self.drop_request(&self.process(process), lane, false),
            Act::DropLate(process, lane) => self.drop_request(&self.process(process), lane, true),
            Act::FreezeRequest(process, lane) => {
                self.passes_over(&self.process(process), lane);
                self.process(process).freeze_request(lane);
            }
            Act::ThawRequest(process, lane) => self.process(process).thaw_request(lane),
            Act::Jump(by) => {
                self.skew.set(self.skew.get() + by);
                self.most_skew.set(self.most_skew.get().max(self.skew.get()));
            }
            Act::Abort(process, lane) => self.abort(&self.process(process), lane),
        }
    }

    fn advance(&self) {
        match self.next_deadline() {
            Some(at) => self.timer.set(at),
            None => {
                self.has_slept_long.set(true);
                self.pass(LONG_MS);
            }
        }
        // The wallet's signal has fired. An order that has not reached the wallet by then is withdrawn or lost.
        let (now, timeout, manner) = (self.timer.get(), self.setup.config.payment_timeout_ms, self.setup.manner);
        for process in &*self.processes.borrow() {
            let is_dead = process.status.get().0 == Status::Dead;
            process.ops.borrow_mut().retain(|_, op| {
                if let Ask::Pay(bill) = &op.ask {
                    let given_up_at = op.error_at.unwrap_or(bill.asked_at + timeout);
                    let ends_at = match self.setup.wallet.window {
                        Window::Sent(_) => (bill.asked_at + manner.lingers_ms).max(given_up_at),
                        _ => given_up_at + manner.lingers_ms,
                    };
                    let may_begin = (manner.has_no_end && !is_dead) || now < ends_at;
                    op.lost |= op.stage == Stage::Asked && !may_begin;
                }
                !(op.lost && is_dead)
            });
        }
    }

    /// Notes a failed store if the request is at the store. Its write may be only in the memory that the isolate's
    /// other requests share.
    fn passes_over(&self, process: &Process, lane: usize) {
        if process.ops.borrow().values().any(|op| op.owner == lane && op.is_at_store()) {
            self.store_failed.set(true);
        }
    }

    fn drop_request(&self, process: &Process, lane: usize, late: bool) {
        self.passes_over(process, lane);
        process.end_request(lane, late);
    }

    fn crash(self: &Rc<Self>, id: usize, late: bool) {
        let process = self.process(id);
        process.kill(self.timer.get(), late);
        let plan = self.plans.borrow()[id];
        match self.setup.plans.get(plan) {
            Some(lanes) if self.setup.is_random => drop(self.start(plan, lanes)),
            Some(_) if self.setup.restarts => self.dead.borrow_mut().push(plan),
            _ => {}
        }
    }

    fn abort(&self, process: &Rc<Process>, lane: usize) {
        let calling = process.lanes.borrow()[lane].calling.borrow().clone();
        let Some(calling) = calling else { return };
        calling.aborted.set(true);
        process.note(&("aborted", lane));
        let its_own = std::ptr::from_ref::<Fetching>(&calling) as usize;
        let sending = process.sending.borrow().iter().find(|(_, call)| **call == its_own).map(|(&id, _)| id);
        if let Some(id) = sending.filter(|id| process.ops.borrow().contains_key(id)) {
            process.answer(id, &"aborted", Reply::Sent(Err("aborted")));
        }
    }

    /// Carries a request out without a fault.
    fn step(&self, process: &Rc<Process>, id: u64) {
        let Some(op) = process.ops.borrow().get(&id).cloned() else { return };
        match &op.ask {
            Ask::Read(keys) => {
                let rows = self.store.read(keys);
                process.answer(id, &rows.clone(), Reply::Read(Ok(rows)));
            }
            Ask::List(part) => {
                let rows = self.store.list(part);
                process.answer(id, &rows.clone(), Reply::Listed(Ok(rows)));
            }
            Ask::Write(..) => {
                let written = self.write(&op);
                process.answer(id, &written, Reply::Written(Ok(written)));
            }
            Ask::Send(sent) => {
                let head = self.server.serve(&self.setup, &self.named(sent), self.wall());
                process.answer(id, &(head.status, &head.challenge), Reply::Sent(Ok(head.clone())));
            }
            Ask::Pay(_) => self.pay(process, id, &op),
            Ask::Lookup(hash) => {
                let found = self.look_up(process, hash);
                let what = match &found {
                    Fact::Paid { .. } => 1,
                    Fact::Pending => 2,
                    Fact::Failed { .. } => 3,
                    Fact::NotFound => 4,
                    Fact::Unreachable => 5,
                };
                process.answer(id, &what, Reply::Found(found));
            }
            Ask::Approve => process.answer(id, &true, Reply::Approved(Ok(true))),
            Ask::Sleep => process.answer(id, &(), Reply::Slept),
        }
    }

    /// A request with the number of the offer that answers it.
    pub fn named(&self, sent: &Sent) -> Sent {
        let (site, terms) = self.setup.site_of(&sent.url);
        let mut sent = sent.clone();
        if terms.reoffers {
            let paid = self.wallet.payments.borrow().values().filter(|money| money.url == sent.url).count();
            let path: u64 = sent.url.bytes().map(u64::from).sum();
            sent.number = 1_000_000 + site as u64 * 100_000 + path * 10 + paid as u64;
        }
        sent
    }

    /// The wallet that a process asks.
    pub fn node(&self, process: &Process) -> usize {
        let plan = self.plans.borrow().get(process.id).copied();
        if self.setup.manner.is_own {
            plan.unwrap_or(usize::MAX)
        } else {
            0
        }
    }

    /// Puts what a request wrote into the store, where the comparison holds.
    pub fn write(&self, op: &Op) -> bool {
        let Ask::Write(changes, seen) = &op.ask else { return false };
        let written = self.store.write(changes, seen);
        if written {
            self.check_store();
        }
        // Who loses so late gives up.
        let is_late = op.until.is_some_and(|until| self.timer.get() + STORE_TIMEOUT_MS >= until + PATIENCE_MS);
        self.store_failed.set(self.store_failed.get() || (!written && is_late));
        written
    }

    fn expire(&self, process: &Rc<Process>, id: u64) {
        let Some(op) = process.ops.borrow().get(&id).cloned() else { return };
        let silent = "the store is silent";
        self.store_failed.set(true);
        match op.ask {
            Ask::Read(_) => process.answer(id, &silent, Reply::Read(Err(silent))),
            Ask::List(_) => process.answer(id, &silent, Reply::Listed(Err(silent))),
            Ask::Write(..) => {
                if let Some(op) = process.ops.borrow_mut().get_mut(&id) {
                    op.orphan = true;
                }
                process.reply(id, &silent, Reply::Written(Err(silent)));
            }
            _ => {}
        }
    }

    /// Takes a payment one stage further: the wallet has the order, the payment is made, or the answer arrives.
    fn pay(&self, process: &Rc<Process>, id: u64, op: &Op) {
        let Ask::Pay(bill) = &op.ask else { return };
        let set = |stage| {
            if let Some(op) = process.ops.borrow_mut().get_mut(&id) {
                op.stage = stage;
            }
        };
        match op.stage {
            Stage::Asked => match self.wallet.way(&bill.hash) {
                Some(_) if self.wallet.money(&bill.hash).is_some_and(|money| money.node != self.node(process)) => {
                    let refusal = Answer::Failed { text: "invoice is already paid".into(), cause: None };
                    process.answer(id, &"paid by another", Reply::Paid(refusal));
                }
                Some(_) if !self.setup.wallet.settles_once => {
                    self.breaks("no second payment", "an invoice was handed twice to a wallet that may pay it twice");
                }
                Some(Way::Flying) => {
                    process.answer(id, &"again", Reply::Paid(Answer::Threw("payment is in transition")))
                }
                Some(Way::Moved) if op.orphan => drop(process.ops.borrow_mut().remove(&id)),
                Some(Way::Moved) => set(Stage::Over),
                None if self.wall() / 1000 > bill.invoice_expires_at => {
                    let refusal = Answer::Failed { text: "invoice expired".into(), cause: None };
                    process.answer(id, &"expired", Reply::Paid(refusal));
                }
                None => {
                    let money = Money {
                        url: bill.url.clone(),
                        amount_msat: bill.amount_msat,
                        max_fee_msat: bill.max_fee_msat,
                        fee_msat: 0,
                        started_at: bill.started_at,
                        invoice_expires_at: bill.invoice_expires_at,
                        way: Way::Flying,
                        asked_at: bill.asked_at,
                        begun_at: self.timer.get(),
                        node: self.node(process),
                    };
                    self.wallet.payments.borrow_mut().insert(bill.hash, money);
                    self.wallet.begun.borrow_mut().insert(bill.hash, self.wall());
                    self.check_money(&bill.hash);
                    set(Stage::Flying);
                }
            },
            Stage::Flying => {
                if let Some(money) = self.wallet.payments.borrow_mut().get_mut(&bill.hash) {
                    money.way = Way::Moved;
                    money.fee_msat = if self.setup.reports_fee { bill.max_fee_msat } else { 0 };
                }
                self.check_store();
                set(Stage::Over);
                if op.orphan {
                    process.ops.borrow_mut().remove(&id);
                }
            }
            Stage::Over => {
                let answer = self.proof(&bill.hash);
                self.revealed.borrow_mut().insert(bill.hash, process.id);
                process.answer(id, &"paid", Reply::Paid(answer));
            }
        }
    }

    fn proof(&self, hash: &PaymentHash) -> Answer<&'static str> {
        let fee = self.wallet.money(hash).map_or(0, |money| money.fee_msat);
        Answer::Preimage { text: self.preimage(hash), fee_msat: self.setup.reports_fee.then_some(fee) }
    }

    pub fn preimage(&self, hash: &PaymentHash) -> String {
        self.server.preimages.borrow().get(hash).map_or_else(|| WRONG.to_owned(), |(preimage, _)| preimage.clone())
    }

    /// Whether an order of this process for this hash may still reach the wallet.
    fn is_ordered(&self, hash: &PaymentHash, process: &Process) -> bool {
        let is_it =
            |op: &Op| matches!(&op.ask, Ask::Pay(bill) if bill.hash == *hash && op.stage == Stage::Asked && !op.lost);
        process.ops.borrow().values().any(is_it)
    }

    /// The answer of the wallet's records.
    fn look_up(&self, process: &Process, hash: &PaymentHash) -> Fact {
        if !self.setup.lookup {
            return Fact::Unreachable;
        }
        let manner = self.setup.manner;
        let money = self.wallet.money(hash).filter(|money| money.node == self.node(process));
        let is_hidden = |money: &Money| {
            let age = self.timer.get() - money.begun_at;
            let is_lost = manner.shows_until_ms > 0 && age >= manner.shows_until_ms;
            age < manner.shows_after_ms || (is_lost && self.wallet.shown.borrow().contains(hash))
        };
        if manner.finds_nothing || money.as_ref().is_some_and(is_hidden) {
            return Fact::NotFound;
        }
        let is_retried = money.as_ref().is_some_and(|money| self.timer.get() < money.asked_at + manner.lingers_ms);
        let begun_at_ms = self.wallet.begun.borrow().get(hash).copied().filter(|_| manner.dates);
        match money.as_ref().map(|money| money.way) {
            Some(Way::Flying) if manner.says_failed && is_retried => Fact::Failed { begun_at_ms },
            Some(Way::Flying) => {
                self.wallet.shown.borrow_mut().insert(*hash);
                Fact::Pending
            }
            Some(Way::Moved) => {
                let fee = money.map(|money| money.fee_msat);
                Fact::Paid { preimage: self.preimage(hash), fee_msat: fee.filter(|_| self.setup.reports_fee) }
            }
            None if self.setup.manner.is_own => Fact::NotFound,
            None if self.wallet.begun.borrow().contains_key(hash) => Fact::Failed { begun_at_ms },
            None => Fact::NotFound,
        }
    }

    /// The certain knowledge of a user who looks into the wallet: the preimage, or that nothing was paid. The fee is
    /// left out. A fee that nobody reported does not count against the limits.
    pub fn truth(&self, hash: &PaymentHash) -> Option<Option<String>> {
        match self.wallet.way(hash) {
            Some(Way::Flying) => None,
            Some(Way::Moved) => {
                if let Some(money) = self.wallet.payments.borrow_mut().get_mut(hash) {
                    money.fee_msat = 0;
                }
                Some(Some(self.preimage(hash)))
            }
            None if self.processes.borrow().iter().any(|process| self.is_ordered(hash, process)) => None,
            None => Some(None),
        }
    }

    pub fn begins(&self, url: &str) {
        *self.begun.borrow_mut().entry(self.setup.group(url)).or_default() += 1;
    }

    pub fn forgets(&self, origin: &str) {
        *self.forgotten.borrow_mut().entry(origin.to_owned()).or_default() += 1;
    }

    /// A digest of all state that the next acts depend on.
    pub fn key(&self) -> u128 {
        let mut key = digest(
            0,
            &(
                self.timer.get(),
                self.skew.get(),
                self.most_skew.get(),
                self.has_slept_long.get(),
                self.faults_left.get(),
            ),
        );
        for process in &*self.processes.borrow() {
            let status = process.status.get();
            let memory = if status.0 == Status::Dead { 0 } else { process.history.get() };
            let requests: Vec<_> = process.lanes.borrow().iter().map(|lane| lane.status.get()).collect();
            key = digest(key, &(status, requests, memory, &*process.ops.borrow()));
        }
        self.digest_shared(key)
    }

    /// The same without what the processes know and ask for.
    pub fn shared_key(&self) -> u128 {
        self.digest_shared(1)
    }

    fn digest_shared(&self, key: u128) -> u128 {
        let key = digest(key, &*self.store.0.borrow());
        let key = digest(key, &(&*self.revealed.borrow(), self.store_failed.get(), self.busy.get()));
        let key = digest(key, &(&*self.wallet.begun.borrow(), &*self.wallet.shown.borrow()));
        let key = digest(key, &(&*self.wallet.payments.borrow(), &*self.server.used.borrow()));
        digest(key, &(&*self.begun.borrow(), &*self.forgotten.borrow(), &*self.dead.borrow()))
    }

    fn describe(&self, act: Act) -> String {
        let op = |process: usize, id| match self.process(process).ops.borrow().get(&id) {
            Some(op) => {
                let mut what = format!("{:?}", op.ask);
                what.truncate(what.char_indices().nth(900).map_or(what.len(), |(at, _)| at));
                format!("#{process}.{id} {what} {:?}", op.stage)
            }
            None => format!("#{process}.{id}"),
        };
        match act {
            Act::Step(process, id) => op(process, id),
            Act::Fizzle(process, id) => format!("FIZZLES {}", op(process, id)),
            Act::Expire(process, id) => format!("EXPIRES {}", op(process, id)),
            Act::Fault(process, id, fault) => format!("{fault:?} {}", op(process, id)),
            other => format!("{other:?}"),
        }
    }
}
