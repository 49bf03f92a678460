//! What became of a payment. This is the one place that decides when a report ends a payment.
//!
//! A wallet reports facts ([`Fact`]). The value of a fact depends on the sender of the order, and on times that are
//! stored with the payment. [`judge`] is a function of its arguments: it reads no clock and does no I/O.
//!
//! | What is reported | by the wallet of whoever sent the order, once its `pay` has settled | to anybody else |
//! |---|---|---|
//! | a preimage that hashes | paid | paid |
//! | failed, of an attempt begun after the order was sent | failed; after the window, where records say "failed" between attempts, or may be an earlier order's for the same invoice | see below |
//! | not found, by a wallet that finds its payments and has not said that it had this one | failed, after the window | see below |
//! | pending, or no answer | open | open |
//!
//! The sender may be frozen on its way to the wallet, and others can't know that. When it wakes up, only the expiry of
//! the invoice stops its order. So for others "failed" and "not found" end a payment only if nobody is buying it, its
//! invoice has expired and the window has passed, both by a clock that may be five minutes ahead. Until then the same
//! wallet may get the same invoice once more, if it pays a hash only once. The report of another wallet can prove a
//! payment, but never end it.

use crate::error::Error;
use crate::ledger::dispatch::Heard;
use crate::ledger::payment::Payment;
use crate::ledger::record::Record;
use crate::ledger::wallet::{Fact, Wallet, Window};
use crate::wire::preimage::Preimage;
use std::fmt;

/// The most milliseconds from the journal's entry to the wallet. A process that needs longer does not ask the wallet.
pub const LEASE_MS: u64 = 150_000;
/// How far the wallet's clock may be behind ours. It dates the wallet's records of attempts.
const SKEW_MS: u64 = 1_000;
/// How far our clock may be ahead of the sender's and the wallet's. By its own clock the sender does not ask the wallet
/// once the invoice has expired.
const AHEAD_MS: u64 = 300_000;
/// An invoice that expires within this time is not handed over.
const LEAST_LIFE_S: u64 = 5;

/// Who may still be about to hand an order to the wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Nobody. This instance sent the order, and its `pay` has settled.
    Us,
    /// The sender may still be at work: another process, or a `pay` of this instance that has not settled.
    Alive,
    /// Nobody, as far as is known. The sender is dead or frozen.
    Lapsed,
}

/// What is certain of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was paid.
    Paid(Proof),
    /// Nothing was paid nor will be.
    Failed,
    /// Nobody can tell, but the same invoice may be handed to the same wallet again.
    MayRepeat,
    /// Nobody can tell.
    Open {
        /// From this time the same report would end it, in milliseconds since the Unix epoch, if that is known.
        until_ms: Option<u64>,
    },
}

/// The proof that a payment was made. `Debug` hides the preimage.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Hex. `None`: `proof: "none"` trusts the wallet.
    pub preimage: Option<String>,
    /// Millisatoshis, as the wallet reported it.
    pub fee_msat: Option<u64>,
}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Proof")
    }
}

/// Judges a report about an entry. `timeout_ms` is the time that a wallet may take. `now_ms` is the time when it was
/// asked.
#[must_use]
pub fn judge(fact: &Fact, owner: Owner, record: &Record, wallet: &Wallet, timeout_ms: u64, now_ms: u64) -> Verdict {
    const OPEN: Verdict = Verdict::Open { until_ms: None };
    let dispatch = &record.dispatch;
    let begun_at_ms = match fact {
        Fact::Paid { preimage, fee_msat } => {
            return match prove(&record.payment, preimage, *fee_msat) {
                Ok(proof) => Verdict::Paid(proof),
                Err(_) => OPEN,
            };
        }
        Fact::Pending | Fact::Unreachable => return OPEN,
        Fact::NotFound if dispatch.heard == Some(Heard::HasPayment) => return OPEN,
        Fact::NotFound => None,
        Fact::Failed { begun_at_ms } => *begun_at_ms,
    };
    let is_same = owner == Owner::Us || (wallet.id.is_some() && wallet.id == dispatch.wallet_id);
    if owner == Owner::Alive || !is_same {
        return OPEN;
    }
    let is_believed = wallet.finds || *fact != Fact::NotFound;
    let sent_at_ms = dispatch.sent_at_ms.unwrap_or(record.started_at_ms.saturating_add(LEASE_MS));
    let quiet_at_ms = match wallet.window {
        Window::None => 0,
        Window::Sent(_) if dispatch.heard == Some(Heard::OrderEnded) => 0,
        Window::Sent(window_ms) => sent_at_ms.saturating_add(window_ms),
        Window::Error(window_ms) => {
            dispatch.error_at_ms.unwrap_or(sent_at_ms.saturating_add(timeout_ms)).saturating_add(window_ms)
        }
    };
    // If an invoice was ordered several times, the earlier orders may be those of others.
    let is_sender = owner == Owner::Us && dispatch.repeats == 0;
    let past_ms = if is_sender { now_ms } else { now_ms.saturating_sub(AHEAD_MS) };
    let is_expired = past_ms / 1000 > record.invoice_expires_at;
    if is_expired && is_believed && past_ms >= quiet_at_ms {
        return Verdict::Failed;
    }
    if is_sender {
        let is_earlier = begun_at_ms.is_some_and(|begun| begun.saturating_add(SKEW_MS) < sent_at_ms);
        if is_earlier || !is_believed {
            return OPEN;
        }
        // A record without a start time may belong to an earlier attempt, until the window has passed.
        let may_be_earlier = dispatch.failures > 0 && begun_at_ms.is_none();
        let is_final = *fact != Fact::NotFound && !may_be_earlier && !matches!(wallet.window, Window::Sent(_));
        if is_final || now_ms >= quiet_at_ms {
            return Verdict::Failed;
        }
        return Verdict::Open { until_ms: Some(quiet_at_ms) };
    }
    let is_alive = now_ms / 1000 < record.last_moment().saturating_sub(LEAST_LIFE_S);
    if wallet.settles_once && is_alive && !record.payment.invoice.is_empty() {
        return Verdict::MayRepeat;
    }
    OPEN
}

/// Checks a text that may be the preimage of a payment. `fee_msat` is in millisatoshis.
///
/// # Errors
/// [`Code::WrongPreimage`](crate::Code::WrongPreimage), [`Code::NoPreimage`](crate::Code::NoPreimage)
pub fn prove(payment: &Payment, preimage: &str, fee_msat: Option<u64>) -> Result<Proof, Error> {
    let proven = Preimage::prove(preimage, &payment.payment_hash)?;
    Ok(Proof { preimage: Some(proven.to_hex()), fee_msat })
}
