//! What a listener is told of a purchase.

use crate::ledger::journal::Payment;
use crate::text::object::Writer;
use crate::wire::challenge::{Challenge, Protocol};
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::Macaroon;
use crate::Error;

/// What is about to be paid, and for what.
#[derive(Clone, PartialEq, Eq)]
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
    pub token: String,
}

impl Quote {
    fn write(&self, row: &mut Writer) {
        row.text("url", Some(&self.url));
        row.text("origin", Some(&self.origin));
        row.text("protocol", Some(self.protocol.as_str()));
        row.amount(Some(self.amount_msat));
        row.row("invoice", |row| self.invoice.write(row));
        match &self.macaroon {
            Some(macaroon) => row.row("macaroon", |row| macaroon.write(row)),
            None => row.text("macaroon", None),
        }
    }

    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object(|row| self.write(row))
    }
}

/// Why a 402 comes back untouched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unpayable {
    /// It holds no challenge at all.
    NoChallenge,
    /// It may hold one that the page is not shown: a missing `Access-Control-Expose-Headers`.
    ChallengeHidden,
    /// Its challenges are for others.
    NoLightning,
    /// The caller brought an Authorization of its own.
    AuthorizationSet,
    /// The request can carry no token: `OPTIONS`, or a mode or cache mode that sends none.
    RequestMode,
}

impl Unpayable {
    /// The name that JavaScript is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoChallenge => "no_challenge",
            Self::ChallengeHidden => "challenge_hidden",
            Self::NoLightning => "no_lightning",
            Self::AuthorizationSet => "authorization_set",
            Self::RequestMode => "request_mode",
        }
    }
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

impl Event<'_> {
    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kind = match self {
            Self::Challenge { .. } => "challenge",
            Self::Quote(_) => "quote",
            Self::Paying(_) => "paying",
            Self::Paid(_) => "paid",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
            Self::Unpayable { .. } => "unpayable",
        };
        Writer::object(|row| {
            row.text("type", Some(kind));
            match self {
                Self::Challenge { url, .. } | Self::Refused { url, .. } | Self::Unpayable { url, .. } => {
                    row.text("url", Some(url));
                }
                Self::Quote(quote) => row.row("quote", |row| quote.write(row)),
                Self::Paying(payment) | Self::Paid(payment) | Self::Failed { payment, .. } => {
                    row.row("payment", |row| payment.write(row));
                }
            }
            match self {
                Self::Challenge { challenges, .. } => row.rows("challenges", challenges, Challenge::write),
                Self::Refused { error, .. } | Self::Failed { error, .. } => {
                    row.text("code", Some(error.code().as_str()));
                    row.text("message", Some(error.message()));
                }
                Self::Unpayable { reason, .. } => row.text("reason", Some(reason.as_str())),
                Self::Quote(_) | Self::Paying(_) | Self::Paid(_) => {}
            }
        })
    }
}
