//! The refusal of a step.

use crate::error::Error;
use crate::ledger::payment::Payment;

/// Why a step is not taken.
#[derive(Debug)]
pub struct Refusal {
    /// The error.
    pub error: Error,
    /// The payment that the error is about, if any.
    pub payment: Option<Box<Payment>>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, payment: None }
    }
}
