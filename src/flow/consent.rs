//! Asking a person: one question at a time, which ends with whoever wanted the answer.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Terms};
use crate::flow::offer::check_expiry;
use crate::flow::purchase::{Purchase, PULSE_MS};
use crate::flow::sync::{within, Fires};
use std::rc::Rc;

impl<H: Host> Client<H> {
    /// Asks the caller whether to pay, where it wants to be asked.
    ///
    /// # Errors
    /// [`Code::Declined`]; [`Failure::Abandoned`] as soon as nobody waits for the purchase any more.
    pub(crate) async fn consent(
        &self,
        purchase: &Purchase<H>,
        quote: &Quote,
        max_fee_msat: u64,
    ) -> Result<(), Failure<H>> {
        let asking = async {
            let _turn = self.turn(purchase).await;
            if !purchase.is_wanted(&self.host) {
                return Err(Failure::Abandoned);
            }
            // Other questions may have taken longer than the invoice lives.
            check_expiry(&quote.invoice, self.host.now())?;
            let remaining = self.config.limits.remaining(&self.counted(&self.books.borrow(), purchase, quote));
            let Some(asked) = self.host.approve(quote, &Terms { max_fee_msat, remaining }) else { return Ok(()) };
            let (text, cause) = match asked.await {
                Ok(true) => return Ok(()),
                Ok(false) => ("approve did not return true: nothing was paid", None),
                Err(cause) => ("approve failed: nothing was paid", Some(cause)),
            };
            Err(Failure::raised(Error::new(Code::Declined, text), cause, None))
        };
        within(asking, self.all_give_up(purchase)).await.unwrap_or(Err(Failure::Abandoned))
    }

    /// Waits until no other purchase asks. Where requests freeze, a question that froze holds up nobody.
    async fn turn(&self, own: &Purchase<H>) -> Fires {
        loop {
            let asked = self.purchases.borrow().iter().find_map(|other| {
                let question = other.question.borrow().clone()?;
                (!question.has_happened() && !other.is_frozen(&self.host)).then_some(question)
            });
            let Some(asked) = asked else {
                let mine = Fires::default();
                own.question.replace(Some(Rc::clone(&mine.0)));
                return mine;
            };
            asked.wait(&self.host, PULSE_MS).await;
        }
    }

    async fn all_give_up(&self, purchase: &Purchase<H>) {
        loop {
            let waits = purchase.callers.borrow().iter().find(|call| !self.host.is_aborted(call)).cloned();
            let Some(call) = waits else { return };
            self.host.gives_up(&call).await;
        }
    }
}
