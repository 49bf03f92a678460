//! Servers and a wallet that do as they are told.

use crate::executor::{yield_now, Executor, Later, Task};
use crate::host::Cause;
use crate::mint::{Mint, Offer, Terms};
use l402_fetch::flow::host::{Answer, Head};
use l402_fetch::ledger::wallet::Fact;
use l402_fetch::wire::credential::Field;
use l402_fetch::wire::invoice::Invoice;
use l402_fetch::wire::payment_hash::PaymentHash;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::rc::Rc;

/// A request as the network sees it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub url: String,
    /// The header that carries the credential, and its value.
    pub field: Option<Field>,
    pub authorization: Option<String>,
    pub repeat: bool,
    /// 1 for the first of its world.
    pub number: usize,
}

#[derive(Clone)]
pub struct Response {
    pub head: Head,
    /// The body, if it is that of a problem.
    pub problem: Option<String>,
    /// The body, if it is other JSON.
    pub json: Option<String>,
    /// The request that it answers.
    pub number: usize,
}

impl Response {
    pub fn status(status: u16, sent: &Sent) -> Self {
        let head = Head { status, url: sent.url.clone(), ..Head::default() };
        Self { head, problem: None, json: None, number: sent.number }
    }

    pub fn challenge(header: &str, sent: &Sent) -> Self {
        let mut response = Self::status(402, sent);
        response.head.challenge = Some(header.to_owned());
        response
    }
}

/// The server of the world. Behaviour that it lacks is scripted with [`World::on_send`].
pub struct Server {
    pub terms: RefCell<Terms>,
    /// Whether a token opens every resource of its origin. Otherwise it opens only its own.
    pub shares: Cell<bool>,
    pub single_use: Cell<bool>,
    /// The answer to a refused credential: 401, or a fresh 402.
    pub refusal: Cell<u16>,
    /// Tokens that were offered, with method and URL, and preimage.
    offered: RefCell<HashMap<String, (String, String)>>,
    used: RefCell<BTreeSet<String>>,
}

pub type Pay = dyn Fn(&Invoice, u64) -> Task<Answer<Cause>>;
pub type Ask<T, R> = RefCell<Option<Box<dyn Fn(&T) -> R>>>;

/// One clock, one network, one wallet, one mint.
pub struct World {
    pub executor: Rc<Executor>,
    pub mint: Mint,
    pub server: Server,
    /// Answers in place of the server.
    pub on_send: Ask<Sent, Option<Task<Result<Response, Cause>>>>,
    /// Answers in place of a wallet that pays at once. The second argument is the fee reserve.
    pub on_pay: RefCell<Option<Box<Pay>>>,
    pub on_lookup: Ask<PaymentHash, Task<Fact>>,
    /// The wallet's answer to whoever asks for an invoice. `None`: it makes a good one.
    pub on_invoice: Ask<u64, Task<Result<String, (String, Option<Cause>)>>>,
    /// Invoices that the wallet has made.
    pub invoices: RefCell<Vec<String>>,
    /// What the wallet has received on its invoices. `None`: it can't tell.
    pub received: RefCell<Option<HashMap<PaymentHash, u64>>>,
    pub sent: RefCell<Vec<Sent>>,
    /// Payment requests that the wallet was asked to pay.
    pub payments: RefCell<Vec<String>>,
    pub lookups: Cell<usize>,
    drawn: Cell<u64>,
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
            on_invoice: RefCell::default(),
            invoices: RefCell::default(),
            received: RefCell::new(Some(HashMap::new())),
            sent: RefCell::default(),
            payments: RefCell::default(),
            lookups: Cell::new(0),
            drawn: Cell::new(1),
            discarded: RefCell::default(),
        })
    }

    pub fn now(&self) -> u64 {
        self.executor.now()
    }

    /// Different each time, and the same in each run.
    pub fn random(&self) -> u64 {
        self.drawn
            .set(self.drawn.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        self.drawn.get() >> 11
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

    pub fn lookup_says(&self, found: Fact) {
        self.on_lookup.replace(Some(Box::new(move |_| soon(found.clone()))));
    }

    /// Every request is answered by this.
    pub fn answers(&self, answer: impl Fn(&Sent) -> Result<Response, Cause> + 'static) {
        self.on_send.replace(Some(Box::new(move |sent| Some(soon(answer(sent))))));
    }

    /// Every answer is a 402 with the same offer.
    pub fn offers(&self, terms: Terms) -> Offer {
        let offer = self.mint.offer(&terms, self.now());
        let header = offer.header();
        self.answers(move |sent| Ok(Response::challenge(&header, sent)));
        offer
    }

    /// The same, but every request with an `Authorization` is served.
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

    /// The right proof for an invoice of this world's mint.
    pub fn proof(&self, invoice: &Invoice) -> Answer<Cause> {
        Answer::Preimage { text: self.mint.preimage(&invoice.payment_hash).unwrap(), fee_msat: None }
    }

    /// The right proof for a payment hash.
    pub fn proof_of(&self, hash: &PaymentHash) -> Answer<Cause> {
        Answer::Preimage { text: self.mint.preimage(hash).unwrap(), fee_msat: None }
    }

    pub fn serve(&self, sent: &Sent) -> Response {
        let server = &self.server;
        let resource = format!("{} {}", sent.method, sent.url);
        let credential = sent.authorization.as_deref().and_then(|text| text.strip_prefix("L402 ")?.split_once(':'));
        if let Some((token, preimage)) = credential {
            let known = server
                .offered
                .borrow()
                .get(token)
                .is_some_and(|(url, right)| right == preimage && (server.shares.get() || *url == resource));
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
        server.offered.borrow_mut().insert(offer.token, (resource, offer.preimage));
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
