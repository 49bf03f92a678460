//! What a caller asks of the books: payments, sums, and the settling of what nobody else can settle.

use crate::client::Client;
use crate::encoding::from_hex;
use crate::failure::Failure;
use crate::host::Host;
use crate::journal::{Payment, State};
use crate::origin::Location;
use crate::policy::Spent;
use crate::preimage::Preimage;
use crate::{Code, Error};

impl<H: Host> Client<H> {
    /// Every payment, oldest first, as the store has them. Unsettled ones are looked up first; this takes 10 s at most.
    ///
    /// # Errors
    /// [`Code::StoreFailed`]
    pub async fn payments(&self) -> Result<Vec<Payment>, Failure<H>> {
        let page = self.open_looked_up().await?;
        let payments = self.books.borrow().journal.entries().iter().map(|entry| entry.payment.clone()).collect();
        self.close(page).await?;
        Ok(payments)
    }

    /// Satoshis paid, or handed to a wallet that has not settled them, with the fees reported: of all origins, or that of a URL.
    /// Unsettled payments are looked up first, as for [`Client::payments`].
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
    pub async fn spent(&self, url: Option<&str>) -> Result<Spent, Failure<H>> {
        let origin = url.map(origin_of).transpose()?;
        let page = self.open_looked_up().await?;
        let now = self.host.now();
        let msat = self.books.borrow().journal.spent(origin, now);
        self.close(page).await?;
        Ok(Spent { hour: msat.hour.div_ceil(1000), day: msat.day.div_ceil(1000), total: msat.total.div_ceil(1000) })
    }

    /// Settles a payment whose outcome was unknown: with its preimage, or as failed.
    ///
    /// # Errors
    /// [`Code::WrongPreimage`] or [`Code::NoPreimage`] where it proves nothing; [`Code::InvalidOptions`] where the hash is not
    /// in the journal or is settled otherwise; [`Code::StoreFailed`]. Nothing is changed then.
    pub async fn resolve(&self, payment_hash: &str, preimage: Option<&str>) -> Result<(), Failure<H>> {
        let invalid = |text| Failure::from(Error::new(Code::InvalidOptions, text));
        let hash = payment_hash.to_ascii_lowercase();
        let page = self.open().await?;
        let entry = self.books.borrow().journal.find(&hash).cloned();
        let (Some(entry), Some(bytes)) = (entry, from_hex(&hash).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()))
        else {
            return Err(invalid("paymentHash is not in the journal: payments() lists those that are"));
        };
        let proof = preimage.map(|text| Preimage::prove(text, &bytes)).transpose()?;
        match (entry.payment.state, &proof) {
            (State::Paid, Some(_)) | (State::Failed, None) => return Ok(()),
            (State::Paid, None) => return Err(invalid("outcome contradicts the journal: this payment is proven")),
            (State::Failed, Some(_)) => {
                return Err(invalid("outcome contradicts the journal: this payment was settled as failed"))
            }
            _ => {}
        }
        if proof.is_none() {
            let now = self.host.now();
            if let Some(entry) = self.books.borrow_mut().journal.find_mut(&hash) {
                entry.settle_failed(now);
            }
        }
        self.close(page).await?;
        if let Some(proof) = proof {
            self.settle_paid(&entry, Some(proof.to_hex()), None).await;
        }
        Ok(())
    }

    /// Drops stored tokens and what is known of refused ones: of all origins, or that of a URL. The journal stays.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] where the URL is none, [`Code::StoreFailed`]
    pub async fn forget(&self, url: Option<&str>) -> Result<(), Failure<H>> {
        let origin = url.map(origin_of).transpose()?;
        self.unshared.forget(origin);
        self.used_up.forget(origin);
        let page = self.open().await?;
        self.books.borrow_mut().tokens.forget(origin);
        self.close(page).await
    }
}

fn origin_of(url: &str) -> Result<&str, Error> {
    Location::of(url)
        .map(|location| location.origin)
        .ok_or_else(|| Error::new(Code::InvalidOptions, "origin is no absolute url"))
}
