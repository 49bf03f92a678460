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
/// How many sessions that are over a row keeps whose refund has not come. The oldest are dropped.
const MOST_ENDED: usize = 10;
/// How many of the deposits that were added to a session are known by name. A refund is taken off the newest.
const MOST_ADDED: usize = 100;
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
    /// Its session is over, as its server says or behaves. A refund may come.
    Over,
    /// Its session was closed by us. A refund may come.
    Closed,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Paid, Self::Open, Self::Over, Self::Closed];
    const NAMES: [&'static str; 4] = ["paid", "open", "over", "closed"];

    /// Whether its session has ended.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Over | Self::Closed)
    }
}

/// A deposit, and what was added to the session that it has opened.
#[derive(Clone, Default)]
pub struct Deposit {
    /// What shows it to the server: see [`mpp::Deposit`].
    pub token: Token,
    /// What became of it.
    pub stage: Stage,
    /// Millisatoshis that were added to its session.
    pub added_msat: u64,
    /// The payment hashes (hex) of the newest deposits that were added.
    added: Vec<String>,
    /// Whether its session gave more than the answer that opened it.
    is_drawn: bool,
    /// What the server said that it refunds, in satoshis, once it has closed the session. `None`: it said nothing.
    pub refund_sat: Option<u64>,
    /// What came back of the session, in millisatoshis, by the wallet's own records. `None`: it was not asked, or can't
    /// tell.
    pub received_msat: Option<u64>,
}

/// A deposit as a call has seen it: its payment hash, its stage, and what was added by then.
pub type Mark = (PaymentHash, Stage, u64);

impl Deposit {
    /// The payment hash of the deposit: the name of the session that it opens.
    #[must_use]
    pub fn hash(&self) -> PaymentHash {
        self.token.payment.payment_hash
    }

    /// As it is now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        (self.hash(), self.stage, self.added_msat)
    }

    /// Whether it may have an open session of its own. One that was refused may have opened it when its answer was
    /// lost.
    #[must_use]
    pub fn may_be_open(&self) -> bool {
        match self.stage {
            Stage::Open => true,
            Stage::Paid => self.terms().is_some_and(|terms| terms.adds_to.is_none()),
            Stage::Over | Stage::Closed => false,
        }
    }

    /// Millisatoshis of all deposits of its session.
    #[must_use]
    pub fn total_msat(&self) -> u64 {
        self.token.payment.amount_msat.saturating_add(self.added_msat)
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
        !self.stage.is_ended() && self.offer().is_some_and(|offer| offer.realm == realm)
    }

    /// Whether its session has ended, has given nothing, and nothing is known to have come back.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.stage.is_ended()
            && !self.is_drawn
            && self.refund_sat != Some(0)
            && self.received_msat.is_none_or(|msat| msat == 0)
    }

    /// Whether it counts for the most that may be in the sessions of an origin. What a server has kept counts on. Where
    /// the wallet can't tell, nobody knows that.
    fn counts(&self) -> bool {
        !self.stage.is_ended() || (self.is_missing() && self.received_msat.is_some())
    }

    /// Whether it is over and has nothing more to come.
    fn is_done(&self, now_s: u64) -> bool {
        let received = self.received_msat.unwrap_or(0);
        self.stage.is_ended()
            && match self.refund_sat {
                Some(sat) if received >= sat.saturating_mul(1000) => true,
                None if received > 0 => true,
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
        row.count("addedMsat", &mut self.added_msat);
        row.words("added", &mut self.added);
        row.boolean("drawn", &mut self.is_drawn);
        row.optional_number("refundSat", &mut self.refund_sat);
        row.optional_number("receivedMsat", &mut self.received_msat);
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
    pub known: Vec<Mark>,
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
    /// The session gave something: it was drawn on, or it opened with a stream.
    Drawn,
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

impl Draw {
    /// What has changed since the call looked: a deposit that it has not tried as it is now.
    #[must_use]
    pub fn news(&self, deposits: &[Deposit]) -> Option<Token> {
        let is_news = |deposit: &&Deposit| deposit.is_of(&self.realm) && !self.known.contains(&deposit.mark());
        deposits.iter().find(is_news).map(|deposit| deposit.token.clone())
    }
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

/// Drops sessions that are over and have nothing more to come.
fn drop_done(all: &mut Vec<Deposit>, now_s: u64) {
    let mut too_many = all.iter().filter(|deposit| deposit.stage.is_ended()).count().saturating_sub(MOST_ENDED);
    all.retain(|deposit| {
        let may_go = deposit.is_done(now_s) || too_many > 0;
        let goes = deposit.stage.is_ended() && may_go;
        too_many = too_many.saturating_sub(usize::from(goes));
        !goes
    });
}

/// Checks that a deposit fits beside the others at its origin, in millisatoshis.
///
/// # Errors
/// [`Code::OverLimit`]
pub(crate) fn check(view: &mut View, record: &Record, most_msat: u64) -> Result<(), Error> {
    let all = deposits(view, record.payment.url.origin());
    let held = all.iter().filter(|deposit| deposit.counts());
    let held = held.fold(0_u64, |sum, deposit| sum.saturating_add(deposit.total_msat()));
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
    let Some(at) = row.0.iter().position(|deposit| deposit.hash() == *hash) else { return };
    let Some(deposit) = row.0.get_mut(at) else { return };
    // It was paid for another session than that which it may open.
    let other = deposit.token.payment.session.filter(|session| session != hash);
    match (said, deposit.stage) {
        (Said::Opened | Said::Drawn, Stage::Paid) => {
            deposit.stage = Stage::Open;
            deposit.is_drawn = said == Said::Drawn;
            if let Some(other) = other {
                deposit.token.payment.session = Some(*hash);
                move_payment(view, hash);
                let over = row.0.iter_mut().find(|over| over.hash() == other && over.stage == Stage::Open);
                if let Some(over) = over {
                    over.stage = Stage::Over;
                }
            }
        }
        (Said::Drawn, Stage::Open) if !deposit.is_drawn => deposit.is_drawn = true,
        (Said::Added, Stage::Paid) => {
            let (amount_msat, name) = (deposit.token.payment.amount_msat, hash.to_hex());
            row.0.remove(at);
            if let Some(session) = row.0.iter_mut().find(|session| Some(session.hash()) == other) {
                session.added_msat = session.added_msat.saturating_add(amount_msat);
                session.added.push(name);
                if session.added.len() > MOST_ADDED {
                    session.added.remove(0);
                }
            }
        }
        (Said::NotAdded, Stage::Paid) => {
            let Some(terms) = deposit.terms() else { return };
            deposit.token.token = mpp::Deposit { adds_to: None, ..terms }.token();
        }
        (Said::Refused, Stage::Paid) => {
            deposit.token.own_refusals = deposit.token.own_refusals.saturating_add(1);
        }
        (Said::Over, Stage::Open) => deposit.stage = Stage::Over,
        (Said::Closed(refund_sat), Stage::Open | Stage::Paid | Stage::Over) => {
            deposit.stage = Stage::Closed;
            deposit.refund_sat = refund_sat;
        }
        _ => return,
    }
    view.put(&key, &mut row);
}

/// Notes in the row of a payment that it has opened a session of its own.
fn move_payment(view: &mut View, hash: &PaymentHash) {
    let record: Option<Record> = view.find(&key::payment(hash));
    if let Some(mut record) = record {
        record.payment.session = Some(*hash);
        view.put(&key::payment(hash), &mut record);
    }
}

/// Counts what the wallet says that it has received of a session that is over, in millisatoshis: so much less was
/// spent. What was paid last came back first.
pub fn refunded(view: &mut View, origin: &str, session: &PaymentHash, msat: u64, now_ms: u64) {
    let key = key::session(origin);
    let mut row: Deposits = view.read(&key);
    let deposit = row.0.iter_mut().find(|deposit| deposit.hash() == *session && deposit.stage.is_ended());
    let Some(deposit) = deposit.filter(|deposit| deposit.received_msat < Some(msat)) else { return };
    let mut news = msat.saturating_sub(deposit.received_msat.unwrap_or(0));
    deposit.received_msat = Some(msat);
    let added = deposit.added.iter().rev().filter_map(|hash| PaymentHash::parse(hash).ok());
    for hash in added.chain([*session]) {
        let before: Option<Record> = view.find(&key::payment(&hash));
        let Some(before) = before.filter(|_| news > 0) else { continue };
        let mut after = before.clone();
        let back = news.min(before.amounts().spent);
        after.payment.refunded_msat = after.payment.refunded_msat.saturating_add(back);
        news = news.saturating_sub(back);
        let mut counts = Counts::of(view, &before, now_ms);
        counts.change(view, Some(&before), Some(&after), now_ms);
        counts.write(view);
        view.put(&key::payment(&hash), &mut after);
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
