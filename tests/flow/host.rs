//! A host for each instance of a client in a scripted world, and the ends of its calls.

use crate::executor::{yield_now, Later, Task};
use crate::mint;
use crate::signer::recover;
pub use crate::store::{Manner, Op, Store};
use crate::world::Ask;
pub use crate::world::{never, soon, Response, Sent, World};
use l402_fetch::flow::call::Reply;
use l402_fetch::flow::config::Config;
use l402_fetch::flow::event::{Event, Quote};
use l402_fetch::flow::failure::{Failure, Why};
use l402_fetch::flow::host::{Answer, Head, Host, Order, Outgoing, Request, Resolution, Sending, Terms};
use l402_fetch::ledger::limits::Limits;
use l402_fetch::ledger::payment::{Payment, State};
use l402_fetch::ledger::read::Filter;
use l402_fetch::ledger::view::{Changes, Listing};
use l402_fetch::ledger::wallet::{Fact, Wallet};
use l402_fetch::wire::credential::Brought;
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::payment_hash::PaymentHash;
use l402_fetch::wire::signature::Signature;
use l402_fetch::wire::url::Url;
use l402_fetch::{Client, Code, Error};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

pub const ORIGIN: &str = "https://api.example";
pub const URL: &str = "https://api.example/data";

/// The error that a page gets if a preflight is refused.
pub const PREFLIGHT: &str = "failed to fetch";

/// An error object of the caller's world.
pub type Cause = &'static str;
pub type TheClient = Rc<Client<Fake>>;

/// One call of fetch.
pub struct Call {
    pub request: Request,
    pub aborted: Abort,
    pub outgoing: RefCell<Outgoing>,
}

/// Whether the caller has given up, and the wakers that wait for that.
#[derive(Default)]
pub struct Abort {
    has_happened: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Abort {
    pub fn set(&self, has_happened: bool) {
        self.has_happened.set(has_happened);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    pub fn get(&self) -> bool {
        self.has_happened.get()
    }
}

pub struct Instance {
    pub world: Rc<World>,
    pub store: Rc<Store>,
    pub has_store: bool,
    /// Whether the store had no rows when the instance began.
    pub found_it_empty: Cell<bool>,
    pub approve: Ask<Quote, Task<Result<bool, Cause>>>,
    pub approvals: Cell<usize>,
    /// The information in each question.
    pub terms: RefCell<Vec<Terms>>,
    /// The events that a listener heard, in short.
    pub events: RefCell<Vec<String>>,
    /// Work that a listener does itself.
    pub on_event: RefCell<Option<Box<dyn Fn(&str)>>>,
    /// By how many milliseconds its wall clock is ahead. The other clock goes on as the world's.
    pub ahead_ms: Cell<i64>,
    /// Its timers fire at multiples of so many milliseconds only, where that is not 0: a tab that is hidden.
    pub wakes_each_ms: Cell<u64>,
    pub isolated: Cell<bool>,
    /// Freezing it stops every task that was spawned since it was put here. workerd does that when a request has ended.
    pub frozen: RefCell<Rc<Freezer>>,
    pub client: RefCell<Weak<Client<Fake>>>,
    /// The facts about its wallet. The default is a wallet with whole records.
    pub wallet: RefCell<Wallet>,
    /// The `onUnknown`, and how often it was asked.
    pub on_unknown: Ask<(Payment, Code), Task<Resolution>>,
    pub questions: Cell<usize>,
    /// Whether what recovers signers can be loaded, and how often it was asked.
    pub has_curve: Cell<bool>,
    pub recoveries: Cell<usize>,
}

/// A group of tasks that freeze together.
#[derive(Default)]
pub struct Freezer {
    is_frozen: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Freezer {
    pub fn freeze(&self) {
        self.is_frozen.set(true);
    }

    pub fn thaw(&self) {
        self.is_frozen.set(false);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    pub fn hold<T: 'static>(self: Rc<Self>, task: impl Future<Output = T> + 'static) -> Task<T> {
        let mut task = Box::pin(task);
        Box::pin(poll_fn(move |context| {
            if self.is_frozen.get() {
                self.waiting.borrow_mut().push(context.waker().clone());
                return Poll::Pending;
            }
            task.as_mut().poll(context)
        }))
    }
}

#[derive(Clone)]
pub struct Fake(pub Rc<Instance>);

impl std::ops::Deref for Fake {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

fn fake(world: &Rc<World>, store: Option<&Rc<Store>>) -> Fake {
    Fake(Rc::new(Instance {
        world: world.clone(),
        store: store.cloned().unwrap_or_default(),
        has_store: store.is_some(),
        found_it_empty: Cell::new(false),
        approve: RefCell::default(),
        approvals: Cell::new(0),
        terms: RefCell::default(),
        events: RefCell::default(),
        on_event: RefCell::default(),
        ahead_ms: Cell::new(0),
        wakes_each_ms: Cell::new(0),
        isolated: Cell::new(false),
        frozen: RefCell::default(),
        client: RefCell::default(),
        wallet: RefCell::new(Wallet { id: Some("wallet".into()), finds: true, ..Wallet::default() }),
        on_unknown: RefCell::default(),
        questions: Cell::new(0),
        has_curve: Cell::new(true),
        recoveries: Cell::new(0),
    }))
}

/// An instance of the client in a world.
pub fn client(world: &Rc<World>, store: Option<&Rc<Store>>, config: Config) -> (TheClient, Fake) {
    let fake = fake(world, store);
    let client = Rc::new(Client::new(fake.clone(), config));
    fake.client.replace(Rc::downgrade(&client));
    (client, fake)
}

/// A scope within a client or a scope, and who is asked and told there.
pub fn within(client: &TheClient, host: &Fake, name: Option<&str>, limits: Limits) -> (TheClient, Fake) {
    let fake = fake(&host.world, Some(&host.store).filter(|_| host.has_store));
    let scope = Rc::new(client.within(fake.clone(), name.map(str::to_owned), limits));
    fake.client.replace(Rc::downgrade(&scope));
    (scope, fake)
}

/// A world, and a client there that may pay 100 sat at once.
pub fn begin() -> (Rc<World>, TheClient, Fake) {
    begin_with(|_| {})
}

/// The same with other options.
pub fn begin_with(change: impl FnOnce(&mut Config)) -> (Rc<World>, TheClient, Fake) {
    let world = World::new();
    let mut config = Config::new(100);
    change(&mut config);
    let (client, host) = client(&world, None, config);
    (world, client, host)
}

pub fn get(url: &str) -> Request {
    Request { method: "GET".into(), url: Url::of(url), replayable: true, brought: Brought::default(), payable: true }
}

pub fn call(request: Request) -> Rc<Call> {
    let outgoing = Outgoing { headers: Vec::new(), body_hash: Some(Sha256::digest([]).into()) };
    Rc::new(Call { request, aborted: Abort::default(), outgoing: RefCell::new(outgoing) })
}

/// How a call ended, ready to be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The status, and whether this call paid. `None` if no credential was used.
    Answer(u16, Option<bool>),
    Raised {
        code: Code,
        cause: Option<Cause>,
        state: Option<State>,
        has_response: bool,
    },
    Foreign(Cause),
    Abandoned,
}

pub fn end(result: &Result<Reply<Fake>, Failure<Fake>>) -> End {
    match result {
        Ok(reply) => End::Answer(reply.response.head.status, reply.receipt.as_ref().map(|receipt| receipt.paid_now)),
        Err(failure) => match &*failure.0 {
            Why::Raised(raised) => End::Raised {
                code: raised.error.code(),
                cause: raised.cause,
                state: raised.payment.as_ref().map(|payment| payment.state),
                has_response: raised.response.is_some(),
            },
            Why::Foreign(cause) => End::Foreign(cause),
            Why::Abandoned => End::Abandoned,
        },
    }
}

/// An error before any money moved. It carries the 402.
pub fn refused(code: Code) -> End {
    End::Raised { code, cause: None, state: None, has_response: true }
}

/// An error after the wallet was asked.
pub fn open(code: Code, state: State) -> End {
    End::Raised { code, cause: None, state: Some(state), has_response: true }
}

/// The refusal to pay again for a token that was never accepted. It carries the 402 and the earlier payment.
pub fn not_honored() -> End {
    open(Code::NotHonored, State::Paid)
}

pub const PAID: End = End::Answer(200, Some(true));
pub const REUSED: End = End::Answer(200, Some(false));

/// The satoshis that `spent()` tells.
pub fn spent(world: &World, client: &TheClient) -> u64 {
    let client = client.clone();
    world.run(async move { client.spent(None).await.ok().unwrap().total })
}

/// As many payments as there are.
pub fn all() -> Filter {
    Filter { limit: 1_000, ..Filter::default() }
}

/// Every payment, oldest first.
pub async fn listed(client: &TheClient) -> Vec<Payment> {
    let mut payments = client.payments(all()).await.ok().unwrap();
    payments.reverse();
    payments
}

/// Every payment, oldest first.
pub fn payments(world: &World, client: &TheClient) -> Vec<Payment> {
    let client = client.clone();
    world.run(async move { listed(&client).await })
}

/// The state of each payment.
pub fn states(world: &World, client: &TheClient) -> Vec<State> {
    payments(world, client).iter().map(|payment| payment.state).collect()
}

/// The code of the client's error. `None` if there is no error.
pub fn code<T>(result: Result<T, Failure<Fake>>) -> Option<Code> {
    match result {
        Ok(_) => None,
        Err(failure) => match *failure.0 {
            Why::Raised(raised) => Some(raised.error.code()),
            _ => panic!("the error is none of the client's"),
        },
    }
}

/// The code of the error of `resolve()`.
pub fn resolve(world: &World, client: &TheClient, hash: &PaymentHash, preimage: Option<&str>) -> Option<Code> {
    let (client, hash, preimage) = (client.clone(), *hash, preimage.map(str::to_owned));
    code(world.run(async move { client.resolve(&hash, preimage.as_deref()).await }))
}

/// Sends a request to its end.
pub fn fetch(client: &TheClient, host: &Fake, request: Request) -> End {
    let client = client.clone();
    end(&host.world.run(async move { client.fetch(call(request.clone()), request).await }))
}

impl Fake {
    /// The user's answer when it is brought.
    pub fn user_waits(&self) -> Rc<Later<Result<bool, Cause>>> {
        let answer = Later::new();
        let later = answer.clone();
        self.approve.replace(Some(Box::new(move |_| later.get())));
        answer
    }

    pub fn heard(&self) -> Vec<String> {
        self.events.borrow().clone()
    }
}

impl Host for Fake {
    type Call = Call;
    type Response = Response;
    type Cause = Cause;

    fn now(&self) -> u64 {
        self.world.now().saturating_add_signed(self.ahead_ms.get())
    }

    fn monotonic(&self) -> u64 {
        self.world.executor.monotonic()
    }

    fn random(&self) -> u64 {
        self.world.random()
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        let at = self.monotonic() + milliseconds;
        let at = at.checked_next_multiple_of(self.wakes_each_ms.get()).unwrap_or(at);
        self.world.executor.sleep(at - self.monotonic())
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        let frozen = self.frozen.borrow().clone();
        self.world.executor.spawn(frozen.hold(task));
    }

    fn wakes_only_itself(&self) -> bool {
        self.isolated.get()
    }

    async fn send(&self, call: &Call, sending: Sending<'_>) -> Result<Response, Cause> {
        if call.aborted.get() {
            return Err("aborted");
        }
        let number = self.world.sends() + 1;
        let Request { method, url, .. } = call.request.clone();
        let url = sending.url.unwrap_or(&url).as_str().to_owned();
        let (field, authorization) =
            sending.credential.map(|credential| (credential.field, credential.value.clone())).unzip();
        let sent = Sent { method, url, field, authorization, repeat: sending.is_repeat, number };
        self.world.sent.borrow_mut().push(sent.clone());
        let scripted = self.world.on_send.borrow().as_ref().and_then(|answer| answer(&sent));
        match scripted {
            Some(answer) => answer.await,
            None => {
                yield_now().await;
                Ok(self.world.serve(&sent))
            }
        }
    }

    fn may_be_preflight(&self, _call: &Call, cause: &Cause) -> bool {
        *cause == PREFLIGHT
    }

    fn outgoing(&self, call: &Call) -> impl Future<Output = Outgoing> + 'static {
        soon(call.outgoing.borrow().clone())
    }

    fn recover(&self, signature: &Signature) -> impl Future<Output = Result<Option<[u8; 33]>, Error>> + 'static {
        self.recoveries.set(self.recoveries.get() + 1);
        soon(match self.has_curve.get() {
            true => Ok(recover(signature)),
            false => Err(Error::new(Code::LoadFailed, "offline")),
        })
    }

    fn problem(&self, response: &Response) -> impl Future<Output = Option<String>> + 'static {
        soon(response.problem.clone())
    }

    fn json(&self, response: &Response) -> impl Future<Output = Option<String>> + 'static {
        soon(response.json.clone())
    }

    fn make_invoice(
        &self,
        _description: &str,
        expiry_s: u64,
    ) -> impl Future<Output = Result<String, (String, Option<Cause>)>> + 'static {
        let world = self.world.clone();
        let made = match world.on_invoice.borrow().as_ref() {
            Some(answer) => answer(&expiry_s),
            None => {
                let terms = mint::Terms { amount_msat: None, expiry_s, ..mint::Terms::default() };
                soon(Ok(world.mint.offer(&terms, world.now()).invoice))
            }
        };
        Box::pin(async move {
            let made = made.await;
            world.invoices.borrow_mut().extend(made.clone().ok());
            made
        })
    }

    fn received(&self, payment_hash: &PaymentHash) -> impl Future<Output = Option<u64>> + 'static {
        let received = self.world.received.borrow();
        soon(received.as_ref().map(|received| received.get(payment_hash).copied().unwrap_or(0)))
    }

    fn own_call(&self, method: &str, url: &Url) -> Option<Call> {
        let request = Request { method: method.into(), url: url.clone(), ..get(URL) };
        Rc::into_inner(call(request))
    }

    fn has_offer_in_body(&self, response: &Response) -> impl Future<Output = bool> + 'static {
        soon(response.problem.is_some())
    }

    fn is_aborted(&self, call: &Call) -> bool {
        call.aborted.get()
    }

    async fn gives_up(&self, call: &Call) {
        poll_fn(|context| {
            if call.aborted.get() {
                return Poll::Ready(());
            }
            call.aborted.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn head(&self, response: &Response) -> Head {
        response.head.clone()
    }

    fn discard(&self, response: Response) {
        self.world.discarded.borrow_mut().push(response.number);
    }

    fn pay(&self, invoice: &Invoice, order: Order<'_>) -> impl Future<Output = Answer<Cause>> + 'static {
        self.world.payments.borrow_mut().push(invoice.payment_request.clone());
        match self.world.on_pay.borrow().as_ref() {
            Some(pay) => pay(invoice, order.max_fee_msat),
            None => soon(self.world.proof(invoice)),
        }
    }

    fn has_lookup(&self) -> bool {
        self.world.on_lookup.borrow().is_some()
    }

    fn wallet(&self) -> Wallet {
        self.wallet.borrow().clone()
    }

    fn lookup(&self, payment_hash: &PaymentHash) -> impl Future<Output = Fact> + 'static {
        self.world.lookups.set(self.world.lookups.get() + 1);
        match self.world.on_lookup.borrow().as_ref() {
            Some(lookup) => lookup(payment_hash),
            None => soon(Fact::Unreachable),
        }
    }

    fn asks_unknown(&self) -> bool {
        self.on_unknown.borrow().is_some()
    }

    fn ask_unknown(&self, payment: &Payment, error: &Error) -> impl Future<Output = Resolution> + 'static {
        self.questions.set(self.questions.get() + 1);
        match self.on_unknown.borrow().as_ref() {
            Some(ask) => ask(&(payment.clone(), error.code())),
            None => soon(Resolution::Wait),
        }
    }

    fn asks(&self) -> bool {
        self.approve.borrow().is_some()
    }

    fn approve(&self, quote: &Quote, terms: &Terms) -> impl Future<Output = Result<bool, Cause>> + 'static {
        self.approvals.set(self.approvals.get() + 1);
        self.terms.borrow_mut().push(*terms);
        match self.approve.borrow().as_ref() {
            Some(approve) => approve(quote),
            None => soon(Ok(true)),
        }
    }

    fn tell(&self, event: &Event<'_>) {
        let text = match event {
            Event::Challenge { .. } => "challenge".to_owned(),
            Event::Quote(_) => "quote".to_owned(),
            Event::PassedOver { protocol, error, .. } => {
                format!("passed_over {} {}", protocol.as_str(), error.code().as_str())
            }
            Event::Paying(_) => "paying".to_owned(),
            Event::Paid(_) => "paid".to_owned(),
            Event::Refused { error, .. } => format!("refused {}", error.code().as_str()),
            Event::Failed { error, .. } => format!("failed {}", error.code().as_str()),
            Event::Rejected { refusal, .. } => format!("rejected {}", refusal.reason),
            Event::Unpayable { reason, is_in_body: false, .. } => format!("unpayable {reason:?}"),
            Event::Unpayable { reason, .. } => format!("unpayable {reason:?}, but in the body"),
        };
        self.events.borrow_mut().push(text.clone());
        // Listeners may call the client that tells them.
        if let Some(client) = self.client.borrow().upgrade() {
            let _ = client.token_for(&get(URL));
        }
        if let Some(listener) = self.on_event.borrow().as_ref() {
            listener(&text);
        }
    }

    fn has_store(&self) -> bool {
        self.has_store
    }

    fn is_store_empty(&self) -> bool {
        self.found_it_empty.get() || !self.has_store
    }

    async fn read(&self, keys: &[String]) -> Result<Vec<Option<String>>, Cause> {
        self.store.read(keys).await
    }

    async fn write(&self, changes: &Changes, seen: &Changes) -> Result<bool, Cause> {
        self.store.write(changes, seen).await
    }

    async fn list(&self, listing: &Listing) -> Result<Vec<(String, String)>, Cause> {
        self.store.list(listing).await
    }
}
