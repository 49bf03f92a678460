//! One call, one purchase, recovery: who waits for what, in which order.

pub(crate) mod account;
pub mod call;
pub mod config;
pub(crate) mod consent;
pub mod event;
pub mod failure;
pub mod host;
pub(crate) mod late;
pub(crate) mod offer;
pub(crate) mod prepare;
pub(crate) mod purchase;
pub(crate) mod records;
pub(crate) mod recover;
pub(crate) mod settle;
pub(crate) mod sync;
pub(crate) mod verdict;
