//! What a caller asks of the books: payments, sums, and the settling of what nobody else can settle.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::ledger::certainty::prove;
use crate::ledger::journal::{Payment, State};
use crate::ledger::limits::Spent;
use crate::wire::origin::Location;

impl<H: Host> Client<H> {
    /// Every payment, oldest first, as the store has them. Unsettled ones are looked up first; this takes 10 s at most.
    ///
    /// # Errors
    /// [`Code::StoreFailed`]
    pub async fn payments(&self) -> Result<Vec<Payment>, Failure<H>> {
        let mut payments = Vec::new();
        self.look_at(&mut |journal| payments = journal.entries().iter().map(|entry| entry.payment.clone()).collect())
            .await?;
        Ok(payments)
    }

    /// Satoshis paid, or handed to a wallet that has not settled them, with the fees reported: of all origins, or that of a URL.
    /// Unsettled payments are looked up first, as for [`Client::payments`].
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
    pub async fn spent(&self, url: Option<&str>) -> Result<Spent, Failure<H>> {
        let origin = url.map(origin_of).transpose()?;
        let mut msat = Spent::default();
        self.look_at(&mut |journal| msat = journal.spent(origin, self.host.now())).await?;
        Ok(Spent { hour: msat.hour.div_ceil(1000), day: msat.day.div_ceil(1000), total: msat.total.div_ceil(1000) })
    }

    /// Settles a payment whose outcome was unknown: with its preimage, or as failed.
    ///
    /// # Errors
    /// [`Code::WrongPreimage`] or [`Code::NoPreimage`] where it proves nothing; [`Code::InvalidOptions`] where the hash is not
    /// in the journal, is proven, or may still be handed to the wallet; [`Code::StoreFailed`]. Nothing is changed then.
    pub async fn resolve(&self, payment_hash: &str, preimage: Option<&str>) -> Result<(), Failure<H>> {
        let invalid = |text| Failure::from(Error::new(Code::InvalidOptions, text));
        let hash = payment_hash.to_ascii_lowercase();
        let mut proven = None;
        let mut at_rest = None;
        if preimage.is_none() {
            self.read_again().await?;
            let open = self.books.borrow().journal.find(&hash).filter(|entry| entry.is_unsettled()).cloned();
            if let Some(entry) = open {
                at_rest = self.at_rest(&entry, None).await;
                if at_rest.is_none() {
                    let text = "outcome can't be \"failed\" yet: whoever asked the wallet may still be at it";
                    return Err(invalid(text));
                }
            }
        }
        self.change(&mut |books| {
            let Some(entry) = books.journal.find_mut(&hash) else {
                return Err(invalid("paymentHash is not in the journal: payments() lists those that are"));
            };
            let proof = preimage.map(|text| prove(&entry.payment, text, None)).transpose()?;
            match (entry.payment.state, proof) {
                (State::Paid, Some(_)) | (State::Failed, None) => Ok(()),
                (State::Paid, None) => Err(invalid("outcome contradicts the journal: this payment is proven")),
                (_, proof) => {
                    match proof {
                        Some(proof) => proven = Some((entry.clone(), proof)),
                        None => entry.settle_failed(self.host.now()),
                    }
                    Ok(())
                }
            }
        })
        .await?;
        drop(at_rest);
        if let Some((entry, proof)) = proven {
            self.settle_paid(&entry, proof).await;
        }
        Ok(())
    }

    /// Drops stored tokens and what is known of refused ones: of all origins, or that of a URL. The journal stays.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
    pub async fn forget(&self, url: Option<&str>) -> Result<(), Failure<H>> {
        let origin = url.map(origin_of).transpose()?;
        self.origins.forget(origin);
        self.change(&mut |books| {
            books.tokens.forget(origin);
            Ok(())
        })
        .await
    }
}

fn origin_of(url: &str) -> Result<&str, Error> {
    Location::of(url)
        .map(|location| location.origin)
        .ok_or_else(|| Error::new(Code::InvalidOptions, "origin is no absolute url"))
}
