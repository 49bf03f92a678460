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
    /// It has a record of an attempt that failed.
    Failed {
        /// When that attempt was begun, by the wallet's clock, in milliseconds since the Unix epoch; where it tells.
        begun_at_ms: Option<u64>,
    },
    /// It has no record.
    NotFound,
    /// It threw, was silent for too long, answered nonsense, or has no way to look: no answer.
    Unreachable,
}

/// What is known of the wallet itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wallet {
    /// Says which one it is, in printable ASCII, where it can be told from others. What another one reports ends no
    /// payment.
    pub id: Option<String>,
    /// It never pays one payment hash twice, whatever it is asked.
    pub settles_once: bool,
    /// It has a record of every payment that it has begun, so that one it does not find was not begun.
    pub finds: bool,
    /// For how long an order may still be carried out, or gone on with, though nothing shows it.
    pub window: Window,
}

impl Wallet {
    /// Reads the JSON text that `env.ts` makes.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |_| Error::new(Code::InvalidOptions, "what is said of the wallet is no JSON");
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

/// For how long what a wallet does not show may still come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Window {
    /// No time at all.
    #[default]
    None,
    /// So many milliseconds from when the order was sent; until then its records may say "failed" between two attempts.
    Sent(u64),
    /// So many milliseconds from when it answered with an error, or was given up.
    Error(u64),
}
