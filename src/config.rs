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
        let mut given = Given { json: &json, odd: None };
        let per_payment = given.read("perPayment", Json::as_u64).ok_or_else(|| invalid("limits.perPayment"))?;
        let mut config = Self::new(per_payment);
        config.limits.all = given.windows();
        if let Some(json) = given.read("perOrigin", |own| own.as_object().map(|_| own)) {
            let mut own = Given { json, odd: given.odd };
            config.limits.per_origin = own.windows();
            given.odd = own.odd;
        }
        if let Some(networks) = given.list("networks", Network::from_name) {
            config.networks = networks;
        }
        config.hosts = given.list("hosts", |name| Some(HostPattern::new(name)));
        if let Some(protocols) = given.list("protocols", Protocol::from_name) {
            config.protocols = protocols;
        }
        config.trust_wallet = given.read("proof", |proof| match proof.as_str()? {
            "preimage" => Some(false),
            "none" => Some(true),
            _ => None,
        }) == Some(true);
        if let Some(timeout) = given.read("paymentTimeout", Json::as_u64) {
            config.payment_timeout_ms = timeout;
        }
        match given.odd {
            Some(name) => Err(invalid(name)),
            None => Ok(config),
        }
    }
}

/// The members of an object, of which the first that has no valid value is noted.
struct Given<'a> {
    json: &'a Json,
    odd: Option<&'static str>,
}

impl<'a> Given<'a> {
    /// A member that is there and not null.
    fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&'a Json) -> Option<T>) -> Option<T> {
        let value = read(self.json.get(name).filter(|value| !value.is_null())?);
        if value.is_none() {
            self.odd = self.odd.or(Some(name));
        }
        value
    }

    fn msat(&mut self, name: &'static str) -> Option<u64> {
        self.read(name, |sat| sat.as_u64()?.checked_mul(MSAT_PER_SAT))
    }

    fn windows(&mut self) -> Windows {
        Windows { per_hour: self.msat("perHour"), per_day: self.msat("perDay"), total: self.msat("total") }
    }

    fn list<T>(&mut self, name: &'static str, of: impl Fn(&'a str) -> Option<T>) -> Option<Vec<T>> {
        self.read(name, |list| {
            let mut values = Vec::new();
            for value in list.as_array()? {
                values.push(of(value.as_str()?)?);
            }
            Some(values)
        })
    }
}

fn invalid(name: &str) -> Error {
    Error::new(Code::InvalidOptions, concat(&[name, " has no valid value"]))
}
