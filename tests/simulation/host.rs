//! The host of a simulated process. A store that is silent for 60 s has failed.

use crate::process::{Ask, Bill, Fetching, Process, Reply};
use crate::server::Sent;
use crate::store::{Part, Rows};
use l402_fetch::flow::event::{Event, Quote};
use l402_fetch::flow::host::{Answer, Head, Host, Order, Sending, Terms};
use l402_fetch::ledger::view::{Changes, Listing};
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::signature::Signature;
use l402_fetch::Error;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// An error object of the caller's world.
pub type Cause = &'static str;

pub const STORE_TIMEOUT_MS: u64 = 60_000;
/// A busy process's timers are late. Those that are to fire often would each be a step, hundreds of them before
/// anything happens.
const COARSE_MS: u64 = 10_000;
/// The core takes its pauses after a lost comparison from chance; what this divides leaves none.
const NO_PAUSE: u64 = 32_000;

#[derive(Clone)]
pub struct Sim(pub Rc<Process>);

impl Sim {
    fn deadline(&self) -> Option<u64> {
        Some(self.0.world.timer() + STORE_TIMEOUT_MS)
    }

    /// In memory nothing fails, and nothing comes between.
    fn is_in_memory(&self) -> bool {
        !self.has_store()
    }
}

fn rows_of(changes: &Changes) -> Rows {
    changes.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

/// Each request gets its own kind of reply from the scheduler. Any other kind is a fault of the simulation.
fn mismatch() -> ! {
    panic!("the simulation answered with another kind of reply")
}

impl Host for Sim {
    type Call = Fetching;
    type Response = Head;
    type Cause = Cause;

    fn now(&self) -> u64 {
        self.0.world.wall_of(&self.0)
    }

    fn monotonic(&self) -> u64 {
        self.0.monotonic()
    }

    fn random(&self) -> u64 {
        self.0.drawn.set(self.0.drawn.get() + 1);
        (self.0.id as u64 * 1_000_000 + self.0.drawn.get()) * NO_PAUSE
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        let mut until = self.0.world.timer() + milliseconds;
        if milliseconds < COARSE_MS {
            until = until.next_multiple_of(COARSE_MS);
        }
        let slept = (milliseconds > 0).then(|| self.0.ask(Ask::Sleep, Some(until)));
        async move {
            if let Some(slept) = slept {
                slept.await;
            }
        }
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        self.0.spawn(task);
    }

    fn wakes_only_itself(&self) -> bool {
        self.0.world.setup.isolated
    }

    async fn send(&self, call: &Fetching, sending: Sending<'_>) -> Result<Head, Cause> {
        let authorization = sending.credential.map(|credential| &*credential.value);
        if call.aborted.get() {
            return Err("aborted");
        }
        let process = &self.0;
        process.sends.set(process.sends.get() + 1);
        let number = process.id as u64 * 1000 + process.sends.get();
        if let Some(authorization) = authorization {
            process.world.check_shown(process, call.request.url.as_str(), authorization);
        }
        let sent =
            Sent { url: call.request.url.as_str().to_owned(), authorization: authorization.map(str::to_owned), number };
        let sent = process.ask(Ask::Send(sent), None);
        process.sending.borrow_mut().insert(sent.id, std::ptr::from_ref(call) as usize);
        match sent.await {
            Reply::Sent(sent) => sent,
            _ => mismatch(),
        }
    }

    fn recover(&self, _: &Signature) -> impl Future<Output = Result<Option<[u8; 33]>, Error>> + 'static {
        std::future::ready(Ok(None))
    }

    fn is_aborted(&self, call: &Fetching) -> bool {
        call.aborted.get()
    }

    fn head(&self, response: &Head) -> Head {
        response.clone()
    }

    fn discard(&self, _response: Head) {}

    fn pay(&self, invoice: &Invoice, order: Order<'_>) -> impl Future<Output = Answer<Cause>> + 'static {
        let process = &self.0;
        let hash = invoice.payment_hash;
        process.orders.set(process.orders.get() + 1);
        let bill = Bill {
            url: order.url.to_owned(),
            amount_msat: invoice.amount_msat.unwrap_or(0),
            max_fee_msat: order.max_fee_msat,
            started_at: process.world.check_order(process, &hash),
            invoice_expires_at: invoice.expires_at,
            asked_at: process.world.timer(),
            hash,
        };
        let paid = process.ask(Ask::Pay(bill), None);
        async move {
            match paid.await {
                Reply::Paid(answer) => answer,
                _ => mismatch(),
            }
        }
    }

    fn wallet(&self) -> Wallet {
        let setup = &self.0.world.setup;
        let mut wallet = setup.wallet.clone();
        if let Some(id) = wallet.id.as_mut().filter(|_| setup.manner.is_own) {
            id.push_str(&self.0.world.node(&self.0).to_string());
        }
        wallet
    }

    fn lookup(&self, payment_hash: &PaymentHash) -> impl Future<Output = Fact> + 'static {
        let found = self.0.ask(Ask::Lookup(*payment_hash), None);
        async move {
            match found.await {
                Reply::Found(found) => found,
                _ => mismatch(),
            }
        }
    }

    fn has_lookup(&self) -> bool {
        self.0.world.setup.lookup
    }

    fn asks(&self) -> bool {
        self.0.world.setup.asks
    }

    fn approve(&self, _quote: &Quote, _terms: &Terms) -> impl Future<Output = Result<bool, Cause>> + 'static {
        let asked = self.0.ask(Ask::Approve, None);
        async move {
            match asked.await {
                Reply::Approved(consent) => consent,
                _ => mismatch(),
            }
        }
    }

    fn tell(&self, _event: &Event<'_>) {}

    fn has_store(&self) -> bool {
        self.0.world.setup.has_store
    }

    async fn read(&self, keys: &[String]) -> Result<Vec<Option<String>>, Cause> {
        if self.is_in_memory() {
            return Ok(self.0.store.read(keys));
        }
        match self.0.ask(Ask::Read(keys.to_vec()), self.deadline()).await {
            Reply::Read(rows) => rows,
            _ => mismatch(),
        }
    }

    async fn write(&self, changes: &Changes, seen: &Changes) -> Result<bool, Cause> {
        let (changes, seen) = (rows_of(changes), rows_of(seen));
        if self.is_in_memory() {
            return Ok(self.0.store.write(&changes, &seen));
        }
        match self.0.ask(Ask::Write(changes, seen), self.deadline()).await {
            Reply::Written(written) => written,
            _ => mismatch(),
        }
    }

    async fn list(&self, listing: &Listing) -> Result<Vec<(String, String)>, Cause> {
        let Listing { prefix, after, limit, reverse } = listing.clone();
        let part = Part { prefix, after, limit, reverse };
        if self.is_in_memory() {
            return Ok(self.0.store.list(&part));
        }
        match self.0.ask(Ask::List(part), self.deadline()).await {
            Reply::Listed(rows) => rows,
            _ => mismatch(),
        }
    }
}
