//! MPP: the `Payment` scheme, paid over Lightning with the intent `charge` (draft-httpauth-payment-00 to -02 and
//! draft-lightning-charge-00), and an older shape of it.
//!
//! [`charges`] reads the offers among the challenges of a 402. [`Charge::check`] compares one with its invoice and with
//! the request. After the payment, [`credential`] answers it. A server may show a receipt: [`attested`] checks it.
//!
//! [`sessions`] reads the offers of a deposit for many requests, [`Session::check`] compares one, and [`action`] makes
//! the credential of each step. A deposit is kept as [`Deposit`]. [`closed`] reads what is refunded in the end.
//!
//! # Deviations from the drafts
//! - What is malformed is no offer: JSON that repeats a name, an amount with a sign or leading zeros, a currency other
//!   than `sat`, an empty `id`, a parameter that is given twice and differs.
//! - Without `network` the invoice's own network counts. The drafts take it for mainnet.
//! - Every parameter is echoed, unknown ones too. Servers sign those that they know.

mod answer;
mod charge;
mod session;

pub use answer::{attested, bound_to, credential, expires_at, field};
pub use charge::{charges, decode, is_digest_of, Charge};
pub use session::{
    action, check_return_invoice, closed, is_acknowledged, sessions, Action, Closed, Deposit, Refund, Session,
    RETURN_INVOICE_S,
};
