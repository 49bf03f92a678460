//! The row of a resource whose payment is open. It is the lock of a purchase.

use crate::text::members::{Members, Row};
use crate::wire::payment_hash::PaymentHash;

/// The payment that is open, and whose it is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Lock {
    pub(crate) payment_hash: PaymentHash,
    pub(crate) owner: String,
}

impl Row for Lock {
    fn members(&mut self, row: &mut Members<'_>) {
        self.payment_hash.member(row);
        row.text("owner", &mut self.owner);
    }
}
