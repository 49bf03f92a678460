//! What an answer says of the token that was sent, and what is learnt from it.

use crate::flow::call::Client;
use crate::flow::host::{Host, Request};
use crate::ledger::origins::Lesson;
use crate::ledger::token::Token;
use std::rc::Rc;

/// What a status says of the token that was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken.
    Taken,
    /// It is not good here, and the server has not acted: another token may do.
    Refused,
    /// This is the answer; of a token that was bought elsewhere it may mean the token.
    Closed,
    /// Nothing.
    Silent,
}

/// `is_own`: the token was bought for this very resource. Of another's, whatever is no success may be its refusal.
pub(crate) fn verdict(status: u16, is_own: bool) -> Verdict {
    match status {
        401 | 402 => Verdict::Refused,
        400 | 403 => Verdict::Closed,
        408 | 429 => Verdict::Silent,
        500.. if is_own => Verdict::Silent,
        404.. if !is_own => Verdict::Closed,
        _ => Verdict::Taken,
    }
}

impl<H: Host> Client<H> {
    /// Notes that a server took the token, and writes it in the background. `is_own`: at the resource that it was bought for.
    pub fn note_accepted(self: &Rc<Self>, token: &Token, is_own: bool) {
        if self.note_taken(token, is_own, false) {
            self.write_beside();
        }
    }

    /// Notes it in memory alone. True where the store does not know it. `is_priced`: the resource has asked for money before.
    pub(crate) fn note_taken(&self, token: &Token, is_own: bool, is_priced: bool) -> bool {
        let origin = &token.payment.origin;
        if !is_own {
            self.origins.learn(origin, if is_priced { Lesson::Opened } else { Lesson::SeemsToOpen });
            // What is free takes any token.
            if !is_priced {
                return false;
            }
        }
        let mut books = self.books.borrow_mut();
        let Some(was_accepted) = books.tokens.get(token.id).map(|known| known.accepted) else { return false };
        self.origins.learn(origin, if was_accepted { Lesson::TakenAgain } else { Lesson::Taken });
        let is_used_up = self.origins.is_single_use(origin);
        let take = |token: &mut Token| {
            token.note_accepted();
            if is_used_up {
                token.note_used_up();
            }
        };
        books.tokens.update(token.id, take) && !was_accepted
    }

    /// Notes that the token was refused here. It is written beside whatever follows: a store that hangs holds up no answer.
    pub(crate) fn note_refused(self: &Rc<Self>, sent: &Token, request: &Request) {
        let mut books = self.books.borrow_mut();
        books.tokens.update(sent.id, |token| token.note_refusal(&request.method, &request.url));
        let Some(token) = books.tokens.get(sent.id).cloned() else { return };
        drop(books);
        if !sent.is_for(&request.method, &request.url) {
            self.origins.learn(&sent.payment.origin, Lesson::Refused);
        } else if token.is_used_up_at_once() && token.rules.are_in_time(self.host.now()) {
            self.origins.learn(&sent.payment.origin, Lesson::UsedUp);
        }
        // Whether a token was ever honoured must survive this process.
        if !token.accepted {
            self.write_beside();
        }
    }

    /// Notes that a request failed that another resource's token was sent with: it goes without from now on. Where it asked
    /// for money without one (`is_priced`), the token is refused there; what may have failed by chance has to fail twice.
    pub(crate) fn note_failure(self: &Rc<Self>, sent: &Token, request: &Request, is_priced: bool, is_certain: bool) {
        let mut books = self.books.borrow_mut();
        let failed_before =
            books.tokens.get(sent.id).is_some_and(|token| token.is_doubted(&request.method, &request.url));
        books.tokens.update(sent.id, |token| token.note_doubt(&request.method, &request.url));
        drop(books);
        if is_priced && (is_certain || failed_before) {
            self.note_refused(sent, request);
        }
    }

    fn write_beside(self: &Rc<Self>) {
        if self.host.has_store() {
            let client = Rc::clone(self);
            self.host.spawn(Box::pin(async move { client.read_again().await.unwrap_or_default() }));
        }
    }

    /// Whether a token of this origin has opened a resource that it was not bought for.
    #[must_use]
    pub fn is_shared(&self, origin: &str) -> bool {
        self.origins.is_shared(origin)
    }
}
