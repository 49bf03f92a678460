//! A session: a deposit that many requests draw on, and whose rest comes back (draft-lightning-session-00).
//!
//! A session is named by the payment hash of its deposit. It is opened by the deposit's preimage and an invoice of the
//! payer's own, to which the rest goes. Each later request shows the preimage beside a challenge that was made for it.

use super::answer::shown;
use super::charge::{
    another_hash, challenge_of, check_digest, decode, frame, last_moment, payment_hash, terms, token, value, DEPOSIT,
};
use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_writer::write_object;
use crate::text::scan::{number, positive, split_once};
use crate::wire::challenge::{malformed, Challenge};
use crate::wire::credential::{with_payload, Credential, Field};
use crate::wire::invoice::{Invoice, Network};
use crate::wire::payment_hash::PaymentHash;
use crate::wire::preimage::Preimage;

/// How long an invoice for the refund must live, in seconds: 30 days. A session has no end of its own.
pub const RETURN_INVOICE_S: u64 = 30 * 86_400;

/// An offer to open a session, or to add to one. Its fields are well-formed. Nothing is compared with the invoice yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// What [`action`] needs of it.
    pub token: String,
    /// The BOLT11 invoice of the deposit. `None`: the challenge is for those who have a session.
    pub invoice: Option<String>,
    /// The price of a unit, in satoshis.
    pub unit_sat: u64,
    /// What a unit is, for people.
    pub unit_type: Option<String>,
    /// After so many seconds without a request the server may close the session. `None`: it does not say.
    pub idle_timeout_s: Option<u64>,
    /// Unix seconds. `None`: the challenge names no expiry of its own.
    pub expires_at: Option<u64>,
    /// The header that the credential goes into.
    pub field: Field,
    /// The server's name for what its sessions are good for.
    pub realm: String,
    /// The digest of the one body that it is for.
    pub digest: Option<String>,
    /// That of the deposit.
    pub payment_hash: PaymentHash,
    deposit_sat: Option<u64>,
}

/// A step of a session.
#[derive(Clone)]
pub enum Action<'a> {
    /// The deposit was paid. What is left in the end goes to this invoice.
    Open {
        /// Of the deposit.
        preimage: &'a Preimage,
        /// The payer's own. It names no amount.
        return_invoice: &'a str,
    },
    /// A request draws on the deposit.
    Bearer {
        /// The payment hash of the deposit.
        session: &'a PaymentHash,
        /// Of the deposit.
        preimage: &'a Preimage,
    },
    /// Another deposit was paid, and is added.
    TopUp {
        /// The payment hash of the first deposit.
        session: &'a PaymentHash,
        /// Of the further deposit.
        preimage: &'a Preimage,
    },
    /// The session ends.
    Close {
        /// The payment hash of the deposit.
        session: &'a PaymentHash,
        /// Of the deposit.
        preimage: &'a Preimage,
    },
}

/// What a server says of a session that it has closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed {
    /// Satoshis that it refunds.
    pub refund_sat: u64,
    /// What became of the refund by then.
    pub refund: Refund,
}

/// What became of a refund, by the server's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refund {
    /// It was paid.
    Succeeded,
    /// It could not be paid, or is not paid yet.
    Failed,
    /// Nothing was left.
    Skipped,
}

impl Refund {
    /// The name in JavaScript.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// Every session over Lightning among these challenges, in order, or what is wrong with it.
#[must_use]
pub fn sessions(challenges: &[Challenge]) -> Vec<Result<Session, Error>> {
    let mut found = Vec::new();
    for challenge in challenges {
        let get = |name| value(&challenge.params, name);
        if challenge.scheme.eq_ignore_ascii_case("payment")
            && get("method") == Some("lightning")
            && get("intent") == Some("session")
        {
            let session = challenge.defect.map_or_else(|| Session::read(&challenge.params), Err);
            found.push(session.map_err(|why| malformed("payment challenge", why)));
        }
    }
    found
}

/// A whole number that may be left out.
fn whole(request: &Json, name: &str, why: &'static str) -> Result<Option<u64>, &'static str> {
    match request.get(name) {
        Some(value) => Ok(Some(value.as_str().and_then(positive).ok_or(why)?)),
        None => Ok(None),
    }
}

impl Session {
    fn read(params: &[(String, String)]) -> Result<Self, &'static str> {
        let (expires_at, field) = frame(params)?;
        let (request, unit_sat) = terms(params)?;
        let text = |name| request.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            token: token(params),
            invoice: text("depositInvoice"),
            unit_sat,
            unit_type: text("unitType"),
            idle_timeout_s: whole(&request, "idleTimeout", "its idle timeout is not a positive whole number")?,
            expires_at,
            field,
            realm: value(params, "realm").unwrap_or_default().to_owned(),
            digest: value(params, "digest").map(str::to_owned),
            payment_hash: payment_hash(request.get("paymentHash").unwrap_or(&Json::Null))?,
            deposit_sat: whole(&request, "depositAmount", "its deposit is not a positive whole number")?,
        })
    }

    /// Reads the offer that a token of a challenge, or of a [`Deposit`], was made of. `None`: it is none of a session.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let (_, json) = decode(challenge_of(token))?;
        let mut params = Vec::new();
        for (name, value) in json.get("challenge")?.as_object()? {
            params.push((name.clone(), value.as_str()?.to_owned()));
        }
        Self::read(&params).ok()
    }

    /// Compares the offer with its invoice, and with the SHA-256 of the body that is sent, `None` where nobody knows
    /// that. The invoice is what is paid.
    ///
    /// What every invoice has to pass is not checked here: the networks that may be paid, and the time to pay.
    ///
    /// # Errors
    /// - [`Code::InvalidInvoice`] if the invoice can't be read.
    /// - [`Code::InvalidChallenge`] if there is no invoice, if its amount is another, or if it does not pay for one
    ///   unit.
    /// - [`Code::HashMismatch`] if it is for another payment hash, or the offer for another body.
    /// - [`Code::BodyNotReplayable`] if the offer is for a certain body, and the body that is sent is not known.
    pub fn check(&self, body_hash: Option<[u8; 32]>) -> Result<Invoice, Error> {
        let invalid = |text| Error::new(Code::InvalidChallenge, text);
        let Some(invoice) = &self.invoice else { return Err(invalid("the session's challenge has no invoice to pay")) };
        let invoice = Invoice::decode(invoice)?;
        if self.deposit_sat.is_some_and(|sat| sat.checked_mul(1000) != invoice.amount_msat) {
            return Err(invalid("the session's challenge names another deposit than its invoice"));
        }
        if self.unit_sat.checked_mul(1000).is_none_or(|unit| invoice.amount_msat.is_some_and(|msat| msat < unit)) {
            return Err(invalid("the session's deposit does not pay for one unit"));
        }
        if self.payment_hash != invoice.payment_hash {
            return Err(another_hash());
        }
        check_digest(self.digest.as_deref(), body_hash)?;
        Ok(invoice)
    }

    /// The Unix second at which its deposit can't be paid any more: the earlier of its own expiry and the invoice's.
    #[must_use]
    pub fn last_moment(&self, invoice: &Invoice) -> u64 {
        last_moment(self.expires_at, invoice)
    }
}

/// What a paid deposit is kept with until its session ends. It is kept in the place of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deposit {
    /// The invoice for the refund.
    pub return_invoice: String,
    /// The session that it was paid for, if that is an open one. The server may have closed that one: then it opens
    /// another.
    pub adds_to: Option<PaymentHash>,
    /// The token of the challenge that it was paid by.
    pub challenge: String,
}

impl Deposit {
    /// Reads what [`Deposit::token`] wrote. `None`: it is the token of something else.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let (return_invoice, rest) = split_once(token.strip_prefix(DEPOSIT)?, b' ')?;
        let (adds_to, challenge) = split_once(rest, b' ')?;
        Some(Self {
            return_invoice: return_invoice.to_owned(),
            adds_to: PaymentHash::parse(adds_to).ok(),
            challenge: challenge.to_owned(),
        })
    }

    /// One text of all that it holds: printable ASCII.
    #[must_use]
    pub fn token(&self) -> String {
        let adds_to = self.adds_to.map_or_else(|| NEW.to_owned(), |session| session.to_hex());
        concat(&[DEPOSIT, &self.return_invoice, " ", &adds_to, " ", &self.challenge])
    }

    /// The credential that shows the deposit for the first time: it opens its session, or is added to one. `hash` is
    /// the deposit's own.
    #[must_use]
    pub fn credential(&self, preimage: &Preimage) -> Option<Credential> {
        let shown = match &self.adds_to {
            Some(session) => Action::TopUp { session, preimage },
            None => Action::Open { preimage, return_invoice: &self.return_invoice },
        };
        action(&self.challenge, &shown)
    }
}

/// In the place of a session that a deposit is added to.
const NEW: &str = "-";

/// The credential of a step. `None`: the token is not one of a [`Session`].
#[must_use]
pub fn action(token: &str, action: &Action<'_>) -> Option<Credential> {
    // in the order of RFC 8785
    let payload = write_object(|object| match action {
        Action::Open { preimage, return_invoice } => {
            object.text("action", Some("open"));
            object.text("preimage", Some(&preimage.to_hex()));
            object.text("returnInvoice", Some(return_invoice));
        }
        Action::Bearer { session, preimage } | Action::Close { session, preimage } => {
            let name = if matches!(action, Action::Close { .. }) { "close" } else { "bearer" };
            object.text("action", Some(name));
            object.text("preimage", Some(&preimage.to_hex()));
            object.text("sessionId", Some(&session.to_hex()));
        }
        Action::TopUp { session, preimage } => {
            object.text("action", Some("topUp"));
            object.text("sessionId", Some(&session.to_hex()));
            object.text("topUpPreimage", Some(&preimage.to_hex()));
        }
    });
    Some(shown(token, &with_payload(&decode(token)?.0, &payload)?))
}

/// What a `Payment-Receipt` or a JSON body says of a session that was closed. `None`: it says nothing of that, or is of
/// another session.
#[must_use]
pub fn closed(receipt: &Json, session: &PaymentHash) -> Option<Closed> {
    let text = |name| receipt.get(name).and_then(Json::as_str);
    if text("reference").is_some_and(|reference| reference != session.to_hex()) {
        return None;
    }
    let refund = match text("refundStatus")? {
        "succeeded" => Refund::Succeeded,
        "skipped" => Refund::Skipped,
        // aperture pays after its answer, and says pending until then
        "failed" | "pending" => Refund::Failed,
        _ => return None,
    };
    let refund_sat = match receipt.get("refundSats") {
        Some(Json::Number(digits)) => number(digits.as_bytes())?,
        Some(_) => return None,
        None => 0,
    };
    Some(Closed { refund_sat, refund })
}

/// Whether a body says only that a deposit was added: the answer to the request itself is still to come.
#[must_use]
pub fn is_acknowledged(body: &str) -> bool {
    let json = Json::parse(body).unwrap_or(Json::Null);
    json.as_object().is_some_and(|members| members.len() == 1)
        && json.get("status").and_then(Json::as_str) == Some("ok")
}

/// Checks an invoice that the wallet made for the refund.
///
/// # Errors
/// [`Code::InvalidInvoice`] if it can't be read, names an amount, is for another network, or lives less than
/// [`RETURN_INVOICE_S`], give or take a day.
pub fn check_return_invoice(payment_request: &str, network: Network, now: u64) -> Result<Invoice, Error> {
    let invoice = Invoice::decode(payment_request)?;
    let bad = |text| Err(Error::new(Code::InvalidInvoice, text));
    if invoice.amount_msat.is_some() {
        return bad("the wallet's invoice for a refund names an amount: the server names it in the end");
    }
    if invoice.network != network {
        return bad("the wallet's invoice for a refund is for another network than the deposit");
    }
    if invoice.expires_at < now.saturating_add(RETURN_INVOICE_S - 86_400) {
        return bad("the wallet's invoice for a refund expires too soon: a session may last for weeks");
    }
    Ok(invoice)
}
