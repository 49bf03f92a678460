//! Checks whether a 402 may be paid, and reads its price. None of these checks needs the records.

use crate::error::{Code, Error};
use crate::flow::event::{Event, Quote, Unpayable};
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request};
use crate::flow::purchase::Asked;
use crate::flow::scope::Scope;
use crate::flow::state::ClientState;
use crate::ledger::begin::check_expiry;
use crate::text::encoding::concat;
use crate::wire::challenge::{self, Offer};
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::{decode_parts, Commitment, Macaroon};
use std::rc::Rc;

/// The challenges of a 402 and the offer to pay; `None` where it is for others and goes back untouched.
pub(crate) fn read_offer<H: Host>(
    state: &ClientState<H>,
    scope: &Scope<H>,
    request: &Request,
    head: &Head,
) -> Result<Option<Asked>, Failure<H>> {
    let unpayable = |reason| {
        scope.tell(&Event::Unpayable { url: request.url.as_str(), reason });
        Ok(None)
    };
    if !request.payable {
        return unpayable(Unpayable::RequestMode);
    }
    if request.authorized {
        return unpayable(Unpayable::AuthorizationSet);
    }
    let Some(header) = &head.challenge else {
        return unpayable(if head.filtered { Unpayable::ChallengeHidden } else { Unpayable::NoChallenge });
    };
    let challenges = challenge::parse(header)?;
    let offers = || challenges.iter().filter_map(|challenge| challenge.offer.as_ref());
    let Some(offer) =
        state.config.protocols.iter().find_map(|protocol| offers().find(|offer| offer.protocol == *protocol)).cloned()
    else {
        return unpayable(if challenges.is_empty() { Unpayable::NoChallenge } else { Unpayable::NoLightning });
    };
    match may_be_paid(state, request, head) {
        Ok(()) => Ok(Some(Asked { challenges, offer })),
        // The other origin was not asked for its price.
        Err(error) if error.code() == Code::CrossOrigin => Err(error.into()),
        Err(error) => Err(with_price(error.into(), Quote::of(request, &offer))),
    }
}

/// Whether the request may be paid at all.
fn may_be_paid<H: Host>(state: &ClientState<H>, request: &Request, head: &Head) -> Result<(), Error> {
    if request.url.is_opaque() {
        return Err(Error::new(Code::InsecureTransport, "only http and https urls can be paid"));
    }
    if head.is_elsewhere(request) {
        return Err(Error::new(
            Code::CrossOrigin,
            "a redirect led to another origin, which asks for money: call that origin itself to pay it",
        ));
    }
    state.config.check(&request.url)?;
    if !request.replayable || (head.redirected && !request.is_get()) {
        let text = "the request could not be sent again after paying: give the body as a string, bytes, a Blob or FormData, and the final url";
        return Err(Error::new(Code::BodyNotReplayable, text));
    }
    Ok(())
}

/// Checks that an offer is worth paying, and reads its price. An error carries the price too.
pub(crate) fn examine<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    offer: &Offer,
) -> Result<Rc<Quote>, Failure<H>> {
    let invoice = Invoice::decode(&offer.invoice)?;
    let macaroons = decode_parts(&offer.token);
    let checked = check(state, &invoice, &macaroons);
    match (checked, Quote::new(request, offer, invoice, macaroons)) {
        (Ok(()), Some(quote)) => Ok(quote),
        (Err(error), quote) => Err(with_price(error.into(), quote)),
        (Ok(()), None) => Err(no_amount().into()),
    }
}

fn check<H: Host>(
    state: &ClientState<H>,
    invoice: &Invoice,
    macaroons: &Result<Vec<Macaroon>, Error>,
) -> Result<(), Error> {
    if !state.config.networks.contains(&invoice.network) {
        let text = concat(&[
            "the invoice is for the network ",
            invoice.network.as_str(),
            ", which is not in options.networks",
        ]);
        return Err(Error::new(Code::WrongNetwork, text));
    }
    if invoice.takes_amp {
        return Err(Error::new(
            Code::InvalidInvoice,
            "the invoice is for an amp payment, which leaves no proof: ask the seller for an ordinary one",
        ));
    }
    if invoice.amount_msat.is_none() {
        return Err(no_amount());
    }
    check_expiry(invoice.expires_at, state.host.now())?;
    let now = state.host.now() / 1000;
    for macaroon in macaroons.as_ref().map_err(Clone::clone)? {
        if macaroon.commits_to(&invoice.payment_hash) == Commitment::AnotherInvoice {
            let text = "the token commits to another payment hash than the invoice: paying would buy nothing";
            return Err(Error::new(Code::HashMismatch, text));
        }
        if macaroon.expiry_of_one_sold_at(now).is_some_and(|at| at <= now) {
            return Err(Error::new(
                Code::InvalidMacaroon,
                "the offered token has already expired: paying would buy nothing",
            ));
        }
    }
    Ok(())
}

impl Quote {
    /// The price of an offer. `None`: its invoice can't be read or names no amount.
    fn of(request: &Request, offer: &Offer) -> Option<Rc<Self>> {
        Self::new(request, offer, Invoice::decode(&offer.invoice).ok()?, decode_parts(&offer.token))
    }

    fn new(
        request: &Request,
        offer: &Offer,
        invoice: Invoice,
        macaroons: Result<Vec<Macaroon>, Error>,
    ) -> Option<Rc<Self>> {
        let amount_msat = invoice.amount_msat?;
        let mut macaroons = macaroons.unwrap_or_default();
        let macaroon = if macaroons.len() == 1 { macaroons.pop() } else { None };
        let macaroon = macaroon.map(|macaroon| Macaroon {
            payment_hash: macaroon.payment_hash.or_else(|| {
                let commits = macaroon.commits_to(&invoice.payment_hash) == Commitment::ThisInvoice;
                commits.then_some(invoice.payment_hash)
            }),
            ..macaroon
        });
        Some(Rc::new(Self {
            url: request.url.clone(),
            protocol: offer.protocol,
            amount_msat,
            invoice,
            macaroon,
            token: offer.token.clone(),
        }))
    }
}

fn with_price<H: Host>(failure: Failure<H>, quote: Option<Rc<Quote>>) -> Failure<H> {
    match quote {
        Some(quote) => failure.with_quote(quote),
        None => failure,
    }
}

fn no_amount() -> Error {
    Error::new(
        Code::NoAmount,
        "the invoice names no amount, so nothing says what to pay: ask the seller for one that does",
    )
}

/// Whether an answer offers something for a Lightning payment.
pub(crate) fn has_offer(head: &Head) -> bool {
    let challenges = head.challenge.as_deref().map(challenge::parse);
    matches!(challenges, Some(Ok(all)) if all.iter().any(|challenge| challenge.offer.is_some()))
}

/// Whether an invoice could still be paid at that time.
pub(crate) fn was_alive(payment_request: &str, then_ms: u64) -> bool {
    Invoice::decode(payment_request).is_ok_and(|invoice| check_expiry(invoice.expires_at, then_ms).is_ok())
}
