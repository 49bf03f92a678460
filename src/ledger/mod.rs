//! What is owed, paid and owned. No waiting and no I/O.

pub mod acceptance;
pub mod begin;
pub mod bounds;
pub mod certainty;
pub(crate) mod compacted;
pub mod counts;
pub(crate) mod habits;
pub mod journal;
pub mod key;
pub mod limits;
pub mod origin_row;
pub(crate) mod origins;
pub mod own;
pub(crate) mod payment;
pub mod record;
pub mod refusal;
pub mod resource;
pub mod settle;
pub(crate) mod stored;
pub mod sums;
pub mod token;
pub mod tokens;
pub mod view;
