//! What became of the payment of a purchase: the wallet's answer, and what it reports later.

use crate::error::{Code, Error};
use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::{Answer, Host};
use crate::flow::orders::{OrderState, SentOrder};
use crate::flow::purchase::Purchase;
use crate::flow::recover::is_resolved;
use crate::flow::settle::{look_up, settle_paid, settle_unproven, wait_soon, LOOKUP_TIMEOUT_MS};
use crate::flow::state::ClientState;
use crate::ledger::certainty::{prove, Owner, Proof, Verdict};
use crate::ledger::dispatch::Heard;
use crate::ledger::entry::Entry;
use crate::ledger::payment::{earlier_payment_open, payment_unknown, Payment};
use crate::ledger::records::Unproven;
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// How often a payment is looked up in the call that made it.
const MOST_LOOKS: u32 = 4;

/// An outcome without a proof: the reason, and what is known of the payment.
pub(crate) struct NoProof<H: Host> {
    unproven: Unproven,
    heard: Option<Heard>,
    error: Error,
    cause: Option<H::Cause>,
}

impl<H: Host> NoProof<H> {
    /// The wallet was silent until the timeout.
    pub(crate) fn of_silence() -> Self {
        let error = payment_unknown("the wallet did not answer in time; a later answer is recorded");
        Self { unproven: Unproven::AnswerLost, heard: None, error, cause: None }
    }

    /// This process was frozen between the entry and the wallet. Others may already act in its place.
    pub(crate) fn of_delay(entry: &Entry) -> Self {
        let (unproven, error) = match entry.dispatch.repeats {
            0 => {
                let text = "this call was held up too long: nothing was paid, call again";
                (Unproven::NotPaid, Error::new(Code::PaymentFailed, text))
            }
            _ => (Unproven::Unknown, earlier_payment_open()),
        };
        Self { unproven, heard: None, error, cause: None }
    }
}

/// What the wallet's answer proves.
pub(crate) fn weigh<H: Host>(
    state: &ClientState<H>,
    entry: &Entry,
    answer: Answer<H::Cause>,
) -> Result<Proof, NoProof<H>> {
    let lost = |cause, heard| {
        (Unproven::AnswerLost, heard, payment_unknown("the wallet failed and nobody can tell whether it paid"), cause)
    };
    let (unproven, heard, error, cause) = match answer {
        Answer::Preimage { text, fee_msat } => match prove(&entry.payment, &text, fee_msat) {
            Ok(proof) => return Ok(proof),
            // The wallet says that it has paid. If it finds no payment later, it contradicts itself.
            Err(error) => (Unproven::Unknown, Some(Heard::HasPayment), error, None),
        },
        Answer::PaidWithoutProof if state.config.trust_wallet => return Ok(Proof { preimage: None, fee_msat: None }),
        Answer::PaidWithoutProof => {
            let text = "the wallet answered true without a preimage: the amount stays reserved; \
                 find it for resolve(), or set proof: \"none\"";
            (Unproven::Unknown, Some(Heard::HasPayment), Error::new(Code::NoPreimage, text), None)
        }
        Answer::NoPreimage(what) => {
            let text = concat(&[
                "the wallet gave no preimage (it answered ",
                &what,
                "): the amount stays reserved; find it for resolve()",
            ]);
            (Unproven::Unknown, None, Error::new(Code::NoPreimage, text), None)
        }
        Answer::Failed { text, cause } if entry.dispatch.repeats > 0 => {
            let text = concat(&["the wallet did not pay (", &text, "), but an earlier order may be on its way"]);
            (Unproven::AnswerLost, None, payment_unknown(&text), cause)
        }
        Answer::Failed { text, cause } => {
            let text = concat(&["the wallet did not pay: ", &text]);
            (Unproven::NotPaid, None, Error::new(Code::PaymentFailed, text), cause)
        }
        Answer::Threw(cause) => lost(Some(cause), None),
        Answer::HasPayment(cause) => lost(Some(cause), Some(Heard::HasPayment)),
        Answer::OrderEnded(cause) => lost(Some(cause), Some(Heard::OrderEnded)),
    };
    Err(NoProof { unproven, heard, error, cause })
}

/// Records what became of a payment. If the wallet's answer was lost, looks the payment up. Returns the token, also if
/// somebody else has proven the payment meanwhile (a lookup, `resolve()`).
pub(crate) async fn settle<H: Host>(
    state: &ClientState<H>,
    own: &Purchase<H>,
    entry: &mut Entry,
    told: Result<Proof, NoProof<H>>,
) -> Result<Rc<Token>, Failure<H>> {
    let NoProof { unproven, heard, error, cause } = match told {
        Ok(proof) => return Ok(settle_paid(state, entry, proof).await),
        Err(no_proof) => no_proof,
    };
    note_error(state, entry, heard);
    let mut payment = match settle_unproven(state, entry, unproven).await {
        Ok(token) => return Ok(token),
        Err(payment) => payment,
    };
    if unproven == Unproven::AnswerLost {
        for _ in 0..MOST_LOOKS {
            let was_out = state.orders.state(entry) == Some(OrderState::Out);
            let owner = if was_out { Owner::Alive } else { Owner::Us };
            let verdict = look_up(state, entry, owner, LOOKUP_TIMEOUT_MS).await;
            // The late answer may have come meanwhile.
            if let Some(token) = state.records.borrow().tokens.bought_with(&payment.payment_hash) {
                return Ok(Rc::clone(token));
            }
            match verdict {
                Verdict::Paid(proof) => return Ok(settle_paid(state, entry, proof).await),
                Verdict::Failed => {
                    let error = Error::new(Code::PaymentFailed, "the wallet did not pay, as its own records say");
                    return match settle_unproven(state, entry, Unproven::NotPaid).await {
                        Ok(token) => Ok(token),
                        Err(payment) => Err(failed(state, *payment, error, cause)),
                    };
                }
                // A request whose connection broke may be carried out a moment after a lookup that overtook it.
                Verdict::Open { until_ms: Some(until_ms) } if wait_soon(state, until_ms).await => {}
                // `pay` has ended meanwhile, so the wallet may know more.
                Verdict::Open { .. } if was_out && state.orders.state(entry) == Some(OrderState::Answered) => {}
                _ => break,
            }
        }
    }
    if unproven != Unproven::NotPaid && is_resolved(state, entry, Some(own), &error).await {
        let told = Error::new(Code::PaymentFailed, "the wallet did not pay, as onUnknown says");
        match settle_unproven(state, entry, Unproven::Unknown).await {
            Ok(token) => return Ok(token),
            Err(now) => payment = now,
        }
        return Err(failed(state, *payment, told, cause));
    }
    Err(failed(state, *payment, error, cause))
}

/// Records an answer that comes after the timeout.
pub(crate) async fn settle_late<H: Host>(
    state: Rc<ClientState<H>>,
    mut entry: Box<Entry>,
    sending: Rc<SentOrder>,
    answer: Pin<Box<impl Future<Output = Answer<H::Cause>>>>,
) {
    let answer = answer.await;
    sending.note_answer();
    match weigh(&state, &entry, answer) {
        Ok(proof) => drop(settle_paid(&state, &entry, proof).await),
        Err(no_proof) => {
            note_error(&state, &mut entry, no_proof.heard);
            drop(settle_unproven(&state, &entry, no_proof.unproven).await);
        }
    }
}

/// Notes in an entry what its wallet answered, once it has answered.
fn note_error<H: Host>(state: &ClientState<H>, entry: &mut Entry, heard: Option<Heard>) {
    if state.orders.state(entry) == Some(OrderState::Answered) {
        entry.dispatch.error_at_ms = Some(state.host.now());
        entry.dispatch.heard = heard;
    }
}

/// Tells a listener that the wallet proved nothing.
fn failed<H: Host>(state: &ClientState<H>, payment: Payment, error: Error, cause: Option<H::Cause>) -> Failure<H> {
    state.host.tell(&Event::Failed { payment: &payment, error: &error });
    Failure::raised(error, cause, Some(payment))
}
