//! How a call ends without a response: with one of our errors, or with the runtime's own.

use crate::error::{Code, Error};
use crate::flow::event::{Event, Quote};
use crate::flow::host::{Host, Request};
use crate::ledger::payment::Payment;
use std::rc::Rc;

/// Why a call ended without a response.
pub enum Failure<H: Host> {
    /// One of ours.
    Raised(Box<Raised<H>>),
    /// The runtime's own, by identity.
    Foreign(H::Cause),
    /// Every caller gave up before the wallet was asked.
    Abandoned,
}

/// One of our errors, with the objects that belong to it.
pub struct Raised<H: Host> {
    /// Code and text.
    pub error: Error,
    /// The wallet's, the store's or the network's own error object.
    pub cause: Option<H::Cause>,
    /// The payment that it is about, as it stands after the error.
    pub payment: Option<Payment>,
    /// Price and invoice, if they are known.
    pub quote: Option<Rc<Quote>>,
    /// The 402, its body unread.
    pub response: Option<H::Response>,
}

impl<H: Host> Clone for Failure<H> {
    fn clone(&self) -> Self {
        match self {
            Self::Raised(raised) => Self::Raised(Box::new(Raised {
                error: raised.error.clone(),
                cause: raised.cause.clone(),
                payment: raised.payment.clone(),
                quote: raised.quote.clone(),
                response: raised.response.clone(),
            })),
            Self::Foreign(cause) => Self::Foreign(cause.clone()),
            Self::Abandoned => Self::Abandoned,
        }
    }
}

impl<H: Host> From<Error> for Failure<H> {
    fn from(error: Error) -> Self {
        Self::raised(error, None, None)
    }
}

impl<H: Host> Failure<H> {
    /// An error of ours, its cause and the payment that it is about.
    pub(crate) fn raised(error: Error, cause: Option<H::Cause>, payment: Option<Payment>) -> Self {
        Self::Raised(Box::new(Raised { error, cause, payment, quote: None, response: None }))
    }

    /// Whether it is an error of this code.
    pub(crate) fn is(&self, code: Code) -> bool {
        matches!(self, Self::Raised(raised) if raised.error.code() == code)
    }

    /// Adds the price and the invoice that it is about.
    pub(crate) fn with_quote(mut self, quote: Rc<Quote>) -> Self {
        if let Self::Raised(raised) = &mut self {
            raised.quote = Some(quote);
        }
        self
    }

    /// Adds the 402 that it leaves unpaid.
    pub(crate) fn with_response(mut self, response: H::Response) -> Self {
        if let Self::Raised(raised) = &mut self {
            raised.response = Some(response);
        }
        self
    }
}

/// Tells a listener that nothing was paid.
pub(crate) fn refused<H: Host>(host: &H, request: &Request, failure: Failure<H>) -> Failure<H> {
    if let Failure::Raised(raised) = &failure {
        host.tell(&Event::Refused { url: request.url.as_str(), error: &raised.error });
    }
    failure
}
