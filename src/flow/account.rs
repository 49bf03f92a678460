//! What a caller asks of the ledger: payments, sums, and the settling of what nobody else can settle.

use crate::error::{Code, Error};
use crate::flow::driver::{came_to_nothing, take};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::recover::{find, look_all_up, owner};
use crate::flow::scope::Scope;
use crate::flow::settle::settle_paid;
use crate::flow::state::ClientState;
use crate::ledger::certainty::{prove, Owner, Proof};
use crate::ledger::limits::{Remaining, Spent};
use crate::ledger::payment::{Payment, State};
use crate::ledger::read::{Filter, Leased};
use crate::ledger::record::Record;
use crate::ledger::settle::Outcome;
use crate::ledger::step::{Decision, Step};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::rc::Rc;

/// Payments, newest first, as the store has them. Unsettled ones are looked up first; this takes 10 s at most.
///
/// # Errors
/// [`Code::InvalidOptions`], [`Code::StoreFailed`]
pub(crate) async fn payments<H: Host>(state: &Rc<ClientState<H>>, filter: Filter) -> Result<Vec<Payment>, Failure<H>> {
    look_all_up(state).await?;
    let (filter, mut found, mut after) = (Rc::new(filter), Vec::new(), None);
    loop {
        // A step for each page, so that purchases go on between them.
        let Decision::Payments(Some((page, next))) =
            take(state, Step::Payments { filter: Rc::clone(&filter), after }).await?
        else {
            return Err(invalid("before is the payment hash of no payment that is known").into());
        };
        found.extend(page);
        found.truncate(filter.limit);
        after = next.filter(|_| found.len() < filter.limit);
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// In a scope, at all origins or at that of a URL: the satoshis paid, or handed to a wallet that has not settled them,
/// with the fees reported; and what may still be spent, in millisatoshis. Unsettled payments are looked up first, as
/// for [`payments`].
///
/// # Errors
/// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
pub(crate) async fn sums<H: Host>(
    state: &Rc<ClientState<H>>,
    scope: &Scope<H>,
    url: Option<&str>,
) -> Result<(Spent, Remaining), Failure<H>> {
    let origin = url.map(Url::parse).transpose()?.map(|url| url.origin().to_owned());
    look_all_up(state).await?;
    match take(state, scope.sums(origin, None)).await? {
        Decision::Sums(msat, left) => {
            let [hour, day, total] = [msat.hour, msat.day, msat.total].map(|msat| msat.div_ceil(1000));
            Ok((Spent { hour, day, total }, left))
        }
        _ => Err(came_to_nothing()),
    }
}

/// Settles a payment whose outcome is unknown: with its preimage, or as failed.
///
/// # Errors
/// [`Code::WrongPreimage`] or [`Code::NoPreimage`] where it proves nothing; [`Code::InvalidOptions`] where the hash is
/// not known, is proven, or may still be handed to the wallet; [`Code::StoreFailed`]. Nothing is changed then.
pub(crate) async fn resolve<H: Host>(
    state: &Rc<ClientState<H>>,
    payment_hash: &PaymentHash,
    preimage: Option<&str>,
) -> Result<(), Failure<H>> {
    let known = find(state, payment_hash).await?;
    let Some((record, proof)) = to_settle(state, known, preimage)? else { return Ok(()) };
    if let Some(proof) = proof {
        settle_paid(state, &state.outermost, &record, proof).await;
        return Ok(());
    }
    state.orders.forget(&record.owner);
    take(state, Step::Unproven { ours: record, outcome: Outcome::Failed }).await.map(drop)
}

/// A payment, and its proof if it was paid.
type Told = (Rc<Record>, Option<Proof>);

/// What is to be recorded. `None` where the payment is settled like that already.
fn to_settle<H: Host>(
    state: &ClientState<H>,
    known: Option<Leased>,
    preimage: Option<&str>,
) -> Result<Option<Told>, Error> {
    let Some((record, lease)) = known else { return Err(unknown_payment()) };
    if preimage.is_none() && record.is_unsettled() && owner(state, &record, lease.as_ref()) == Owner::Alive {
        return Err(invalid(
            "outcome can't be \"failed\" yet: whoever asked the wallet may still be at it, try again in three minutes",
        ));
    }
    if record.is_reserved {
        return Err(unknown_payment());
    }
    let proof = preimage.map(|text| prove(&record.payment, text, None)).transpose()?;
    match (record.payment.state, &proof) {
        (State::Paid, Some(_)) | (State::Failed, None) => Ok(None),
        (State::Paid, None) => Err(invalid("outcome contradicts what is known: this payment is proven")),
        _ => Ok(Some((record, proof))),
    }
}

fn invalid(text: &'static str) -> Error {
    Error::new(Code::InvalidOptions, text)
}

/// The error of a payment hash that no payment has.
pub(crate) fn unknown_payment() -> Error {
    Error::new(Code::InvalidOptions, "paymentHash is of no payment that is known: payments() lists those that are")
}

/// Drops stored tokens and what is known of refused ones: of all origins, or that of a URL. The payments stay.
///
/// # Errors
/// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
pub(crate) async fn forget<H: Host>(state: &Rc<ClientState<H>>, url: Option<&str>) -> Result<(), Failure<H>> {
    let url = url.map(Url::parse).transpose()?;
    let origin = url.as_ref().map(Url::origin);
    state.owned.forget(origin);
    let (origin, mut after) = (origin.map(str::to_owned), None);
    loop {
        let step = Step::Forget { origin: origin.clone(), after: after.take() };
        match take(state, step).await? {
            Decision::Next(Some(next)) => after = Some(next),
            _ => return Ok(()),
        }
    }
}
