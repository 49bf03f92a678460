//! What became of a payment: the wallet's answer, its own books, and the proof.

use crate::client::Client;
use crate::encoding::{concat, from_hex};
use crate::event::Event;
use crate::failure::Failure;
use crate::host::{Answer, Host, Lookup};
use crate::journal::{Entry, Payment, State};
use crate::ledger::Books;
use crate::preimage::Preimage;
use crate::sync::{first, First};
use crate::token::Token;
use crate::{Code, Error};
use std::pin::Pin;
use std::rc::Rc;

/// A wallet that takes longer to say what became of a payment gives no answer.
pub(crate) const LOOKUP_TIMEOUT_MS: u64 = 10_000;

impl<H: Host> Client<H> {
    pub(crate) async fn look_up(&self, payment_hash: &str, patience_ms: u64) -> Lookup {
        match first(self.host.lookup(payment_hash), self.host.sleep(patience_ms)).await {
            First::A(found) => found,
            First::B(()) => Lookup::Silent,
        }
    }

    /// Takes the wallet's answer.
    pub(crate) async fn settle(&self, entry: &Entry, answer: Answer<H::Cause>) -> Result<Rc<Token>, Failure<H>> {
        let doubtful = match answer {
            Answer::Preimage { text, fee_msat } => match prove(&text, &entry.payment) {
                Ok(proof) => return Ok(self.settle_paid(entry, Some(proof.to_hex()), fee_msat).await),
                Err(error) => error,
            },
            Answer::Word if self.config.trust_wallet => return Ok(self.settle_paid(entry, None, None).await),
            Answer::Word => Error::new(
                Code::NoPreimage,
                "the wallet answered true and no preimage: the amount stays reserved; proof: \"none\" would believe it",
            ),
            Answer::Nothing(what) => Error::new(
                Code::NoPreimage,
                concat(&["the wallet answered ", &what, " and no preimage: the amount stays reserved"]),
            ),
            Answer::Failed { text, cause } => {
                let failed = self.settle_failed(entry).await;
                let error = Error::new(Code::PaymentFailed, concat(&["the wallet did not pay: ", &text]));
                return self.unless_proven(failed, error, cause);
            }
            Answer::Threw(cause) => {
                let failure =
                    Failure::raised(unknown("the wallet failed and nobody can tell whether it paid")).with_cause(cause);
                return self.ask_wallet(entry, failure).await;
            }
        };
        let open = self.settle_unknown(entry).await;
        self.unless_proven(open, doubtful, None)
    }

    /// This process was frozen between the entry and the wallet, for so long that others may have taken the payment for one
    /// that never started, and made it themselves.
    pub(crate) async fn held_up(&self, entry: &Entry) -> Failure<H> {
        let failed = self.settle_failed(entry).await;
        self.failed(
            failed,
            Error::new(Code::PaymentFailed, "held up before the wallet was asked: nothing was paid, call again"),
        )
    }

    /// The answer was lost: what the wallet's own books say, or else `failure` with the payment left open.
    pub(crate) async fn ask_wallet(&self, entry: &Entry, failure: Failure<H>) -> Result<Rc<Token>, Failure<H>> {
        let open = self.settle_unknown(entry).await;
        let found = self.look_up(&entry.payment.payment_hash, LOOKUP_TIMEOUT_MS).await;
        // The answer may have come meanwhile.
        if let Some(token) = self.books.borrow().tokens.bought_with(&entry.payment.payment_hash) {
            return Ok(Rc::clone(token));
        }
        match found {
            Lookup::Paid { preimage, fee_msat } => {
                if let Ok(proof) = prove(&preimage, &entry.payment) {
                    return Ok(self.settle_paid(entry, Some(proof.to_hex()), fee_msat).await);
                }
            }
            Lookup::Failed => {
                let failed = self.settle_failed(entry).await;
                let Failure::Raised(lost) = failure else { return Err(failure) };
                let error = Error::new(Code::PaymentFailed, "the wallet did not pay, as its own books say");
                return self.unless_proven(failed, error, lost.cause);
            }
            Lookup::Pending | Lookup::Silent => {}
        }
        match failure {
            Failure::Raised(lost) => self.unless_proven(open, lost.error, lost.cause),
            other => Err(other),
        }
    }

    pub(crate) async fn settle_late(
        &self,
        entry: &Entry,
        answer: Pin<Box<impl std::future::Future<Output = Answer<H::Cause>>>>,
    ) {
        match answer.await {
            Answer::Preimage { text, fee_msat } => {
                if let Ok(proof) = prove(&text, &entry.payment) {
                    self.settle_paid(entry, Some(proof.to_hex()), fee_msat).await;
                }
            }
            Answer::Word if self.config.trust_wallet => {
                self.settle_paid(entry, None, None).await;
            }
            Answer::Failed { .. } => {
                self.settle_failed(entry).await;
            }
            _ => {}
        }
    }

    /// Records a proof: token and journal are stored before anything else happens. Where the store fails, memory has them.
    pub(crate) async fn settle_paid(
        &self,
        entry: &Entry,
        preimage: Option<String>,
        fee_msat: Option<u64>,
    ) -> Rc<Token> {
        let page = self.open().await;
        let (token, is_news) = self.enter_proof(entry, preimage, fee_msat);
        if let Some(Failure::Raised(lost)) = self.close_or_keep(page).await {
            self.host.tell(&Event::Failed { payment: &token.payment, error: &lost.error });
        }
        if is_news {
            self.host.tell(&Event::Paid(&token.payment));
        }
        token
    }

    fn enter_proof(&self, entry: &Entry, preimage: Option<String>, fee_msat: Option<u64>) -> (Rc<Token>, bool) {
        let now = self.host.now();
        let mut books = self.books.borrow_mut();
        let Books { journal, tokens, .. } = &mut *books;
        let hash = &entry.payment.payment_hash;
        // Whoever writes without a lock may have lost the entry: the proof brings it back.
        let mut known = journal.find(hash).unwrap_or(entry).clone();
        let was_proven = known.payment.state == State::Paid;
        known.settle_paid(preimage, fee_msat, now);
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

    /// Records that nothing moved: the amount is free again. A proof that came first stands.
    pub(crate) async fn settle_failed(&self, entry: &Entry) -> Payment {
        self.change_open(entry, |entry, now| entry.settle_failed(now)).await
    }

    async fn settle_unknown(&self, entry: &Entry) -> Payment {
        self.change_open(entry, |entry, _| entry.payment.state = State::Unknown).await
    }

    async fn change_open(&self, entry: &Entry, change: fn(&mut Entry, u64)) -> Payment {
        let page = self.open().await;
        let now = self.host.now();
        let payment = match self.books.borrow_mut().journal.find_mut(&entry.payment.payment_hash) {
            Some(known) => {
                // A failed invoice may be tried again: what became of an earlier attempt says nothing of the later one.
                if known.is_unsettled() && known.started_at_ms == entry.started_at_ms {
                    change(known, now);
                }
                known.payment.clone()
            }
            None => entry.payment.clone(),
        };
        self.close_or_keep(page).await;
        payment
    }

    /// The token of a payment that somebody else has proven meanwhile (a lookup, `resolve()`), whatever the wallet said; else
    /// the error, told to a listener.
    fn unless_proven(&self, payment: Payment, error: Error, cause: Option<H::Cause>) -> Result<Rc<Token>, Failure<H>> {
        if payment.state == State::Paid {
            if let Some(token) = self.books.borrow().tokens.bought_with(&payment.payment_hash) {
                return Ok(Rc::clone(token));
            }
        }
        Err(with_optional_cause(self.failed(payment, error), cause))
    }

    /// Tells a listener that the wallet proved nothing.
    fn failed(&self, payment: Payment, error: Error) -> Failure<H> {
        self.host.tell(&Event::Failed { payment: &payment, error: &error });
        Failure::raised(error).with_payment(payment)
    }
}

pub(crate) fn open_payment<H: Host>(entry: &Entry) -> Failure<H> {
    Failure::raised(unknown("an earlier payment is open")).with_payment(entry.payment.clone())
}

pub(crate) fn prove(text: &str, payment: &Payment) -> Result<Preimage, Error> {
    match from_hex(&payment.payment_hash).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        Some(hash) => Preimage::prove(text, &hash),
        None => Err(Error::new(Code::StoreFailed, "the journal's payment hash is damaged")),
    }
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

fn with_optional_cause<H: Host>(failure: Failure<H>, cause: Option<H::Cause>) -> Failure<H> {
    match cause {
        Some(cause) => failure.with_cause(cause),
        None => failure,
    }
}
