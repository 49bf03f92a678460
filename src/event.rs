//! What a listener is told of a purchase.

use crate::challenge::{Challenge, Protocol};
use crate::invoice::Invoice;
use crate::journal::Payment;
use crate::macaroon::Macaroon;
use crate::Error;
use serde::Serialize;

/// What is about to be paid, and for what.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// Without fragment.
    pub url: String,
    /// Scheme, host and port.
    pub origin: String,
    /// The offer that was chosen.
    pub protocol: Protocol,
    /// Millisatoshis, without the fee.
    pub amount_msat: u64,
    /// The decoded invoice.
    pub invoice: Invoice,
    /// The decoded token, where it is one macaroon.
    pub macaroon: Option<Macaroon>,
    /// The token as received.
    #[serde(skip)]
    pub token: String,
}

/// Why a 402 comes back untouched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpayable {
    /// It holds no challenge at all.
    NoChallenge,
    /// It may hold one that the page is not shown: a missing `Access-Control-Expose-Headers`.
    ChallengeHidden,
    /// Its challenges are for others.
    NoLightning,
    /// The caller brought an Authorization of its own.
    AuthorizationSet,
}

/// One step of a purchase.
pub enum Event<'a> {
    /// A 402 came with these challenges.
    Challenge {
        /// Without fragment.
        url: &'a str,
        /// All of them, Lightning or not.
        challenges: &'a [Challenge],
    },
    /// An offer was chosen and passed the checks.
    Quote(&'a Quote),
    /// The journal is written; the wallet is asked next.
    Paying(&'a Payment),
    /// Proven and stored.
    Paid(&'a Payment),
    /// Nothing was paid: why.
    Refused {
        /// Without fragment.
        url: &'a str,
        /// The reason.
        error: &'a Error,
    },
    /// The wallet was asked and did not prove a payment; or what it proved could not be stored.
    Failed {
        /// As it stands now.
        payment: &'a Payment,
        /// The reason.
        error: &'a Error,
    },
    /// A 402 was handed back as it is.
    Unpayable {
        /// Without fragment.
        url: &'a str,
        /// Why.
        reason: Unpayable,
    },
}
