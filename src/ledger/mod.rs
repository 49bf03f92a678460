//! What is owed, paid and owned. No waiting and no I/O.

pub mod bounds;
pub mod certainty;
pub(crate) mod compacted;
pub(crate) mod habits;
pub mod journal;
pub mod limits;
pub(crate) mod origins;
pub(crate) mod payment;
pub(crate) mod stored;
pub mod token;
pub mod tokens;
