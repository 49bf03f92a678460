//! A client, or a scope within it: what may be spent there, and who is asked and told.

use crate::flow::event::Event;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::ledger::level::{Level, Levels};
use crate::ledger::limits::Limits;
use crate::ledger::record::Record;
use crate::ledger::step::Step;
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

    /// Whether somebody listens to events.
    pub(crate) fn listens(&self) -> bool {
        self.hosts.iter().any(|host| host.listens())
    }

    /// Tells every listener outwards.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.hosts.iter().for_each(|host| host.tell(event));
    }

    /// Tells every listener that nothing was paid.
    pub(crate) fn refused(&self, request: &Request, failure: Failure<H>) -> Failure<H> {
        if let Some(error) = failure.raised_error() {
            self.tell(&Event::Refused { url: request.url.as_str(), error });
        }
        failure
    }
}
