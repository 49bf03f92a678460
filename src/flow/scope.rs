//! A client, or a scope within it: what may be spent there, and who is asked and told.

use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::purchase::Bought;
use crate::ledger::level::{book, Booked, Level, Levels};
use crate::ledger::limits::Limits;
use crate::ledger::payment::{Payment, State};
use crate::ledger::record::Record;
use crate::ledger::step::Step;
use crate::ledger::sums::Amounts;
use std::rc::Rc;

/// What a call, and the purchase that it begins, are made in.
pub(crate) struct Scope<H: Host> {
    /// Asked and told, outermost first.
    pub(super) hosts: Vec<Rc<H>>,
    /// The limits of the client and of all scopes.
    pub(super) levels: Levels,
    /// The number of its own level.
    place: usize,
    /// The names of the scopes, outermost first.
    pub(super) names: Vec<String>,
}

impl<H: Host> Scope<H> {
    /// The client itself.
    pub(crate) fn outermost(host: Rc<H>, limits: Limits) -> Self {
        Self { hosts: vec![host], levels: Rc::new(vec![Rc::new(limits.into())]), place: 0, names: Vec::new() }
    }

    /// A scope within this one.
    pub(crate) fn within(&self, host: Rc<H>, name: Option<String>, limits: Limits) -> Self {
        let (mut hosts, mut levels, mut names) = (self.hosts.clone(), self.levels.to_vec(), self.names.clone());
        hosts.push(host);
        // Levels whose sums are in the store come first.
        let mut place = levels.len();
        if let Some(name) = name.clone() {
            names.push(name);
            place = names.len();
        }
        levels.insert(place, Rc::new(Level::of_scope(limits, name)));
        Self { hosts, levels: Rc::new(levels), place, names }
    }

    /// The step that reads its sums. A reservation does not count.
    pub(crate) fn sums(&self, origin: Option<String>, beside: Option<Rc<Record>>) -> Step {
        let (scopes, levels) = (self.names.clone(), Rc::clone(&self.levels));
        Step::Sums { origin, scopes, place: self.place, beside, levels }
    }

    /// Whether somebody wants to be asked before a payment.
    pub(crate) fn asks(&self) -> bool {
        self.hosts.iter().any(|host| host.asks())
    }

    /// Tells every listener outwards.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.hosts.iter().for_each(|host| host.tell(event));
    }

    /// Counts what a purchase came to where the store does not count it. If nobody can tell what became of its order,
    /// it goes on to count in full.
    pub(crate) fn settle(&self, booked: &Booked, origin: &str, outcome: &Result<Bought, Failure<H>>, now_ms: u64) {
        let Some((at_ms, _)) = booked.get() else { return };
        let payment = match outcome {
            Ok(bought) if bought.paid_now => Some(&bought.token.payment),
            Err(failure) => failure.payment(),
            _ => None,
        };
        let spent = |payment: &Payment| payment.amount_msat.saturating_add(payment.fee_msat);
        let spent = match payment.map(|payment| payment.state) {
            Some(State::Pending | State::Unknown) => return,
            Some(State::Paid) => payment.map(spent),
            Some(State::Failed) => Some(0),
            None => None,
        };
        let now = spent.map(|spent| (at_ms, Amounts { spent, reserved: 0, orders: 1 }));
        book(&self.levels, booked, origin, now, now_ms);
    }
}
