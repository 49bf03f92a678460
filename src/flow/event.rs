//! The events of a purchase, for listeners.

use crate::error::Error;
use crate::ledger::payment::Payment;
use crate::text::json_writer::{write_object, Writer};
use crate::wire::challenge::{Challenge, Protocol};
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::Macaroon;
use crate::wire::mpp;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::refusal::Refusal;
use crate::wire::shown;
use crate::wire::url::Url;

/// An offer that passed every check except those of the ledger.
#[derive(Clone, PartialEq, Eq)]
pub struct Quote {
    /// The URL that is paid for.
    pub url: Url,
    /// The offer that was chosen.
    pub protocol: Protocol,
    /// Millisatoshis, without the fee.
    pub amount_msat: u64,
    /// The decoded invoice.
    pub invoice: Invoice,
    /// The decoded token, if it is one macaroon.
    pub macaroon: Option<Macaroon>,
    /// The token as received.
    pub token: String,
    /// When the challenge expires, in Unix seconds. `None`: it names no such time.
    pub expires_at: Option<u64>,
    /// What the offer is bound to beside method and URL. `None`: it is for any request of these.
    pub bound_to: Option<String>,
    /// Whether it is a deposit for a session.
    pub is_deposit: bool,
}

impl Quote {
    /// The session that it is a deposit for: an open one, or that which it opens.
    pub(crate) fn session(&self) -> Option<PaymentHash> {
        let terms = mpp::Deposit::parse(&self.token)?;
        Some(terms.adds_to.unwrap_or(self.invoice.payment_hash))
    }

    pub(crate) fn write(&self, object: &mut Writer) {
        object.text("url", Some(self.url.as_str()));
        object.text("origin", Some(self.url.origin()));
        object.text("protocol", Some(self.protocol.as_str()));
        object.amount(Some(self.amount_msat));
        object.object("invoice", |object| self.invoice.write(object));
        if self.is_deposit {
            object.boolean("deposit", true);
        }
        match &self.macaroon {
            Some(macaroon) => object.object("macaroon", |object| macaroon.write(object)),
            None => object.text("macaroon", None),
        }
    }

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }
}

/// The reason why a 402 comes back untouched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unpayable {
    /// It holds no challenge at all.
    NoChallenge,
    /// It may hold one that the page can't see, because `Access-Control-Expose-Headers` is missing.
    ChallengeHidden,
    /// Its challenges are for others.
    NoLightning,
    /// The caller brought an Authorization of its own, and no offer can be answered in another header.
    AuthorizationSet,
    /// The request can carry no token: `OPTIONS`, or a mode or cache mode that sends none.
    RequestMode,
}

impl Unpayable {
    /// The name in JavaScript.
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
    /// An offer failed a check, and another one is taken in its place.
    PassedOver {
        /// Without fragment.
        url: &'a str,
        /// How the offer would have been answered.
        protocol: Protocol,
        /// What is wrong with it.
        error: &'a Error,
    },
    /// The journal is written. The wallet is asked next.
    Paying(&'a Payment),
    /// The payment is proven and stored.
    Paid(&'a Payment),
    /// Nothing was paid.
    Refused {
        /// Without fragment.
        url: &'a str,
        /// The reason.
        error: &'a Error,
    },
    /// The wallet was asked and did not prove a payment, or the proof could not be stored.
    Failed {
        /// The payment as it stands after this.
        payment: &'a Payment,
        /// The reason.
        error: &'a Error,
    },
    /// A server refused a credential, and said why.
    Rejected {
        /// Without fragment.
        url: &'a str,
        /// The payment that bought it.
        payment: &'a Payment,
        /// The server's reason, and what to do.
        refusal: &'a Refusal,
    },
    /// A 402 was handed back as it is.
    Unpayable {
        /// Without fragment.
        url: &'a str,
        /// The reason.
        reason: Unpayable,
        /// Whether its body holds a token and an invoice. Nothing is bought by those.
        is_in_body: bool,
    },
}

const IN_BODY: &str = "the body holds a token and an invoice, which are read in a WWW-Authenticate header alone";

impl Event<'_> {
    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kind = match self {
            Self::Challenge { .. } => "challenge",
            Self::Quote(_) => "quote",
            Self::PassedOver { .. } => "passed_over",
            Self::Paying(_) => "paying",
            Self::Paid(_) => "paid",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::Unpayable { .. } => "unpayable",
        };
        write_object(|object| {
            object.text("type", Some(kind));
            match self {
                Self::Challenge { url, .. }
                | Self::Refused { url, .. }
                | Self::Rejected { url, .. }
                | Self::Unpayable { url, .. }
                | Self::PassedOver { url, .. } => object.text("url", Some(url)),
                Self::Quote(quote) => object.object("quote", |object| quote.write(object)),
                Self::Paying(payment) | Self::Paid(payment) | Self::Failed { payment, .. } => {
                    object.object("payment", |object| payment.write(object));
                }
            }
            match self {
                Self::Challenge { challenges, .. } => object.list("challenges", challenges, shown::write),
                Self::PassedOver { protocol, error, .. } => {
                    object.text("protocol", Some(protocol.as_str()));
                    object.text("code", Some(error.code().as_str()));
                    object.text("message", Some(error.message()));
                }
                Self::Refused { error, .. } | Self::Failed { error, .. } => {
                    object.text("code", Some(error.code().as_str()));
                    object.text("message", Some(error.message()));
                }
                Self::Rejected { payment, refusal, .. } => {
                    object.object("payment", |object| payment.write(object));
                    object.text("reason", Some(&refusal.reason));
                    object.text("message", Some(&refusal.message()));
                }
                Self::Unpayable { reason, is_in_body, .. } => {
                    object.text("reason", Some(reason.as_str()));
                    if *is_in_body {
                        object.text("hint", Some(IN_BODY));
                    }
                }
                Self::Quote(_) | Self::Paying(_) | Self::Paid(_) => {}
            }
        })
    }
}
