//! A wallet: what is known of it, and what it reports of a payment.

use crate::error::{Code, Error};
use crate::text::json::Json;

/// What a wallet reports of an earlier payment. What that is worth, [`crate::ledger::certainty`] decides.
#[derive(Clone, PartialEq, Eq)]
pub enum Fact {
    /// Paid; the preimage is not yet proven.
    Paid {
        /// Not yet proven.
        preimage: String,
        /// Millisatoshis.
        fee_msat: Option<u64>,
    },
    /// In flight.
    Pending,
    /// It has a record of a failed attempt.
    Failed {
        /// When that attempt was begun, by the wallet's clock, in milliseconds since the Unix epoch. `None`: the wallet
        /// does not tell.
        begun_at_ms: Option<u64>,
    },
    /// It has no record.
    NotFound,
    /// No answer: it threw, was silent for too long, answered nonsense, or has no lookup.
    Unreachable,
}

/// What is known of the wallet itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wallet {
    /// Names this wallet, in printable ASCII, if it can be told from others. Another wallet's report ends no payment.
    pub id: Option<String>,
    /// It never pays one payment hash twice.
    pub settles_once: bool,
    /// It has a record of every payment that it has begun. A payment that it does not find was not begun.
    pub finds: bool,
    /// For how long an order may still be carried out or retried although the wallet does not show it.
    pub window: Window,
}

impl Wallet {
    /// Reads the JSON text that `env.ts` makes.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |_| Error::new(Code::InvalidOptions, "the description of the wallet must be JSON");
        let json = Json::parse(text).map_err(invalid)?;
        let is = |name| json.get(name).and_then(Json::as_bool) == Some(true);
        let ms = |name| json.get(name).and_then(Json::as_u64);
        Ok(Self {
            id: json.get("id").and_then(Json::as_str).map(str::to_owned),
            settles_once: is("settlesOnce"),
            finds: is("finds"),
            window: match (ms("sentMs"), ms("errorMs")) {
                (Some(sent), _) => Window::Sent(sent),
                (None, Some(error)) => Window::Error(error),
                (None, None) => Window::None,
            },
        })
    }
}

/// For how long a wallet may still pay although it does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Window {
    /// No time at all.
    #[default]
    None,
    /// So many milliseconds from when the order was sent. Until then its records may say "failed" between two attempts.
    Sent(u64),
    /// So many milliseconds from when it answered with an error, or from its timeout.
    Error(u64),
}
