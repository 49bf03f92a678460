//! How a call ends without a response: with one of our errors, or with the runtime's own.

use crate::error::{Code, Error};
use crate::flow::event::Quote;
use crate::flow::host::Host;
use crate::ledger::payment::Payment;
use crate::text::encoding::concat;
use crate::wire::refusal::Refusal;
use std::rc::Rc;

/// Why a call ended without a response. It is a pointer, so that the results that may hold one stay small.
pub struct Failure<H: Host>(pub Box<Why<H>>);

/// The kinds of [`Failure`].
#[allow(clippy::large_enum_variant, reason = "a Failure boxes it")]
pub enum Why<H: Host> {
    /// One of ours.
    Raised(Raised<H>),
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
        Self(Box::new(match &*self.0 {
            Why::Raised(raised) => Why::Raised(Raised {
                error: raised.error.clone(),
                cause: raised.cause.clone(),
                payment: raised.payment.clone(),
                quote: raised.quote.clone(),
                response: raised.response.clone(),
            }),
            Why::Foreign(cause) => Why::Foreign(cause.clone()),
            Why::Abandoned => Why::Abandoned,
        }))
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
        Self(Box::new(Why::Raised(Raised { error, cause, payment, quote: None, response: None })))
    }

    /// The runtime's own.
    pub(crate) fn foreign(cause: H::Cause) -> Self {
        Self(Box::new(Why::Foreign(cause)))
    }

    /// Nobody waits any more.
    pub(crate) fn abandoned() -> Self {
        Self(Box::new(Why::Abandoned))
    }

    /// The same, if it is one of ours.
    pub(crate) fn raised_error(&self) -> Option<&Error> {
        match &*self.0 {
            Why::Raised(raised) => Some(&raised.error),
            _ => None,
        }
    }

    /// The payment that it is about.
    pub(crate) fn payment(&self) -> Option<&Payment> {
        match &*self.0 {
            Why::Raised(raised) => raised.payment.as_ref(),
            _ => None,
        }
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(&*self.0, Why::Abandoned)
    }

    /// Whether it is an error of this code.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        self.raised_error().is_some_and(|error| error.code() == code)
    }

    /// Adds what the server says of the credential that it refused.
    pub(crate) fn explained(mut self, refusal: Option<&Refusal>) -> Self {
        if let (Why::Raised(Raised { error, .. }), Some(refusal)) = (&mut *self.0, refusal) {
            *error = Error::new(error.code(), concat(&[error.message(), "; ", &refusal.message()]));
        }
        self
    }

    /// Adds the price and the invoice that it is about.
    pub(crate) fn with_quote(mut self, quote: Rc<Quote>) -> Self {
        if let Why::Raised(raised) = &mut *self.0 {
            raised.quote = Some(quote);
        }
        self
    }

    /// Adds the 402 that it leaves unpaid.
    pub(crate) fn with_response(mut self, response: H::Response) -> Self {
        if let Why::Raised(raised) = &mut *self.0 {
            raised.response = Some(response);
        }
        self
    }
}
