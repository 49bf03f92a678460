//! Checks whether a 402 may be paid, and reads its price. None of these checks needs the records.

use crate::error::{Code, Error};
use crate::flow::candidate::{invoice_of, read, Candidate, Found};
use crate::flow::event::{Event, Quote, Unpayable};
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Outgoing, Request};
use crate::flow::purchase::Asked;
use crate::flow::scope::Scope;
use crate::flow::state::ClientState;
use crate::ledger::begin::check_expiry;
use crate::text::encoding::concat;
use crate::wire::challenge::Protocol;
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::{decode_parts, Commitment, Macaroon};
use std::rc::Rc;

/// What a 402 asks for, or why it goes back untouched.
///
/// # Errors
/// Why no offer of it is paid.
pub(crate) fn read_offer<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    head: &Head,
) -> Result<Result<Asked, Unpayable>, Failure<H>> {
    if !request.payable {
        return Ok(Err(Unpayable::RequestMode));
    }
    let is_authorized = request.brought.authorization;
    let mut found = match read(head, &state.config.protocols, state.config.max_deposit_msat.is_some()) {
        // What the caller's own Authorization is refused with may be of any form.
        Err(_) if is_authorized => Found::default(),
        found => found?,
    };
    let before = found.offers.len();
    found.offers.retain(|offer| !request.brought.forbids(offer.field()));
    let Some(first) = found.offers.first() else {
        return Ok(Err(match () {
            () if is_authorized || before > 0 => Unpayable::AuthorizationSet,
            () if !found.challenges.is_empty() => Unpayable::NoLightning,
            () if head.filtered && !head.has_challenge() => Unpayable::ChallengeHidden,
            () => Unpayable::NoChallenge,
        }));
    };
    match may_be_paid(state, request, head) {
        Ok(()) => Ok(Ok(Asked { url: head.url_of(request), found, outgoing: Outgoing::default(), draw: None })),
        // The other origin was not asked for its price.
        Err(error) if error.code() == Code::CrossOrigin => Err(error.into()),
        Err(error) => Err(with_price(error.into(), Quote::of(request, first))),
    }
}

/// What a 402 asks for, with the parts of the request where offers are bound to them.
pub(crate) async fn with_outgoing<H: Host>(state: &ClientState<H>, call: &H::Call, mut asked: Rc<Asked>) -> Rc<Asked> {
    if asked.found.offers.iter().any(Candidate::needs_request) {
        let outgoing = state.host.outgoing(call).await;
        if let Some(asked) = Rc::get_mut(&mut asked) {
            asked.outgoing = outgoing;
        }
    }
    asked
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

/// Reads the price of the first offer that is worth paying. Others before it are passed over. The error is that of the
/// first, and carries its price.
pub(crate) async fn examine<H: Host>(
    state: &ClientState<H>,
    scope: &Scope<H>,
    request: &Request,
    asked: &Asked,
) -> Result<Rc<Quote>, Failure<H>> {
    let mut refused: Vec<(&Candidate, Error)> = Vec::new();
    // Of sessions only the one is paid whose deposits the call knows. Any other failed its checks a moment ago.
    let realm = asked.draw.as_ref().map(|draw| &draw.realm);
    let is_unknown = |offer: &Candidate| matches!(offer, Candidate::Session(session) if Some(&session.realm) != realm);
    for offer in &asked.found.offers {
        match weigh(state, request, asked, offer).await {
            Ok(_) if is_unknown(offer) => {}
            Ok(quote) => {
                for (other, error) in &refused {
                    scope.tell(&Event::PassedOver { url: request.url.as_str(), protocol: other.protocol(), error });
                }
                return Ok(quote);
            }
            Err(error) => refused.push((offer, error)),
        }
    }
    match refused.into_iter().next() {
        Some((first, error)) => Err(with_price(error.into(), Quote::of(request, first))),
        None => Err(no_amount().into()),
    }
}

/// The price of an offer that passes its checks.
///
/// # Errors
/// Why it is not paid.
pub(crate) async fn weigh<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    asked: &Asked,
    offer: &Candidate,
) -> Result<Rc<Quote>, Error> {
    let macaroons = macaroons_of(offer);
    let unseen = |name: &str| state.host.may_add(name);
    let sent = asked.sent(request, &unseen);
    let check = |invoice: &Invoice| check(state, offer, invoice, &macaroons);
    let invoice = invoice_of(offer, &*state.host, &sent, check).await?;
    Quote::new(request, offer, invoice, macaroons).ok_or_else(no_amount)
}

/// The macaroons in the token of an offer; none where its protocol has none.
fn macaroons_of(offer: &Candidate) -> Result<Vec<Macaroon>, Error> {
    match offer {
        Candidate::Token(offer) => decode_parts(&offer.token),
        Candidate::Session(_) | Candidate::Charge(_) | Candidate::Entry(_) => Ok(Vec::new()),
    }
}

fn check<H: Host>(
    state: &ClientState<H>,
    offer: &Candidate,
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
    check_expiry(offer.last_moment(invoice), state.host.now())?;
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
    fn of(request: &Request, offer: &Candidate) -> Option<Rc<Self>> {
        Self::new(request, offer, Invoice::decode(offer.payment_request()).ok()?, macaroons_of(offer))
    }

    fn new(
        request: &Request,
        offer: &Candidate,
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
            protocol: offer.protocol(),
            amount_msat,
            invoice,
            macaroon,
            token: offer.token(),
            expires_at: offer.expires_at(),
            bound_to: offer.bound_to(),
            is_deposit: matches!(offer, Candidate::Session(_)),
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

/// Whether an answer offers something for a Lightning payment. Sessions only where they are wanted.
pub(crate) fn has_offer(head: &Head, with_sessions: bool) -> bool {
    matches!(read(head, &Protocol::ALL, with_sessions), Ok(found) if !found.offers.is_empty())
}

/// Whether an offer could still be paid at that time.
pub(crate) fn was_alive(asked: &Asked, then_ms: u64) -> bool {
    let is_alive = |offer: &Candidate| {
        let invoice = Invoice::decode(offer.payment_request());
        invoice.is_ok_and(|invoice| check_expiry(offer.last_moment(&invoice), then_ms).is_ok())
    };
    asked.found.offers.iter().any(is_alive)
}
