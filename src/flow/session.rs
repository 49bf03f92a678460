//! One call and the sessions of MPP at its origin: a request draws on an open session, or pays a deposit.
//!
//! A 402 offers a session with a fresh challenge each time, so the first request of a call goes without a credential.
//! What answers its 402, in order: a deposit that was paid and has not opened its session yet; an open session; a
//! deposit that is paid now, for the session that had too little left, or for a new one.

use crate::error::{Code, Error};
use crate::flow::candidate::Candidate;
use crate::flow::deposits::{count_refund, deposits};
use crate::flow::driver::{came_to_nothing, look, owe, take};
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request};
use crate::flow::offer::weigh;
use crate::flow::purchase::{Asked, Purchase};
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::ledger::session::{dishonored, Deposit, Draw, Mark, Said, Stage};
use crate::ledger::step::{Decision, Step};
use crate::ledger::token::Token;
use crate::text::encoding::concat;
use crate::wire::credential::Field;
use crate::wire::mpp::{self, check_return_invoice, Action, RETURN_INVOICE_S};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::preimage::Preimage;
use crate::wire::refusal::Refusal;
use std::rc::Rc;

/// How long the wallet may take for an invoice.
const INVOICE_MS: u64 = 30_000;

/// What a call has tried of the sessions at its origin.
#[derive(Default)]
pub(crate) struct Tried {
    /// Deposits that it has shown for the first time, as they were then.
    shown: Vec<PaymentHash>,
    /// Sessions that it has drawn on in vain, as they were then.
    drawn: Vec<Mark>,
    /// Of these, the ones that are over.
    over: Vec<PaymentHash>,
    /// Deposits that it may show once more, to open a session. Each may so once: what it is to show may not be written.
    reshown: Vec<PaymentHash>,
    /// Of these, the ones that opened none, and the sessions that they were paid for.
    refused: Vec<(PaymentHash, PaymentHash)>,
    /// A deposit for this session is all that is wanted.
    only: Option<PaymentHash>,
}

/// The answer to a 402 that offers a session.
pub(super) enum Next {
    /// The request is sent with the credential of this token.
    Show(Rc<Token>),
    /// A deposit is to be paid.
    Pay(Draw),
    /// What was paid last never opened a session.
    NotHonored(Rc<Token>),
    /// The 402 goes back: it offers no deposit for the session that wants one.
    Nothing,
}

/// What an answer to a credential of a session leads to.
pub(super) enum Heard {
    /// The caller gets the answer.
    Last,
    /// It is a 402 that is read like one to a request without a credential.
    Challenge,
    /// The server has taken the deposit, and nothing else. The request is sent anew.
    Again,
}

impl Tried {
    /// Of a call that pays a deposit for a session, and does nothing else.
    pub(crate) fn only(session: PaymentHash) -> Self {
        Self { only: Some(session), ..Self::default() }
    }

    /// Whether a deposit for one session is all that is wanted.
    pub(super) fn is_for_one(&self) -> bool {
        self.only.is_some()
    }

    fn has_drawn(&self, session: PaymentHash) -> bool {
        self.drawn.iter().any(|drawn| drawn.0 == session)
    }

    /// Notes that a credential was not shown after all.
    pub(super) fn take_back(&mut self, token: &Token) {
        let hash = token.payment.payment_hash;
        self.shown.retain(|shown| *shown != hash);
        self.drawn.retain(|drawn| drawn.0 != hash);
    }

    /// Notes a deposit that this call has just paid and is about to show.
    pub(super) fn show(&mut self, token: &Token) {
        self.shown.push(token.payment.payment_hash);
    }
}

/// The session that answers a 402: the first offer that is worth paying, or that is of a realm with sessions of ours.
async fn offered<'a, H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    asked: &'a Asked,
) -> Result<Option<&'a mpp::Session>, Failure<H>> {
    if !asked.found.has_session() {
        return Ok(None);
    }
    for candidate in &asked.found.offers {
        let Candidate::Session(offer) = candidate else {
            if weigh(state, request, asked, candidate).await.is_ok() {
                return Ok(None);
            }
            continue;
        };
        let is_known = !of_realm(look(state, at(request)).await?, offer)?.is_empty();
        if is_known || weigh(state, request, asked, candidate).await.is_ok() {
            return Ok(Some(offer));
        }
    }
    Ok(None)
}

/// The answer to a 402. `None`: what is worth paying first is no session.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(super) async fn next<H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    asked: &Asked,
    tried: &mut Tried,
) -> Result<Option<Next>, Failure<H>> {
    let Some(offer) = offered(state, request, asked).await? else { return Ok(tried.only.map(|_| Next::Nothing)) };
    // What is remembered is enough to draw on. Before anything is paid the store is read.
    let known = of_realm(look(state, at(request)).await?, offer)?;
    if let Some(token) = to_show(&known, offer, tried) {
        return Ok(Some(Next::Show(token)));
    }
    let known = of_realm(take(state, at(request)).await?, offer)?;
    if let Some(token) = to_show(&known, offer, tried) {
        return Ok(Some(Next::Show(token)));
    }
    if let Some(token) = dishonored(&known) {
        return Ok(Some(Next::NotHonored(token)));
    }
    if let Some(session) = tried.only {
        let is_open = known.iter().any(|deposit| deposit.hash() == session && deposit.stage == Stage::Open);
        let draw = Draw { realm: offer.realm.clone(), known: as_known(&known), adds_to: Some(session) };
        return Ok(Some(if is_open { Next::Pay(draw) } else { Next::Nothing }));
    }
    let is_short = |deposit: &&Deposit| {
        let hash = deposit.hash();
        deposit.stage == Stage::Open && tried.has_drawn(hash) && !tried.over.contains(&hash)
    };
    Ok(Some(Next::Pay(Draw {
        realm: offer.realm.clone(),
        known: as_known(&known),
        adds_to: known.iter().rev().find(is_short).map(Deposit::hash),
    })))
}

fn as_known(deposits: &[Deposit]) -> Vec<Mark> {
    deposits.iter().map(Deposit::mark).collect()
}

fn at(request: &Request) -> Step {
    Step::Deposits { origin: Some(request.origin().to_owned()), after: None }
}

fn of_realm<H: Host>(read: Decision, offer: &mpp::Session) -> Result<Vec<Deposit>, Failure<H>> {
    let Decision::Deposits(mut known, _) = read else { return Err(came_to_nothing()) };
    known.retain(|deposit| deposit.is_of(&offer.realm));
    Ok(known)
}

/// What is shown next. What was paid goes first. Of open sessions the newest goes first: the server may have closed the
/// others.
fn to_show(known: &[Deposit], offer: &mpp::Session, tried: &mut Tried) -> Option<Rc<Token>> {
    let is_wanted =
        |deposit: &Deposit| tried.only.is_none() || deposit.terms().is_some_and(|terms| terms.adds_to == tried.only);
    let is_new = |deposit: &&Deposit| deposit.stage == Stage::Paid && !tried.shown.contains(&deposit.hash());
    if let Some(deposit) = known.iter().filter(is_new).find(|deposit| is_wanted(deposit)) {
        tried.shown.push(deposit.hash());
        return Some(Rc::new(deposit.token.clone()));
    }
    if tried.only.is_some() {
        return None;
    }
    for deposit in known.iter().rev() {
        // Another call may have added to it since.
        let drawn = deposit.mark();
        if deposit.may_be_open() && !tried.drawn.contains(&drawn) {
            if let Some(token) = drawing(deposit, &offer.token) {
                tried.drawn.push(drawn);
                return Some(Rc::new(token));
            }
        }
    }
    None
}

/// A deposit whose credential draws on its session.
fn drawing(deposit: &Deposit, challenge: &str) -> Option<Token> {
    let preimage = preimage_of(deposit)?;
    let session = &deposit.hash();
    let credential = mpp::action(challenge, &Action::Bearer { session, preimage: &preimage })?;
    Some(Token { drawn_by: Some(credential), ..deposit.token.clone() })
}

/// What proves a deposit.
pub(super) fn preimage_of(deposit: &Deposit) -> Option<Preimage> {
    Preimage::prove(deposit.token.preimage.as_deref()?, &deposit.hash()).ok()
}

/// Reads an answer to a credential of a session, and notes what it says.
pub(super) async fn heard<H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    token: &Token,
    head: &Head,
    response: &H::Response,
    tried: &mut Tried,
) -> Heard {
    let hash = token.payment.payment_hash;
    let adds_to = mpp::Deposit::parse(&token.token).and_then(|terms| terms.adds_to);
    let is_first = token.drawn_by.is_none();
    if head.is_unproven || head.is_elsewhere(request) {
        return Heard::Last;
    }
    if !is_refused(head, request, token) {
        // A redirect may be that of whoever stands before the server.
        // What a server attests it has taken, even where the resource itself answers with an error.
        let is_taken = matches!(head.status, 200..300) || head.attested(token).is_some();
        let Some(session) = adds_to.filter(|_| is_first && is_taken) else {
            if is_taken {
                let gives = !is_first || head.is_stream;
                note(state, token, if gives { Said::Drawn } else { Said::Opened }).await;
                // It has what was paid for it, though the answer to that was lost.
                for (added, _) in tried.refused.iter().filter(|(_, session)| *session == hash) {
                    note_of(state, token, added, Said::Added).await;
                }
            }
            return Heard::Last;
        };
        note(state, token, Said::Added).await;
        tried.drawn.retain(|drawn| drawn.0 != session);
        if tried.only.is_some() {
            return Heard::Last;
        }
        let is_only_taken = state.host.json(response).await.is_some_and(|body| mpp::is_acknowledged(&body));
        return if is_only_taken { Heard::Again } else { Heard::Last };
    }
    match (is_first, adds_to) {
        (true, Some(session)) => {
            // It opens another session. It is shown again for that.
            note(state, token, Said::NotAdded).await;
            tried.over.push(session);
            if !tried.reshown.contains(&hash) {
                tried.reshown.push(hash);
                tried.shown.retain(|shown| *shown != hash);
            }
        }
        (true, None) => {
            note(state, token, Said::Refused).await;
            tried.refused.extend(token.payment.session.map(|session| (hash, session)));
        }
        (false, _) => {
            let problem = state.host.problem(response).await;
            let reason = problem.and_then(|problem| Refusal::of_problem(&problem)).map(|refusal| refusal.reason);
            if matches!(reason.as_deref(), Some("session-closed" | "session-not-found")) {
                note(state, token, Said::Over).await;
                tried.over.push(hash);
            }
        }
    }
    if head.status == 402 {
        Heard::Challenge
    } else {
        Heard::Last
    }
}

/// Whether a server refuses the credential. The caller's own Authorization may be what a 401 is about.
pub(super) fn is_refused(head: &Head, request: &Request, token: &Token) -> bool {
    match head.status {
        401 => token.field() == Field::Authorization && !request.brought.forbids(Field::Authorization),
        status => status == 402,
    }
}

/// Notes what was said of a deposit, before the answer is handed over: whoever runs next reads it.
pub(super) async fn note<H: Host>(state: &Rc<ClientState<H>>, token: &Token, said: Said) {
    note_of(state, token, &token.payment.payment_hash, said).await;
}

/// The same of another deposit at the origin of this one.
async fn note_of<H: Host>(state: &Rc<ClientState<H>>, token: &Token, payment_hash: &PaymentHash, said: Said) {
    let (origin, payment_hash) = (token.payment.url.origin().to_owned(), *payment_hash);
    // What can't be written is found out again: the server tells it.
    let step = owe(state, Step::Deposit { origin, payment_hash, said });
    let _ = within(step, Box::pin(state.host.sleep(super::next_step::ACCEPTED_MS))).await;
}

/// A deposit that a call has not tried as it is now: another call has paid it, or shown it, meanwhile.
pub(super) async fn news<H: Host>(
    state: &Rc<ClientState<H>>,
    request: &Request,
    draw: &Draw,
) -> Result<Option<Rc<Token>>, Failure<H>> {
    let Decision::Deposits(known, _) = look(state, at(request)).await? else { return Err(came_to_nothing()) };
    Ok(draw.news(&known).map(Rc::new))
}

/// The quote of a deposit with the invoice that its rest comes back to. The wallet makes it before it pays.
///
/// # Errors
/// [`Code::PaymentFailed`] if the wallet makes none, [`Code::InvalidInvoice`] if it can't be used.
pub(super) async fn with_refund<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Purchase<H>,
    quote: Rc<Quote>,
) -> Result<Rc<Quote>, Failure<H>> {
    // What has come back of others makes room for it.
    for deposit in &deposits(state, Some(quote.url.origin())).await? {
        if deposit.is_missing() {
            count_refund(state, deposit).await;
        }
    }
    let description = concat(&["refund from ", quote.url.origin()]);
    let making = state.host.make_invoice(&description, RETURN_INVOICE_S);
    let made = within(Box::pin(making), Box::pin(state.host.sleep(INVOICE_MS))).await;
    let return_invoice = match made {
        Some(Ok(invoice)) => invoice,
        Some(Err((text, cause))) => return Err(Failure::raised(no_invoice(&text), cause, None)),
        None => return Err(no_invoice("it did not answer").into()),
    };
    check_return_invoice(&return_invoice, quote.invoice.network, state.host.now() / 1000)?;
    let adds_to = purchase.asked.draw.as_ref().and_then(|draw| draw.adds_to);
    let terms = mpp::Deposit { return_invoice, adds_to, challenge: quote.token.clone() };
    Ok(Rc::new(Quote { token: terms.token(), ..Quote::clone(&quote) }))
}

fn no_invoice(why: &str) -> Error {
    let text = concat(&[
        "the wallet made no invoice for the refund of a session (",
        why,
        "): nothing was paid; leave options.sessions out, or use a wallet that makes invoices",
    ]);
    Error::new(Code::PaymentFailed, text)
}
