//! A server that sells by sessions of MPP, and refunds what is left of them.

use crate::executor::yield_now;
use crate::host::Cause;
use crate::mint::{Offer, Terms};
use crate::world::{Response, Sent, World};
use l402_fetch::wire::invoice::Invoice;
use serde_json::{json, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the two servers that are known differ in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// aperture 0.5.0: every refusal says the same, `topUp` and `close` are answered by the resource itself, and a
    /// challenge is good any number of times.
    Aperture,
    /// The draft: refusals have names, `topUp` and `close` have answers of their own, and a challenge is good once.
    Draft,
}

#[derive(Clone, Default, Debug)]
pub struct Account {
    pub deposit: u64,
    pub spent: u64,
    pub return_invoice: String,
    pub is_closed: bool,
}

pub struct Shop {
    world: Rc<World>,
    kind: Kind,
    /// Satoshis for each request, and for each deposit.
    pub price: Cell<u64>,
    pub deposit: Cell<u64>,
    pub realm: RefCell<String>,
    /// More parameters of the challenge, and more challenges.
    pub more: RefCell<String>,
    /// Whether refunds are paid, and whether the wallet is still to see them.
    pub refunds: Cell<bool>,
    pub accounts: RefCell<BTreeMap<String, Account>>,
    offers: RefCell<BTreeMap<String, Offer>>,
    consumed: RefCell<Vec<String>>,
    /// The credentials' actions that were shown, and whether each was taken.
    pub log: RefCell<Vec<(String, bool)>>,
    /// So many actions more are carried out and their answers lost.
    pub loses: RefCell<Option<&'static str>>,
    /// So many times more an action is refused, since the server does not know of the payment yet.
    pub is_late: Cell<u32>,
    /// What is answered in place of the shop. The first argument is the action, empty where there is no credential.
    pub instead: RefCell<Option<Box<Instead>>>,
    /// More requests than that are a loop.
    pub most_sends: Cell<usize>,
}

pub type Instead = dyn Fn(&str, &Sent) -> Option<Result<Response, Cause>>;

pub fn base64url(json: &Value) -> String {
    base64::encode_config(json.to_string(), base64::URL_SAFE_NO_PAD)
}

pub fn decoded(base64url: &str) -> Value {
    serde_json::from_slice(&base64::decode_config(base64url, base64::URL_SAFE_NO_PAD).unwrap()).unwrap()
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

impl Shop {
    /// Answers every request of a world: 2 sat a request, 20 sat a deposit.
    pub fn open(world: &Rc<World>, kind: Kind) -> Rc<Self> {
        let shop = Rc::new(Self {
            world: world.clone(),
            kind,
            price: Cell::new(2),
            deposit: Cell::new(20),
            realm: RefCell::new("api".into()),
            more: RefCell::default(),
            refunds: Cell::new(true),
            accounts: RefCell::default(),
            offers: RefCell::default(),
            consumed: RefCell::default(),
            log: RefCell::default(),
            loses: RefCell::default(),
            is_late: Cell::new(0),
            instead: RefCell::default(),
            most_sends: Cell::new(5_000),
        });
        let own = shop.clone();
        world.on_send.replace(Some(Box::new(move |sent| {
            let (own, sent) = (own.clone(), sent.clone());
            Some(Box::pin(async move {
                yield_now().await;
                own.answer(&sent)
            }))
        })));
        shop
    }

    /// The actions that were shown. Those that were refused begin with `!`.
    pub fn actions(&self) -> Vec<String> {
        let log = self.log.borrow();
        log.iter().map(|(action, taken)| format!("{}{action}", if *taken { "" } else { "!" })).collect()
    }

    /// The session of a number.
    pub fn account(&self, number: usize) -> Account {
        self.accounts.borrow().values().nth(number).unwrap().clone()
    }

    /// Closes what is open, as after an idle time, and refunds the rest.
    pub fn close_all(&self) {
        let ids: Vec<String> = self.accounts.borrow().keys().cloned().collect();
        for id in ids {
            self.close(&id);
        }
    }

    fn close(&self, id: &str) -> u64 {
        let mut accounts = self.accounts.borrow_mut();
        let account = accounts.get_mut(id).unwrap();
        let rest = if account.is_closed { 0 } else { account.deposit - account.spent };
        account.is_closed = true;
        if self.refunds.get() && rest > 0 {
            let hash = Invoice::decode(&account.return_invoice).unwrap().payment_hash;
            if let Some(received) = self.world.received.borrow_mut().as_mut() {
                received.insert(hash, rest * 1000);
            }
        }
        rest
    }

    pub fn challenge(&self, sent: &Sent) -> Response {
        let sat = self.deposit.get();
        let offer =
            self.world.mint.offer(&Terms { amount_msat: Some(sat * 1000), ..Terms::default() }, self.world.now());
        let request = json!({
            "amount": self.price.get().to_string(), "currency": "sat", "depositAmount": sat.to_string(),
            "depositInvoice": offer.invoice, "paymentHash": offer.hash.to_hex(), "idleTimeout": "300",
            "unitType": "request",
        });
        let id = format!("c{}", self.offers.borrow().len());
        let (realm, more) = (self.realm.borrow(), self.more.borrow());
        let header = format!(
            r#"Payment id="{id}", realm="{realm}", method="lightning", intent="session", request="{}"{more}"#,
            base64url(&request)
        );
        self.offers.borrow_mut().insert(id, offer);
        Response::challenge(&header, sent)
    }

    fn refuse(&self, sent: &Sent, reason: &str) -> Response {
        let mut response = self.challenge(sent);
        if self.kind == Kind::Draft {
            let of = format!("https://paymentauth.org/problems/lightning/{reason}");
            response.problem = Some(json!({ "type": of }).to_string());
        }
        response
    }

    fn answer(&self, sent: &Sent) -> Result<Response, Cause> {
        assert!(self.world.sends() < self.most_sends.get(), "the requests have no end");
        let action = sent.authorization.as_deref().and_then(|text| text.strip_prefix("Payment "));
        let action = action.map_or_else(String::new, |shown| text(&decoded(shown)["payload"]["action"]));
        if let Some(answer) = self.instead.borrow().as_ref().and_then(|instead| instead(&action, sent)) {
            return answer;
        }
        let Some(credential) = sent.authorization.as_deref().and_then(|text| text.strip_prefix("Payment ")) else {
            return Ok(self.challenge(sent));
        };
        let credential = decoded(credential);
        let (payload, id) = (&credential["payload"], text(&credential["challenge"]["id"]));
        let action = text(&payload["action"]);
        let told = self.carry_out(&action, payload, &id);
        self.log.borrow_mut().push((action.clone(), told.is_ok()));
        if told.is_ok() && self.loses.borrow_mut().take_if(|lost| *lost == action).is_some() {
            return Err("connection lost");
        }
        match told {
            Ok((session, own_answer)) => {
                let mut response = Response::status(200, sent);
                let mut receipt = json!({ "method": "lightning", "reference": session, "status": "success" });
                if action == "close" {
                    for (name, value) in own_answer.as_object().unwrap() {
                        receipt[name] = value.clone();
                    }
                }
                response.head.receipt = Some(base64url(&receipt));
                if self.kind == Kind::Draft && !own_answer.is_null() {
                    response.json = Some(own_answer.to_string());
                }
                Ok(response)
            }
            Err(reason) => Ok(self.refuse(sent, reason)),
        }
    }

    /// The session, and what the answer says of the action alone.
    fn carry_out(&self, action: &str, payload: &Value, id: &str) -> Result<(String, Value), &'static str> {
        if self.kind == Kind::Draft && self.consumed.borrow().iter().any(|used| used == id) {
            return Err("unknown-challenge");
        }
        let offer = self.offers.borrow().get(id).cloned().ok_or("unknown-challenge")?;
        let is_paid = |preimage: &Value| {
            let is_late = self.is_late.get() > 0;
            self.is_late.set(self.is_late.get().saturating_sub(1));
            text(preimage) == offer.preimage && self.world.payments.borrow().contains(&offer.invoice) && !is_late
        };
        let session = text(&payload["sessionId"]);
        let own = || {
            let account = self.accounts.borrow().get(&session).cloned().ok_or("session-not-found")?;
            let right = self.offers.borrow().values().find(|offer| offer.hash.to_hex() == session).unwrap().clone();
            match () {
                () if account.is_closed => Err("session-closed"),
                () if action != "topUp" && text(&payload["preimage"]) != right.preimage => Err("invalid-preimage"),
                () => Ok(account),
            }
        };
        let sat = || Invoice::decode(&offer.invoice).unwrap().amount_msat.unwrap() / 1000;
        let mut told = (session.clone(), Value::Null);
        match action {
            "open" => {
                let opened = offer.hash.to_hex();
                if !is_paid(&payload["preimage"]) || self.accounts.borrow().contains_key(&opened) {
                    return Err("invalid-preimage");
                }
                let return_invoice = text(&payload["returnInvoice"]);
                assert_eq!(Invoice::decode(&return_invoice).unwrap().amount_msat, None);
                let deposit = sat();
                let account = Account { deposit, return_invoice, ..Account::default() };
                self.accounts.borrow_mut().insert(opened.clone(), account);
                told.0 = opened;
            }
            "bearer" => {
                let account = own()?;
                if account.deposit - account.spent < self.price.get() {
                    return Err("insufficient-balance");
                }
                self.accounts.borrow_mut().get_mut(&session).unwrap().spent += self.price.get();
            }
            "topUp" => {
                own()?;
                if !is_paid(&payload["topUpPreimage"]) {
                    return Err("invalid-preimage");
                }
                self.accounts.borrow_mut().get_mut(&session).unwrap().deposit += sat();
                told.1 = json!({ "status": "ok" });
            }
            "close" => {
                own()?;
                let rest = self.close(&session);
                let status = match rest {
                    0 => "skipped",
                    _ if self.kind == Kind::Aperture => "pending",
                    _ if self.refunds.get() => "succeeded",
                    _ => "failed",
                };
                told.1 = json!({ "status": "closed", "refundSats": rest, "refundStatus": status });
                if rest == 0 && self.kind == Kind::Aperture {
                    told.1["refundSats"].take();
                    told.1.as_object_mut().unwrap().remove("refundSats");
                }
            }
            _ => panic!("no action: {action}"),
        }
        self.consumed.borrow_mut().push(id.to_owned());
        Ok(told)
    }
}
