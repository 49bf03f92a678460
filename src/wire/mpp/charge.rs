//! A charge: the offer of one payment for one request.

use crate::error::{Code, Error};
use crate::text::encoding::{from_base64, from_base64url, to_base64, Flavour};
use crate::text::json::Json;
use crate::text::json_writer::write_object;
use crate::text::scan::{parts, positive, rsplit_once, split_once};
use crate::text::time;
use crate::wire::challenge::{malformed, Challenge};
use crate::wire::credential::Field;
use crate::wire::invoice::{Invoice, Network};
use crate::wire::payment_hash::PaymentHash;

/// A JSON value as MPP carries it in headers: requests, credentials, receipts. Its text, and what it holds. `None`: the
/// base64url or the JSON is malformed.
#[must_use]
pub fn decode(base64url: &str) -> Option<(String, Json)> {
    let text = String::from_utf8(from_base64url(base64url)?).ok()?;
    let json = Json::parse(&text).ok()?;
    Some((text, json))
}

/// The token of a charge of the older shape. It is no base64url, so it can't be mistaken for another.
pub(super) const OLDER: &str = r#"method="lightning""#;

/// What the token of a paid deposit begins with. No token of a challenge has a space.
pub(super) const DEPOSIT: &str = "session ";

/// The token of the challenge in the token of a payment: its own, but for a deposit, where it stands last.
pub(super) fn challenge_of(token: &str) -> &str {
    match token.strip_prefix(DEPOSIT).and_then(|rest| rsplit_once(rest, b' ')) {
        Some((_, challenge)) => challenge,
        None => token,
    }
}

const INVALID: Code = Code::InvalidChallenge;

/// A charge over Lightning. Its fields are well-formed. Nothing is compared with the invoice yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charge {
    /// What [`super::credential`] needs of it.
    pub token: String,
    /// The BOLT11 invoice as received.
    pub invoice: String,
    /// Unix seconds. `None`: the challenge names no expiry of its own.
    pub expires_at: Option<u64>,
    /// The header that the credential goes into.
    pub field: Field,
    amount_sat: Option<u64>,
    payment_hash: Option<PaymentHash>,
    network: Option<Network>,
    /// The digest of the one body that it is for. Only then [`Charge::check`] needs the hash of that body.
    pub digest: Option<String>,
}

/// Every charge over Lightning among these challenges, in order, or what is wrong with it. Other methods and intents
/// are not for us.
#[must_use]
pub fn charges(challenges: &[Challenge]) -> Vec<Result<Charge, Error>> {
    let mut found = Vec::new();
    for challenge in challenges {
        let get = |name| value(&challenge.params, name);
        if challenge.scheme.eq_ignore_ascii_case("payment")
            && get("method") == Some("lightning")
            && matches!(get("intent"), None | Some("charge"))
        {
            let charge = challenge.defect.map_or_else(|| Charge::read(&challenge.params), Err);
            found.push(charge.map_err(|why| malformed("payment challenge", why)));
        }
    }
    found
}

pub(super) fn value<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// When a challenge expires, in Unix seconds, and the header that its credential goes into.
pub(super) fn frame(params: &[(String, String)]) -> Result<(Option<u64>, Field), &'static str> {
    let expires_at = match value(params, "expires") {
        // RFC 3339 wants a time zone
        Some(text) => Some(time::read(text).filter(|(_, zoned)| *zoned).ok_or("its expires is no time")?.0),
        None => None,
    };
    // draft-httpauth-payment-02: "Clients MUST treat any other `header` value as an unrecognized challenge"
    let field = match value(params, "header") {
        None => Field::Authorization,
        Some(name) if name.eq_ignore_ascii_case("payment-authorization") => Field::PaymentAuthorization,
        Some(_) => return Err("its header is not payment-authorization"),
    };
    Ok((expires_at, field))
}

/// The terms in the parameter `request`, and the price in satoshis.
pub(super) fn terms(params: &[(String, String)]) -> Result<(Json, u64), &'static str> {
    let get = |name| value(params, name);
    if get("id").is_none_or(str::is_empty) {
        return Err("it has no id");
    }
    if get("realm").is_none() || get("intent").is_none() {
        return Err("it lacks its realm or its intent");
    }
    let request = get("request").ok_or("it has no request")?;
    let (_, request) = decode(request).ok_or("its request is not json in base64url")?;
    let amount = request.get("amount").and_then(Json::as_str).and_then(positive).ok_or(NO_AMOUNT)?;
    if request.get("currency").and_then(Json::as_str) != Some("sat") {
        return Err(NOT_SAT);
    }
    Ok((request, amount))
}

/// A payment hash that is written beside its invoice.
pub(super) fn payment_hash(json: &Json) -> Result<PaymentHash, &'static str> {
    json.as_str().and_then(|text| PaymentHash::parse(text).ok()).ok_or("its payment hash is malformed")
}

impl Charge {
    fn read(params: &[(String, String)]) -> Result<Self, &'static str> {
        let get = |name| value(params, name);
        let (expires_at, field) = frame(params)?;
        let mut charge = if get("id").is_none() && get("request").is_none() {
            if field != Field::Authorization {
                return Err("it has no id");
            }
            Self::of_older_shape(get("invoice"), get("amount"), get("currency"))?
        } else {
            Self::of_request(params)?
        };
        charge.expires_at = expires_at;
        charge.field = field;
        charge.digest = get("digest").map(str::to_owned);
        Ok(charge)
    }

    /// `Payment method="lightning", invoice="…"`, with an amount in sat where the server names one.
    fn of_older_shape(
        invoice: Option<&str>,
        amount: Option<&str>,
        currency: Option<&str>,
    ) -> Result<Self, &'static str> {
        if currency.is_some_and(|currency| currency != "sat") {
            return Err(NOT_SAT);
        }
        let amount_sat = match amount {
            Some(text) => Some(positive(text).ok_or(NO_AMOUNT)?),
            None => None,
        };
        let invoice = invoice.filter(|text| !text.is_empty()).ok_or(NO_INVOICE)?;
        Ok(Self::new(OLDER.to_owned(), invoice, amount_sat))
    }

    /// The shape of the drafts: the terms are JSON in the parameter `request`.
    fn of_request(params: &[(String, String)]) -> Result<Self, &'static str> {
        let (request, amount) = terms(params)?;
        let details = request.get("methodDetails");
        let detail = |name| details.and_then(|details| details.get(name));
        let invoice = detail("invoice").and_then(Json::as_str).filter(|text| !text.is_empty()).ok_or(NO_INVOICE)?;
        let mut charge = Self::new(token(params), invoice, Some(amount));
        if let Some(hash) = detail("paymentHash") {
            charge.payment_hash = Some(payment_hash(hash)?);
        }
        if let Some(network) = detail("network") {
            let network = match network.as_str() {
                Some("mainnet") => Some(Network::Bitcoin),
                name => name.and_then(Network::from_name),
            };
            charge.network = Some(network.ok_or("its network is not known")?);
        }
        Ok(charge)
    }

    fn new(token: String, invoice: &str, amount_sat: Option<u64>) -> Self {
        let invoice = invoice.to_owned();
        let (payment_hash, network, digest, expires_at) = (None, None, None, None);
        let field = Field::Authorization;
        Self { token, invoice, expires_at, field, amount_sat, payment_hash, network, digest }
    }

    /// Compares the charge with its invoice and with the SHA-256 of the body that is sent, `None` where nobody knows
    /// that. The invoice is what is paid. What the charge says besides must agree with it.
    ///
    /// What every invoice has to pass is not checked here: the networks that may be paid, and the time to pay. That
    /// time ends at [`Charge::last_moment`].
    ///
    /// # Errors
    /// - [`Code::InvalidInvoice`] if the invoice can't be read.
    /// - [`Code::InvalidChallenge`] if the invoice's amount or network is another.
    /// - [`Code::HashMismatch`] if the charge is for another payment hash or another body.
    /// - [`Code::BodyNotReplayable`] if it is for a certain body, and the body that is sent is not known.
    pub fn check(&self, body_hash: Option<[u8; 32]>) -> Result<Invoice, Error> {
        let invoice = Invoice::decode(&self.invoice)?;
        if self.amount_sat.is_some_and(|sat| sat.checked_mul(1000) != invoice.amount_msat) {
            return Err(Error::new(INVALID, "the payment challenge names another amount than its invoice"));
        }
        if self.network.is_some_and(|network| network != invoice.network) {
            return Err(Error::new(INVALID, "the payment challenge names another network than its invoice"));
        }
        if self.payment_hash.is_some_and(|hash| hash != invoice.payment_hash) {
            return Err(another_hash());
        }
        check_digest(self.digest.as_deref(), body_hash)?;
        Ok(invoice)
    }

    /// The Unix second at which it can't be paid or answered any more: the earlier of its own expiry and the invoice's.
    #[must_use]
    pub fn last_moment(&self, invoice: &Invoice) -> u64 {
        last_moment(self.expires_at, invoice)
    }
}

/// The earlier of a challenge's own expiry and its invoice's, in Unix seconds.
pub(super) fn last_moment(expires_at: Option<u64>, invoice: &Invoice) -> u64 {
    invoice.expires_at.min(expires_at.unwrap_or(u64::MAX))
}

/// The error of a challenge whose invoice is for another payment.
pub(super) fn another_hash() -> Error {
    let text = "the payment challenge is for another payment hash than its invoice: paying would buy nothing";
    Error::new(Code::HashMismatch, text)
}

/// Compares the digest of a challenge with the SHA-256 of the body that is sent, `None` where nobody knows that.
///
/// # Errors
/// [`Code::InvalidChallenge`], [`Code::BodyNotReplayable`], [`Code::HashMismatch`]
pub(super) fn check_digest(digest: Option<&str>, body_hash: Option<[u8; 32]>) -> Result<(), Error> {
    let Some(digest) = digest else { return Ok(()) };
    if sha256(digest).is_none() {
        return Err(Error::new(INVALID, "the payment challenge is for a body by a digest other than sha-256"));
    }
    let Some(hash) = body_hash else {
        let text = "the payment challenge is for one body, and this one can't be read before it is sent: give it as a \
                    string or bytes";
        return Err(Error::new(Code::BodyNotReplayable, text));
    };
    if !is_digest_of(digest, &hash) {
        let text = "the payment challenge is for another body than was sent: paying would buy nothing";
        return Err(Error::new(Code::HashMismatch, text));
    }
    Ok(())
}

/// The SHA-256 among digests (RFC 9530: a list of algorithms, with the digest in base64 between colons).
fn sha256(digest: &str) -> Option<&str> {
    let of = |part| split_once(part, b'=').filter(|(name, _)| name.trim_ascii() == "sha-256");
    parts(digest, b',').find_map(of).map(|(_, digest)| digest)
}

/// Whether a `digest` is that of a body with this SHA-256.
#[must_use]
pub fn is_digest_of(digest: &str, body_hash: &[u8; 32]) -> bool {
    let digest = sha256(digest).and_then(|text| text.trim_ascii().strip_prefix(':')?.strip_suffix(':'));
    digest.and_then(from_base64).is_some_and(|(bytes, _)| bytes == body_hash)
}

const NO_AMOUNT: &str = "its amount is not a positive whole number";
const NOT_SAT: &str = "its currency is not sat";
const NO_INVOICE: &str = "it has no invoice";

/// `{"challenge":{…}}` in base64url, with every parameter as received. The names are ASCII, so their order is that of
/// RFC 8785.
pub(super) fn token(params: &[(String, String)]) -> String {
    let mut sorted: Vec<(&str, &str)> = Vec::with_capacity(params.len());
    for (name, value) in params {
        let place = sorted.iter().position(|(other, _)| *other > name.as_str()).unwrap_or(sorted.len());
        sorted.insert(place, (name, value));
    }
    let json = write_object(|object| {
        object.object("challenge", |object| sorted.iter().for_each(|(name, value)| object.text(name, Some(value))));
    });
    to_base64(json.as_bytes(), Flavour::URL_SAFE)
}
