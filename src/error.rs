//! What can go wrong: the list of all codes, and the error that carries one.

use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable code of an error. The text form is what JavaScript sees as `L402Error.code`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the list.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// An option is missing, unknown, of the wrong type or out of range. Or an argument contradicts the records.
    InvalidOptions = "invalid_options",
    /// The `WWW-Authenticate` header holds a malformed Lightning challenge and no offer.
    InvalidChallenge = "invalid_challenge",
    /// The invoice is no valid BOLT11, or no ordinary payment can pay it.
    InvalidInvoice = "invalid_invoice",
    /// The token is no macaroon that can be read.
    InvalidMacaroon = "invalid_macaroon",
    /// The wasm core could not be loaded, or its JavaScript is of another build.
    LoadFailed = "load_failed",
    /// Plain http beyond loopback.
    InsecureTransport = "insecure_transport",
    /// The host is not among those that may be paid.
    HostNotAllowed = "host_not_allowed",
    /// The 402 came from another origin than was asked.
    CrossOrigin = "cross_origin",
    /// The invoice is for a network that may not be paid.
    WrongNetwork = "wrong_network",
    /// The invoice names no amount.
    NoAmount = "no_amount",
    /// The invoice has expired, or is about to.
    InvoiceExpired = "invoice_expired",
    /// The token commits to another payment hash than the invoice's, or the hash was bought at another origin.
    HashMismatch = "hash_mismatch",
    /// Paying would exceed a limit.
    OverLimit = "over_limit",
    /// `approve` did not say `true`.
    Declined = "declined",
    /// The request could not be sent a second time, so paying would buy nothing.
    BodyNotReplayable = "body_not_replayable",
    /// The store could not be read or written, or this version can't read its content.
    StoreFailed = "store_failed",
    /// The token that was last paid for here was never accepted. It is tried at each call, and nothing more is paid.
    NotHonored = "not_honored",
    /// The wallet knows that nothing was paid or will be.
    PaymentFailed = "payment_failed",
    /// Nobody can tell whether the payment went through.
    PaymentUnknown = "payment_unknown",
    /// The wallet answered without a preimage.
    NoPreimage = "no_preimage",
    /// The wallet's preimage does not hash to the payment hash.
    WrongPreimage = "wrong_preimage",
    /// Paid, but the repeated request failed on the network. The token is kept.
    RequestFailed = "request_failed",
}

/// Whether money has moved in a call that ended with an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Moved {
    /// Nothing was paid or will be.
    No,
    /// Nobody can tell. The amount stays reserved.
    Maybe,
    /// Paid, and the token is kept.
    Yes,
}

impl Code {
    /// Whether money has moved in a call that ended with this code.
    #[must_use]
    pub const fn money_moved(self) -> Moved {
        match self {
            Self::PaymentUnknown | Self::NoPreimage | Self::WrongPreimage => Moved::Maybe,
            Self::RequestFailed => Moved::Yes,
            _ => Moved::No,
        }
    }
}

/// An error with a stable [`Code`] and a lower-case text that says what is wrong and what to do.
///
/// The text never holds a preimage, a token or another secret.
///
/// It is a pointer, so that the results that may hold one stay small.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(Box<Parts>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Parts {
    code: Code,
    message: Cow<'static, str>,
}

impl Error {
    /// An error of this code, with its text.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts { code, message: message.into() }))
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}
