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
use crate::ledger::step::Decision;
use std::rc::Rc;

/// Asks everybody outwards who wants to be asked whether to pay, outermost first. All must consent.
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
        // Other questions may have taken longer than the offer lives.
        check_expiry(reserved.last_moment(), state.host.now())?;
        let origin = reserved.payment.url.origin().to_owned();
        let step = purchase.scope.sums(Some(origin), Some(Rc::clone(reserved)));
        let Decision::Sums(_, remaining) = take(state, step).await? else { return Err(came_to_nothing()) };
        let terms = Terms { max_fee_msat: reserved.max_fee_msat, remaining };
        for host in purchase.scope.hosts.iter().filter(|host| host.asks()) {
            let (text, cause) = match host.approve(quote, &terms).await {
                Ok(true) => continue,
                Ok(false) => ("approve did not return true: nothing was paid", None),
                Err(cause) => ("approve failed: nothing was paid", Some(cause)),
            };
            return Err(Failure::raised(Error::new(Code::Declined, text), cause, None));
        }
        Ok(())
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
