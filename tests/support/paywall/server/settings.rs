//! How a shop behaves, as the query of each request says. A name or value that is not understood is an error: a test
//! with a typo must not pass by testing nothing.

use super::hex::Hash;
use hyper::header::HeaderName;
use hyper::StatusCode;
use lightning_invoice::Currency;

#[derive(Clone, Copy, PartialEq)]
pub enum Scheme {
    L402,
    Lsat,
    Both,
    Lower,
    /// A charge of MPP alone.
    Mpp,
    /// L402, and a charge with the same invoice.
    L402Mpp,
    /// A session of MPP alone.
    Session,
    /// x402 alone.
    X402,
    /// L402, and x402 with the same invoice.
    L402X402,
}

impl Scheme {
    pub fn has_charge(self) -> bool {
        matches!(self, Scheme::Mpp | Scheme::L402Mpp)
    }

    pub fn has_x402(self) -> bool {
        matches!(self, Scheme::X402 | Scheme::L402X402)
    }
}
#[derive(Clone, Copy, PartialEq)]
pub enum Param {
    Token,
    Macaroon,
    Both,
}
#[derive(Clone, Copy, PartialEq)]
pub enum TokenKind {
    V2,
    V1,
    Json,
    HexId,
    RawId,
    Opaque,
    Pair,
}
#[derive(Clone, Copy, PartialEq)]
pub enum Scope {
    Origin,
    Path,
    Single,
    Never,
}
#[derive(Clone, Copy, PartialEq)]
pub enum Phase {
    Unpaid,
    Paid,
    All,
}
#[derive(Clone, Copy, PartialEq)]
pub enum Cors {
    Aperture,
    Full,
    Plain,
    None,
}

/// What is wrong with an offer of x402.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    Amount,
    PayTo,
    Hash,
    Description,
    Inline,
    Expiry,
    Network,
    Unknown,
    Url,
    Params,
    Base64,
    Future,
}

/// Every setting, with the defaults that the crate's documentation names.
#[derive(Clone)]
pub struct Settings {
    pub amount_msat: Option<u64>,
    /// Regtest where none is said, mainnet with x402.
    pub network: Option<Currency>,
    pub expiry: u64,
    pub age: u64,
    /// The feature bit that says so.
    pub amp: Option<usize>,
    pub payee: bool,
    pub description: String,
    pub description_hash: bool,
    pub hash: Option<Hash>,
    pub reuse_invoice: bool,
    pub scheme: Scheme,
    /// The headers that x402 binds.
    pub bind: Vec<String>,
    pub fault: Option<Fault>,
    /// How long after its invoice's expiry a payment of x402 is taken, in seconds.
    pub grace: u64,
    /// The credential of a charge comes in this header of its own.
    pub payment_authorization: bool,
    pub digest: bool,
    /// How many units a deposit is of.
    pub deposit: u64,
    /// With a session: the answer is a stream of so many events.
    pub chunks: Option<u64>,
    /// A 402 is an answer of gRPC-Web.
    pub grpc: bool,
    pub param: Param,
    pub quote: Option<char>,
    pub separator: &'static str,
    pub token: TokenKind,
    pub url_base64: bool,
    pub pad: bool,
    pub mismatch: bool,
    pub valid_for: Option<u64>,
    pub caveat_path: bool,
    pub caveat_method: bool,
    pub caveats: Vec<String>,
    pub header: Option<String>,
    pub challenge: bool,
    pub hidden: bool,
    pub cache: Option<u64>,
    pub scope: Scope,
    pub uses: Option<u64>,
    pub refuse: Option<StatusCode>,
    pub bare: bool,
    pub drop: u64,
    pub late: u64,
    pub closed: Option<StatusCode>,
    pub retry_after: Option<u64>,
    pub after: StatusCode,
    pub echo: bool,
    pub size: Option<u64>,
    pub gate: bool,
    pub cookie: Option<String>,
    pub redirect: Option<String>,
    pub redirect_status: StatusCode,
    pub cut: bool,
    pub hold: Option<Phase>,
    pub delay: u64,
    pub cors: Cors,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            amount_msat: Some(10_000),
            network: None,
            expiry: 3600,
            age: 0,
            amp: None,
            payee: false,
            description: "paywall".into(),
            description_hash: false,
            hash: None,
            reuse_invoice: false,
            scheme: Scheme::L402,
            bind: Vec::new(),
            fault: None,
            grace: 60,
            payment_authorization: false,
            digest: false,
            deposit: 20,
            chunks: None,
            grpc: false,
            param: Param::Token,
            quote: Some('"'),
            separator: ", ",
            token: TokenKind::V2,
            url_base64: false,
            pad: true,
            mismatch: false,
            valid_for: None,
            caveat_path: false,
            caveat_method: false,
            caveats: Vec::new(),
            header: None,
            challenge: true,
            hidden: false,
            cache: None,
            scope: Scope::Origin,
            uses: None,
            refuse: None,
            bare: false,
            drop: 0,
            late: 0,
            closed: None,
            retry_after: None,
            after: StatusCode::OK,
            echo: false,
            size: None,
            gate: false,
            cookie: None,
            redirect: None,
            redirect_status: StatusCode::FOUND,
            cut: false,
            hold: None,
            delay: 0,
            cors: Cors::Aperture,
        }
    }
}

impl Settings {
    /// Reads a query string.
    ///
    /// # Errors
    /// Names the parameter that is unknown or has a value it can't have.
    pub fn parse(query: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            settings.set(&name, &value).map_err(|()| format!("unknown setting or value: {name}={value}"))?;
        }
        Ok(settings)
    }

    /// The status of a refused credential; 402 comes with a fresh challenge.
    pub fn refusal(&self) -> StatusCode {
        self.refuse.unwrap_or(match self.scope {
            Scope::Single => StatusCode::UNAUTHORIZED,
            _ => StatusCode::PAYMENT_REQUIRED,
        })
    }

    /// Whether a request waits for a release before it is answered.
    pub fn holds(&self, paid: bool) -> bool {
        match self.hold {
            None => false,
            Some(Phase::All) => true,
            Some(Phase::Paid) => paid,
            Some(Phase::Unpaid) => !paid,
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ()> {
        match name {
            "n" => {}
            "price" => self.amount_msat = Some(number(value)?.checked_mul(1000).ok_or(())?),
            "msat" => self.amount_msat = Some(number(value)?),
            "amount" => self.amount_msat = one_of(value, &[("none", None)])?,
            "network" => {
                let known = [
                    ("bc", Currency::Bitcoin),
                    ("tb", Currency::BitcoinTestnet),
                    ("tbs", Currency::Signet),
                    ("bcrt", Currency::Regtest),
                    ("sb", Currency::Simnet),
                ];
                self.network = Some(one_of(value, &known)?);
            }
            "expiry" => self.expiry = number(value)?,
            "age" => self.age = number(value)?,
            "amp" => self.amp = one_of(value, &[("1", Some(30)), ("optional", Some(31)), ("0", None)])?,
            "payee" => self.payee = flag(value)?,
            "description" => self.description = value.into(),
            "description_hash" => self.description_hash = flag(value)?,
            "hash" => self.hash = Some(super::hex::hash(value).ok_or(())?),
            "reuse_invoice" => self.reuse_invoice = flag(value)?,
            "scheme" => {
                let known = [
                    ("l402", Scheme::L402),
                    ("lsat", Scheme::Lsat),
                    ("both", Scheme::Both),
                    ("lower", Scheme::Lower),
                    ("mpp", Scheme::Mpp),
                    ("l402mpp", Scheme::L402Mpp),
                    ("session", Scheme::Session),
                    ("x402", Scheme::X402),
                    ("l402x402", Scheme::L402X402),
                ];
                self.scheme = one_of(value, &known)?;
            }
            "bind" => self.bind = names(value)?,
            "fault" => {
                let known = [
                    ("amount", Fault::Amount),
                    ("payto", Fault::PayTo),
                    ("hash", Fault::Hash),
                    ("description", Fault::Description),
                    ("inline", Fault::Inline),
                    ("expiry", Fault::Expiry),
                    ("network", Fault::Network),
                    ("unknown", Fault::Unknown),
                    ("url", Fault::Url),
                    ("params", Fault::Params),
                    ("base64", Fault::Base64),
                    ("future", Fault::Future),
                ];
                self.fault = Some(one_of(value, &known)?);
            }
            "grace" => self.grace = number(value)?,
            "in" => {
                self.payment_authorization =
                    one_of(value, &[("payment-authorization", true), ("authorization", false)])?;
            }
            "digest" => self.digest = flag(value)?,
            "deposit" => self.deposit = number(value)?,
            "chunks" => self.chunks = Some(number(value)?),
            "param" => {
                let known = [("token", Param::Token), ("macaroon", Param::Macaroon), ("both", Param::Both)];
                self.param = one_of(value, &known)?;
            }
            "quote" => {
                self.quote = one_of(value, &[("double", Some('"')), ("single", Some('\'')), ("none", None)])?;
            }
            "sep" => self.separator = one_of(value, &[("comma", ", "), ("space", " "), ("semicolon", "; ")])?,
            "token" => {
                let known = [
                    ("v2", TokenKind::V2),
                    ("v1", TokenKind::V1),
                    ("json", TokenKind::Json),
                    ("hexid", TokenKind::HexId),
                    ("rawid", TokenKind::RawId),
                    ("opaque", TokenKind::Opaque),
                    ("pair", TokenKind::Pair),
                ];
                self.token = one_of(value, &known)?;
            }
            "base64" => self.url_base64 = one_of(value, &[("std", false), ("url", true)])?,
            "pad" => self.pad = flag(value)?,
            "mismatch" => self.mismatch = flag(value)?,
            "valid_until" => self.valid_for = Some(number(value)?),
            "caveat_path" => self.caveat_path = flag(value)?,
            "caveat_method" => self.caveat_method = flag(value)?,
            "caveat" => self.caveats.push(value.into()),
            "header" => self.header = Some(value.into()),
            "grpc" => self.grpc = flag(value)?,
            "nochallenge" => self.challenge = !flag(value)?,
            "hidden" => self.hidden = flag(value)?,
            "cache" => self.cache = Some(number(value)?),
            "scope" => {
                let known = [
                    ("origin", Scope::Origin),
                    ("path", Scope::Path),
                    ("single", Scope::Single),
                    ("never", Scope::Never),
                ];
                self.scope = one_of(value, &known)?;
            }
            "uses" => self.uses = Some(number(value)?),
            "refuse" => self.refuse = Some(status(value)?),
            "bare" => self.bare = flag(value)?,
            "drop" => self.drop = number(value)?,
            "late" => self.late = number(value)?,
            "closed" => self.closed = Some(status(value)?),
            "retry_after" => self.retry_after = Some(number(value)?),
            "after" => self.after = status(value)?,
            "body" => self.echo = one_of(value, &[("echo", true)])?,
            "size" => self.size = Some(number(value)?),
            "gate" => self.gate = flag(value)?,
            "cookie" => self.cookie = Some(value.into()),
            "redirect" => self.redirect = Some(value.into()),
            "status" => self.redirect_status = status(value)?,
            "cut" => self.cut = flag(value)?,
            "hold" => {
                let known = [("unpaid", Some(Phase::Unpaid)), ("paid", Some(Phase::Paid)), ("all", Some(Phase::All))];
                self.hold = one_of(value, &known)?;
            }
            "delay" => self.delay = number(value)?,
            "cors" => self.cors = one_of(value, &[("full", Cors::Full), ("plain", Cors::Plain), ("none", Cors::None)])?,
            _ => return Err(()),
        }
        Ok(())
    }
}

fn number(value: &str) -> Result<u64, ()> {
    value.parse().map_err(|_| ())
}

/// Names of headers as x402 binds them: in lower case, in order, none twice, and not that of the payment itself.
fn names(value: &str) -> Result<Vec<String>, ()> {
    let names: Vec<String> = value.split(',').map(str::to_string).collect();
    let is_name = |name: &String| HeaderName::from_bytes(name.as_bytes()).is_ok_and(|read| read.as_str() == name);
    let is_good = names.iter().all(|name| is_name(name) && name != "payment-signature");
    Some(names).filter(|names| is_good && names.is_sorted_by(|a, b| a < b)).ok_or(())
}

fn flag(value: &str) -> Result<bool, ()> {
    one_of(value, &[("1", true), ("0", false)])
}

fn status(value: &str) -> Result<StatusCode, ()> {
    // 1xx are interim answers, which a handler can't give as its last word
    StatusCode::from_bytes(value.as_bytes()).ok().filter(|status| (200..600).contains(&status.as_u16())).ok_or(())
}

fn one_of<T: Clone>(value: &str, known: &[(&str, T)]) -> Result<T, ()> {
    known.iter().find(|(name, _)| *name == value).map(|(_, meaning)| meaning.clone()).ok_or(())
}
