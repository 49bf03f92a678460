//! What became of the payment of a purchase: the wallet's answer, and what it reports later.

use crate::error::{Code, Error};
use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::{Answer, Host};
use crate::flow::lease::renew;
use crate::flow::orders::OrderState;
use crate::flow::recover::is_resolved;
use crate::flow::scope::Scope;
use crate::flow::settle::{bought, look_up, settle, settle_paid, told_by, unknown, wait_soon, LOOKUP_TIMEOUT_MS};
use crate::flow::state::ClientState;
use crate::flow::sync::{within, Wait};
use crate::ledger::certainty::{prove, Owner, Proof, Verdict};
use crate::ledger::dispatch::Heard;
use crate::ledger::payment::{earlier_payment_open, payment_unknown, State};
use crate::ledger::record::Record;
use crate::ledger::settle::Outcome;
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use std::rc::Rc;

/// How often a payment is looked up in the call that made it.
const MOST_LOOKS: u32 = 4;

/// What is left of a payment that is not proven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// Nothing was paid nor will be.
    NotPaid,
    /// Nobody can tell.
    Unknown,
    /// The wallet's answer was lost; it may tell when it is asked.
    AnswerLost,
}

/// Why there is no proof, and what is unproven of the payment.
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

    /// This process was frozen between the record and the wallet, for so long that others take it for gone.
    pub(crate) fn of_delay(record: &Record) -> Self {
        let (unproven, error) = match record.dispatch.repeats {
            0 => {
                let text = "this call was held up too long: nothing was paid, call again";
                (Unproven::NotPaid, Error::new(Code::PaymentFailed, text))
            }
            _ => (Unproven::Unknown, earlier_payment_open()),
        };
        Self { unproven, heard: None, error, cause: None }
    }
}

/// Notes that the wallet has answered. What its answer proves.
pub(crate) fn weigh<H: Host>(
    state: &Rc<ClientState<H>>,
    record: &Record,
    answer: Answer<H::Cause>,
) -> Result<Proof, NoProof<H>> {
    let told = proven_by(state, record, answer);
    let heard = told.as_ref().err().and_then(|no_proof| no_proof.heard);
    state.orders.note(&record.owner, OrderState::Answered { at_ms: state.host.now(), heard });
    told
}

fn proven_by<H: Host>(
    state: &Rc<ClientState<H>>,
    record: &Record,
    answer: Answer<H::Cause>,
) -> Result<Proof, NoProof<H>> {
    let lost = |cause, heard| {
        (Unproven::AnswerLost, heard, payment_unknown("the wallet failed and nobody can tell whether it paid"), cause)
    };
    let (unproven, heard, error, cause) = match answer {
        Answer::Preimage { text, fee_msat } => match prove(&record.payment, &text, fee_msat) {
            Ok(proof) => return Ok(proof),
            // The wallet says that it has paid. If it finds no payment later, it contradicts itself.
            Err(error) => (Unproven::Unknown, Some(Heard::HasPayment), error, None),
        },
        Answer::PaidWithoutProof if state.config.trust_wallet && !record.payment.protocol.needs_preimage() => {
            return Ok(Proof { preimage: None, fee_msat: None });
        }
        Answer::PaidWithoutProof => {
            let text = "the wallet answered true without a preimage: the amount stays reserved; \
                 find it for resolve(), or set proof: \"none\" for L402";
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
        Answer::Failed { text, cause } if record.dispatch.repeats > 0 => {
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
pub(crate) async fn conclude<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    mut record: Rc<Record>,
    proven: Result<Proof, NoProof<H>>,
) -> Result<Rc<Token>, Failure<H>> {
    let no_proof = match proven {
        Ok(proof) => return Ok(settle_paid(state, scope, &record, proof).await),
        Err(no_proof) => no_proof,
    };
    let outcome = note(state, &mut record, &no_proof);
    let mut now = match settle(state, scope, &record, Err(outcome)).await {
        Ok(token) => return Ok(token),
        Err(now) => now,
    };
    let NoProof { unproven, mut error, cause, .. } = no_proof;
    // Somebody else has taken the order up meanwhile, and may pay it.
    if unproven == Unproven::NotPaid && now.payment.state != State::Failed {
        error = earlier_payment_open();
    }
    let mut told = None;
    if unproven == Unproven::AnswerLost {
        for _ in 0..MOST_LOOKS {
            note_answered(state, &mut record);
            let was_out = state.orders.state(&record.owner) == Some(OrderState::Out);
            let owner = if was_out { Owner::Alive } else { Owner::Us };
            let verdict = look_up(state, &record, owner, LOOKUP_TIMEOUT_MS).await;
            // The answer may have come meanwhile.
            if let Some(token) = bought(state, &record) {
                return Ok(token);
            }
            told = told_by(&verdict);
            match verdict {
                Verdict::Failed => {
                    error = Error::new(Code::PaymentFailed, "the wallet did not pay, as its own records say");
                    break;
                }
                // A request whose connection broke may be carried out a moment after a lookup that overtook it.
                Verdict::Open { until_ms: Some(until_ms) } if wait_soon(state, until_ms).await => {}
                // It has given up meanwhile, and may know more.
                Verdict::Open { .. } if was_out && is_answered(state, &record) => {}
                _ => break,
            }
        }
    }
    if told.is_none() && unproven != Unproven::NotPaid && is_resolved(state, scope, &record, &error).await {
        error = Error::new(Code::PaymentFailed, "the wallet did not pay, as onUnknown says");
        told = Some(Err(Outcome::Unknown));
    }
    if let Some(told) = told {
        match settle(state, scope, &record, told).await {
            Ok(token) => return Ok(token),
            Err(unproven) => now = unproven,
        }
    }
    scope.tell(&Event::Failed { payment: &now.payment, error: &error });
    Err(Failure::raised(error, cause, Some(now.payment.clone())))
}

/// Takes an answer that comes after the timeout. The lease is renewed until then.
pub(crate) async fn settle_late<H: Host>(
    state: Rc<ClientState<H>>,
    scope: Rc<Scope<H>>,
    mut record: Rc<Record>,
    answer: Wait<'static, Answer<H::Cause>>,
) {
    let Some(answer) = within(answer, Box::pin(renew(&state, &record.owner))).await else { return };
    let told = weigh(&state, &record, answer).map_err(|no_proof| note(&state, &mut record, &no_proof));
    let _ = settle(&state, &scope, &record, told).await;
}

/// Notes in a record what its wallet answered, once it has.
fn note_answered<H: Host>(state: &ClientState<H>, record: &mut Rc<Record>) {
    if let Some(OrderState::Answered { at_ms, heard }) = state.orders.state(&record.owner) {
        let dispatch = &mut Rc::make_mut(record).dispatch;
        (dispatch.error_at_ms, dispatch.heard) = (Some(at_ms), heard);
    }
}

/// The same, and what became of the order.
fn note<H: Host>(state: &ClientState<H>, record: &mut Rc<Record>, no_proof: &NoProof<H>) -> Outcome {
    note_answered(state, record);
    match no_proof.unproven {
        Unproven::NotPaid => Outcome::Failed,
        Unproven::Unknown | Unproven::AnswerLost => unknown(state, record),
    }
}

fn is_answered<H: Host>(state: &ClientState<H>, record: &Record) -> bool {
    matches!(state.orders.state(&record.owner), Some(OrderState::Answered { .. }))
}
