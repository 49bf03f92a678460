//! The sessions of MPP at an origin: deposits that many requests draw on. One row for each origin holds them.
//!
//! A deposit is a payment like any other. It is in this row from its proof on, in the place of a token. It counts as
//! spent until the wallet says that some of it came back.

use crate::error::{Code, Error};
use crate::ledger::counts::Counts;
use crate::ledger::key;
use crate::ledger::limits::sat;
use crate::ledger::record::Record;
use crate::ledger::token::Token;
use crate::ledger::view::{Listing, View};
use crate::text::encoding::concat;
use crate::text::members::{Members, Row};
use crate::wire::mpp;
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// For so many seconds a refund may come: an invoice for one lives 30 days.
const REFUNDED_WITHIN_S: u64 = 31 * 86_400;
/// How many closed sessions a row keeps whose refund has not come. The oldest are dropped.
const MOST_CLOSED: usize = 20;
/// Rows that are read at once.
const PAGE: usize = 100;

/// What became of a deposit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Stage {
    /// It was paid, and no server has accepted it yet.
    #[default]
    Paid,
    /// It has opened a session.
    Open,
    /// It was added to a session.
    Added,
    /// Its session was closed. A refund may come.
    Closed,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Paid, Self::Open, Self::Added, Self::Closed];
    const NAMES: [&'static str; 4] = ["paid", "open", "added", "closed"];
}

/// A deposit.
#[derive(Clone, Default)]
pub struct Deposit {
    /// What shows it to the server: see [`mpp::Deposit`].
    pub token: Token,
    /// What became of it.
    pub stage: Stage,
    /// What the server said that it refunds, in satoshis, once it has closed the session. `None`: it said nothing.
    pub refund_sat: Option<u64>,
    /// What came back of the session, in millisatoshis, by the wallet's own records.
    pub received_msat: u64,
}

impl Deposit {
    /// The payment hash of the deposit.
    #[must_use]
    pub fn hash(&self) -> PaymentHash {
        self.token.payment.payment_hash
    }

    /// The session that it belongs to. Until a server has added it to one it belongs to none but its own, which it may
    /// open where the other is over.
    #[must_use]
    pub fn session(&self) -> PaymentHash {
        if self.stage == Stage::Paid {
            return self.hash();
        }
        self.token.payment.session.unwrap_or_else(|| self.hash())
    }

    /// What it is kept with.
    #[must_use]
    pub fn terms(&self) -> Option<mpp::Deposit> {
        mpp::Deposit::parse(&self.token.token)
    }

    /// The offer that it was paid by.
    #[must_use]
    pub fn offer(&self) -> Option<mpp::Session> {
        mpp::Session::of_token(&self.token.token)
    }

    /// Whether it may be used with a server's challenges of this realm.
    #[must_use]
    pub fn is_of(&self, realm: &str) -> bool {
        self.stage != Stage::Closed && self.offer().is_some_and(|offer| offer.realm == realm)
    }

    /// Whether it is closed and has nothing more to come.
    fn is_done(&self, now_s: u64) -> bool {
        self.stage == Stage::Closed
            && match self.refund_sat {
                Some(sat) if self.received_msat >= sat.saturating_mul(1000) => true,
                None if self.received_msat > 0 => true,
                _ => self.token.payment.settled_at.is_none_or(|at| now_s > at.saturating_add(REFUNDED_WITHIN_S)),
            }
    }
}

impl Row for Deposit {
    fn members(&mut self, row: &mut Members<'_>) {
        self.token.members(row);
        let mut stage = Some(self.stage as usize);
        row.one_of("stage", &mut stage, &Stage::NAMES);
        self.stage = row.expect(stage.and_then(|at| Stage::ALL.get(at).copied()));
        row.optional_number("refundSat", &mut self.refund_sat);
        row.count("receivedMsat", &mut self.received_msat);
    }
}

/// The row of an origin, in the order of payment.
#[derive(Default)]
struct Deposits(Vec<Deposit>);

impl Row for Deposits {
    fn members(&mut self, row: &mut Members<'_>) {
        row.list("deposits", &mut self.0);
    }
}

/// A purchase of a deposit: what its call knows of the sessions there.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Draw {
    /// The server's name for what its sessions are good for.
    pub realm: String,
    /// The deposits that the call has tried in vain, or waited for, as they were.
    pub known: Vec<(PaymentHash, Stage)>,
    /// The session that the deposit is for, if it is for an open one.
    pub adds_to: Option<PaymentHash>,
}

/// What a server's answer says of a deposit or its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// The deposit opened a session.
    Opened,
    /// The deposit was added to its session.
    Added,
    /// The deposit was not added: its session is over. It may open another.
    NotAdded,
    /// The deposit opened nothing.
    Refused,
    /// The session was drawn on, and the server says that it is over.
    Over,
    /// The session was closed. What is refunded, in satoshis, if the server says so.
    Closed(Option<u64>),
}

/// The deposits at an origin.
#[must_use]
pub fn deposits(view: &mut View, origin: &str) -> Vec<Deposit> {
    view.read::<Deposits>(&key::session(origin)).0
}

/// The same, or a page of those at all origins, and the key that the next page begins after.
pub(crate) fn page(view: &mut View, origin: Option<&str>, after: Option<&str>) -> (Vec<Deposit>, Option<String>) {
    if let Some(origin) = origin {
        return (deposits(view, origin), None);
    }
    let (prefix, after) = (key::SESSIONS.to_owned(), after.map(str::to_owned));
    let keys = view.list(Listing { prefix, after, limit: PAGE, reverse: false });
    let mut found = Vec::new();
    for key in &*keys {
        found.append(&mut view.read::<Deposits>(key).0);
    }
    (found, keys.last().filter(|_| keys.len() == PAGE).cloned())
}

/// The deposits of a realm whose sessions are not closed.
#[must_use]
pub fn of_realm(view: &mut View, origin: &str, realm: &str) -> Vec<Deposit> {
    let mut found = deposits(view, origin);
    found.retain(|deposit| deposit.is_of(realm));
    found
}

/// What has changed since a call looked: a deposit that it has not tried as it is now.
pub(crate) fn news(view: &mut View, origin: &str, draw: &Draw) -> Option<Token> {
    let found = of_realm(view, origin, &draw.realm);
    let news = found.into_iter().find(|deposit| !draw.known.contains(&(deposit.hash(), deposit.stage)));
    news.map(|deposit| deposit.token)
}

/// The deposit of a payment hash.
pub(crate) fn find(view: &mut View, origin: &str, hash: &PaymentHash) -> Option<Deposit> {
    deposits(view, origin).into_iter().find(|deposit| deposit.hash() == *hash)
}

/// Adds a deposit that was just proven.
pub(crate) fn put(view: &mut View, token: &Token, now_ms: u64) {
    let key = key::session(token.payment.url.origin());
    let mut row: Deposits = view.read(&key);
    drop_done(&mut row.0, now_ms / 1000);
    row.0.push(Deposit { token: token.clone(), ..Deposit::default() });
    view.put(&key, &mut row);
}

/// Drops sessions that are closed and have nothing more to come, with what was added to them.
fn drop_done(all: &mut Vec<Deposit>, now_s: u64) {
    let closed = all.iter().filter(|deposit| deposit.stage == Stage::Closed);
    let mut too_many = closed.count().saturating_sub(MOST_CLOSED);
    let mut gone = Vec::new();
    for deposit in all.iter().filter(|deposit| deposit.stage == Stage::Closed) {
        if deposit.is_done(now_s) || too_many > 0 {
            too_many = too_many.saturating_sub(1);
            gone.push(deposit.hash());
        }
    }
    all.retain(|deposit| !gone.contains(&deposit.session()));
}

/// Checks that a deposit fits beside the others at its origin, in millisatoshis.
///
/// # Errors
/// [`Code::OverLimit`]
pub(crate) fn check(view: &mut View, record: &Record, most_msat: u64) -> Result<(), Error> {
    let all = deposits(view, record.payment.url.origin());
    let is_over =
        |session: PaymentHash| all.iter().any(|deposit| deposit.hash() == session && deposit.stage == Stage::Closed);
    let open = all.iter().filter(|deposit| !is_over(deposit.session()));
    let held = open.fold(0_u64, |sum, deposit| sum.saturating_add(deposit.token.payment.amount_msat));
    let amount = record.payment.amount_msat;
    if held.saturating_add(amount) <= most_msat {
        return Ok(());
    }
    let text = concat(&[
        "a deposit of ",
        &sat(amount),
        " sat would exceed sessions.maxDeposit of ",
        &sat(most_msat),
        " sat: ",
        &sat(held),
        " are in open sessions at this origin; closeSessions() gets back what is left of them",
    ]);
    Err(Error::new(Code::OverLimit, text))
}

/// Notes what a server's answer says.
pub fn note(view: &mut View, origin: &str, hash: &PaymentHash, said: Said) {
    let key = key::session(origin);
    let mut row: Deposits = view.read(&key);
    let mut over = None;
    let Some(deposit) = row.0.iter_mut().find(|deposit| deposit.hash() == *hash) else { return };
    match (said, deposit.stage) {
        (Said::Opened, Stage::Paid) => {
            deposit.stage = Stage::Open;
            let earlier = deposit.session();
            // It was paid for a session that turned out to be over.
            if earlier != *hash {
                deposit.token.payment.session = Some(*hash);
                over = Some(earlier);
            }
        }
        (Said::Added, Stage::Paid) => deposit.stage = Stage::Added,
        (Said::NotAdded, Stage::Paid) => {
            let Some(terms) = deposit.terms() else { return };
            deposit.token.token = mpp::Deposit { adds_to: None, ..terms }.token();
        }
        (Said::Refused, Stage::Paid) => {
            deposit.token.own_refusals = deposit.token.own_refusals.saturating_add(1);
        }
        (Said::Over, Stage::Open) => deposit.stage = Stage::Closed,
        (Said::Closed(refund_sat), Stage::Open | Stage::Paid) => {
            deposit.stage = Stage::Closed;
            deposit.refund_sat = refund_sat;
        }
        _ => return,
    }
    if let Some(over) = over {
        let record: Option<Record> = view.find(&key::payment(hash));
        if let Some(mut record) = record {
            record.payment.session = Some(*hash);
            view.put(&key::payment(hash), &mut record);
        }
        if let Some(earlier) = row.0.iter_mut().find(|deposit| deposit.hash() == over) {
            earlier.stage = Stage::Closed;
        }
    }
    view.put(&key, &mut row);
}

/// Counts what the wallet says that it has received of a closed session, in millisatoshis: so much less was spent.
/// What was paid last came back first.
pub fn refunded(view: &mut View, origin: &str, session: &PaymentHash, msat: u64, now_ms: u64) {
    let key = key::session(origin);
    let mut row: Deposits = view.read(&key);
    let deposit = row.0.iter_mut().find(|deposit| deposit.hash() == *session && deposit.stage == Stage::Closed);
    let Some(deposit) = deposit else { return };
    let mut news = msat.saturating_sub(deposit.received_msat);
    deposit.received_msat = deposit.received_msat.max(msat);
    for paid in row.0.iter().rev().filter(|paid| paid.session() == *session) {
        let before: Option<Record> = view.find(&key::payment(&paid.hash()));
        let Some(before) = before.filter(|_| news > 0) else { continue };
        let mut after = before.clone();
        let back = news.min(before.amounts().spent);
        after.payment.refunded_msat = after.payment.refunded_msat.saturating_add(back);
        news = news.saturating_sub(back);
        let mut counts = Counts::of(view, &before, now_ms);
        counts.change(view, Some(&before), Some(&after), now_ms);
        counts.write(view);
        view.put(&key::payment(&paid.hash()), &mut after);
    }
    drop_done(&mut row.0, now_ms / 1000);
    view.put(&key, &mut row);
}

/// Forgets what was paid and never accepted: the next call may pay again.
pub(crate) fn forget(view: &mut View, key: &str) {
    let mut row: Deposits = view.read(key);
    let before = row.0.len();
    row.0.retain(|deposit| deposit.stage != Stage::Paid);
    if row.0.len() != before {
        view.put(key, &mut row);
    }
}

/// What a call that finds no session pays for: nothing, where a deposit was paid and opened none.
pub(crate) fn dishonored(found: &[Deposit]) -> Option<Rc<Token>> {
    // It was shown by now, also where its refusal could not be written.
    let refused = |deposit: &&Deposit| deposit.stage == Stage::Paid;
    found.iter().find(refused).map(|deposit| Rc::new(deposit.token.clone()))
}
