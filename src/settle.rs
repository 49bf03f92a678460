//! What became of a payment: the wallet's answer, its own books, and the proof.

use crate::certainty::{prove, Proof};
use crate::client::Client;
use crate::encoding::concat;
use crate::event::Event;
use crate::failure::Failure;
use crate::host::{Answer, Fact, Host};
use crate::journal::{Entry, Payment, State};
use crate::ledger::Books;
use crate::sync::within;
use crate::token::Token;
use crate::{Code, Error};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A wallet that takes longer to say what became of a payment gives no answer.
pub(crate) const LOOKUP_TIMEOUT_MS: u64 = 10_000;

/// Why there is no proof, and what is left of the payment.
pub(crate) struct Doubt<H: Host> {
    left: Left,
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
    /// The wallet's answer was lost; its own books may tell.
    Lookup,
}

impl<H: Host> Doubt<H> {
    /// The wallet was silent until the timeout.
    pub(crate) fn of_silence() -> Self {
        let error = unknown("the wallet did not answer in time; a later answer is recorded");
        Self { left: Left::Lookup, error, cause: None }
    }

    /// This process was frozen between the entry and the wallet, for so long that others may have taken the payment for one
    /// that never started, and made it themselves.
    pub(crate) fn of_delay() -> Self {
        let text = "held up before the wallet was asked: nothing was paid, call again";
        Self { left: Left::Nothing, error: Error::new(Code::PaymentFailed, text), cause: None }
    }
}

impl<H: Host> Client<H> {
    /// What the wallet's answer proves.
    pub(crate) fn weigh(&self, entry: &Entry, answer: Answer<H::Cause>) -> Result<Proof, Doubt<H>> {
        let (left, error, cause) = match answer {
            Answer::Preimage { text, fee_msat } => match prove(&entry.payment, &text, fee_msat) {
                Ok(proof) => return Ok(proof),
                Err(error) => (Left::Doubt, error, None),
            },
            Answer::Word if self.config.trust_wallet => return Ok(Proof { preimage: None, fee_msat: None }),
            Answer::Word => {
                let text = "the wallet answered true and no preimage: the amount stays reserved; proof: \"none\" would believe it";
                (Left::Doubt, Error::new(Code::NoPreimage, text), None)
            }
            Answer::Nothing(what) => {
                let text = concat(&["the wallet answered ", &what, " and no preimage: the amount stays reserved"]);
                (Left::Doubt, Error::new(Code::NoPreimage, text), None)
            }
            Answer::Failed { text, cause } => {
                let text = concat(&["the wallet did not pay: ", &text]);
                (Left::Nothing, Error::new(Code::PaymentFailed, text), cause)
            }
            Answer::Threw(cause) => {
                (Left::Lookup, unknown("the wallet failed and nobody can tell whether it paid"), Some(cause))
            }
        };
        Err(Doubt { left, error, cause })
    }

    /// What the wallet's own books prove.
    pub(crate) async fn look_up(&self, payment: &Payment, patience_ms: u64) -> Result<Proof, Left> {
        match within(self.host.lookup(&payment.payment_hash), self.host.sleep(patience_ms)).await {
            Some(Fact::Paid { preimage, fee_msat }) => prove(payment, &preimage, fee_msat).map_err(|_| Left::Doubt),
            Some(Fact::Failed { .. } | Fact::NotFound) => Err(Left::Nothing),
            Some(Fact::Pending | Fact::Unreachable) | None => Err(Left::Doubt),
        }
    }

    /// Records what became of a payment, and what the wallet's own books say where its answer was lost. The token also where
    /// somebody else has proven it meanwhile (a lookup, `resolve()`), whatever the wallet said.
    pub(crate) async fn settle(
        &self,
        entry: &Entry,
        mut told: Result<Proof, Doubt<H>>,
    ) -> Result<Rc<Token>, Failure<H>> {
        loop {
            let Doubt { left, error, cause } = match told {
                Ok(proof) => return Ok(self.settle_paid(entry, proof).await),
                Err(doubt) => doubt,
            };
            let payment = match self.settle_unproven(entry, left).await {
                Ok(token) => return Ok(token),
                Err(payment) => payment,
            };
            if left != Left::Lookup {
                return Err(self.failed(payment, error, cause));
            }
            let found = self.look_up(&payment, LOOKUP_TIMEOUT_MS).await;
            // The answer may have come meanwhile.
            if let Some(token) = self.books.borrow().tokens.bought_with(&payment.payment_hash) {
                return Ok(Rc::clone(token));
            }
            told = match found {
                Ok(proof) => Ok(proof),
                Err(Left::Nothing) => {
                    let error = Error::new(Code::PaymentFailed, "the wallet did not pay, as its own books say");
                    Err(Doubt { left: Left::Nothing, error, cause })
                }
                Err(_) => return Err(self.failed(payment, error, cause)),
            };
        }
    }

    /// Tells a listener that the wallet proved nothing.
    fn failed(&self, payment: Payment, error: Error, cause: Option<H::Cause>) -> Failure<H> {
        self.host.tell(&Event::Failed { payment: &payment, error: &error });
        Failure::raised(error, cause, Some(payment))
    }

    /// Takes an answer that comes after the timeout.
    pub(crate) async fn settle_late(&self, entry: &Entry, answer: Pin<Box<impl Future<Output = Answer<H::Cause>>>>) {
        match self.weigh(entry, answer.await) {
            Ok(proof) => drop(self.settle_paid(entry, proof).await),
            Err(doubt) if doubt.left == Left::Nothing => drop(self.settle_unproven(entry, Left::Nothing).await),
            Err(_) => {}
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
                // A failed invoice may be tried again: what became of an earlier attempt says nothing of the later one.
                if known.is_unsettled() && known.started_at_ms == entry.started_at_ms {
                    match left {
                        Left::Nothing => known.settle_failed(now_ms),
                        Left::Doubt | Left::Lookup => known.payment.state = State::Unknown,
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

pub(crate) fn open_payment<H: Host>(entry: &Entry) -> Failure<H> {
    Failure::raised(unknown("an earlier payment is open"), None, Some(entry.payment.clone()))
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
