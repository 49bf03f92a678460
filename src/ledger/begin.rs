//! The step that begins a purchase. It makes the reservation and, in the same write, every check whose result can
//! change with time.

use crate::error::{Code, Error};
use crate::ledger::acceptance::Unaccepted;
use crate::ledger::counts::Counts;
use crate::ledger::instance::Instance;
use crate::ledger::key;
use crate::ledger::lease::lease_of;
use crate::ledger::lessons::Lessons;
use crate::ledger::level::{Booked, Levels};
use crate::ledger::lock::Lock;
use crate::ledger::own;
use crate::ledger::payment::{payment_unknown, Payment, State};
use crate::ledger::record::Record;
use crate::ledger::refusal::Refusal;
use crate::ledger::resource::Resource;
use crate::ledger::session::{self, Draw, Stage};
use crate::ledger::settle::{end, enter};
use crate::ledger::token::Token;
use crate::ledger::view::{Listing, View};
use crate::text::encoding::concat;
use crate::wire::credential::Brought;
use crate::wire::payment_hash::PaymentHash;
use std::rc::Rc;

/// An invoice that expires within this time counts as expired: the wallet needs some seconds to pay.
const LEAST_TIME_TO_PAY_S: u64 = 5;
/// How many open payments of an origin are checked before another is begun there.
const MOST_OPEN: usize = 100;

/// The purchase that begins, and what is known beside the rows.
#[derive(Clone)]
pub struct Draft {
    /// The payment as it is to be entered. The step decides its fee reserve and its time. If it is
    /// [reserved](Record::is_reserved), `approve` is asked before the wallet.
    pub record: Record,
    /// Whether the request can be sent again. Only then is another resource's token tried.
    pub is_replayable: bool,
    /// The headers that the caller has set. A token that would go there is not tried.
    pub brought: Brought,
    /// Limits of the client and its scopes.
    pub levels: Levels,
    /// What it counts for by now in scopes without a name.
    pub booked: Rc<Booked>,
    /// Millisatoshis: the fee reserve that `approve` consented to. `None` if it was not asked.
    pub approved_fee_msat: Option<u64>,
    /// What this instance has learnt of the origin's tokens.
    pub lessons: Lessons,
    /// What this instance knows to be unaccepted at the method and path. Its refusals may not be written yet.
    pub unaccepted: Unaccepted,
    /// Payments whose tokens this instance is showing for the first time.
    pub on_trial: Vec<PaymentHash>,
    /// The payment whose proof this purchase has waited for. It waits for no other.
    pub waits_for: Option<PaymentHash>,
    /// Tokens that the instance knew at this [mark](Instance::knew) are passed over.
    pub mark: u32,
    /// The most that may be in open sessions at an origin, in millisatoshis. `None`: sessions are never paid.
    pub max_deposit_msat: Option<u64>,
    /// Of a deposit: what its call knows of the sessions there.
    pub draw: Option<Draw>,
    /// Milliseconds for which the lease holds.
    pub lease_ms: u64,
}

impl Draft {
    fn origin(&self) -> &str {
        self.record.payment.url.origin()
    }

    fn counts(&self, view: &mut View, now_ms: u64) -> Counts {
        let Payment { url, scopes, .. } = &self.record.payment;
        Counts::read(view, url.origin(), scopes, &self.levels, &self.booked, now_ms)
    }
}

/// How a purchase begins.
pub enum Begun {
    /// It is only reserved if its draft was. Otherwise it may be sent.
    Entered(Rc<Record>),
    /// This token opens the resource. Nothing has to be bought.
    Bought(Box<Token>),
    /// Somebody else may be about to show the proof that opens it, which this payment bought.
    Shown(PaymentHash),
    /// This open payment stands in the way.
    Standing(Rc<Record>),
}

/// Begins a purchase, or turns its reservation into an order. If the step runs again after its changes were written, it
/// finds its own record and changes nothing.
///
/// # Errors
/// [`Code::NotHonored`], [`Code::InvoiceExpired`], [`Code::HashMismatch`], [`Code::PaymentUnknown`],
/// [`Code::OverLimit`].
pub fn begin(view: &mut View, draft: &Draft, here: &dyn Instance) -> Result<Begun, Refusal> {
    let Draft { record: entered, levels, .. } = draft;
    let now_ms = here.now_ms();
    let payment_key = key::payment(&entered.payment.payment_hash);
    let known: Option<Record> = view.find(&payment_key);
    let own = known.as_ref().filter(|known| known.owner == entered.owner && known.is_unsettled());
    if let Some(own) = own.filter(|own| own.is_reserved == entered.is_reserved) {
        return Ok(Begun::Entered(Rc::new(own.clone())));
    }
    let mut counts = draft.counts(view, now_ms);
    counts.origin.lessons = counts.origin.lessons.and(draft.lessons);
    if own.is_none() {
        let (method, url) = (&entered.method, &entered.payment.url);
        let resource = Resource { method, url, is_replayable: draft.is_replayable, brought: draft.brought };
        if let Some(token) = own::sold(view, &resource, &counts.origin, draft.mark, here) {
            return Ok(Begun::Bought(Box::new(token)));
        }
        if let Some(draw) = &draft.draw {
            if let Some(token) = draw.news(&session::deposits(view, draft.origin())) {
                return Ok(Begun::Bought(Box::new(token)));
            }
        }
        let left = own::left(view, entered, here);
        if let Some(token) = left.iter().find(|token| token.is_left_alone(now_ms)) {
            return Ok(Begun::Bought(Box::new(token.clone())));
        }
        // Where many processes buy the same, each would wait for all others in turn.
        let mut shown = left.iter().map(|token| token.payment.payment_hash);
        if let Some(hash) = shown.find(|hash| draft.waits_for.is_none_or(|known| known == *hash)) {
            return Ok(Begun::Shown(hash));
        }
        if let Some(standing) = standing(view, draft, here, &mut counts) {
            return Ok(Begun::Standing(Rc::new(standing)));
        }
        check_acceptance(view, draft, now_ms)?;
    }
    check_expiry(entered.last_moment(), now_ms)?;
    let mut record = entered.clone();
    if let Some(own) = own {
        record.max_fee_msat = own.max_fee_msat;
    } else {
        // A reservation for this very invoice may just have been released.
        if let Some(known) = view.find(&payment_key) {
            if let Some(token) = known_hash(view, &known, entered, &mut counts)? {
                return Ok(Begun::Bought(Box::new(token)));
            }
        }
        if draft.draw.is_some() {
            session::check(view, entered, draft.max_deposit_msat.unwrap_or(0))?;
        }
        let amount_msat = entered.payment.amount_msat;
        record.max_fee_msat = counts.reserve(view, levels, amount_msat, now_ms).or_else(|_| {
            release_lapsed(view, draft, here, &mut counts);
            counts.reserve(view, levels, amount_msat, now_ms)
        })?;
    }
    record.max_fee_msat = draft.approved_fee_msat.unwrap_or(u64::MAX).min(record.max_fee_msat);
    record.started_at_ms = counts.next_time(now_ms);
    if let Some(known) = &known {
        record.dispatch.failures = known.dispatch.failures;
        // A failed record counts for nothing, but its indexes still list it.
        view.delete(&known.indexes());
    }
    if record.bound_to.is_some() && record.has_body() {
        counts.origin.lessons.bound = 1;
    }
    counts.change(view, own, Some(&record), now_ms);
    counts.write(view);
    if !record.is_reserved {
        view.mark(&record.indexes());
    }
    enter(view, &mut record, draft.lease_ms);
    Ok(Begun::Entered(Rc::new(record)))
}

/// The open payment that stands in the way of this purchase. Reservations whose lease has lapsed are released on the
/// way. Forgotten orders ([`Record::is_forgotten`]) stand in nobody's way.
fn standing(view: &mut View, draft: &Draft, here: &dyn Instance, counts: &mut Counts) -> Option<Record> {
    let (entered, lessons) = (&draft.record, counts.origin.lessons);
    let is_shared = lessons.is_shared() && entered.bound_to.is_none();
    let others = if is_shared { open_keys(view, key::open_at(draft.origin())) } else { Rc::default() };
    let (own, plain) = (entered.open_key(), entered.resource_key());
    let apart = beside_sessions(draft);
    // A deposit is paid for a request, whose resource may be open for one body.
    let resource = apart.as_ref().filter(|_| draft.draw.is_some()).unwrap_or(&plain);
    let bodies = concat(&[resource, "/"]);
    let of_bodies =
        if entered.has_body() && lessons.bound > 0 { open_keys(view, bodies.clone()) } else { Rc::default() };
    for key in [&own, &plain].into_iter().chain(&*of_bodies).chain(&*others).chain(&apart) {
        let Some((lock, record)) = holder(view, key, draft, here, counts) else { continue };
        if apart.as_ref() == Some(key) && !is_same_resource(&record, entered) {
            continue;
        }
        if *key != own
            && record.bound_to.is_some()
            && !may_be_of(&record, entered, key == resource || key.starts_with(&bodies))
        {
            continue;
        }
        let is_its = record.owner == lock.owner && record.is_unsettled();
        // A reservation whose owner lives may still be sent, however late its clock says it is.
        if is_its && (record.is_reserved || !record.is_forgotten(here.now_ms())) {
            return Some(record);
        }
        view.delete(std::slice::from_ref(key));
    }
    None
}

/// A deposit and what is bought for one resource may be for the same request. The key of the other kind's lock.
fn beside_sessions(draft: &Draft) -> Option<String> {
    let Record { method, payment: Payment { url, .. }, .. } = &draft.record;
    match draft.draw {
        Some(_) => Some(key::open(url.origin(), method, url.as_str())),
        None => draft.max_deposit_msat.map(|_| key::open_session(url.origin())),
    }
}

fn is_same_resource(record: &Record, entered: &Record) -> bool {
    record.method == entered.method && record.payment.url == entered.payment.url
}

/// Whether what is bound to one request may be for the request of this purchase. By one protocol both would be bound to
/// the same.
fn may_be_of(record: &Record, entered: &Record, is_same_resource: bool) -> bool {
    is_same_resource && (entered.bound_to.is_none() || record.payment.protocol != entered.payment.protocol)
}

/// Where a limit would refuse: releases what was reserved anywhere by owners that are gone.
fn release_lapsed(view: &mut View, draft: &Draft, here: &dyn Instance, counts: &mut Counts) {
    for key in &*open_keys(view, key::OPEN.to_owned()) {
        holder(view, key, draft, here, counts);
    }
}

fn open_keys(view: &mut View, prefix: String) -> Rc<Vec<String>> {
    view.list(Listing { prefix, after: None, limit: MOST_OPEN, reverse: false })
}

/// Who holds the lock of a resource, with the payment. A reservation whose owner is gone is released. It holds nothing
/// then.
fn holder(
    view: &mut View,
    key: &str,
    draft: &Draft,
    here: &dyn Instance,
    counts: &mut Counts,
) -> Option<(Lock, Record)> {
    let lock: Lock = view.find(key)?;
    let record: Record = view.find(&key::payment(&lock.payment_hash))?;
    let lease = lease_of(view, &lock.owner);
    if record.is_reserved && record.owner == lock.owner && here.has_lapsed(&lock.owner, lease.as_ref()) {
        release(view, &record, draft, counts, here.now_ms());
        return None;
    }
    Some((lock, record))
}

/// Takes a reservation out of the sums. It may stand in others than those of this purchase.
fn release(view: &mut View, record: &Record, draft: &Draft, counts: &mut Counts, now_ms: u64) {
    end(view, record);
    counts.write(view);
    let mut theirs = Counts::of(view, record, now_ms);
    theirs.change(view, Some(record), None, now_ms);
    theirs.write(view);
    *counts = draft.counts(view, now_ms);
}

fn check_acceptance(view: &mut View, draft: &Draft, now_ms: u64) -> Result<(), Refusal> {
    let Record { payment: Payment { url, .. }, method, .. } = &draft.record;
    let mut unaccepted = draft.unaccepted.clone();
    unaccepted.learn(view.read(&key::path(url.origin(), method, url.path())));
    let unaccepted = unaccepted.without(&draft.on_trial);
    let Some(payment_hash) = unaccepted.dishonored(now_ms) else { return Ok(()) };
    let record: Option<Record> = view.find(&key::payment(payment_hash));
    let payment = record.map(|record| Box::new(record.payment.clone()));
    Err(Refusal { error: Error::new(Code::NotHonored, not_honored_text()), payment })
}

/// Why nothing is bought where what was last paid for was never accepted.
#[must_use]
pub const fn not_honored_text() -> &'static str {
    "what was last paid for here was never accepted: it is kept and tried first at each call, \
     and nothing is paid here before it is accepted, or forget() is called for this origin"
}

/// Checks that there is time to pay an invoice: Unix seconds, Unix milliseconds.
///
/// # Errors
/// [`Code::InvoiceExpired`] if it has expired or expires within 5 s.
pub fn check_expiry(expires_at: u64, now_ms: u64) -> Result<(), Error> {
    if expires_at > (now_ms / 1000).saturating_add(LEAST_TIME_TO_PAY_S) {
        return Ok(());
    }
    let text = "the offer has expired, or will within 5 s: ask again for a fresh one, and check this machine's clock";
    Err(Error::new(Code::InvoiceExpired, text))
}

const OFFERED_AGAIN: &str = "the server offers an invoice again that was paid and used: nothing is paid twice";

/// Decides about an invoice whose hash is in the ledger. If it was paid at this origin, its token is used again. If it
/// belongs to another origin, it is refused: this server would learn the preimage.
fn known_hash(
    view: &mut View,
    known: &Record,
    offered: &Record,
    counts: &mut Counts,
) -> Result<Option<Token>, Refusal> {
    let url = &offered.payment.url;
    let error = match known.payment.state {
        _ if known.payment.url.origin() != url.origin() => {
            let text = "this invoice was already paid for another origin: don't trust this server";
            Error::new(Code::HashMismatch, text)
        }
        State::Pending | State::Unknown => payment_unknown("the wallet was asked to pay this invoice before"),
        State::Failed => return Ok(None),
        State::Paid if offered.payment.protocol.needs_preimage() && known.preimage.is_none() => Error::new(
            Code::NoPreimage,
            "this invoice was paid without a preimage, which this offer needs: find it for resolve()",
        ),
        State::Paid if offered.payment.session.is_some() => {
            let deposit = session::find(view, url.origin(), &known.payment.payment_hash);
            match deposit.filter(|deposit| deposit.stage == Stage::Paid) {
                Some(deposit) => return Ok(Some(deposit.token)),
                None => Error::new(Code::NotHonored, OFFERED_AGAIN),
            }
        }
        State::Paid => {
            let key = key::token(url.origin(), &offered.method, url.as_str());
            if let Some(known) = own::bought_with(view, &key, &known.payment.payment_hash) {
                if known.is_single_use() && known.own_refusals > 0 {
                    let error = Error::new(Code::NotHonored, OFFERED_AGAIN);
                    return Err(Refusal { error, payment: Some(Box::new(known.payment)) });
                }
            }
            let (method, token) = (offered.method.clone(), offered.token.clone());
            // The token is of the new offer, which may be of another protocol.
            let payment = Payment { protocol: offered.payment.protocol, ..known.payment.clone() };
            let token = Token::new(payment, method, token, known.preimage.clone()).bought_for(url);
            own::put(view, &token, url.path(), &mut counts.origin);
            counts.write(view);
            return Ok(Some(token));
        }
    };
    Err(Refusal { error, payment: Some(Box::new(known.payment.clone())) })
}
