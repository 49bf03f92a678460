//! The step that begins a purchase. It makes the reservation and, in the same write, every check whose result can
//! change with time.

use crate::error::{Code, Error};
use crate::ledger::acceptance::Unaccepted;
use crate::ledger::counts::{Counts, Levels};
use crate::ledger::dispatch::Dispatch;
use crate::ledger::key;
use crate::ledger::lease::grant;
use crate::ledger::origin_row::Lessons;
use crate::ledger::own;
use crate::ledger::payment::{payment_unknown, Payment, State};
use crate::ledger::record::Record;
use crate::ledger::refusal::Refusal;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::view::{Listing, Stop, View};
use crate::wire::challenge::Protocol;
use crate::wire::payment_hash::PaymentHash;

/// An invoice that expires within this time counts as expired: the wallet needs some seconds to pay.
const LEAST_TIME_TO_PAY_S: u64 = 5;
/// How many open payments of an origin are checked before another is begun there.
const MOST_OPEN: usize = 100;

/// The offer that is bought, and the request.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The request.
    pub resource: Resource<'a>,
    /// The payment hash of the invoice.
    pub payment_hash: PaymentHash,
    /// Millisatoshis, without the fee.
    pub amount_msat: u64,
    /// How the offer is answered.
    pub protocol: Protocol,
    /// As the server sent it.
    pub token: &'a str,
    /// As the server sent it.
    pub invoice: &'a str,
    /// Unix seconds.
    pub invoice_expires_at: u64,
    /// The description in the invoice.
    pub description: Option<&'a str>,
}

/// The purchase that begins, and what is known beside the rows.
#[derive(Clone, Copy)]
pub struct Buyer<'a> {
    /// The unique name of the purchase.
    pub owner: &'a str,
    /// The id of the wallet that will be asked.
    pub wallet_id: Option<&'a str>,
    /// Limits of the client and its scopes.
    pub levels: Levels<'a>,
    /// The names of the scopes, outermost first.
    pub scopes: &'a [String],
    /// Whether the amount is only reserved, because `approve` is asked before the wallet.
    pub only_reserve: bool,
    /// Millisatoshis: the fee reserve that `approve` consented to. `None` if it was not asked.
    pub approved_fee_msat: Option<u64>,
    /// Whether the lease of an owner has lapsed. It takes the owner and the text of the lease's row.
    pub has_lapsed: &'a dyn Fn(&str, Option<&str>) -> bool,
    /// Whether a token of the origin, by its payment hash, has been tried or passed over already.
    pub is_considered: &'a dyn Fn(&PaymentHash) -> bool,
    /// What this instance has learnt of the origin's tokens.
    pub lessons: Lessons,
    /// Milliseconds for which the lease holds.
    pub lease_ms: u64,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// How a purchase begins.
pub enum Begun {
    /// It is only reserved if [`Buyer::only_reserve`] says so. Otherwise it may be sent.
    Entered(Box<Record>),
    /// This token opens the resource. Nothing has to be bought.
    Bought(Box<Token>),
    /// This open payment stands in the way.
    Standing(Box<Record>),
}

/// Begins a purchase, or turns its reservation into an order. If the step runs again after its changes were written, it
/// finds its own record and changes nothing.
///
/// # Errors
/// [`Stop::Unread`] if rows are missing. [`Stop::Refused`] with [`Code::NotHonored`], [`Code::InvoiceExpired`],
/// [`Code::HashMismatch`], [`Code::PaymentUnknown`], [`Code::OverLimit`] or [`Code::StoreFailed`].
pub fn begin(view: &mut View, order: &Order<'_>, buyer: &Buyer<'_>) -> Result<Begun, Stop> {
    let Order { resource, payment_hash, .. } = *order;
    let payment_key = key::payment(&payment_hash);
    let Resource { method, url, .. } = resource;
    let open_key = key::open(url.origin(), method, url.as_str());
    let path_key = key::path(url.origin(), method, url.path());
    let token_key = key::token(url.origin(), method, url.as_str());
    let counts_keys = Counts::keys(url.origin(), buyer.scopes);
    let all = [payment_key.as_str(), &open_key, &path_key, &token_key];
    view.need(all.into_iter().chain(counts_keys.iter().map(String::as_str)))?;

    let known = view.read(&payment_key, Record::read)?;
    let own = known.as_ref().filter(|known| known.owner == buyer.owner && known.is_unsettled());
    if let Some(own) = own.filter(|own| own.is_reserved == buyer.only_reserve) {
        return Ok(Begun::Entered(Box::new(own.clone())));
    }
    let mut counts = Counts::read(view, resource.url.origin(), buyer.scopes)?;
    counts.origin.lessons = counts.origin.lessons.and(buyer.lessons);
    if own.is_none() {
        if let Some(token) = own::sold(view, &resource, &counts.origin, buyer.is_considered, buyer.now_ms)? {
            return Ok(Begun::Bought(Box::new(token)));
        }
        if let Some(standing) = standing(view, order, buyer, &mut counts)? {
            return Ok(Begun::Standing(Box::new(standing)));
        }
        check_acceptance(view, &path_key, buyer.now_ms)?;
    }
    check_expiry(order.invoice_expires_at, buyer.now_ms)?;
    if own.is_none() {
        // A reservation for this very invoice may just have been released.
        if let Some(known) = &view.read(&payment_key, Record::read)? {
            if let Some(token) = known_hash(view, known, order, &mut counts)? {
                return Ok(Begun::Bought(Box::new(token)));
            }
        }
    }
    let max_fee_msat = match own {
        Some(own) => own.max_fee_msat,
        None => match counts.reserve(buyer.levels, order.amount_msat, buyer.now_ms) {
            Ok(max_fee_msat) => max_fee_msat,
            Err(error) => {
                if !release_lapsed(view, buyer, resource.url.origin(), &mut counts)? {
                    return Err(error.into());
                }
                counts.reserve(buyer.levels, order.amount_msat, buyer.now_ms)?
            }
        },
    };
    let started_at_ms = counts.next_time(buyer.now_ms);
    let record = Record {
        payment: Payment {
            payment_hash,
            url: url.clone(),
            protocol: order.protocol,
            amount_msat: order.amount_msat,
            fee_msat: 0,
            state: State::Pending,
            started_at: started_at_ms / 1000,
            settled_at: None,
        },
        method: resource.method.to_owned(),
        token: order.token.to_owned(),
        preimage: None,
        max_fee_msat: max_fee_msat.min(buyer.approved_fee_msat.unwrap_or(max_fee_msat)),
        started_at_ms,
        invoice: order.invoice.to_owned(),
        invoice_expires_at: order.invoice_expires_at,
        description: order.description.map(str::to_owned),
        scopes: buyer.scopes.to_vec(),
        owner: buyer.owner.to_owned(),
        is_reserved: buyer.only_reserve,
        dispatch: Dispatch {
            wallet_id: buyer.wallet_id.map(str::to_owned),
            failures: known.as_ref().map_or(0, |known| known.dispatch.failures),
            ..Dispatch::default()
        },
    };
    // A failed record counts for nothing, but its indexes still list it.
    for index in known.iter().flat_map(Record::indexes) {
        view.delete(index);
    }
    counts.change(own, Some(&record), u64::from(!record.is_reserved), buyer.now_ms);
    counts.write(view)?;
    if !record.is_reserved {
        record.indexes().into_iter().for_each(|index| view.mark(index));
    }
    view.put(&payment_key, |row| record.write(row))?;
    view.put(&open_key, |row| {
        payment_hash.write(row);
        row.text("owner", Some(buyer.owner));
    })?;
    grant(view, &key::lease(buyer.owner), buyer.lease_ms);
    Ok(Begun::Entered(Box::new(record)))
}

/// The open payment that stands in the way of this purchase. Reservations whose lease has lapsed are released on the
/// way. Forgotten payments ([`Record::is_forgotten`]) stand in nobody's way.
fn standing(
    view: &mut View,
    order: &Order<'_>,
    buyer: &Buyer<'_>,
    counts: &mut Counts,
) -> Result<Option<Record>, Stop> {
    let Order { resource, .. } = *order;
    let mut keys = vec![key::open(resource.url.origin(), resource.method, resource.url.as_str())];
    if counts.origin.lessons.is_shared() {
        let prefix = key::open_at(resource.url.origin());
        let listing = Listing { prefix, after: None, limit: MOST_OPEN, reverse: false };
        keys.extend(view.list(&listing)?.into_iter().map(|(key, _)| key));
    }
    for open_key in keys {
        let Some((hash, owner)) = view.read(&open_key, |row| (PaymentHash::read(row), row.text("owner")))? else {
            continue;
        };
        let payment_key = key::payment(&hash);
        let lease_key = key::lease(&owner);
        view.need([payment_key.as_str(), &lease_key])?;
        let Some(record) = view.read(&payment_key, Record::read)? else { continue };
        let is_its = record.owner == owner && record.is_unsettled();
        if !is_its || record.is_forgotten(buyer.now_ms) {
            view.delete(open_key);
            continue;
        }
        let lease = view.text(&lease_key)?;
        if record.is_reserved && (buyer.has_lapsed)(&owner, lease.as_deref()) {
            release(view, &record, resource.url.origin(), counts, buyer)?;
            for key in [open_key, payment_key, lease_key] {
                view.delete(key);
            }
            continue;
        }
        return Ok(Some(record));
    }
    Ok(None)
}

/// Where a limit would refuse: releases what was reserved anywhere by owners that are gone. Whether that is anything.
fn release_lapsed(view: &mut View, buyer: &Buyer<'_>, origin: &str, counts: &mut Counts) -> Result<bool, Stop> {
    let listing = Listing { prefix: key::OPEN.to_owned(), after: None, limit: MOST_OPEN, reverse: false };
    let open: Vec<String> = view.list(&listing)?.into_iter().map(|(key, _)| key).collect();
    view.need(open.iter().map(String::as_str))?;
    let mut found = Vec::with_capacity(open.len());
    for open_key in open {
        if let Some((hash, owner)) = view.read(&open_key, |row| (PaymentHash::read(row), row.text("owner")))? {
            found.push((open_key, key::payment(&hash), key::lease(&owner), owner));
        }
    }
    view.need(found.iter().flat_map(|(_, payment_key, lease_key, _)| [payment_key.as_str(), lease_key]))?;
    let mut is_any = false;
    for (open_key, payment_key, lease_key, owner) in found {
        let Some(record) = view.read(&payment_key, Record::read)? else { continue };
        let lease = view.text(&lease_key)?;
        if record.is_reserved && record.owner == owner && (buyer.has_lapsed)(&owner, lease.as_deref()) {
            release(view, &record, origin, counts, buyer)?;
            for key in [open_key, payment_key, lease_key] {
                view.delete(key);
            }
            is_any = true;
        }
    }
    Ok(is_any)
}

/// Takes a reservation out of the sums. It may stand in others than those of this purchase.
fn release(view: &mut View, record: &Record, origin: &str, counts: &mut Counts, buyer: &Buyer<'_>) -> Result<(), Stop> {
    if record.scopes == buyer.scopes && record.payment.url.origin() == origin {
        counts.change(Some(record), None, 0, buyer.now_ms);
        return Ok(());
    }
    counts.write(view)?;
    let mut theirs: Counts = Counts::read(view, record.payment.url.origin(), &record.scopes)?;
    theirs.change(Some(record), None, 0, buyer.now_ms);
    theirs.write(view)?;
    *counts = Counts::read(view, origin, buyer.scopes)?;
    Ok(())
}

fn check_acceptance(view: &mut View, path_key: &str, now_ms: u64) -> Result<(), Stop> {
    let path = view.read(path_key, Unaccepted::read)?.unwrap_or_default();
    let Some(payment_hash) = path.dishonored(now_ms) else { return Ok(()) };
    let payment = view.read(&key::payment(payment_hash), Record::read)?.map(|record| Box::new(record.payment));
    Err(Stop::Refused(Refusal { error: Error::new(Code::NotHonored, not_honored_text()), payment }))
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
    let text = "the invoice has expired, or will within 5 s: ask again for a fresh one, and check this machine's clock";
    Err(Error::new(Code::InvoiceExpired, text))
}

/// Decides about an invoice whose hash is in the ledger. If it was paid at this origin, its token is used again. If it
/// belongs to another origin, it is refused: this server would learn the preimage.
fn known_hash(view: &mut View, known: &Record, order: &Order<'_>, counts: &mut Counts) -> Result<Option<Token>, Stop> {
    let refused = |error| Err(Stop::Refused(Refusal { error, payment: Some(Box::new(known.payment.clone())) }));
    if known.payment.url.origin() != order.resource.url.origin() {
        let text = "this invoice was already paid for another origin: don't trust this server";
        return refused(Error::new(Code::HashMismatch, text));
    }
    match known.payment.state {
        State::Pending | State::Unknown => refused(payment_unknown("the wallet was asked to pay this invoice before")),
        State::Failed => Ok(None),
        State::Paid => {
            let method = order.resource.method.to_owned();
            let token = Token::new(known.payment.clone(), method, order.token.to_owned(), known.preimage.clone());
            let token = token.bought_for(order.resource.url);
            own::put(view, &token, order.resource.url.path(), &mut counts.origin)?;
            counts.write(view)?;
            Ok(Some(token))
        }
    }
}
