//! Asks `approve`, one question at a time. A question ends when nobody wants its answer.

use crate::error::{Code, Error};
use crate::flow::driver::{came_to_nothing, take};
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Terms};
use crate::flow::purchase::{Purchase, PULSE_MS};
use crate::flow::state::ClientState;
use crate::flow::sync::{within, SetOnDrop};
use crate::ledger::begin::check_expiry;
use crate::ledger::record::Record;
use crate::ledger::step::{Decision, Step};
use std::rc::Rc;

/// Asks the caller whether to pay, if it wants to be asked.
///
/// # Errors
/// [`Code::Declined`]; [`Failure::Abandoned`] as soon as nobody waits for the purchase any more.
pub(crate) async fn consent<H: Host>(
    state: &Rc<ClientState<H>>,
    purchase: &Purchase<H>,
    quote: &Quote,
    reserved: &Rc<Record>,
) -> Result<(), Failure<H>> {
    let asking = async {
        let _turn = turn(state, purchase).await;
        if !purchase.is_wanted(&*state.host) {
            return Err(Failure::abandoned());
        }
        // Other questions may have taken longer than the invoice lives.
        check_expiry(quote.invoice.expires_at, state.host.now())?;
        let step = Step::Remaining { own: Rc::clone(reserved), levels: Rc::clone(&state.levels) };
        let Decision::Remaining(remaining) = take(state, step).await? else { return Err(came_to_nothing()) };
        let terms = Terms { max_fee_msat: reserved.max_fee_msat, remaining };
        let (text, cause) = match state.host.approve(quote, &terms).await {
            Ok(true) => return Ok(()),
            Ok(false) => ("approve did not return true: nothing was paid", None),
            Err(cause) => ("approve failed: nothing was paid", Some(cause)),
        };
        Err(Failure::raised(Error::new(Code::Declined, text), cause, None))
    };
    within(Box::pin(asking), Box::pin(all_give_up(state, purchase))).await.unwrap_or(Err(Failure::abandoned()))
}

/// Waits until no other purchase asks.
async fn turn<H: Host>(state: &ClientState<H>, own: &Purchase<H>) -> SetOnDrop {
    loop {
        let asked = state.purchases.question(&*state.host);
        let Some(asked) = asked else {
            let mine = SetOnDrop::default();
            own.question.replace(Some(Rc::clone(&mine.0)));
            return mine;
        };
        asked.wait(&*state.host, PULSE_MS).await;
    }
}

async fn all_give_up<H: Host>(state: &ClientState<H>, purchase: &Purchase<H>) {
    loop {
        let waits = purchase.callers.borrow().iter().find(|call| !state.host.is_aborted(call)).cloned();
        let Some(call) = waits else { return };
        state.host.gives_up(&call).await;
    }
}
