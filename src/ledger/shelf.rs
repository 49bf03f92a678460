//! A store in memory for the unit tests of the steps, and the things that they work on.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::panic)]

use crate::error::Error;
use crate::ledger::acceptance::Unaccepted;
use crate::ledger::begin::{begin, Begun, Draft};
use crate::ledger::counts::Counts;
use crate::ledger::dispatch::Dispatch;
use crate::ledger::instance::Instance;
use crate::ledger::lease::Lease;
use crate::ledger::lessons::Lessons;
use crate::ledger::level::{Booked, Level};
use crate::ledger::limits::{Limits, Spent};
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::Record;
use crate::ledger::refusal::Refusal;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::{parse, Listing, Missing, View};
use crate::text::members::Row;
use crate::wire::challenge::Protocol;
use crate::wire::credential::Brought;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) const NOW: u64 = 1_800_000_000_123;
pub(crate) const ORIGIN: &str = "https://a.example";
pub(crate) const URL: &str = "https://a.example/x?q";

/// A payment hash of a number.
pub(crate) fn hash(number: u64) -> PaymentHash {
    PaymentHash::parse(&format!("{number:064x}")).unwrap()
}

/// Its URL lives as long as the tests do.
pub(crate) fn resource(url: &str) -> Resource<'static> {
    Resource {
        method: "GET",
        url: Box::leak(Box::new(Url::parse(url).unwrap())),
        is_replayable: true,
        brought: Brought::default(),
    }
}

/// A payment of 10 sat that was handed to a wallet by an owner of its number.
pub(crate) fn record(number: u64, url: &str) -> Record {
    Record {
        payment: Payment {
            payment_hash: hash(number),
            url: Url::parse(url).unwrap(),
            protocol: Protocol::L402,
            amount_msat: 10_000,
            fee_msat: 0,
            state: State::Pending,
            started_at: NOW / 1000,
            settled_at: None,
            scopes: Vec::new(),
            invoice: "lnbc1".into(),
            description: None,
            session: None,
            refunded_msat: 0,
        },
        method: "GET".into(),
        token: "opaque".into(),
        preimage: None,
        max_fee_msat: 5_000,
        started_at_ms: NOW,
        invoice_expires_at: NOW / 1000 + 3600,
        expires_at: None,
        bound_to: None,
        owner: number.to_string(),
        is_reserved: false,
        dispatch: Dispatch { wallet_id: Some("w".into()), ..Dispatch::default() },
    }
}

pub(crate) fn token(number: u64, url: &str) -> Token {
    let mut payment = record(number, url).payment;
    (payment.state, payment.settled_at) = (State::Paid, Some(NOW / 1000));
    Token::new(payment, "GET".into(), "opaque".into(), Some("ab".repeat(32)))
}

/// The purchase of a number.
pub(crate) fn draft(number: u64, url: &str, scopes: &[String]) -> Draft {
    let level: Rc<Level> = Rc::new(Limits { per_payment: 100_000, ..Limits::default() }.into());
    let mut record = Record { max_fee_msat: 0, started_at_ms: 0, ..record(number, url) };
    record.payment.scopes = scopes.to_vec();
    Draft {
        record,
        is_replayable: true,
        brought: Brought::default(),
        on_trial: Vec::new(),
        waits_for: None,
        levels: Rc::new(vec![level; scopes.len() + 1]),
        booked: Rc::default(),
        approved_fee_msat: None,
        lessons: Lessons::default(),
        unaccepted: Unaccepted::default(),
        mark: u32::MAX,
        max_deposit_msat: None,
        draw: None,
        lease_ms: 150_000,
    }
}

/// The text of a row.
pub(crate) fn stored(row: &mut dyn Row) -> String {
    let shelf = Shelf::default();
    shelf.take(|view| view.put("row", row)).unwrap();
    shelf.row("row")
}

/// The row of a text.
pub(crate) fn parsed<R: Row + Default>(text: &str) -> Result<R, Error> {
    let mut row = R::default();
    parse(text, &mut row).map(|()| row)
}

/// What was spent, at one origin or all.
pub(crate) fn spent(view: &mut View, origin: Option<&str>, now_ms: u64) -> Spent {
    let counts = Counts::read(view, origin.unwrap_or_default(), &[], &[], &Booked::default(), now_ms);
    counts.spent(0, origin.is_some())
}

/// An instance.
#[derive(Default)]
pub(crate) struct Here {
    /// It takes every owner for gone, not only those without a lease.
    pub(crate) all_lapsed: bool,
    /// The payments of the tokens that it knows. `None`: it knows all.
    pub(crate) known: Option<Vec<PaymentHash>>,
}

impl Instance for Here {
    fn now_ms(&self) -> u64 {
        NOW
    }

    fn has_lapsed(&self, _owner: &str, lease: Option<&Lease>) -> bool {
        self.all_lapsed || lease.is_none()
    }

    fn knew(&self, _key: &str, payment_hash: &PaymentHash, _mark: u32) -> bool {
        self.known.as_ref().is_none_or(|known| known.contains(payment_hash))
    }
}

/// Rows, and how many writes there were.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) rows: RefCell<BTreeMap<String, Rc<str>>>,
    pub(crate) writes: Cell<usize>,
}

impl Shelf {
    pub(crate) fn list(&self, listing: &Listing) -> Vec<(String, String)> {
        let rows = self.rows.borrow();
        let is_after = |key: &str| match listing.after.as_deref() {
            Some(after) if listing.reverse => key < after,
            Some(after) => key > after,
            None => true,
        };
        let mut found: Vec<_> = rows
            .iter()
            .filter(|(key, _)| key.starts_with(&listing.prefix) && is_after(key))
            .map(|(key, row)| (key.clone(), row.to_string()))
            .collect();
        if listing.reverse {
            found.reverse();
        }
        found.truncate(listing.limit);
        found
    }

    /// Runs a step to its end and writes what it changed.
    pub(crate) fn take<T>(&self, mut step: impl FnMut(&mut View) -> T) -> Result<T, Refusal> {
        self.attempt(|view| Ok(step(view)))
    }

    /// The same for a step that may refuse.
    pub(crate) fn attempt<T>(&self, mut step: impl FnMut(&mut View) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut view = View::default();
        let outcome = loop {
            view.restart();
            let outcome = view.take(&mut step);
            if view.is_complete() {
                break outcome?;
            }
            let Missing { keys, listings } = view.missing();
            for key in keys {
                let row = self.rows.borrow().get(&key).map(ToString::to_string);
                view.learn(&key, row);
            }
            for listing in listings {
                let rows = self.list(&listing);
                view.learn_listing(listing, rows);
            }
        };
        let changes = view.changed();
        self.writes.set(self.writes.get() + usize::from(!changes.is_empty()));
        let mut rows = self.rows.borrow_mut();
        for (key, value) in changes.iter() {
            match value {
                Some(value) => rows.insert(key.to_owned(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(outcome)
    }

    /// Begins the purchase of a number, whose record it then is.
    pub(crate) fn begin(&self, number: u64, url: &str, scopes: &[String]) -> Record {
        let draft = draft(number, url, scopes);
        match self.attempt(|view| begin(view, &draft, &Here::default())) {
            Ok(Begun::Entered(record)) => Record::clone(&record),
            _ => panic!("it was not let in"),
        }
    }

    /// The keys that begin with this.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        self.rows.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// The one row whose key begins with this.
    pub(crate) fn row(&self, prefix: &str) -> String {
        let rows = self.rows.borrow();
        let mut found = rows.iter().filter(|(key, _)| key.starts_with(prefix));
        let row = found.next().unwrap().1.to_string();
        assert!(found.next().is_none());
        row
    }
}
