//! A world of servers, wallets and stores that is scripted, and a host for each instance in it.

use crate::executor::{yield_now, Executor, Later, Task};
use crate::mint::{Mint, Offer, Terms};
use l402_fetch::client::{Failure, Reply};
use l402_fetch::event::{Event, Quote};
use l402_fetch::host::{Answer, Head, Host, Lookup, Order, Request};
use l402_fetch::invoice::Invoice;
use l402_fetch::journal::State;
use l402_fetch::{Client, Code, Config};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

pub const ORIGIN: &str = "https://api.example";
pub const URL: &str = "https://api.example/data";

/// An error object of the caller's world.
pub type Cause = &'static str;
pub type TheClient = Rc<Client<Fake>>;

/// A request as the network sees it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub url: String,
    pub authorization: Option<String>,
    pub repeat: bool,
    /// 1 for the first of its world.
    pub number: usize,
}

#[derive(Clone)]
pub struct Response {
    pub head: Head,
    /// The request that it answers.
    pub number: usize,
}

impl Response {
    pub fn status(status: u16, sent: &Sent) -> Self {
        Self { head: Head { status, url: sent.url.clone(), ..Head::default() }, number: sent.number }
    }

    pub fn challenge(header: &str, sent: &Sent) -> Self {
        let mut response = Self::status(402, sent);
        response.head.challenge = Some(header.to_owned());
        response
    }
}

/// How the world's server sells. What it can't do is scripted with [`World::on_send`].
pub struct Server {
    pub terms: RefCell<Terms>,
    /// A token opens every URL of its origin; else only the one that it was bought for.
    pub shares: Cell<bool>,
    pub single_use: Cell<bool>,
    /// What a credential that is not taken is answered with: 401, or a fresh 402.
    pub refusal: Cell<u16>,
    /// Tokens that were offered, with URL and preimage.
    offered: RefCell<HashMap<String, (String, String)>>,
    used: RefCell<BTreeSet<String>>,
}

type Pay = dyn Fn(&Invoice, u64) -> Task<Answer<Cause>>;
type Ask<T, R> = RefCell<Option<Box<dyn Fn(&T) -> R>>>;

/// One clock, one network, one wallet, one mint.
pub struct World {
    pub executor: Rc<Executor>,
    pub mint: Mint,
    pub server: Server,
    /// Answers in place of the server.
    pub on_send: Ask<Sent, Option<Task<Result<Response, Cause>>>>,
    /// Answers in place of a wallet that pays at once; the second argument is the fee it may cost.
    pub on_pay: RefCell<Option<Box<Pay>>>,
    pub on_lookup: Ask<String, Task<Lookup>>,
    pub sent: RefCell<Vec<Sent>>,
    /// Payment requests that the wallet was asked to pay.
    pub payments: RefCell<Vec<String>>,
    pub lookups: Cell<usize>,
    /// Numbers of the requests whose responses were let go.
    pub discarded: RefCell<Vec<usize>>,
}

impl World {
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            executor: Rc::default(),
            mint: Mint::default(),
            server: Server {
                terms: RefCell::default(),
                shares: Cell::new(true),
                single_use: Cell::new(false),
                refusal: Cell::new(402),
                offered: RefCell::default(),
                used: RefCell::default(),
            },
            on_send: RefCell::default(),
            on_pay: RefCell::default(),
            on_lookup: RefCell::default(),
            sent: RefCell::default(),
            payments: RefCell::default(),
            lookups: Cell::new(0),
            discarded: RefCell::default(),
        })
    }

    pub fn now(&self) -> u64 {
        self.executor.now()
    }

    pub fn run<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        self.executor.block_on(future)
    }

    pub fn sends(&self) -> usize {
        self.sent.borrow().len()
    }

    pub fn paid(&self) -> usize {
        self.payments.borrow().len()
    }

    /// The credentials that the network saw, in order, of requests that had one.
    pub fn credentials(&self) -> Vec<String> {
        self.sent.borrow().iter().filter_map(|sent| sent.authorization.clone()).collect()
    }

    /// The wallet's answer to everything.
    pub fn wallet_says(&self, answer: Answer<Cause>) {
        self.on_pay.replace(Some(Box::new(move |_, _| soon(answer.clone()))));
    }

    /// The wallet's answer when it is brought.
    pub fn wallet_waits(&self) -> Rc<Later<Answer<Cause>>> {
        let answer = Later::new();
        let later = answer.clone();
        self.on_pay.replace(Some(Box::new(move |_, _| later.get())));
        answer
    }

    pub fn lookup_says(&self, found: Lookup) {
        self.on_lookup.replace(Some(Box::new(move |_| soon(found.clone()))));
    }

    /// Every request is answered by this.
    pub fn answers(&self, answer: impl Fn(&Sent) -> Result<Response, Cause> + 'static) {
        self.on_send.replace(Some(Box::new(move |sent| Some(soon(answer(sent))))));
    }

    /// An offer that is the same in each 402, which is all that the server ever answers.
    pub fn offers(&self, terms: Terms) -> Offer {
        let offer = self.mint.offer(&terms, self.now());
        let header = offer.header();
        self.answers(move |sent| Ok(Response::challenge(&header, sent)));
        offer
    }

    /// The same, and whatever comes with an `Authorization` is served.
    pub fn sells(&self, terms: Terms) -> Offer {
        let offer = self.mint.offer(&terms, self.now());
        let header = offer.header();
        self.answers(move |sent| {
            Ok(match sent.authorization {
                None => Response::challenge(&header, sent),
                Some(_) => Response::status(200, sent),
            })
        });
        offer
    }

    /// Right proof of an invoice of this world's mint.
    pub fn proof(&self, invoice: &Invoice) -> Answer<Cause> {
        let hash: String = invoice.payment_hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Answer::Preimage { text: self.mint.preimage(&hash).unwrap(), fee_msat: None }
    }

    /// Right proof of the payment of a hash.
    pub fn proof_of(&self, hash: &str) -> Answer<Cause> {
        Answer::Preimage { text: self.mint.preimage(hash).unwrap(), fee_msat: None }
    }

    fn serve(&self, sent: &Sent) -> Response {
        let server = &self.server;
        let credential = sent.authorization.as_deref().and_then(|text| text.strip_prefix("L402 ")?.split_once(':'));
        if let Some((token, preimage)) = credential {
            let known = server
                .offered
                .borrow()
                .get(token)
                .is_some_and(|(url, right)| right == preimage && (server.shares.get() || *url == sent.url));
            let fresh = !server.single_use.get() || server.used.borrow_mut().insert(token.to_owned());
            if known && fresh {
                return Response::status(200, sent);
            }
            if server.refusal.get() != 402 {
                return Response::status(server.refusal.get(), sent);
            }
        }
        let offer = self.mint.offer(&server.terms.borrow(), self.now());
        let header = offer.header();
        server.offered.borrow_mut().insert(offer.token, (sent.url.clone(), offer.preimage));
        Response::challenge(&header, sent)
    }
}

pub fn soon<T: 'static>(value: T) -> Task<T> {
    Box::pin(async move {
        yield_now().await;
        value
    })
}

pub fn never<T: 'static>() -> Task<T> {
    Box::pin(std::future::pending())
}

/// What is done with a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Load,
    Save,
    Lock,
}

/// A store that several instances may share.
#[derive(Default)]
pub struct Store {
    pub values: RefCell<BTreeMap<String, String>>,
    pub ops: RefCell<Vec<(Op, String)>>,
    /// Whether an operation fails.
    pub fails: RefCell<Option<Box<dyn Fn(Op, &str) -> bool>>>,
    pub has_lock: Cell<bool>,
    held: RefCell<HashMap<String, Rc<Later<()>>>>,
}

impl Store {
    pub fn new(has_lock: bool) -> Rc<Self> {
        Rc::new(Self { has_lock: Cell::new(has_lock), ..Self::default() })
    }

    pub fn count(&self, op: Op) -> usize {
        self.ops.borrow().iter().filter(|(done, _)| *done == op).count()
    }

    pub fn value(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).cloned()
    }

    pub fn put(&self, key: &str, value: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    pub fn fails_at(&self, fails: impl Fn(Op, &str) -> bool + 'static) {
        self.fails.replace(Some(Box::new(fails)));
    }

    pub fn works(&self) {
        self.fails.replace(None);
    }

    async fn step(&self, op: Op, name: &str) -> Result<(), Cause> {
        yield_now().await;
        self.ops.borrow_mut().push((op, name.to_owned()));
        if self.fails.borrow().as_ref().is_some_and(|fails| fails(op, name)) {
            return Err("the store broke");
        }
        Ok(())
    }
}

/// Frees its lock when it is dropped.
pub struct Guard(Option<(Rc<Store>, String)>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((store, name)) = &self.0 {
            let freed = store.held.borrow_mut().remove(name);
            freed.unwrap().bring(());
        }
    }
}

/// One call of fetch.
pub struct Call {
    pub request: Request,
    pub aborted: Cell<bool>,
}

pub struct Instance {
    pub world: Rc<World>,
    pub store: Option<Rc<Store>>,
    pub approve: Ask<Quote, Task<Result<bool, Cause>>>,
    pub approvals: Cell<usize>,
    /// What a listener heard, in short.
    pub events: RefCell<Vec<String>>,
    /// What a listener does of its own.
    pub on_event: RefCell<Option<Box<dyn Fn(&str)>>>,
    pub isolated: Cell<bool>,
    pub client: RefCell<Weak<Client<Fake>>>,
}

#[derive(Clone)]
pub struct Fake(pub Rc<Instance>);

impl std::ops::Deref for Fake {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// An instance of the client in a world.
pub fn client(world: &Rc<World>, store: Option<&Rc<Store>>, config: Config) -> (TheClient, Fake) {
    let fake = Fake(Rc::new(Instance {
        world: world.clone(),
        store: store.cloned(),
        approve: RefCell::default(),
        approvals: Cell::new(0),
        events: RefCell::default(),
        on_event: RefCell::default(),
        isolated: Cell::new(false),
        client: RefCell::default(),
    }));
    let client = Client::new(fake.clone(), config);
    fake.client.replace(Rc::downgrade(&client));
    (client, fake)
}

pub fn get(url: &str) -> Request {
    Request { method: "GET".into(), url: url.into(), replayable: true, authorized: false, payable: true }
}

pub fn call(request: Request) -> Rc<Call> {
    Rc::new(Call { request, aborted: Cell::new(false) })
}

/// How a call ended, ready to be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Status, and whether this call paid; none where no credential was used.
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
        Err(Failure::Raised(raised)) => End::Raised {
            code: raised.error.code(),
            cause: raised.cause,
            state: raised.payment.as_ref().map(|payment| payment.state),
            has_response: raised.response.is_some(),
        },
        Err(Failure::Foreign(cause)) => End::Foreign(cause),
        Err(Failure::Abandoned) => End::Abandoned,
    }
}

/// An error before any money moved: the 402 comes along.
pub fn refused(code: Code) -> End {
    End::Raised { code, cause: None, state: None, has_response: true }
}

/// An error after the wallet was asked.
pub fn open(code: Code, state: State) -> End {
    End::Raised { code, cause: None, state: Some(state), has_response: true }
}

pub const PAID: End = End::Answer(200, Some(true));
pub const REUSED: End = End::Answer(200, Some(false));

/// Sends a request to its end.
pub fn fetch(client: &TheClient, host: &Fake, request: Request) -> End {
    let client = client.clone();
    end(&host.world.run(async move { client.fetch(call(request.clone()), request).await }))
}

impl Fake {
    pub fn heard(&self) -> Vec<String> {
        self.events.borrow().clone()
    }
}

impl Host for Fake {
    type Call = Call;
    type Response = Response;
    type Cause = Cause;
    type Guard = Guard;

    fn now(&self) -> u64 {
        self.world.now()
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        self.world.executor.sleep(milliseconds)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        self.world.executor.spawn(task);
    }

    fn wakes_only_itself(&self) -> bool {
        self.isolated.get()
    }

    async fn send(&self, call: &Call, authorization: Option<&str>, repeat: bool) -> Result<Response, Cause> {
        if call.aborted.get() {
            return Err("aborted");
        }
        let number = self.world.sends() + 1;
        let Request { method, url, .. } = call.request.clone();
        let sent = Sent { method, url, authorization: authorization.map(str::to_owned), repeat, number };
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

    fn is_aborted(&self, call: &Call) -> bool {
        call.aborted.get()
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

    fn lookup(&self, payment_hash: &str) -> impl Future<Output = Lookup> + 'static {
        self.world.lookups.set(self.world.lookups.get() + 1);
        match self.world.on_lookup.borrow().as_ref() {
            Some(lookup) => lookup(&payment_hash.to_owned()),
            None => soon(Lookup::Silent),
        }
    }

    fn approve(&self, quote: &Quote) -> Option<impl Future<Output = Result<bool, Cause>> + 'static> {
        let asked = self.approve.borrow().as_ref().map(|approve| approve(quote))?;
        self.approvals.set(self.approvals.get() + 1);
        Some(asked)
    }

    fn tell(&self, event: &Event<'_>) {
        let text = match event {
            Event::Challenge { .. } => "challenge".to_owned(),
            Event::Quote(_) => "quote".to_owned(),
            Event::Paying(_) => "paying".to_owned(),
            Event::Paid(_) => "paid".to_owned(),
            Event::Refused { error, .. } => format!("refused {}", error.code().as_str()),
            Event::Failed { error, .. } => format!("failed {}", error.code().as_str()),
            Event::Unpayable { reason, .. } => format!("unpayable {reason:?}"),
        };
        self.events.borrow_mut().push(text.clone());
        // Listeners may call the very client that tells them.
        if let Some(client) = self.client.borrow().upgrade() {
            let _ = client.token_for(&get(URL));
        }
        if let Some(listener) = self.on_event.borrow().as_ref() {
            listener(&text);
        }
    }

    fn has_store(&self) -> bool {
        self.store.is_some()
    }

    fn has_lock(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.has_lock.get())
    }

    async fn load(&self, key: &str) -> Result<Option<String>, Cause> {
        let Some(store) = &self.store else { return Ok(None) };
        store.step(Op::Load, key).await?;
        Ok(store.value(key))
    }

    async fn save(&self, key: &str, value: &str) -> Result<(), Cause> {
        let Some(store) = &self.store else { return Ok(()) };
        store.step(Op::Save, key).await?;
        store.put(key, value);
        Ok(())
    }

    async fn lock(&self, name: &str) -> Result<Guard, Cause> {
        let Some(store) = self.store.as_ref().filter(|store| store.has_lock.get()) else { return Ok(Guard(None)) };
        store.step(Op::Lock, name).await?;
        loop {
            let holder = store.held.borrow().get(name).cloned();
            match holder {
                Some(freed) => freed.get().await,
                None => {
                    store.held.borrow_mut().insert(name.to_owned(), Later::new());
                    return Ok(Guard(Some((store.clone(), name.to_owned()))));
                }
            }
        }
    }
}
