//! Leases: that somebody stands behind an open payment, told by a counter that grows.
//!
//! It has lapsed when this instance has seen the same counter, by its own clock that is never set, for the whole
//! duration and some seconds more.

use crate::flow::driver::take;
use crate::flow::host::Host;
use crate::flow::state::ClientState;
use crate::ledger::step::Step;
use std::rc::Rc;

/// How often it is renewed.
const RENEWED_MS: u64 = 20_000;

/// Renews a lease for as long as it is polled.
pub(crate) async fn renew<H: Host>(state: &Rc<ClientState<H>>, owner: &str) {
    loop {
        state.host.sleep(RENEWED_MS).await;
        // One that can't be renewed lapses, which is what it is for.
        let _ = take(state, Step::Renew { owner: owner.to_owned() }).await;
    }
}
