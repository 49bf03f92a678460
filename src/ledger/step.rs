//! The steps as data: whatever is asked of the ledger, and what it comes to.

use crate::ledger::begin::{begin, Begun, Draft};
use crate::ledger::certainty::Proof;
use crate::ledger::counts::Counts;
use crate::ledger::forget::forget;
use crate::ledger::habits;
use crate::ledger::instance::Instance;
use crate::ledger::key;
use crate::ledger::lease::renew_lease;
use crate::ledger::level::{book, Booked, Levels};
use crate::ledger::limits::{Remaining, Spent};
use crate::ledger::own::{note, sales, Said, Sales};
use crate::ledger::read::{self, Filter, Leased, Page};
use crate::ledger::record::Record;
use crate::ledger::refusal::Refusal;
use crate::ledger::resource::Resource;
use crate::ledger::session::{self, Deposit};
use crate::ledger::settle::{cancel, repeat, settle_paid, settle_unproven, Outcome, Settled};
use crate::ledger::token::Token;
use crate::ledger::view::View;
use crate::wire::credential::Brought;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::cell::Cell;
use std::rc::Rc;

/// A step.
pub enum Step {
    /// See [`begin`].
    Begin(Box<Draft>),
    /// See [`repeat`].
    Repeat {
        /// The order as it is known.
        abandoned: Rc<Record>,
        /// Who takes it over.
        owner: String,
        /// Limits of the client and its scopes.
        levels: Levels,
        /// Milliseconds for which the lease holds.
        lease_ms: u64,
    },
    /// See [`cancel`].
    Cancel {
        /// The payment.
        payment_hash: PaymentHash,
        /// Whose it is.
        owner: String,
    },
    /// See [`renew_lease`].
    Renew {
        /// Whose lease it is.
        owner: String,
    },
    /// See [`settle_paid`].
    Paid {
        /// The payment as it is known.
        ours: Rc<Record>,
        /// What proves it.
        proof: Proof,
        /// Whether an earlier run came to the first proof. Its write may have happened though the store did not say so.
        was_news: Cell<bool>,
    },
    /// See [`settle_unproven`].
    Unproven {
        /// The payment as it is known.
        ours: Rc<Record>,
        /// What became of it.
        outcome: Outcome,
    },
    /// See [`note`].
    Note {
        /// What was sent.
        token: Rc<Token>,
        /// The method of the request.
        method: String,
        /// The URL of the request.
        url: Url,
        /// What the answer says.
        said: Said,
    },
    /// Reads what was seen of a wallet.
    Habits {
        /// Its id.
        wallet_id: String,
    },
    /// Notes what was seen of a wallet.
    Seen {
        /// Its id, if it has one.
        wallet_id: Option<String>,
        /// The payment that it was asked about.
        ours: Rc<Record>,
        /// What was seen.
        what: u64,
    },
    /// See [`forget`].
    Forget {
        /// The origin; `None` for all.
        origin: Option<String>,
        /// Where the last step left off.
        after: Option<String>,
    },
    /// Reads a payment.
    Payment(PaymentHash),
    /// Reads a page of payments. See [`read::payments`].
    Payments {
        /// Which of them.
        filter: Rc<Filter>,
        /// The key that the page before named.
        after: Option<String>,
    },
    /// Reads open payments that were handed to a wallet.
    Open {
        /// How many at most.
        most: usize,
    },
    /// Reads what was spent in a scope, and what may still be spent there.
    Sums {
        /// The origin; `None` for all.
        origin: Option<String>,
        /// Names of scopes, outermost first.
        scopes: Vec<String>,
        /// The number of the scope's own level.
        place: usize,
        /// A reservation that does not count.
        beside: Option<Rc<Record>>,
        /// Limits of the client and its scopes.
        levels: Levels,
    },
    /// Reads the deposits at an origin, or a page of those at all origins.
    Deposits {
        /// The origin; `None` for all.
        origin: Option<String>,
        /// The key that the page before ended with.
        after: Option<String>,
    },
    /// Notes what a server said of a deposit. See [`session::note`].
    Deposit {
        /// The origin.
        origin: String,
        /// The deposit.
        payment_hash: PaymentHash,
        /// What was said.
        said: session::Said,
    },
    /// Counts a refund. See [`session::refunded`].
    Refund {
        /// The origin.
        origin: String,
        /// The session.
        session: PaymentHash,
        /// Millisatoshis that the wallet has received of it.
        msat: u64,
    },
    /// Reads what may open a resource.
    Sales {
        /// The method of the request.
        method: String,
        /// Its URL.
        url: Url,
        /// Whether it can be sent again.
        is_replayable: bool,
        /// Whether tokens are read too.
        with_tokens: bool,
    },
}

/// What a step comes to.
pub enum Decision {
    /// All is done.
    Done,
    /// How a purchase begins.
    Begun(Begun),
    /// A payment that is proven.
    Settled(Box<Settled>),
    /// A payment after the step.
    Record(Option<Rc<Record>>),
    /// A payment, and who stands behind it.
    Leased(Option<Leased>),
    /// Open payments.
    Open(Vec<Record>),
    /// Payments; `None` where the one that they are to be older than is not known.
    Payments(Option<Page>),
    /// What was spent, and what may still be spent.
    Sums(Spent, Remaining),
    /// What was seen of a wallet.
    Seen(u64),
    /// Where to go on, if there is more to forget.
    Next(Option<String>),
    /// What may open a resource.
    Sales(Box<Sales>),
    /// Deposits, and the key that the next page begins after, if there is one.
    Deposits(Vec<Deposit>, Option<String>),
}

impl Step {
    /// Whether a row is one that a purchase makes: another purchase has it only if a server offers an invoice again.
    #[must_use]
    pub fn makes(&self, key: &str) -> bool {
        let Self::Begin(draft) = self else { return false };
        let record = &draft.record;
        key == key::payment(&record.payment.payment_hash) || key == key::lease(&record.owner)
    }
}

/// Decides a step.
///
/// # Errors
/// What [`begin`] refuses.
pub fn decide(step: &Step, view: &mut View, here: &dyn Instance) -> Result<Decision, Refusal> {
    let now_ms = here.now_ms();
    Ok(match step {
        Step::Begin(draft) => {
            let begun = begin(view, draft, here);
            if view.is_complete() {
                let entered = match &begun {
                    Ok(Begun::Entered(record)) => Some(record.entry()),
                    _ => None,
                };
                book(&draft.levels, &draft.booked, draft.record.payment.url.origin(), entered, now_ms);
            }
            Decision::Begun(begun?)
        }
        Step::Repeat { abandoned, owner, levels, lease_ms } => {
            Decision::Record(repeat(view, abandoned, owner, levels, *lease_ms, here).map(Rc::new))
        }
        Step::Cancel { payment_hash, owner } => {
            cancel(view, payment_hash, owner, now_ms);
            Decision::Done
        }
        Step::Renew { owner } => {
            renew_lease(view, owner);
            Decision::Done
        }
        Step::Paid { ours, proof, was_news } => {
            let mut settled = settle_paid(view, ours, proof, now_ms);
            settled.was_news = was_news.get();
            was_news.set(was_news.get() | (settled.is_news && view.is_complete()));
            Decision::Settled(Box::new(settled))
        }
        Step::Unproven { ours, outcome } => {
            Decision::Record(settle_unproven(view, ours, *outcome, now_ms).map(Rc::new))
        }
        Step::Note { token, method, url, said } => {
            note(view, token, &Resource { method, url, is_replayable: true, brought: Brought::default() }, *said);
            Decision::Done
        }
        Step::Habits { wallet_id } => Decision::Seen(habits::seen(view, wallet_id)),
        Step::Seen { wallet_id, ours, what } => {
            habits::note(view, wallet_id.as_deref(), ours, *what);
            Decision::Done
        }
        Step::Forget { origin, after } => Decision::Next(forget(view, origin.as_deref(), after.as_deref())),
        Step::Payment(payment_hash) => Decision::Leased(read::payment(view, payment_hash)),
        Step::Payments { filter, after } => Decision::Payments(read::payments(view, filter, after.as_ref())),
        Step::Open { most } => Decision::Open(read::open(view, *most)),
        Step::Sums { origin, scopes, place, beside, levels } => {
            let own = origin.as_deref();
            let mut counts = Counts::read(view, own.unwrap_or_default(), scopes, levels, &Booked::default(), now_ms);
            counts.change(view, beside.as_deref(), None, now_ms);
            let spent = counts.spent(*place, own.is_some());
            Decision::Sums(spent, counts.remaining(levels, own.is_some(), now_ms))
        }
        Step::Deposits { origin, after } => {
            let (deposits, next) = session::page(view, origin.as_deref(), after.as_deref());
            Decision::Deposits(deposits, next)
        }
        Step::Deposit { origin, payment_hash, said } => {
            session::note(view, origin, payment_hash, *said);
            Decision::Done
        }
        Step::Refund { origin, session, msat } => {
            session::refunded(view, origin, session, *msat, now_ms);
            Decision::Done
        }
        Step::Sales { method, url, is_replayable, with_tokens } => {
            let resource = Resource { method, url, is_replayable: *is_replayable, brought: Brought::default() };
            Decision::Sales(sales(view, &resource, *with_tokens, here))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::shelf::{draft, hash, record, token, Here, URL};

    fn steps() -> Vec<Step> {
        let ours = || Rc::new(record(1, URL));
        let (levels, owner) = (Rc::new(Vec::new()), "1".to_owned());
        let proof = Proof { preimage: Some("ab".repeat(32)), fee_msat: None };
        let (method, url) = ("GET".to_owned(), Url::of(URL));
        vec![
            Step::Begin(Box::new(draft(1, URL, &["a".to_owned()]))),
            Step::Repeat { abandoned: ours(), owner: owner.clone(), levels: Rc::clone(&levels), lease_ms: 1 },
            Step::Cancel { payment_hash: hash(1), owner: owner.clone() },
            Step::Renew { owner },
            Step::Paid { ours: ours(), proof, was_news: Cell::default() },
            Step::Unproven { ours: ours(), outcome: Outcome::Failed },
            Step::Note { token: Rc::new(token(1, URL)), method: method.clone(), url: url.clone(), said: Said::Refused },
            Step::Habits { wallet_id: "w".into() },
            Step::Seen { wallet_id: Some("w".into()), ours: ours(), what: habits::PENDING },
            Step::Forget { origin: None, after: None },
            Step::Forget { origin: Some("https://a.example".into()), after: None },
            Step::Payment(hash(1)),
            Step::Payments { filter: Rc::new(Filter { limit: 9, ..Filter::default() }), after: None },
            Step::Open { most: 9 },
            Step::Sums { origin: None, scopes: Vec::new(), place: 0, beside: None, levels: Rc::clone(&levels) },
            Step::Sums {
                origin: Some("https://a.example".into()),
                scopes: vec!["a".into()],
                place: 1,
                beside: Some(ours()),
                levels,
            },
            Step::Sales { method, url, is_replayable: true, with_tokens: true },
        ]
    }

    /// The driver throws away what that comes to. So nothing of it may stay elsewhere, and a further run is as the
    /// first.
    #[test]
    fn every_step_runs_through_before_its_rows_are_read_and_leaves_nothing_behind() {
        for (number, step) in steps().iter().enumerate() {
            let mut view = View::default();
            let mut run = || {
                view.restart();
                let outcome = view.take(|view| decide(step, view, &Here::default()));
                assert!(outcome.is_ok() && !view.is_complete(), "{number}");
                assert!(view.seen().is_empty(), "{number}: what was not read was not seen");
                (view.changed().clone(), view.missing())
            };
            assert_eq!(run(), run(), "{number}");
            match step {
                Step::Paid { was_news, .. } => assert!(!was_news.get()),
                Step::Begin(draft) => assert!(draft.booked.get().is_none()),
                _ => {}
            }
        }
    }
}
