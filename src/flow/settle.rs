//! What became of a payment: the wallet's answer, what it reports later, and the proof.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::{Answer, Fact, Host};
use crate::flow::purchase::Purchase;
use crate::flow::records::Books;
use crate::flow::sync::within;
use crate::ledger::certainty::{judge, prove, Heard, Owner, Proof, Verdict};
use crate::ledger::habits::{FOUND, PENDING};
use crate::ledger::journal::{Entry, Payment, State};
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A wallet that takes longer to say what became of a payment gives no answer.
pub(crate) const LOOKUP_TIMEOUT_MS: u64 = 10_000;
/// What will be certain so soon is waited for, and looked up once more.
const SOON_MS: u64 = 3_000;
/// By how much a timer may fire too early.
const EARLY_MS: u64 = 10;
/// How often a payment is looked up in the call that made it.
const MOST_LOOKS: u32 = 4;

/// Why there is no proof, and what is left of the payment.
pub(crate) struct Doubt<H: Host> {
    left: Left,
    heard: Option<Heard>,
    error: Error,
    cause: Option<H::Cause>,
}

/// What is left of a payment that is not proven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing was paid nor will be.
    Nothing,
    /// Nobody can tell.
    Doubt,
    /// The wallet's answer was lost; it may tell when it is asked.
    Lookup,
}

/// An order that this instance has handed to its wallet.
pub(crate) struct Sending {
    entry: Entry,
    /// Whether the wallet's `pay` has not settled.
    is_out: Cell<bool>,
}

impl Sending {
    pub(crate) fn is_answered(&self) {
        self.is_out.set(false);
    }
}

impl<H: Host> Doubt<H> {
    /// The wallet was silent until the timeout.
    pub(crate) fn of_silence() -> Self {
        let error = unknown("the wallet did not answer in time; a later answer is recorded");
        Self { left: Left::Lookup, heard: None, error, cause: None }
    }

    /// This process was frozen between the entry and the wallet, for so long that others take it for gone.
    pub(crate) fn of_delay(entry: &Entry) -> Self {
        let (left, error) = match entry.dispatch.repeats {
            0 => {
                let text = "held up before the wallet was asked: nothing was paid, call again";
                (Left::Nothing, Error::new(Code::PaymentFailed, text))
            }
            _ => (Left::Doubt, open_payment()),
        };
        Self { left, heard: None, error, cause: None }
    }
}

impl<H: Host> Client<H> {
    /// Notes that the wallet is asked now.
    pub(crate) fn send_order(&self, entry: &mut Entry) -> Rc<Sending> {
        entry.dispatch.sent_at_ms = Some(self.host.now());
        let sending = Rc::new(Sending { entry: entry.clone(), is_out: Cell::new(true) });
        let (books, mut orders) = (self.books.borrow(), self.orders.borrow_mut());
        // Those that are settled are of no use any more.
        orders.retain(|order| {
            let known = books.journal.find(&order.entry.payment.payment_hash);
            order.is_out.get() || known.is_some_and(|known| known.is_unsettled() && known.is_same_order(&order.entry))
        });
        orders.push(Rc::clone(&sending));
        sending
    }

    /// Whether the wallet has not yet answered an order of this instance; none where it is not ours.
    pub(crate) fn is_out(&self, entry: &Entry) -> Option<bool> {
        let orders = self.orders.borrow();
        orders.iter().find(|order| order.entry.is_same_order(entry)).map(|order| order.is_out.get())
    }

    /// What the wallet's answer proves.
    pub(crate) fn weigh(&self, entry: &Entry, answer: Answer<H::Cause>) -> Result<Proof, Doubt<H>> {
        let lost = |cause, heard| {
            (Left::Lookup, heard, unknown("the wallet failed and nobody can tell whether it paid"), cause)
        };
        let (left, heard, error, cause) = match answer {
            Answer::Preimage { text, fee_msat } => match prove(&entry.payment, &text, fee_msat) {
                Ok(proof) => return Ok(proof),
                // It says that it has paid: not to find it later would be a contradiction.
                Err(error) => (Left::Doubt, Some(Heard::Known), error, None),
            },
            Answer::Word if self.config.trust_wallet => return Ok(Proof { preimage: None, fee_msat: None }),
            Answer::Word => {
                let text = "the wallet answered true and no preimage: the amount stays reserved; proof: \"none\" would believe it";
                (Left::Doubt, Some(Heard::Known), Error::new(Code::NoPreimage, text), None)
            }
            Answer::Nothing(what) => {
                let text = concat(&["the wallet answered ", &what, " and no preimage: the amount stays reserved"]);
                (Left::Doubt, None, Error::new(Code::NoPreimage, text), None)
            }
            Answer::Failed { text, cause } if entry.dispatch.repeats > 0 => {
                let text = concat(&["the wallet did not pay (", &text, "), but an earlier order may be on its way"]);
                (Left::Lookup, None, unknown(&text), cause)
            }
            Answer::Failed { text, cause } => {
                let text = concat(&["the wallet did not pay: ", &text]);
                (Left::Nothing, None, Error::new(Code::PaymentFailed, text), cause)
            }
            Answer::Threw(cause) => lost(Some(cause), None),
            Answer::Known(cause) => lost(Some(cause), Some(Heard::Known)),
            Answer::Ended(cause) => lost(Some(cause), Some(Heard::Ended)),
        };
        Err(Doubt { left, heard, error, cause })
    }

    /// Asks the wallet what became of a payment, and says what that comes to.
    pub(crate) async fn look_up(&self, entry: &Entry, owner: Owner, patience_ms: u64) -> Verdict {
        let asked_at = self.host.now();
        let asked = within(self.host.lookup(&entry.payment.payment_hash), self.host.sleep(patience_ms)).await;
        let fact = asked.unwrap_or(Fact::Unreachable);
        let mut wallet = self.host.wallet();
        let verdict = {
            let books = self.books.borrow();
            let stored = wallet.id.as_ref().map_or(0, |id| books.journal.habits.seen(id));
            wallet.finds |= stored | self.habits.get() == FOUND | PENDING;
            let known = books.journal.find(&entry.payment.payment_hash).filter(|known| known.is_same_order(entry));
            judge(&fact, owner, known.unwrap_or(entry), &wallet, self.config.payment_timeout_ms, asked_at)
        };
        let seen = match (&fact, &verdict) {
            (_, Verdict::Paid(_)) => FOUND,
            (Fact::Pending, _) => PENDING,
            _ => 0,
        };
        let is_ours = owner == Owner::Us || (wallet.id.is_some() && wallet.id == entry.dispatch.wallet_id);
        if seen > 0 && is_ours {
            self.note_seen(entry, wallet.id.filter(|_| !wallet.finds), seen).await;
        }
        verdict
    }

    /// Notes what the wallet has shown of itself, and that it has this payment, where that is news.
    async fn note_seen(&self, entry: &Entry, id: Option<String>, seen: u64) {
        self.habits.set(self.habits.get() | seen);
        let is_news = |books: &Books| {
            let known = books.journal.find(&entry.payment.payment_hash);
            let is_had = seen == PENDING
                && known.is_some_and(|known| known.is_same_order(entry) && known.dispatch.heard != Some(Heard::Known));
            (is_had, id.as_ref().is_some_and(|id| books.journal.habits.seen(id) & seen == 0))
        };
        if is_news(&self.books.borrow()) == (false, false) {
            return;
        }
        let note = |books: &mut Books| {
            let (is_had, is_habit) = is_news(books);
            if let Some(known) = books.journal.find_mut(&entry.payment.payment_hash).filter(|_| is_had) {
                known.dispatch.heard = Some(Heard::Known);
            }
            if let Some(id) = id.as_ref().filter(|_| is_habit) {
                books.journal.habits.note(id, seen);
            }
        };
        self.change_or_keep(note).await;
    }

    /// Records what became of a payment, and what the wallet reports where its answer was lost. The token also where somebody
    /// else has proven it meanwhile (a lookup, `resolve()`), whatever the wallet said.
    pub(crate) async fn settle(
        &self,
        own: &Purchase<H>,
        entry: &mut Entry,
        told: Result<Proof, Doubt<H>>,
    ) -> Result<Rc<Token>, Failure<H>> {
        let Doubt { left, heard, error, cause } = match told {
            Ok(proof) => return Ok(self.settle_paid(entry, proof).await),
            Err(doubt) => doubt,
        };
        self.note_error(entry, heard);
        let mut payment = match self.settle_unproven(entry, left).await {
            Ok(token) => return Ok(token),
            Err(payment) => payment,
        };
        if left == Left::Lookup {
            for _ in 0..MOST_LOOKS {
                let was_out = self.is_out(entry) == Some(true);
                let owner = if was_out { Owner::Alive } else { Owner::Us };
                let verdict = self.look_up(entry, owner, LOOKUP_TIMEOUT_MS).await;
                // The answer may have come meanwhile.
                if let Some(token) = self.books.borrow().tokens.bought_with(&payment.payment_hash) {
                    return Ok(Rc::clone(token));
                }
                match verdict {
                    Verdict::Paid(proof) => return Ok(self.settle_paid(entry, proof).await),
                    Verdict::Failed => {
                        let error = Error::new(Code::PaymentFailed, "the wallet did not pay, as its own books say");
                        return match self.settle_unproven(entry, Left::Nothing).await {
                            Ok(token) => Ok(token),
                            Err(payment) => Err(self.failed(payment, error, cause)),
                        };
                    }
                    // A request whose connection broke may be carried out a moment after a lookup that overtook it.
                    Verdict::Open { until_ms: Some(until_ms) } if self.wait_soon(until_ms).await => {}
                    // It has given up meanwhile, and may know more.
                    Verdict::Open { .. } if was_out && self.is_out(entry) == Some(false) => {}
                    _ => break,
                }
            }
        }
        if left != Left::Nothing && self.is_told(entry, Some(own), &error).await {
            let told = Error::new(Code::PaymentFailed, "the wallet did not pay, as onUnknown says");
            match self.settle_unproven(entry, Left::Doubt).await {
                Ok(token) => return Ok(token),
                Err(now) => payment = now,
            }
            return Err(self.failed(payment, told, cause));
        }
        Err(self.failed(payment, error, cause))
    }

    /// Waits for what will be certain in a moment; false where that takes longer.
    pub(crate) async fn wait_soon(&self, until_ms: u64) -> bool {
        let left_ms = until_ms.saturating_sub(self.host.now());
        if left_ms > SOON_MS {
            return false;
        }
        self.host.sleep(left_ms.saturating_add(EARLY_MS)).await;
        true
    }

    /// Notes in an entry what its wallet answered, once it has.
    fn note_error(&self, entry: &mut Entry, heard: Option<Heard>) {
        if self.is_out(entry) == Some(false) {
            entry.dispatch.error_at_ms = Some(self.host.now());
            entry.dispatch.heard = heard;
        }
    }

    /// Tells a listener that the wallet proved nothing.
    fn failed(&self, payment: Payment, error: Error, cause: Option<H::Cause>) -> Failure<H> {
        self.host.tell(&Event::Failed { payment: &payment, error: &error });
        Failure::raised(error, cause, Some(payment))
    }

    /// Takes an answer that comes after the timeout.
    pub(crate) async fn settle_late(
        self: Rc<Self>,
        mut entry: Box<Entry>,
        sending: Rc<Sending>,
        answer: Pin<Box<impl Future<Output = Answer<H::Cause>>>>,
    ) {
        let answer = answer.await;
        sending.is_answered();
        match self.weigh(&entry, answer) {
            Ok(proof) => drop(self.settle_paid(&entry, proof).await),
            Err(doubt) => {
                self.note_error(&mut entry, doubt.heard);
                drop(self.settle_unproven(&entry, doubt.left).await);
            }
        }
    }

    /// Records a proof: token and journal are stored before anything else happens. Where the store fails, memory has them.
    pub(crate) async fn settle_paid(&self, entry: &Entry, proof: Proof) -> Rc<Token> {
        let enter = |books: &mut Books| books.enter_proof(entry, &proof, self.host.now());
        let ((token, is_news), lost) = self.change_or_keep(enter).await;
        if let Some(Failure::Raised(lost)) = lost {
            self.host.tell(&Event::Failed { payment: &token.payment, error: &lost.error });
        }
        if is_news {
            self.host.tell(&Event::Paid(&token.payment));
        }
        token
    }

    /// Records what is left without a proof: where that is nothing, the amount is free again. A proof that came first stands,
    /// and its token is what this comes to; else the payment as it is now.
    pub(crate) async fn settle_unproven(&self, entry: &Entry, left: Left) -> Result<Rc<Token>, Payment> {
        let enter = |books: &mut Books| books.enter_doubt(entry, left, self.host.now());
        self.change_or_keep(enter).await.0
    }
}

impl Books {
    /// The token of a proven payment, and whether this is news.
    fn enter_proof(&mut self, entry: &Entry, proof: &Proof, now_ms: u64) -> (Rc<Token>, bool) {
        let Self { journal, tokens, .. } = self;
        let hash = &entry.payment.payment_hash;
        // Whoever writes without a lock may have lost the entry: the proof brings it back.
        let mut known = journal.find(hash).unwrap_or(entry).clone();
        let was_proven = known.payment.state == State::Paid;
        known.settle_paid(proof.preimage.clone(), proof.fee_msat, now_ms);
        let bought =
            || Token::new(known.payment.clone(), entry.method.clone(), entry.token.clone(), known.preimage.clone());
        let token = match tokens.bought_with(hash) {
            Some(token) => Rc::clone(token),
            // Forgotten or replaced since it was proven: for whoever still waits for it, and not kept.
            None if was_proven => Rc::new(bought()),
            None => tokens.put(bought()),
        };
        journal.put_in_place(known);
        (token, !was_proven)
    }

    fn enter_doubt(&mut self, entry: &Entry, left: Left, now_ms: u64) -> Result<Rc<Token>, Payment> {
        let hash = &entry.payment.payment_hash;
        let payment = match self.journal.find_mut(hash) {
            Some(known) => {
                // What became of an earlier order for the same invoice says nothing of the later one.
                if known.is_unsettled() && known.is_same_order(entry) {
                    match left {
                        Left::Nothing => known.settle_failed(now_ms),
                        Left::Doubt | Left::Lookup => {
                            known.payment.state = State::Unknown;
                            known.dispatch.learn(&entry.dispatch);
                        }
                    }
                }
                &known.payment
            }
            None => &entry.payment,
        };
        match self.tokens.bought_with(hash) {
            Some(token) if payment.state == State::Paid => Ok(Rc::clone(token)),
            _ => Err(payment.clone()),
        }
    }
}

pub(crate) fn open_payment() -> Error {
    unknown("an earlier payment is open")
}

pub(crate) fn unknown(what: &str) -> Error {
    Error::new(
        Code::PaymentUnknown,
        concat(&[
            what,
            ": the amount stays reserved, and nothing more is paid here until it is looked up or resolve() tells",
        ]),
    )
}
