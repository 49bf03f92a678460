//! One process: a client with a memory of its own, the calls of its users, and its open requests.

use crate::executor::Executor;
use crate::host::{Cause, Sim};
use crate::server::Sent;
use crate::setup::{Call, Lane};
use crate::store::{Part, Rows, Store};
use crate::world::World;
use l402_fetch::flow::failure::{Failure, Why};
use l402_fetch::flow::host::{Answer, Head, Request};
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::read::Filter;
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::url::Url;
use l402_fetch::{Client, Code};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub type TheClient = Rc<Client<Sim>>;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    Running,
    Frozen,
    Dead,
}

/// An order to a wallet to pay one invoice.
#[derive(Clone, Hash, Debug)]
pub struct Bill {
    pub hash: PaymentHash,
    pub url: String,
    pub amount_msat: u64,
    pub max_fee_msat: u64,
    pub started_at: u64,
    pub invoice_expires_at: u64,
    /// The time of the order, on the clock of timers.
    pub asked_at: u64,
}

/// A request of a process to its host.
#[derive(Clone, Hash, Debug)]
pub enum Ask {
    Read(Vec<String>),
    Write(Rows, Rows),
    List(Part),
    Send(Sent),
    Pay(Bill),
    Lookup(PaymentHash),
    Approve,
    Sleep,
}

pub enum Reply {
    Read(Result<Vec<Option<String>>, Cause>),
    Written(Result<bool, Cause>),
    Listed(Result<Vec<(String, String)>, Cause>),
    Sent(Result<Head, Cause>),
    Paid(Answer<Cause>),
    Found(Fact),
    Approved(Result<bool, Cause>),
    Slept,
}

/// The progress of a payment at the wallet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// The order is on its way to the wallet.
    Asked,
    /// The wallet has the order, and the payment is in flight.
    Flying,
    /// The payment is over. Only the answer is missing.
    Over,
}

#[derive(Clone, Hash, Debug)]
pub struct Op {
    pub ask: Ask,
    /// The lane of the isolate request that owns the task. It is 0 if the process is no isolate.
    pub owner: usize,
    pub stage: Stage,
    /// Other requests and timers may come long before its answer.
    pub slow: bool,
    /// The time until which a request of an isolate is slow, if nothing else bounds it. The timers of an isolate's
    /// waiting requests fire for ever.
    pub slow_until: Option<u64>,
    /// Its answer never comes.
    pub lost: bool,
    /// Nobody waits for its answer.
    pub orphan: bool,
    /// The time of an error answer, on the clock of timers. The payment goes on after it.
    pub error_at: Option<u64>,
    /// The time at which a timer fires or the asking task gives up.
    pub until: Option<u64>,
}

impl Op {
    pub fn is_at_store(&self) -> bool {
        matches!(self.ask, Ask::Read(_) | Ask::Write(..) | Ask::List(_))
    }
}

#[derive(Default)]
pub struct Slot {
    owner: usize,
    reply: RefCell<Option<Reply>>,
    waker: RefCell<Option<Waker>>,
}

/// The answer to a request of a process. The scheduler brings it.
pub struct Waiting {
    process: Rc<Process>,
    pub id: u64,
    slot: Rc<Slot>,
}

impl Future for Waiting {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        match self.slot.reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => {
                self.slot.waker.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.process.abandon(self.id);
    }
}

/// One call of fetch.
pub struct Fetching {
    pub request: Request,
    pub aborted: Cell<bool>,
}

/// The end of a call.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// The status. With a credential also: whether this call paid, and the payment hash.
    Answer(u16, Option<(bool, PaymentHash)>),
    Raised(&'static str, Option<(&'static str, PaymentHash)>),
    Foreign(Cause),
    Abandoned,
    /// A call other than a fetch is done.
    Done,
}

/// The progress of a lane.
#[derive(Default)]
pub struct Progress {
    /// The ends of its calls, each with the address that was asked for, or an empty string.
    pub ends: RefCell<Vec<(String, End)>>,
    /// The addresses refused for a limit on the last day, each with the answer of `payments()` at that time.
    pub refused: RefCell<Vec<(String, Vec<Payment>)>>,
    pub calling: RefCell<Option<Rc<Fetching>>>,
    pub is_over: Cell<bool>,
    /// The status of an isolate's request, in the same form as that of a process.
    pub status: Cell<Option<(Status, u64)>>,
}

/// A task of an isolate's request.
struct Own {
    process: Rc<Process>,
    owner: usize,
    task: Pin<Box<dyn Future<Output = ()>>>,
}

impl Future for Own {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.process.thaws.get() {
            self.process.at_work.set(self.owner);
        }
        if self.process.at_work.get() != self.owner {
            self.process.world.breaks("no request wakes another's tasks", "a task was woken by another request");
            return Poll::Pending;
        }
        if self.process.status_of(self.owner).0 != Status::Running {
            self.process.woken.borrow_mut().push((self.owner, context.waker().clone()));
            return Poll::Pending;
        }
        self.task.as_mut().poll(context)
    }
}

pub struct Process {
    pub id: usize,
    pub world: Rc<World>,
    /// The status, and the time since when it holds, on the clock of timers.
    pub status: Cell<(Status, u64)>,
    pub lanes: RefCell<Vec<Rc<Progress>>>,
    pub ops: RefCell<BTreeMap<u64, Op>>,
    slots: RefCell<BTreeMap<u64, Rc<Slot>>>,
    asked: Cell<u64>,
    /// The request whose tasks run.
    at_work: Cell<usize>,
    /// Whether it thaws: then each of its requests hears the answers that came meanwhile.
    thaws: Cell<bool>,
    pub sends: Cell<u64>,
    /// The call that each request to a server belongs to, as the address of that call in memory.
    pub sending: RefCell<BTreeMap<u64, usize>>,
    /// The number of fetches that users began.
    pub begun: Cell<usize>,
    /// The number of orders that the wallet got.
    pub orders: Cell<usize>,
    /// The shared store, or the memory that it has in its place.
    pub store: Rc<Store>,
    /// Numbers that it has drawn.
    pub drawn: Cell<u64>,
    /// For how long it was frozen, where its clock stands still then.
    slept: Cell<u64>,
    /// All that it has learnt of the world, in order: what its memory is a function of.
    pub history: Cell<u128>,
    executor: RefCell<Option<Rc<Executor>>>,
    pub client: RefCell<Option<TheClient>>,
    /// The tasks of frozen requests that were woken.
    woken: RefCell<Vec<(usize, Waker)>>,
}

impl Process {
    pub fn new(world: &Rc<World>, id: usize) -> Rc<Self> {
        let process = Rc::new(Self {
            id,
            world: Rc::clone(world),
            status: Cell::new((Status::Running, 0)),
            lanes: RefCell::default(),
            ops: RefCell::default(),
            slots: RefCell::default(),
            asked: Cell::new(0),
            at_work: Cell::new(0),
            thaws: Cell::new(false),
            sends: Cell::new(0),
            sending: RefCell::default(),
            begun: Cell::new(0),
            orders: Cell::new(0),
            store: if world.setup.has_store { Rc::clone(&world.store) } else { Rc::default() },
            drawn: Cell::new(0),
            slept: Cell::new(0),
            history: Cell::new(0),
            executor: RefCell::new(Some(Rc::default())),
            client: RefCell::default(),
            woken: RefCell::default(),
        });
        process.client.replace(Some(Rc::new(Client::new(Sim(Rc::clone(&process)), world.setup.config.clone()))));
        process
    }

    /// The users of the process begin a lane of calls. In an isolate the lane is a request.
    pub fn call(self: &Rc<Self>, lane: Lane) {
        let progress = Rc::new(Progress::default());
        if self.world.setup.isolated {
            progress.status.set(Some((Status::Running, 0)));
            self.at_work.set(self.lanes.borrow().len());
        }
        self.lanes.borrow_mut().push(Rc::clone(&progress));
        self.note(&lane.len());
        self.spawn(Box::pin(live(Rc::clone(self), progress, lane)));
    }

    /// Whether an order of this payment was never answered.
    pub fn has_out(&self, hash: &PaymentHash) -> bool {
        self.ops.borrow().values().any(|op| matches!(&op.ask, Ask::Pay(bill) if bill.hash == *hash) && !op.orphan)
    }

    pub fn is_running(&self) -> bool {
        self.status.get().0 == Status::Running
    }

    pub fn is_idle(&self) -> bool {
        let is_dropped = |lane: &Progress| lane.status.get().is_some_and(|(status, _)| status == Status::Dead);
        self.lanes.borrow().iter().all(|lane| lane.is_over.get() || is_dropped(lane))
    }

    /// The status of the asking request if the process runs, otherwise the status of the process.
    pub fn status_of(&self, owner: usize) -> (Status, u64) {
        let own = self.status.get();
        let request = self.lanes.borrow().get(owner).and_then(|lane| lane.status.get());
        if own.0 == Status::Running {
            request.unwrap_or(own)
        } else {
            own
        }
    }

    pub fn is_awake(&self, op: &Op) -> bool {
        self.status_of(op.owner).0 == Status::Running
    }

    /// The requests of an isolate that have this status.
    fn requests_that_are(&self, wanted: Status) -> Vec<usize> {
        let lanes = self.lanes.borrow();
        let are = |lane: &Progress| lane.status.get().is_some_and(|(status, _)| status == wanted);
        (0..lanes.len()).filter(|&lane| are(&lanes[lane])).collect()
    }

    /// The requests of an isolate that still run.
    pub fn requests(&self) -> Vec<usize> {
        self.requests_that_are(Status::Running)
    }

    pub fn frozen_requests(&self) -> Vec<usize> {
        self.requests_that_are(Status::Frozen)
    }

    fn set_request(&self, lane: usize, status: Status) {
        let since = if status == Status::Running { 0 } else { self.world.timer() };
        self.lanes.borrow()[lane].status.set(Some((status, since)));
    }

    pub fn freeze_request(&self, lane: usize) {
        self.set_request(lane, Status::Frozen);
    }

    pub fn thaw_request(&self, lane: usize) {
        self.set_request(lane, Status::Running);
        self.at_work.set(lane);
        let (own, others) = self.woken.take().into_iter().partition(|(owner, _)| *owner == lane);
        self.woken.replace(others);
        let own: Vec<(usize, Waker)> = own;
        own.into_iter().for_each(|(_, waker)| waker.wake());
        self.run();
    }

    /// Ends a request. Its tasks stand still for ever, and nothing of theirs is dropped. Without `late`, its open
    /// orders and writes do not arrive.
    pub fn end_request(&self, lane: usize, late: bool) {
        self.set_request(lane, Status::Dead);
        self.slots.borrow_mut().retain(|_, slot| slot.owner != lane);
        self.leave(|op| op.owner == lane, late);
    }

    /// Marks requests that nobody waits for, and removes those without a later effect.
    fn leave(&self, which: impl Fn(&Op) -> bool, late: bool) {
        self.ops.borrow_mut().retain(|_, op| {
            if !which(op) {
                return true;
            }
            op.orphan = true;
            match op.ask {
                Ask::Pay(_) => op.stage == Stage::Flying || (late && op.stage == Stage::Asked && !op.lost),
                Ask::Write(..) => late,
                _ => false,
            }
        });
    }

    pub fn spawn(self: &Rc<Self>, task: Pin<Box<dyn Future<Output = ()>>>) {
        let executor = self.executor.borrow().clone();
        if let Some(executor) = executor {
            executor.spawn(match self.world.setup.isolated {
                true => Box::pin(Own { process: Rc::clone(self), owner: self.at_work.get(), task }),
                false => task,
            });
        }
    }

    /// Runs until all tasks wait for the world.
    pub fn run(&self) {
        if self.status.get().0 == Status::Frozen {
            return;
        }
        let executor = self.executor.borrow().clone();
        if let Some(executor) = executor {
            executor.run_ready();
        }
    }

    pub fn note(&self, what: &impl Hash) {
        self.history.set(digest(self.history.get(), what));
    }

    pub fn ask(self: &Rc<Self>, ask: Ask, until: Option<u64>) -> Waiting {
        let id = self.asked.get() + 1;
        self.asked.set(id);
        let owner = self.at_work.get();
        let slot = Rc::new(Slot { owner, ..Slot::default() });
        let op = Op {
            ask,
            owner,
            stage: Stage::Asked,
            slow: false,
            slow_until: None,
            lost: false,
            orphan: false,
            error_at: None,
            until,
        };
        self.ops.borrow_mut().insert(id, op);
        self.slots.borrow_mut().insert(id, Rc::clone(&slot));
        Waiting { process: Rc::clone(self), id, slot }
    }

    /// Marks a request that nobody waits for. An open order or write goes on.
    fn abandon(&self, id: u64) {
        self.slots.borrow_mut().remove(&id);
        let mut ops = self.ops.borrow_mut();
        if let Some(op) = ops.get_mut(&id) {
            op.orphan = true;
            if !matches!(op.ask, Ask::Write(..) | Ask::Pay(_)) || (op.lost && op.stage == Stage::Asked) {
                ops.remove(&id);
            }
        }
    }

    /// Brings an answer and removes the request.
    pub fn answer(&self, id: u64, what: &impl Hash, reply: Reply) {
        self.ops.borrow_mut().remove(&id);
        self.reply(id, what, reply);
    }

    /// Brings an answer while the request goes on.
    pub fn reply(&self, id: u64, what: &impl Hash, reply: Reply) {
        let Some(slot) = self.slots.borrow_mut().remove(&id) else { return };
        self.note(&(id, self.world.wall_of(self), self.monotonic()));
        self.note(what);
        self.at_work.set(slot.owner);
        slot.reply.replace(Some(reply));
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
        self.run();
    }

    /// By a clock that is never set.
    pub fn monotonic(&self) -> u64 {
        self.world.timer() - self.slept.get()
    }

    pub fn freeze(&self, now: u64) {
        self.status.set((Status::Frozen, now));
    }

    pub fn thaw(&self, now: u64) {
        if self.world.setup.stops_clock {
            self.slept.set(self.slept.get() + now - self.status.get().1);
        }
        self.status.set((Status::Running, now));
        // the answer that it slept on, if any, is heard now
        self.note(&(self.world.wall_of(self), self.monotonic()));
        self.thaws.set(true);
        self.run();
        self.thaws.set(false);
    }

    /// Ends the process. Without `late`, its open orders and writes do not arrive.
    pub fn kill(&self, now: u64, late: bool) {
        self.status.set((Status::Dead, now));
        // The tasks go first, and with them all locks and reserves of its users.
        drop(self.executor.take());
        self.client.take();
        let slots = self.slots.take();
        drop(slots);
        self.leave(|_| true, late);
    }
}

pub fn digest(seed: u128, what: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, seed).hash(&mut hasher);
        what.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

fn get(url: String) -> Request {
    Request { method: "GET".into(), url: Url::of(&url), replayable: true, brought: Brought::default(), payable: true }
}

fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

async fn live(process: Rc<Process>, progress: Rc<Progress>, lane: Lane) {
    let Some(client) = process.client.borrow().clone() else { return };
    for call in lane {
        let url = match call {
            Call::Fetch(site, path) => process.world.setup.url(site, path),
            _ => String::new(),
        };
        let end = match call {
            Call::Fetch(..) => {
                let request = get(url.clone());
                process.begun.set(process.begun.get() + 1);
                process.world.begins(request.url.as_str());
                let fetching = Rc::new(Fetching { request: request.clone(), aborted: Cell::new(false) });
                progress.calling.replace(Some(Rc::clone(&fetching)));
                match client.fetch(fetching, request).await {
                    Ok(reply) => {
                        let receipt = reply.receipt.map(|receipt| (receipt.paid_now, receipt.payment.payment_hash));
                        End::Answer(reply.response.status, receipt)
                    }
                    Err(failure) => ended(failure),
                }
            }
            Call::Payments => client.payments(all()).await.map_or_else(ended, |_| End::Done),
            Call::Spent => client.spent(None).await.map_or_else(ended, |_| End::Done),
            Call::Resolve => match client.payments(all()).await {
                Ok(payments) => {
                    tell_the_truth(&process, &client, payments).await;
                    End::Done
                }
                Err(failure) => ended(failure),
            },
            Call::Wait(milliseconds) => {
                process.ask(Ask::Sleep, Some(process.world.timer() + milliseconds)).await;
                End::Done
            }
            Call::Forget(site) => {
                let origin = process.world.setup.sites[site].origin;
                process.world.forgets(origin);
                client.forget(Some(origin)).await.map_or_else(ended, |()| End::Done)
            }
        };
        progress.calling.take();
        if process.world.is_day_after.get() && matches!(end, End::Raised("over_limit", _)) {
            let told = client.payments(all()).await.unwrap_or_default();
            progress.refused.borrow_mut().push((url.clone(), told));
        }
        process.world.judge(&process, &end);
        progress.ends.borrow_mut().push((url, end));
    }
    progress.is_over.set(true);
    if let Some(lane) = lane_of(&process, &progress) {
        process.end_request(lane, true);
    }
}

/// The number of a lane that is a request of an isolate.
fn lane_of(process: &Process, progress: &Rc<Progress>) -> Option<usize> {
    progress.status.get()?;
    process.lanes.borrow().iter().position(|lane| Rc::ptr_eq(lane, progress))
}

/// A user who knows the wallet settles the open payments.
async fn tell_the_truth(process: &Rc<Process>, client: &TheClient, payments: Vec<Payment>) {
    for payment in payments {
        if matches!(payment.state, State::Pending | State::Unknown) {
            if let Some(truth) = process.world.truth(&payment.payment_hash) {
                drop(client.resolve(&payment.payment_hash, truth.as_deref()).await);
            }
        }
    }
}

fn ended(failure: Failure<Sim>) -> End {
    match *failure.0 {
        Why::Raised(raised) => {
            let payment = raised.payment.map(|payment| (name(payment.state), payment.payment_hash));
            End::Raised(raised.error.code().as_str(), payment)
        }
        Why::Foreign(cause) => End::Foreign(cause),
        Why::Abandoned => End::Abandoned,
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Unknown => "unknown",
        State::Paid => "paid",
        State::Failed => "failed",
    }
}

/// Whether an error code says that nothing was paid.
pub fn says_unpaid(code: &str) -> bool {
    code == Code::PaymentFailed.as_str()
}
