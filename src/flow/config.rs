//! The options that decide about money. Their keys are checked already.

use crate::error::{Code, Error};
use crate::ledger::limits::Limits;
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_writer::MSAT_PER_SAT;
use crate::wire::challenge::Protocol;
use crate::wire::invoice::Network;
use crate::wire::url::{HostPattern, Url};

const DEFAULT_PAYMENT_TIMEOUT_MS: u64 = 300_000;

/// The options of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// How much may be spent.
    pub limits: Limits,
    /// Millisatoshis, fee reserve included: `approve` is asked only above so much.
    pub approve_above_msat: u64,
    /// Networks whose invoices may be paid.
    pub networks: Vec<Network>,
    /// Hosts that may be paid. `None`: any https host, and loopback.
    pub hosts: Option<Vec<HostPattern>>,
    /// Hosts that may be paid over plain http, beside loopback and `.onion`.
    pub insecure_hosts: Vec<HostPattern>,
    /// Preference among the offers of one 402. A protocol that is not listed is not paid.
    pub protocols: Vec<Protocol>,
    /// The most that may be in open sessions of MPP at one origin, in millisatoshis. `None`: no session is paid.
    pub max_deposit_msat: Option<u64>,
    /// Whether a wallet's `true` counts as paid, without a preimage.
    pub trust_wallet: bool,
    /// Milliseconds until the wallet's outcome counts as unknown.
    pub payment_timeout_ms: u64,
}

impl Config {
    /// The defaults, with a limit for each payment in satoshis and no other limit.
    #[must_use]
    pub fn new(per_payment_sat: u64) -> Self {
        Self {
            limits: Limits { per_payment: per_payment_sat.saturating_mul(MSAT_PER_SAT), ..Limits::default() },
            approve_above_msat: 0,
            networks: vec![Network::Bitcoin],
            hosts: None,
            insecure_hosts: Vec::new(),
            protocols: vec![Protocol::L402, Protocol::Lsat, Protocol::Mpp, Protocol::X402],
            max_deposit_msat: None,
            trust_wallet: false,
            payment_timeout_ms: DEFAULT_PAYMENT_TIMEOUT_MS,
        }
    }

    /// Checks that a URL may be paid. Its host must be listed, and plain http is refused, since it shows the credential
    /// to others on the way. Loopback, `.onion` and the hosts of `insecureHosts` may use plain http.
    ///
    /// # Errors
    /// [`Code::InsecureTransport`], [`Code::HostNotAllowed`]
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        let is_listed = |patterns: &[HostPattern]| patterns.iter().any(|pattern| pattern.matches(url));
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => url.is_loopback() || url.is_onion() || is_listed(&self.insecure_hosts),
            _ => false,
        };
        if !is_safe {
            return Err(Error::new(
                Code::InsecureTransport,
                "plain http shows the token to everyone on the network path: use the https url, or name the host in options.insecureHosts",
            ));
        }
        match &self.hosts {
            Some(patterns) if !is_listed(patterns) => Err(Error::new(
                Code::HostNotAllowed,
                concat(&["the host ", url.host(), " is not in options.hosts: add it there to pay it"]),
            )),
            _ => Ok(()),
        }
    }

    /// Reads the JSON text that the options reader in JavaScript makes. Amounts are in satoshis. An absent key has its
    /// default.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] if a value has the wrong type. It is never read as "no limit".
    pub fn parse(text: &str) -> Result<Self, Error> {
        let json = Json::parse(text).map_err(|_| invalid("options"))?;
        let mut given = OptionsReader { json: &json, odd: None };
        let mut config = Self::new(0);
        config.limits = given
            .read("limits", Limits::parse)
            .filter(|limits| limits.per_payment < u64::MAX)
            .ok_or_else(|| invalid("limits"))?;
        config.approve_above_msat = given.msat("approveAbove").unwrap_or(0);
        if let Some(networks) = given.list("networks", Network::from_name) {
            config.networks = networks;
        }
        config.hosts = given.list("hosts", |name| Some(HostPattern::new(name)));
        if let Some(hosts) = given.list("insecureHosts", |name| Some(HostPattern::new(name))) {
            config.insecure_hosts = hosts;
        }
        if let Some(protocols) = given.list("protocols", Protocol::from_name) {
            config.protocols = protocols;
        }
        config.max_deposit_msat = given.msat("maxDeposit");
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

/// Reads the members of an object, and notes the first one that has no valid value.
struct OptionsReader<'a> {
    json: &'a Json,
    odd: Option<&'static str>,
}

impl<'a> OptionsReader<'a> {
    /// A member that is present and not null.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(config: &Config, url: &str) -> Option<Code> {
        config.check(&Url::parse(url).unwrap()).err().map(|error| error.code())
    }

    #[test]
    fn plain_http_is_for_loopback_tor_and_what_is_named() {
        let mut config = Config::new(1);
        let table = [
            ("https://a.example/", None),
            ("http://localhost:1/", None),
            ("http://a.example/", Some(Code::InsecureTransport)),
            ("http://192.168.0.5:8080/", Some(Code::InsecureTransport)),
            ("http://vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion/", None),
            ("http://a.onion:8080/", None),
            ("http://onion/", Some(Code::InsecureTransport)),
            ("http://a.onion.example/", Some(Code::InsecureTransport)),
            ("ftp://a.onion/", Some(Code::InsecureTransport)),
        ];
        for (url, expected) in table {
            assert_eq!(refused(&config, url), expected, "{url}");
        }
        config.insecure_hosts =
            ["phoenixd:9740", "192.168.0.5", "*.local", "http://a.example"].map(HostPattern::new).into();
        for (url, expected) in [
            ("http://phoenixd:9740/", None),
            ("http://phoenixd:9741/", Some(Code::InsecureTransport)),
            ("http://192.168.0.5:8080/", None),
            ("http://192.168.0.6/", Some(Code::InsecureTransport)),
            ("http://umbrel.local/", None),
            ("http://a.example/", None),
            ("http://a.example:81/", Some(Code::InsecureTransport)),
            ("https://a.example:81/", None),
            ("ws://umbrel.local/", Some(Code::InsecureTransport)),
        ] {
            assert_eq!(refused(&config, url), expected, "{url}");
        }
    }

    #[test]
    fn where_hosts_are_listed_all_must_be() {
        let config = Config {
            hosts: Some(vec![HostPattern::new("a.example"), HostPattern::new("umbrel.local")]),
            insecure_hosts: vec![HostPattern::new("umbrel.local"), HostPattern::new("b.local")],
            ..Config::new(1)
        };
        for (url, expected) in [
            ("https://a.example/", None),
            ("http://a.example/", Some(Code::InsecureTransport)),
            ("http://umbrel.local/", None),
            ("http://localhost/", Some(Code::HostNotAllowed)),
            ("http://b.local/", Some(Code::HostNotAllowed)),
            ("http://a.onion/", Some(Code::HostNotAllowed)),
        ] {
            assert_eq!(refused(&config, url), expected, "{url}");
        }
    }

    #[test]
    fn insecure_hosts_are_read_and_nothing_odd_is_taken_for_them() {
        let parse = |hosts: &str| {
            Config::parse(&concat(&[
                "{\"limits\":[1,null,null,null,null,null,null,null,null,null,null,null,null,null],\"insecureHosts\":",
                hosts,
                "}",
            ]))
        };
        assert_eq!(parse("[\"a.b\"]").unwrap().insecure_hosts, [HostPattern::new("a.b")]);
        assert_eq!(parse("null").unwrap().insecure_hosts, []);
        for odd in ["\"a.b\"", "[1]", "{}", "true"] {
            assert_eq!(parse(odd).unwrap_err().message(), "insecureHosts has no valid value");
        }
    }
}
