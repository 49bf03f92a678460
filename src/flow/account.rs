//! The caller's questions about the records, and the ways to change them by hand: `resolve()` and `forget()`.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::recover::{at_rest, look_at};
use crate::flow::settle::settle_paid;
use crate::flow::state::ClientState;
use crate::ledger::certainty::prove;
use crate::ledger::limits::Spent;
use crate::ledger::payment::{Payment, State};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::future::Future;

/// Reads the tokens of the store, for the first request of an instance.
pub(crate) fn read_tokens<H: Host>(
    state: &ClientState<H>,
) -> impl Future<Output = Result<(), Failure<H>>> + use<'_, H> {
    state.records.read_tokens(&state.host)
}

/// Every payment in the store, oldest first. Unsettled payments are looked up first, which takes 10 s at most.
///
/// # Errors
/// [`Code::StoreFailed`] if the store can't be read.
pub(crate) async fn payments<H: Host>(state: &ClientState<H>) -> Result<Vec<Payment>, Failure<H>> {
    let mut payments = Vec::new();
    look_at(state, &mut |journal| payments = journal.entries().iter().map(|entry| entry.payment.clone()).collect())
        .await?;
    Ok(payments)
}

/// The amounts of paid and unsettled payments with the reported fees, in satoshis, rounded up. They are those of all
/// origins, or of the origin of a URL. Unsettled payments are looked up first, as for [`Client::payments`].
///
/// # Errors
/// [`Code::InvalidOptions`] if the URL is malformed, [`Code::StoreFailed`] if the store can't be read.
pub(crate) async fn spent<H: Host>(state: &ClientState<H>, url: Option<&str>) -> Result<Spent, Failure<H>> {
    let url = url.map(Url::parse).transpose()?;
    let origin = url.as_ref().map(Url::origin);
    let mut msat = Spent::default();
    look_at(state, &mut |journal| msat = journal.spent(origin, state.host.now())).await?;
    Ok(Spent { hour: msat.hour.div_ceil(1000), day: msat.day.div_ceil(1000), total: msat.total.div_ceil(1000) })
}

/// Settles a payment whose outcome is unknown: with its preimage, or as failed.
///
/// # Errors
/// Nothing is changed then.
/// - [`Code::WrongPreimage`] or [`Code::NoPreimage`] if the preimage proves nothing.
/// - [`Code::InvalidOptions`] if the hash is not in the journal, is proven, or may still be handed to the wallet.
/// - [`Code::StoreFailed`] if the store fails.
pub(crate) async fn resolve<H: Host>(
    state: &ClientState<H>,
    payment_hash: &PaymentHash,
    preimage: Option<&str>,
) -> Result<(), Failure<H>> {
    let invalid = |text| Failure::from(Error::new(Code::InvalidOptions, text));
    let mut proven = None;
    let mut rest = None;
    if preimage.is_none() {
        state.records.read_again(&state.host).await?;
        let open = state.records.borrow().journal.find(payment_hash).filter(|entry| entry.is_unsettled()).cloned();
        if let Some(entry) = open {
            rest = at_rest(state, &entry, None).await;
            if rest.is_none() {
                let text = "outcome can't be \"failed\" yet: the wallet may still be paying";
                return Err(invalid(text));
            }
        }
    }
    state
        .records
        .change(&state.host, &mut |records| {
            let Some(entry) = records.journal.find_mut(payment_hash) else { return Err(not_in_journal().into()) };
            let proof = preimage.map(|text| prove(&entry.payment, text, None)).transpose()?;
            match (entry.payment.state, proof) {
                (State::Paid, Some(_)) | (State::Failed, None) => Ok(()),
                (State::Paid, None) => Err(invalid("outcome contradicts the journal: this payment is proven")),
                (_, proof) => {
                    match proof {
                        Some(proof) => proven = Some((entry.clone(), proof)),
                        None => entry.settle_failed(state.host.now()),
                    }
                    Ok(())
                }
            }
        })
        .await?;
    drop(rest);
    if let Some((entry, proof)) = proven {
        settle_paid(state, &entry, proof).await;
    }
    Ok(())
}

/// The error of a payment hash that no payment here has.
pub(crate) fn not_in_journal() -> Error {
    Error::new(Code::InvalidOptions, "paymentHash is not in the journal: payments() lists those that are")
}

/// Drops the tokens of all origins, or of the origin of a URL, and what is known of refused ones. The journal stays.
///
/// # Errors
/// [`Code::InvalidOptions`] if the URL is malformed, [`Code::StoreFailed`] if the store fails.
pub(crate) async fn forget<H: Host>(state: &ClientState<H>, url: Option<&str>) -> Result<(), Failure<H>> {
    let url = url.map(Url::parse).transpose()?;
    let origin = url.as_ref().map(Url::origin);
    state.origins.forget(origin);
    state
        .records
        .change(&state.host, &mut |records| {
            records.tokens.forget(origin);
            Ok(())
        })
        .await
}
