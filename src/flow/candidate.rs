//! The offers of a 402 that Lightning can pay, by whichever protocol.

use crate::error::Error;
use crate::flow::host::Request;
use crate::wire::challenge::{self, Challenge, Offer, Protocol};
use crate::wire::invoice::Invoice;
use crate::wire::mpp::{charges, Charge};
use sha2::{Digest, Sha256};

/// One offer.
pub(crate) enum Candidate {
    /// L402, or LSAT.
    Token(Offer),
    /// A charge of MPP.
    Charge(Charge),
}

impl Candidate {
    /// How it is answered.
    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Token(offer) => offer.protocol,
            Self::Charge(_) => Protocol::Mpp,
        }
    }

    /// What goes back to the server beside the proof.
    pub(crate) fn token(&self) -> &str {
        match self {
            Self::Token(offer) => &offer.token,
            Self::Charge(charge) => &charge.token,
        }
    }

    /// The invoice as received.
    pub(crate) fn payment_request(&self) -> &str {
        match self {
            Self::Token(offer) => &offer.invoice,
            Self::Charge(charge) => &charge.invoice,
        }
    }

    /// When its challenge expires, in Unix seconds. `None`: it names no such time.
    pub(crate) fn expires_at(&self) -> Option<u64> {
        match self {
            Self::Token(_) => None,
            Self::Charge(charge) => charge.expires_at,
        }
    }

    /// The Unix second from which on it must not be paid any more: its invoice has expired, or its challenge has.
    pub(crate) fn last_moment(&self, invoice: &Invoice) -> u64 {
        match self {
            Self::Token(_) => invoice.expires_at,
            Self::Charge(charge) => charge.last_moment(invoice),
        }
    }

    /// The invoice, if the offer agrees with it and with the request.
    ///
    /// # Errors
    /// Those of [`Invoice::decode`] and [`Charge::check`].
    pub(crate) fn check(&self, request: &Request) -> Result<Invoice, Error> {
        match self {
            Self::Token(offer) => Invoice::decode(&offer.invoice),
            Self::Charge(charge) => charge.check(request.is_get().then(|| Sha256::digest([]).into())),
        }
    }
}

/// The challenges of a `WWW-Authenticate` value, and the offers among them: protocols in this order, and the offers of
/// each in that of the header.
///
/// # Errors
/// [`crate::Code::InvalidChallenge`] if nothing is offered, and the header or an offer is malformed.
pub(crate) fn read(header: &str, protocols: &[Protocol]) -> Result<(Vec<Challenge>, Vec<Candidate>), Error> {
    let (challenges, mut malformed) = challenge::read(header);
    let mut found = Vec::new();
    for challenge in &challenges {
        if let Some(offer) = &challenge.offer {
            found.push(Candidate::Token(offer.clone()));
        }
    }
    let charges = if protocols.contains(&Protocol::Mpp) { charges(&challenges) } else { Vec::new() };
    for charge in charges {
        match charge {
            // A credential in any other header follows redirects to other origins.
            Ok(charge) if !charge.in_authorization => {}
            Ok(charge) => found.push(Candidate::Charge(charge)),
            Err(error) => _ = malformed.get_or_insert(error),
        }
    }
    if let Some(error) = malformed.filter(|_| found.is_empty()) {
        return Err(error);
    }
    // The sort of std is several kilobytes of wasm.
    let mut ordered = Vec::new();
    for protocol in protocols {
        while let Some(at) = found.iter().position(|offer| offer.protocol() == *protocol) {
            ordered.push(found.remove(at));
        }
    }
    Ok((challenges, ordered))
}
