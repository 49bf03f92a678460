//! One call, one purchase, recovery. This layer decides the order of the steps, and does all the waiting.

pub(crate) mod account;
pub(crate) mod buy;
pub mod call;
pub(crate) mod candidate;
pub mod config;
mod consent;
mod driver;
pub mod event;
pub mod failure;
pub mod host;
mod lease;
mod leases;
mod ledger;
mod offer;
mod orders;
mod outcome;
mod owned;
mod pauses;
mod prepare;
mod purchase;
mod recover;
pub(crate) mod scope;
mod settle;
pub(crate) mod state;
mod sync;
pub(crate) mod tokens;
pub(crate) mod verdict;
