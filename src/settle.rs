//! What became of a payment: the wallet's answer, its own books, and the proof.

use crate::client::Client;
use crate::encoding::from_hex;
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
    pub(crate) async fn look_up(&self, payment_hash: &str) -> Lookup {
        match first(self.host.lookup(payment_hash), self.host.sleep(LOOKUP_TIMEOUT_MS)).await {
            First::A(found) => found,
            First::B(()) => Lookup::Silent,
        }
    }

    /// Takes the wallet's answer.
    pub(crate) async fn settle(&self, payment: &Payment, answer: Answer<H::Cause>) -> Result<Rc<Token>, Failure<H>> {
        let doubtful = match answer {
            Answer::Preimage { text, fee_msat } => match prove(&text, payment) {
                Ok(proof) => return Ok(self.settle_paid(payment, Some(proof.to_hex()), fee_msat).await),
                Err(error) => error,
            },
            Answer::Word if self.config.trust_wallet => return Ok(self.settle_paid(payment, None, None).await),
            Answer::Word => Error::new(
                Code::NoPreimage,
                "the wallet answered true and no preimage: the amount stays reserved; proof: \"none\" would believe it",
            ),
            Answer::Nothing(what) => Error::new(
                Code::NoPreimage,
                ["the wallet answered ", &what, " and no preimage: the amount stays reserved"].concat(),
            ),
            Answer::Failed { text, cause } => {
                let failed = self.settle_failed(payment).await;
                let error = Error::new(Code::PaymentFailed, ["the wallet did not pay: ", &text].concat());
                return Err(with_optional_cause(self.failed(failed, error), cause));
            }
            Answer::Threw(cause) => {
                let failure =
                    Failure::raised(unknown("the wallet failed and nobody can tell whether it paid")).with_cause(cause);
                return self.ask_wallet(payment, failure).await;
            }
        };
        let open = self.settle_unknown(payment).await;
        Err(self.failed(open, doubtful))
    }

    /// The answer was lost: what the wallet's own books say, or else `failure` with the payment left open.
    pub(crate) async fn ask_wallet(&self, payment: &Payment, failure: Failure<H>) -> Result<Rc<Token>, Failure<H>> {
        let open = self.settle_unknown(payment).await;
        match self.look_up(&payment.payment_hash).await {
            Lookup::Paid { preimage, fee_msat } => {
                if let Ok(proof) = prove(&preimage, payment) {
                    return Ok(self.settle_paid(payment, Some(proof.to_hex()), fee_msat).await);
                }
            }
            Lookup::Failed => {
                let failed = self.settle_failed(payment).await;
                let raised = self
                    .failed(failed, Error::new(Code::PaymentFailed, "the wallet did not pay, as its own books say"));
                let Failure::Raised(lost) = failure else { return Err(raised) };
                return Err(with_optional_cause(raised, lost.cause));
            }
            Lookup::Pending | Lookup::Silent => {}
        }
        match failure {
            Failure::Raised(lost) => Err(with_optional_cause(self.failed(open, lost.error), lost.cause)),
            other => Err(other),
        }
    }

    pub(crate) async fn settle_late(
        &self,
        payment: &Payment,
        answer: Pin<Box<impl std::future::Future<Output = Answer<H::Cause>>>>,
    ) {
        match answer.await {
            Answer::Preimage { text, fee_msat } => {
                if let Ok(proof) = prove(&text, payment) {
                    self.settle_paid(payment, Some(proof.to_hex()), fee_msat).await;
                }
            }
            Answer::Word if self.config.trust_wallet => {
                self.settle_paid(payment, None, None).await;
            }
            Answer::Failed { .. } => {
                self.settle_failed(payment).await;
            }
            _ => {}
        }
    }

    /// Records a proof: token and journal are stored before anything else happens. Where the store fails, memory has them.
    pub(crate) async fn settle_paid(
        &self,
        payment: &Payment,
        preimage: Option<String>,
        fee_msat: Option<u64>,
    ) -> Rc<Token> {
        let page = self.open().await;
        let token = self.enter_proof(payment, preimage, fee_msat);
        if let Some(Failure::Raised(lost)) = self.close_or_keep(page).await {
            self.host.tell(&Event::Failed { payment: &token.payment, error: &lost.error });
        }
        self.host.tell(&Event::Paid(&token.payment));
        token
    }

    fn enter_proof(&self, payment: &Payment, preimage: Option<String>, fee_msat: Option<u64>) -> Rc<Token> {
        let now = self.host.now();
        let mut books = self.books.borrow_mut();
        let Books { journal, tokens, .. } = &mut *books;
        let (mut paid, mut method, mut text) = (payment.clone(), String::new(), String::new());
        if let Some(entry) = journal.find_mut(&payment.payment_hash) {
            (method, text) = (entry.method.clone(), entry.token.clone());
            entry.settle_paid(preimage.clone(), fee_msat, now);
            paid = entry.payment.clone();
        }
        match tokens.bought_with(&payment.payment_hash) {
            Some(token) => Rc::clone(token),
            // Proven before, and its token forgotten since: there is nothing to keep.
            None if text.is_empty() => Rc::new(Token::new(paid, method, text, preimage)),
            None => tokens.put(Token::new(paid, method, text, preimage)),
        }
    }

    /// Records that nothing moved: the amount is free again. A proof that came first stands.
    pub(crate) async fn settle_failed(&self, payment: &Payment) -> Payment {
        self.change_open(payment, |entry, now| entry.settle_failed(now)).await
    }

    async fn settle_unknown(&self, payment: &Payment) -> Payment {
        self.change_open(payment, |entry, _| entry.payment.state = State::Unknown).await
    }

    async fn change_open(&self, payment: &Payment, change: fn(&mut Entry, u64)) -> Payment {
        let page = self.open().await;
        let now = self.host.now();
        let payment = match self.books.borrow_mut().journal.find_mut(&payment.payment_hash) {
            Some(entry) => {
                if entry.is_unsettled() {
                    change(entry, now);
                }
                entry.payment.clone()
            }
            None => payment.clone(),
        };
        self.close_or_keep(page).await;
        payment
    }

    /// Tells a listener that the wallet proved nothing.
    fn failed(&self, payment: Payment, error: Error) -> Failure<H> {
        self.host.tell(&Event::Failed { payment: &payment, error: &error });
        Failure::raised(error).with_payment(payment)
    }
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
        [what, ": the amount stays reserved, and nothing more is paid here until it is looked up or resolve() tells"]
            .concat(),
    )
}

fn with_optional_cause<H: Host>(failure: Failure<H>, cause: Option<H::Cause>) -> Failure<H> {
    match cause {
        Some(cause) => failure.with_cause(cause),
        None => failure,
    }
}
