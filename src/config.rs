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
        let per_payment = number(&json, "perPayment").ok().flatten().ok_or_else(|| invalid("limits.perPayment"))?;
        let mut config = Self::new(per_payment);
        config.limits.all = windows(&json)?;
        if let Some(own) = present(&json, "perOrigin") {
            own.as_object().ok_or_else(|| invalid("perOrigin"))?;
            config.limits.per_origin = windows(own)?;
        }
        if let Some(list) = names(&json, "networks")? {
            config.networks.clear();
            for name in list {
                config.networks.push(Network::from_name(name).ok_or_else(|| invalid("networks"))?);
            }
        }
        if let Some(list) = names(&json, "hosts")? {
            config.hosts = Some(list.into_iter().map(HostPattern::new).collect());
        }
        if let Some(list) = names(&json, "protocols")? {
            config.protocols.clear();
            for name in list {
                config.protocols.push(Protocol::from_name(name).ok_or_else(|| invalid("protocols"))?);
            }
        }
        if let Some(proof) = present(&json, "proof") {
            config.trust_wallet = match proof.as_str() {
                Some("preimage") => false,
                Some("none") => true,
                _ => return Err(invalid("proof")),
            };
        }
        if let Some(timeout) = number(&json, "paymentTimeout")? {
            config.payment_timeout_ms = timeout;
        }
        Ok(config)
    }
}

fn present<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.get(name).filter(|value| !value.is_null())
}

fn number(json: &Json, name: &str) -> Result<Option<u64>, Error> {
    match present(json, name).map(Json::as_u64) {
        Some(None) => Err(invalid(name)),
        found => Ok(found.flatten()),
    }
}

fn windows(json: &Json) -> Result<Windows, Error> {
    let msat = |name| match number(json, name)?.map(|sat| sat.checked_mul(MSAT_PER_SAT)) {
        Some(None) => Err(invalid(name)),
        found => Ok(found.flatten()),
    };
    Ok(Windows { per_hour: msat("perHour")?, per_day: msat("perDay")?, total: msat("total")? })
}

fn names<'a>(json: &'a Json, name: &str) -> Result<Option<Vec<&'a str>>, Error> {
    let Some(list) = present(json, name) else { return Ok(None) };
    let mut names = Vec::new();
    for row in list.as_array().ok_or_else(|| invalid(name))? {
        names.push(row.as_str().ok_or_else(|| invalid(name))?);
    }
    Ok(Some(names))
}

fn invalid(name: &str) -> Error {
    Error::new(Code::InvalidOptions, concat(&[name, " has no valid value"]))
}
