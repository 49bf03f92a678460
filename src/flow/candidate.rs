//! The offers of a 402 that Lightning can pay, by whichever protocol.

use crate::error::Error;
use crate::flow::host::{Head, Host};
use crate::wire::challenge::{self, Challenge, Offer, Protocol};
use crate::wire::credential::Field;
use crate::wire::invoice::Invoice;
use crate::wire::mpp::{charges, sessions, Charge, Session};
use crate::wire::x402::{Entry, PaymentRequired, Sent, NETWORKS};

/// One offer.
pub(crate) enum Candidate {
    /// L402, or LSAT.
    Token(Offer),
    /// A deposit for a session of MPP.
    Session(Session),
    /// A charge of MPP.
    Charge(Charge),
    /// An entry of x402.
    Entry(Entry),
}

/// What a 402 holds.
#[derive(Default)]
pub(crate) struct Found {
    /// The challenges of `WWW-Authenticate`, then the entries of `PAYMENT-REQUIRED`.
    pub(crate) challenges: Vec<Challenge>,
    /// Protocols in the order in which they are preferred, and the offers of each in that of the header.
    pub(crate) offers: Vec<Candidate>,
}

impl Found {
    /// Whether a session is offered.
    pub(crate) fn has_session(&self) -> bool {
        self.offers.iter().any(|offer| matches!(offer, Candidate::Session(_)))
    }
}

impl Candidate {
    /// How it is answered.
    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Token(offer) => offer.protocol,
            Self::Session(_) | Self::Charge(_) => Protocol::Mpp,
            Self::Entry(_) => Protocol::X402,
        }
    }

    /// What goes back to the server beside the proof.
    pub(crate) fn token(&self) -> String {
        match self {
            Self::Token(offer) => offer.token.clone(),
            Self::Session(session) => session.token.clone(),
            Self::Charge(charge) => charge.token.clone(),
            Self::Entry(entry) => entry.token(),
        }
    }

    /// The header that its credential goes into.
    pub(crate) fn field(&self) -> Field {
        match self {
            Self::Token(_) => Field::Authorization,
            Self::Session(session) => session.field,
            Self::Charge(charge) => charge.field,
            Self::Entry(_) => Field::PaymentSignature,
        }
    }

    /// What it is bound to: see [`Record::bound_to`](crate::ledger::record::Record::bound_to).
    pub(crate) fn bound_to(&self) -> Option<String> {
        match self {
            Self::Token(_) | Self::Session(_) => None,
            Self::Charge(charge) => charge.digest.clone(),
            Self::Entry(entry) => Some(entry.bound_to()),
        }
    }

    /// Whether its checks need the parts of the request.
    pub(crate) fn needs_request(&self) -> bool {
        match self {
            Self::Session(session) => session.digest.is_some(),
            other => other.bound_to().is_some(),
        }
    }

    /// The invoice as received.
    pub(crate) fn payment_request(&self) -> &str {
        match self {
            Self::Token(offer) => &offer.invoice,
            Self::Session(session) => session.invoice.as_deref().unwrap_or_default(),
            Self::Charge(charge) => &charge.invoice,
            Self::Entry(entry) => &entry.invoice,
        }
    }

    /// When its challenge expires, in Unix seconds. `None`: it names no such time.
    pub(crate) fn expires_at(&self) -> Option<u64> {
        match self {
            Self::Session(session) => session.expires_at,
            Self::Charge(charge) => charge.expires_at,
            Self::Token(_) | Self::Entry(_) => None,
        }
    }

    /// The Unix second from which on it must not be paid any more: its invoice has expired, or its challenge has.
    pub(crate) fn last_moment(&self, invoice: &Invoice) -> u64 {
        match self {
            Self::Session(session) => session.last_moment(invoice),
            Self::Charge(charge) => charge.last_moment(invoice),
            Self::Token(_) | Self::Entry(_) => invoice.expires_at,
        }
    }
}

/// The invoice of an offer that agrees with it and with the request that is sent. `check` looks at the invoice before
/// it is known who signed it.
///
/// # Errors
/// Those of [`Invoice::decode`], [`Charge::check`] and [`Entry::check`], and [`crate::Code::LoadFailed`].
pub(crate) async fn invoice_of<H: Host>(
    offer: &Candidate,
    host: &H,
    sent: &Sent<'_>,
    check: impl Fn(&Invoice) -> Result<(), Error>,
) -> Result<Invoice, Error> {
    let invoice = match offer {
        Candidate::Token(offer) => Invoice::decode(&offer.invoice)?,
        Candidate::Session(session) => session.check(sent.body_hash)?,
        Candidate::Charge(charge) => charge.check(sent.body_hash)?,
        Candidate::Entry(entry) => {
            let unproven = entry.check(entry.for_http(sent)?, host.now() / 1000, NETWORKS)?;
            check(unproven.invoice())?;
            let signer = host.recover(&unproven.signature).await?;
            return unproven.signed_by(signer);
        }
    };
    check(&invoice)?;
    Ok(invoice)
}

/// Reads the challenges of a 402, and the offers among them. Those of sessions only where sessions are wanted.
///
/// # Errors
/// [`crate::Code::InvalidChallenge`] if nothing is offered, and a header or an offer is malformed.
pub(crate) fn read(head: &Head, protocols: &[Protocol], with_sessions: bool) -> Result<Found, Error> {
    let (mut challenges, mut malformed) = challenge::read(head.challenge.as_deref().unwrap_or_default());
    let mut found = Vec::new();
    for challenge in &challenges {
        if let Some(offer) = &challenge.offer {
            found.push(Ok(Candidate::Token(offer.clone())));
        }
    }
    if protocols.contains(&Protocol::Mpp) {
        for session in if with_sessions { sessions(&challenges) } else { Vec::new() } {
            found.push(session.map(Candidate::Session));
        }
        for charge in charges(&challenges) {
            found.push(charge.map(Candidate::Charge));
        }
    }
    let required = head.payment_required.as_deref().filter(|_| protocols.contains(&Protocol::X402));
    match required.map(PaymentRequired::decode) {
        Some(Ok(required)) => {
            challenges.append(&mut required.challenges());
            for entry in required.entries() {
                found.push(entry.map(Candidate::Entry));
            }
        }
        Some(Err(error)) => _ = malformed.get_or_insert(error),
        None => {}
    }
    let mut offers = Vec::new();
    for offer in found {
        match offer {
            Ok(offer) => offers.push(offer),
            Err(error) => _ = malformed.get_or_insert(error),
        }
    }
    if let Some(error) = malformed.filter(|_| offers.is_empty()) {
        return Err(error);
    }
    // The sort of std is several kilobytes of wasm.
    let mut ordered = Vec::new();
    for protocol in protocols {
        while let Some(at) = offers.iter().position(|offer| offer.protocol() == *protocol) {
            ordered.push(offers.remove(at));
        }
    }
    Ok(Found { challenges, offers: ordered })
}
