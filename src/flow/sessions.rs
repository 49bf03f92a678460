//! What a caller asks of its sessions of MPP: a list of those that are open, and their end.

use crate::error::{Code, Error};
use crate::flow::candidate::{read, Candidate, Found};
use crate::flow::deposits::{count_refund, deposits};
use crate::flow::failure::Failure;
use crate::flow::host::{Head, Host, Request, Sending};
use crate::flow::session::{note, preimage_of};
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::ledger::session::{Deposit, Said, Stage};
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_writer::{write_object, Writer};
use crate::wire::challenge::Protocol;
use crate::wire::credential::{Brought, Credential};
use crate::wire::mpp::{self, closed, Action, Closed, Refund};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::rc::Rc;

/// How long a server may take to answer. No caller can give up here, and the others wait.
const ANSWER_MS: u64 = 30_000;
/// For how long a refund is waited for. Servers pay it after they have answered.
const REFUND_MS: u64 = 20_000;
const FIRST_PAUSE_MS: u64 = 200;

/// An open session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Scheme, host and port.
    pub origin: String,
    /// Its name: the payment hash of its first deposit.
    pub session_id: PaymentHash,
    /// Millisatoshis of all its deposits. How much is left only the server knows.
    pub deposit_msat: u64,
    /// The price of a unit when it was opened, in millisatoshis.
    pub unit_msat: u64,
    /// What a unit is, by the server's word.
    pub unit_type: Option<String>,
    /// Unix seconds.
    pub opened_at: u64,
    /// After so many seconds without a request the server may close it. `None`: it does not say.
    pub idle_timeout: Option<u64>,
}

/// A session that was closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// The session.
    pub session: Session,
    /// What the server says.
    pub closed: Closed,
    /// Millisatoshis that came back, by the wallet's own records. `None`: it can't tell.
    pub received_msat: Option<u64>,
}

impl Session {
    fn of(deposit: &Deposit) -> Self {
        let payment = &deposit.token.payment;
        let offer = deposit.offer();
        Self {
            origin: payment.url.origin().to_owned(),
            session_id: deposit.hash(),
            deposit_msat: deposit.total_msat(),
            unit_msat: offer.as_ref().map_or(0, |offer| offer.unit_sat.saturating_mul(1000)),
            opened_at: payment.settled_at.unwrap_or(payment.started_at),
            idle_timeout: offer.as_ref().and_then(|offer| offer.idle_timeout_s),
            unit_type: offer.and_then(|offer| offer.unit_type),
        }
    }

    /// Writes what JavaScript sees.
    pub(crate) fn write(&self, object: &mut Writer) {
        object.text("origin", Some(&self.origin));
        object.text("sessionId", Some(&self.session_id.to_hex()));
        object.number("depositMsat", Some(self.deposit_msat));
        object.number("unitMsat", Some(self.unit_msat));
        object.text("unitType", self.unit_type.as_deref());
        object.number("openedAt", Some(self.opened_at));
        object.number("idleTimeout", self.idle_timeout);
    }

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }
}

impl Ended {
    /// Writes what JavaScript sees.
    pub(crate) fn write(&self, object: &mut Writer) {
        object.object("session", |object| self.session.write(object));
        object.number("refundSats", Some(self.closed.refund_sat));
        object.text("refundStatus", Some(self.closed.refund.as_str()));
        object.number("receivedMsat", self.received_msat);
    }

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }
}

/// Open sessions, in the order of their origins. What the wallet has received of closed ones is counted first.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) async fn list<H: Host>(state: &Rc<ClientState<H>>) -> Result<Vec<Session>, Failure<H>> {
    let all = deposits(state, None).await?;
    for deposit in all.iter().filter(|deposit| deposit.stage.is_ended()) {
        count_refund(state, deposit).await;
    }
    let open = all.iter().filter(|deposit| deposit.stage == Stage::Open);
    Ok(open.map(Session::of).collect())
}

/// Closes the open sessions of all origins, or of that of a URL. Refunds are waited for, 20 s each at most.
///
/// # Errors
/// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`], and the first that could not be closed:
/// [`Code::RequestFailed`], or why its host may not be asked. All others are closed then.
pub(crate) async fn close<H: Host>(state: &Rc<ClientState<H>>, url: Option<&str>) -> Result<Vec<Ended>, Failure<H>> {
    let url = url.map(Url::parse).transpose()?;
    let all = deposits(state, url.as_ref().map(Url::origin)).await?;
    let (mut ended, mut failed) = (Vec::new(), None);
    for deposit in &all {
        if deposit.stage.is_ended() {
            count_refund(state, deposit).await;
        }
        // What seems to be over may be open all the same.
        if !deposit.may_be_open() && deposit.stage != Stage::Over {
            continue;
        }
        match end(state, deposit).await {
            Ok(Some((closed, least_msat))) => {
                let received_msat = refund(state, deposit, least_msat).await;
                ended.push(Ended { session: Session::of(deposit), closed, received_msat });
            }
            Ok(None) => {}
            Err(failure) => _ = failed.get_or_insert(failure),
        }
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(ended),
    }
}

/// Waits for a refund of so much.
async fn refund<H: Host>(state: &Rc<ClientState<H>>, deposit: &Deposit, least_msat: u64) -> Option<u64> {
    let (started, mut pause_ms) = (state.host.monotonic(), FIRST_PAUSE_MS);
    loop {
        let received = count_refund(state, deposit).await?;
        let waited = state.host.monotonic().saturating_sub(started);
        if received >= least_msat || waited >= REFUND_MS {
            return Some(received);
        }
        state.host.sleep(pause_ms).await;
        pause_ms = pause_ms.saturating_mul(2).min(REFUND_MS / 10);
    }
}

/// Closes one session. What its server says, and the refund to wait for, in millisatoshis. `None`: there is none to
/// close.
async fn end<H: Host>(state: &Rc<ClientState<H>>, deposit: &Deposit) -> Result<Option<(Closed, u64)>, Failure<H>> {
    let payment = &deposit.token.payment;
    state.config.check(&payment.url)?;
    let (Some(offer), Some(preimage)) = (deposit.offer(), preimage_of(deposit)) else { return Ok(None) };
    let (call, challenge) = match challenge(state, "GET", &payment.url, &offer.realm).await {
        // Some servers answer the request itself beside the end. Without a body a POST is the least that acts.
        Err(_) if deposit.token.method == "POST" => challenge(state, "POST", &payment.url, &offer.realm).await?,
        asked => asked?,
    };
    let request = own_request("GET", &payment.url);
    if deposit.stage == Stage::Paid {
        let shown = deposit.token.credential();
        let (head, response) = send(state, &request, &call, Some(&shown)).await?;
        state.host.discard(response);
        if matches!(head.status, 200..300) {
            note(state, &deposit.token, Said::Opened).await;
        }
    }
    let action = Action::Close { session: &deposit.hash(), preimage: &preimage };
    let Some(credential) = mpp::action(&challenge, &action) else { return Ok(None) };
    let (head, response) = send(state, &request, &call, Some(&credential)).await?;
    let is_refused = matches!(head.status, 401 | 402);
    let mut told = None;
    if !is_refused {
        let receipt = head.receipt.as_deref().and_then(mpp::decode);
        told = receipt.and_then(|(_, receipt)| closed(&receipt, &deposit.hash()));
        if told.is_none() {
            let body = state.host.json(&response).await.unwrap_or_default();
            told = Json::parse(&body).ok().and_then(|body| closed(&body, &deposit.hash()));
        }
    }
    state.host.discard(response);
    if !is_refused && head.status >= 400 {
        return Err(not_closed(&payment.url, &concat(&["it answered ", &head.status.to_string()])));
    }
    // What never opened a session may still open one.
    if is_refused && deposit.stage == Stage::Paid {
        return Ok(None);
    }
    note(state, &deposit.token, Said::Closed(told.map(|told| told.refund_sat))).await;
    if is_refused && deposit.stage == Stage::Over {
        return Ok(None);
    }
    // aperture 0.5.0 says nothing of a refund, and pays it. What was closed before is paid by now.
    let least_msat = told.map_or(u64::from(!is_refused), |told| told.refund_sat.saturating_mul(1000));
    Ok(Some((told.unwrap_or(Closed { refund_sat: 0, refund: Refund::Failed }), least_msat)))
}

/// A fresh challenge of a session, and the call that got it.
async fn challenge<H: Host>(
    state: &ClientState<H>,
    method: &str,
    url: &Url,
    realm: &str,
) -> Result<(H::Call, String), Failure<H>> {
    let Some(call) = state.host.own_call(method, url) else {
        return Err(not_closed(url, "no request of the client's own can be made here"));
    };
    let request = own_request(method, url);
    let (head, response) = send(state, &request, &call, None).await?;
    state.host.discard(response);
    // What is open can be closed though the options do not allow sessions any more.
    let found = if head.status == 402 { read(&head, &[Protocol::Mpp], true)? } else { Found::default() };
    let offer = found.offers.into_iter().find_map(|offer| match offer {
        Candidate::Session(offer) if offer.realm == realm => Some(offer),
        _ => None,
    });
    match offer {
        Some(offer) => Ok((call, offer.token)),
        None => Err(not_closed(url, "it offered no session when it was asked for a challenge")),
    }
}

fn own_request(method: &str, url: &Url) -> Request {
    let method = method.to_owned();
    Request { method, url: url.clone(), replayable: true, brought: Brought::default(), payable: true }
}

async fn send<H: Host>(
    state: &ClientState<H>,
    request: &Request,
    call: &H::Call,
    credential: Option<&Credential>,
) -> Result<(Head, H::Response), Failure<H>> {
    let sending = state.host.send(call, Sending { credential, is_repeat: true, url: None });
    let Some(sent) = within(Box::pin(sending), Box::pin(state.host.sleep(ANSWER_MS))).await else {
        return Err(not_closed(&request.url, "it did not answer"));
    };
    let response = sent.map_err(Failure::foreign)?;
    let head = state.host.head(&response);
    // What answers from elsewhere, or was not shown the credential, says nothing of a session.
    if head.is_unproven || head.is_elsewhere(request) {
        state.host.discard(response);
        return Err(not_closed(&request.url, "a redirect leads elsewhere"));
    }
    Ok((head, response))
}

fn not_closed<H: Host>(url: &Url, why: &str) -> Failure<H> {
    let text = concat(&["the session at ", url.origin(), " could not be closed (", why, "): call again later"]);
    Error::new(Code::RequestFailed, text).into()
}
