//! The host of a simulated process. It treats a user's store as `src/js/core/locks.js` does. A store that is silent for
//! 60 s has failed, and a lock is freed after the writes that were made under it.

use crate::process::{Ask, Bill, Fetching, Process, Reply};
use crate::server::Sent;
use crate::store::{Holder, LEDGER_LOCK};
use l402_fetch::flow::event::{Event, Quote};
use l402_fetch::flow::host::{Answer, Head, Host, Order, Terms};
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::payment_hash::PaymentHash;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// An error object of the caller's world.
pub type Cause = &'static str;

const STORE_TIMEOUT_MS: u64 = 60_000;
/// Timers of a busy isolate are late. Each firing is a step, so frequent timers would add hundreds of steps before
/// anything happens.
const COARSE_MS: u64 = 4_000;

#[derive(Clone)]
pub struct Sim(pub Rc<Process>);

/// Frees its lock when it is dropped.
pub struct Guard(pub Option<(Rc<Process>, String, Holder)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((process, name, holder)) = self.0.take() {
            process.free(&name, holder);
        }
    }
}

impl Sim {
    fn deadline(&self) -> Option<u64> {
        Some(self.0.world.timer() + STORE_TIMEOUT_MS)
    }
}

/// Each request gets its own kind of reply from the scheduler. Any other kind is a fault of the simulation.
fn mismatch() -> ! {
    panic!("the simulation answered with another kind of reply")
}

impl Host for Sim {
    type Call = Fetching;
    type Response = Head;
    type Cause = Cause;
    type Guard = Guard;

    fn now(&self) -> u64 {
        self.0.world.wall()
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        let mut until = self.0.world.timer() + milliseconds;
        if self.wakes_only_itself() && milliseconds < COARSE_MS {
            until = until.next_multiple_of(COARSE_MS);
        }
        let slept = self.0.ask(Ask::Sleep, Some(until));
        async move {
            slept.await;
        }
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        self.0.spawn(task);
    }

    fn wakes_only_itself(&self) -> bool {
        self.0.world.setup.isolated
    }

    async fn send(&self, call: &Fetching, authorization: Option<&str>, _repeat: bool) -> Result<Head, Cause> {
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

    fn approve(&self, _quote: &Quote, _terms: &Terms) -> Option<impl Future<Output = Result<bool, Cause>> + 'static> {
        let asked = self.0.world.setup.asks.then(|| self.0.ask(Ask::Approve, None))?;
        Some(async move {
            match asked.await {
                Reply::Approved(consent) => consent,
                _ => mismatch(),
            }
        })
    }

    fn tell(&self, _event: &Event<'_>) {}

    fn has_store(&self) -> bool {
        self.0.world.setup.kind.has_store()
    }

    fn has_lock(&self) -> bool {
        self.0.world.setup.kind.has_lock()
    }

    async fn load(&self, key: &str) -> Result<Option<String>, Cause> {
        match self.0.ask(Ask::Load(key.to_owned()), self.deadline()).await {
            Reply::Loaded(value) => value,
            _ => mismatch(),
        }
    }

    async fn save(&self, key: &str, value: &str) -> Result<(), Cause> {
        match self.0.ask(Ask::Save(key.to_owned(), value.to_owned()), self.deadline()).await {
            Reply::Saved(saved) => saved,
            _ => mismatch(),
        }
    }

    async fn lock(&self, name: &str) -> Result<Guard, Cause> {
        if !self.has_lock() {
            return Ok(Guard(None));
        }
        let until = if name == LEDGER_LOCK { self.deadline() } else { None };
        match self.0.ask(Ask::Lock(name.to_owned()), until).await {
            Reply::Locked(guard) => guard,
            _ => mismatch(),
        }
    }
}
