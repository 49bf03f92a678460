//! What a caller allows: the options that decide about money, already checked key by key.

use crate::challenge::Protocol;
use crate::encoding::concat;
use crate::invoice::Network;
use crate::json::Json;
use crate::origin::HostPattern;
use crate::policy::{Limits, Windows};
use crate::{Code, Error};

const MSAT_PER_SAT: u64 = 1000;
const DEFAULT_PAYMENT_TIMEOUT_MS: u64 = 300_000;

/// The options of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// What may be spent.
    pub limits: Limits,
    /// Networks whose invoices may be paid.
    pub networks: Vec<Network>,
    /// Hosts that may be paid; `None`: any https host, and loopback.
    pub hosts: Option<Vec<HostPattern>>,
    /// Preference among the offers of one 402; what is not listed is not paid.
    pub protocols: Vec<Protocol>,
    /// Whether a wallet that only says `true` is believed.
    pub trust_wallet: bool,
    /// Milliseconds until the wallet's outcome counts as unknown.
    pub payment_timeout_ms: u64,
}

impl Config {
    /// The defaults, with this limit for each payment in satoshis and no other.
    #[must_use]
    pub fn new(per_payment_sat: u64) -> Self {
        Self {
            limits: Limits {
                per_payment: per_payment_sat.saturating_mul(MSAT_PER_SAT),
                all: Windows::default(),
                per_origin: Windows::default(),
            },
            networks: vec![Network::Bitcoin],
            hosts: None,
            protocols: vec![Protocol::L402, Protocol::Lsat, Protocol::Mpp, Protocol::X402],
            trust_wallet: false,
            payment_timeout_ms: DEFAULT_PAYMENT_TIMEOUT_MS,
        }
    }

    /// Reads the JSON text that the options reader in JavaScript makes: amounts in satoshis, every absent key its default.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where a value has the wrong type: nothing is taken for "no limit".
    pub fn parse(text: &str) -> Result<Self, Error> {
        let json = Json::parse(text).map_err(|_| invalid("options"))?;
        let mut config =
            Self::new(json.get("perPayment").and_then(Json::as_u64).ok_or_else(|| invalid("limits.perPayment"))?);
        config.limits.all = windows(&json)?;
        if let Some(own) = present(&json, "perOrigin") {
            own.as_object().ok_or_else(|| invalid("perOrigin"))?;
            config.limits.per_origin = windows(own)?;
        }
        if let Some(list) = present(&json, "networks") {
            config.networks = names(list, "networks", Network::from_name)?;
        }
        if let Some(list) = present(&json, "hosts") {
            config.hosts = Some(names(list, "hosts", |text| Some(HostPattern::new(text)))?);
        }
        if let Some(list) = present(&json, "protocols") {
            config.protocols = names(list, "protocols", Protocol::from_name)?;
        }
        if let Some(proof) = present(&json, "proof") {
            config.trust_wallet = match proof.as_str() {
                Some("preimage") => false,
                Some("none") => true,
                _ => return Err(invalid("proof")),
            };
        }
        if let Some(timeout) = present(&json, "paymentTimeout") {
            config.payment_timeout_ms = timeout.as_u64().ok_or_else(|| invalid("paymentTimeout"))?;
        }
        Ok(config)
    }
}

fn present<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.get(name).filter(|value| **value != Json::Null)
}

fn windows(json: &Json) -> Result<Windows, Error> {
    let msat = |name| match present(json, name) {
        Some(value) => {
            value.as_u64().and_then(|sat| sat.checked_mul(MSAT_PER_SAT)).map(Some).ok_or_else(|| invalid(name))
        }
        None => Ok(None),
    };
    Ok(Windows { per_hour: msat("perHour")?, per_day: msat("perDay")?, total: msat("total")? })
}

fn names<T>(list: &Json, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
    let rows = list.as_array().ok_or_else(|| invalid(name))?;
    rows.iter().map(|row| row.as_str().and_then(&read).ok_or_else(|| invalid(name))).collect()
}

fn invalid(name: &str) -> Error {
    Error::new(Code::InvalidOptions, concat(&[name, " has no valid value"]))
}
