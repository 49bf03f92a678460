//! A purchase that is under way, and the list of all purchases of an instance.

use crate::flow::candidate::Found;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Outgoing, Request};
use crate::flow::scope::Scope;
use crate::flow::sync::{SetOnDrop, Signal};
use crate::ledger::buckets::Amounts;
use crate::ledger::level::{book, Booked};
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::Record;
use crate::ledger::session::Draw;
use crate::ledger::token::Token;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use crate::wire::x402::Sent;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How often a purchase shows that its request is not frozen, in runtimes that freeze requests.
pub(crate) const PULSE_MS: u64 = 1_000;
/// If it shows no sign for this long, others go on without it.
const FROZEN_MS: u64 = 10_000;

/// What a 402 asks for.
pub(crate) struct Asked {
    /// The URL that answered.
    pub(crate) url: Url,
    /// With at least one offer.
    pub(crate) found: Found,
    /// The parts of the request as it is sent. They are known if an offer is bound to them.
    pub(crate) outgoing: Outgoing,
    /// Where a deposit is to be paid: what the call knows of the sessions there.
    pub(crate) draw: Option<Draw>,
}

impl Asked {
    /// Whether the offer that is preferred is for this request alone.
    pub(crate) fn is_bound(&self) -> bool {
        self.found.offers.first().is_some_and(|offer| offer.bound_to().is_some())
    }

    /// The request as it is sent.
    pub(crate) fn sent<'a>(&'a self, request: &'a Request, unseen: &'a dyn Fn(&str) -> bool) -> Sent<'a> {
        let Outgoing { headers, body_hash } = &self.outgoing;
        Sent { method: &request.method, url: &self.url, body_hash: *body_hash, headers, unseen }
    }
}

/// How a purchase begins.
pub(crate) enum Prepared {
    /// It is written: it is reserved, or the wallet is asked next.
    Entered(Rc<Record>),
    /// Others have bought it.
    Bought(Rc<Token>),
}

/// A token, and whether this call paid for it.
pub(crate) struct Bought {
    pub(crate) token: Rc<Token>,
    pub(crate) paid_now: bool,
}

impl Clone for Bought {
    fn clone(&self) -> Self {
        Self { token: Rc::clone(&self.token), paid_now: self.paid_now }
    }
}

/// A purchase that is under way.
pub(crate) struct Purchase<H: Host> {
    pub(super) key: String,
    pub(super) resource: String,
    pub(super) request: Rc<Request>,
    pub(super) asked: Rc<Asked>,
    /// Where it is made. It counts there, whoever waits for it.
    pub(super) scope: Rc<Scope<H>>,
    /// What it counts for where the store does not count it.
    pub(super) booked: Rc<Booked>,
    /// Names it in the store.
    pub(super) owner: String,
    /// When its last write was begun: in Unix milliseconds, and by the clock that is never set.
    pub(super) entered_at: Cell<(u64, u64)>,
    /// Who wants this very resource: where all gave up before the wallet is asked, nothing is paid.
    pub(super) callers: RefCell<Vec<Rc<H::Call>>>,
    /// Ends with the question that it asks its caller.
    pub(super) question: RefCell<Option<Rc<Signal>>>,
    pub(super) outcome: RefCell<Option<Result<Bought, Failure<H>>>>,
    pub(super) done: Signal,
    /// The time of its last sign of life.
    pub(super) alive_at: Cell<u64>,
    pub(super) was_frozen: Cell<bool>,
    /// Set when the paying call has its answer, has waited long for it, or has given up.
    pub(super) tried: Rc<Signal>,
    /// The same for the first call that waited. It counts if the payer's try did not show whether the token is good.
    pub(super) tried_again: Rc<Signal>,
    pub(super) has_second: Cell<bool>,
    /// Whether what it buys is for its own request alone. Then nobody shares it.
    pub(super) is_bound: Cell<bool>,
}

impl<H: Host> Purchase<H> {
    /// Whether its request counts as frozen, because it has shown no sign of life for long. It may thaw.
    pub(crate) fn is_frozen(&self, host: &H) -> bool {
        host.wakes_only_itself() && host.now().saturating_sub(self.alive_at.get()) > FROZEN_MS
    }

    /// For how long it was held up since its last write was begun, by whichever clock says more.
    pub(crate) fn held_up_ms(&self, host: &H) -> u64 {
        let (at_ms, monotonic) = self.entered_at.get();
        host.now().saturating_sub(at_ms).max(host.monotonic().saturating_sub(monotonic))
    }

    /// Counts what it came to where the store does not count it. If nobody can tell what became of its order,
    /// it goes on to count in full.
    pub(crate) fn settle(&self, outcome: &Result<Bought, Failure<H>>, now_ms: u64) {
        let Some((at_ms, _)) = self.booked.get() else { return };
        let payment = match outcome {
            Ok(bought) if bought.paid_now => Some(&bought.token.payment),
            Err(failure) => failure.payment(),
            _ => None,
        };
        let spent = |payment: &Payment| payment.amount_msat.saturating_add(payment.fee_msat);
        let spent = match payment.map(|payment| payment.state) {
            Some(State::Pending | State::Unknown) => return,
            Some(State::Paid) => payment.map(spent),
            Some(State::Failed) => Some(0),
            None => None,
        };
        let now = spent.map(|spent| (at_ms, Amounts { spent, reserved: 0, orders: 1 }));
        book(&self.scope.levels, &self.booked, self.request.origin(), now, now_ms);
    }

    /// Whether somebody still waits for what it buys.
    pub(crate) fn is_wanted(&self, host: &H) -> bool {
        !self.done.is_set() && self.callers.borrow().iter().any(|call| !host.is_aborted(call))
    }
}

/// A call holds this until it has its answer. Others let it go first.
pub(crate) type FirstTry = SetOnDrop;

/// The purchases of an instance.
pub(crate) struct Purchases<H: Host> {
    running: RefCell<Vec<Rc<Purchase<H>>>>,
    /// Purchases that have ended, but whose paying call has no answer yet.
    on_trial: RefCell<Vec<Rc<Purchase<H>>>>,
}

impl<H: Host> Default for Purchases<H> {
    fn default() -> Self {
        Self { running: RefCell::default(), on_trial: RefCell::default() }
    }
}

impl<H: Host> Purchases<H> {
    pub(crate) fn start(&self, purchase: &Rc<Purchase<H>>) {
        self.running.borrow_mut().push(Rc::clone(purchase));
    }

    /// A purchase that is under way.
    pub(crate) fn find(&self, which: impl Fn(&Purchase<H>) -> bool) -> Option<Rc<Purchase<H>>> {
        self.running.borrow().iter().find(|purchase| which(purchase)).cloned()
    }

    pub(crate) fn end(&self, purchase: &Rc<Purchase<H>>, outcome: Result<Bought, Failure<H>>) {
        self.running.borrow_mut().retain(|other| !Rc::ptr_eq(other, purchase));
        if !purchase.done.is_set() {
            if outcome.is_ok() {
                let mut on_trial = self.on_trial.borrow_mut();
                on_trial.retain(|other| !other.tried.is_set());
                on_trial.push(Rc::clone(purchase));
            }
            purchase.outcome.replace(Some(outcome));
            purchase.done.set();
        }
    }

    /// The purchase that bought this token, while the paying call waits for its answer.
    pub(crate) fn trial_of(&self, host: &H, token: &Token) -> Option<Rc<Purchase<H>>> {
        let brought = |purchase: &&Rc<Purchase<H>>| {
            let (outcome, callers) = (purchase.outcome.borrow(), purchase.callers.borrow());
            matches!(&*outcome, Some(Ok(bought)) if bought.token.is_same(token))
                && !purchase.tried.is_set()
                && callers.first().is_some_and(|buyer| !host.is_aborted(buyer))
        };
        self.on_trial.borrow().iter().find(brought).cloned()
    }

    /// The payments whose tokens are being shown for the first time.
    pub(crate) fn hashes_on_trial(&self) -> Vec<PaymentHash> {
        let mut hashes = Vec::new();
        for purchase in self.on_trial.borrow().iter().filter(|purchase| !purchase.tried.is_set()) {
            if let Some(Ok(bought)) = &*purchase.outcome.borrow() {
                hashes.push(bought.token.payment.payment_hash);
            }
        }
        hashes
    }

    /// The question that a purchase asks its caller. One that froze holds up nobody.
    pub(crate) fn question(&self, host: &H) -> Option<Rc<Signal>> {
        self.running.borrow().iter().find_map(|other| {
            let question = other.question.borrow().clone()?;
            (!question.is_set() && !other.is_frozen(host)).then_some(question)
        })
    }
}
