//! The ledger: payments, sums and tokens, and the decisions about them. No waiting and no I/O.

pub mod acceptance;
pub mod begin;
pub mod buckets;
pub mod certainty;
pub mod counts;
pub mod dispatch;
pub mod forget;
pub(crate) mod habits;
pub mod instance;
pub mod key;
pub mod lease;
pub mod lessons;
pub mod level;
pub mod limits;
pub(crate) mod lock;
pub mod origin_row;
pub mod own;
pub(crate) mod past;
pub mod payment;
pub mod read;
pub mod record;
pub mod refusal;
pub mod resource;
mod rules;
pub mod session;
pub mod settle;
#[cfg(test)]
pub(crate) mod shelf;
pub mod spent;
pub mod step;
pub mod sums;
pub mod token;
pub mod tokens;
pub mod view;
pub mod wallet;
