//! What the ledger has of deposits for sessions of MPP, and what the wallet says that came back of them.

use crate::flow::driver::{came_to_nothing, take, unheard};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::state::ClientState;
use crate::flow::sync::within;
use crate::ledger::session::Deposit;
use crate::ledger::step::{Decision, Step};
use crate::wire::invoice::Invoice;
use std::rc::Rc;

/// How long a wallet may take to say what it has received.
const RECEIVED_MS: u64 = 10_000;

/// The deposits at an origin, or at all.
///
/// # Errors
/// [`Code::StoreFailed`]
pub(crate) async fn deposits<H: Host>(
    state: &Rc<ClientState<H>>,
    origin: Option<&str>,
) -> Result<Vec<Deposit>, Failure<H>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let step = Step::Deposits { origin: origin.map(str::to_owned), after: after.take() };
        let Decision::Deposits(mut page, next) = take(state, step).await? else { return Err(came_to_nothing()) };
        all.append(&mut page);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Asks the wallet what it has received of a session that is over, and counts that. `None`: it can't tell.
pub(crate) async fn count_refund<H: Host>(state: &Rc<ClientState<H>>, deposit: &Deposit) -> Option<u64> {
    let return_invoice = Invoice::decode(&deposit.terms()?.return_invoice).ok()?;
    let asking = state.host.received(&return_invoice.payment_hash);
    let msat = within(Box::pin(asking), Box::pin(state.host.sleep(RECEIVED_MS))).await??;
    if Some(msat) > deposit.received_msat {
        let origin = deposit.token.payment.url.origin().to_owned();
        unheard(take(state, Step::Refund { origin, session: deposit.hash(), msat })).await;
    }
    Some(msat)
}
