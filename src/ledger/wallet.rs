//! What is known of a wallet, and what it reports of a payment.

use crate::error::{Code, Error};
use crate::text::json::Json;

/// A wallet's report about an earlier payment. [`crate::ledger::certainty`] decides what it is worth.
#[derive(Clone, PartialEq, Eq)]
pub enum Fact {
    /// Paid.
    Paid {
        /// The text that the wallet gave. It is not checked yet.
        preimage: String,
        /// Millisatoshis.
        fee_msat: Option<u64>,
    },
    /// In flight.
    Pending,
    /// It has a record of a failed attempt.
    Failed {
        /// The time when that attempt was begun, by the wallet's clock, in milliseconds since the Unix epoch. `None`:
        /// the wallet does not tell.
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
    /// The id of this wallet in printable ASCII, if it has one. The report of a wallet with another id ends no payment.
    pub id: Option<String>,
    /// It never pays one payment hash twice.
    pub settles_once: bool,
    /// It has a record of every payment that it has begun. A payment that it does not find was not begun.
    pub finds: bool,
    /// How long the wallet may still carry out or retry an order that it does not show.
    pub window: Window,
}

impl Wallet {
    /// Reads the JSON text that `env.ts` makes.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] if it is no such text.
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

/// How long a wallet may still carry out or retry an order that it does not show.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Window {
    /// No time at all.
    #[default]
    None,
    /// This many milliseconds after the order was sent. During them the wallet may say "failed" between two attempts.
    Sent(u64),
    /// This many milliseconds after the wallet's error, or after its timeout.
    Error(u64),
}
