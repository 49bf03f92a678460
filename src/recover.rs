//! Earlier payments whose outcome is open: what keeps a resource from being paid again.

use crate::client::Client;
use crate::failure::Failure;
use crate::host::{Host, Lookup, Request};
use crate::journal::Entry;
use crate::origin::Location;
use crate::purchase::{resource, Purchase};
use crate::settle::{open_payment, prove};
use std::rc::Rc;

impl<H: Host> Client<H> {
    /// Whether an entry's open outcome keeps this request from being paid.
    pub(crate) fn stands_in_the_way(&self, entry: &Entry, request: &Request, now: u64) -> bool {
        let same_resource = entry.method == request.method && entry.payment.url == request.url;
        let origin = Location::of(&request.url).map_or("", |location| location.origin);
        entry.is_unsettled()
            && entry.payment.origin == origin
            && (same_resource || !self.is_unshared(origin))
            && !entry.is_forgotten(now)
    }

    /// Asks the wallet what became of open payments of this origin.
    pub(crate) async fn recover(&self, own: &Purchase<H>, request: &Request) -> Result<(), Failure<H>> {
        let now = self.host.now();
        let open: Vec<Entry> = self
            .books
            .borrow()
            .journal
            .entries()
            .iter()
            .filter(|entry| self.stands_in_the_way(entry, request, now))
            .cloned()
            .collect();
        for entry in open {
            // Between its journal write and its wallet's start a lookup finds nothing. So "failed" is believed only while
            // nobody else can be buying this, or past the time that a wallet is given.
            let resource = resource(&entry.method, &entry.payment.url);
            let mut certain = self.host.now().saturating_sub(entry.started_at_ms) > self.config.payment_timeout_ms;
            let mut _guard = None;
            if !certain && self.host.has_store() {
                certain = self.host.has_lock();
                if certain && resource != own.resource {
                    _guard = Some(self.lock(&resource).await?);
                    self.read_again().await?;
                }
            } else if !certain {
                let is_other = |other: &Rc<Purchase<H>>| other.resource == resource && other.resource != own.resource;
                certain = !self.purchases.borrow().iter().any(is_other);
            }
            let still = self.books.borrow().journal.find(&entry.payment.payment_hash).cloned();
            let Some(entry) = still.filter(Entry::is_unsettled) else { continue };
            match self.look_up(&entry.payment.payment_hash).await {
                Lookup::Paid { preimage, fee_msat } => match prove(&preimage, &entry.payment) {
                    Ok(proof) => {
                        self.settle_paid(&entry, Some(proof.to_hex()), fee_msat).await;
                    }
                    Err(_) => return Err(open_payment(&entry)),
                },
                Lookup::Failed if certain => {
                    self.settle_failed(&entry).await;
                }
                _ => return Err(open_payment(&entry)),
            }
        }
        Ok(())
    }
}
