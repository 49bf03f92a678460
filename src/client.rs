//! The client: an async face over the flow, for Rust users and native tests.

use crate::flow::call::{self, Reply};
use crate::flow::config::Config;
use crate::flow::event::Quote;
use crate::flow::failure::Failure;
use crate::flow::host::{Host, Request};
use crate::flow::scope::Scope;
use crate::flow::session::Tried;
use crate::flow::sessions::{self, Ended, Session};
use crate::flow::state::ClientState;
use crate::flow::{account, tokens, verdict};
use crate::ledger::limits::{Limits, Remaining, Spent};
use crate::ledger::payment::Payment;
use crate::ledger::read::Filter;
use crate::ledger::token::Token;
use crate::wire::payment_hash::PaymentHash;
use std::future::Future;
use std::rc::Rc;

/// A client that pays. Its methods may be called any number of times in parallel. Clones are the same client.
pub struct Client<H: Host> {
    state: Rc<ClientState<H>>,
    scope: Rc<Scope<H>>,
}

impl<H: Host> Clone for Client<H> {
    fn clone(&self) -> Self {
        Self { state: Rc::clone(&self.state), scope: Rc::clone(&self.scope) }
    }
}

impl<H: Host> Client<H> {
    /// A client that has paid nothing yet in this instance.
    #[must_use]
    pub fn new(host: H, config: Config) -> Self {
        let state = ClientState::new(host, config);
        let scope = Rc::clone(&state.outermost);
        Self { state, scope }
    }

    /// The same client under narrower limits: for a task, a tool or a sub-agent. What is paid counts in this scope and
    /// in every scope around it, whose limits hold as well. With a name its sums are kept in the store, by the path of
    /// names. Without one they go with the scope. `host` is asked before payments after those around it, and told like
    /// them; it is asked nothing else.
    #[must_use]
    pub fn within(&self, host: H, name: Option<String>, limits: Limits) -> Self {
        let scope = self.scope.within(Rc::new(host), name, limits);
        Self { state: Rc::clone(&self.state), scope: Rc::new(scope) }
    }

    /// The host that it was given.
    #[must_use]
    pub fn host(&self) -> &H {
        self.state.host()
    }

    /// Sends a request, and pays for it if the server asks for that and the options allow it.
    ///
    /// # Errors
    /// The runtime's own failure, or one of ours. At most one payment was made then, and its token is kept.
    pub fn fetch(
        &self,
        call: Rc<H::Call>,
        request: Request,
    ) -> impl Future<Output = Result<Reply<H>, Failure<H>>> + use<'_, H> {
        call::fetch(&self.state, &self.scope, call, request)
    }

    /// Completes a call whose request was sent with `token`, or without one, from its first response. Without a
    /// response it is sent first.
    ///
    /// # Errors
    /// As for [`Client::fetch`].
    pub fn answer(
        &self,
        call: Rc<H::Call>,
        request: Request,
        token: Option<Rc<Token>>,
        response: Option<H::Response>,
    ) -> impl Future<Output = Result<Reply<H>, Failure<H>>> + use<'_, H> {
        call::answer(&self.state, &self.scope, call, request, token, response, Tried::default())
    }

    /// Asks the price and never pays. `None`: the resource is free, or a known token should open it.
    ///
    /// # Errors
    /// The error that would refuse the offer, except for limits.
    /// [`Code::InvalidChallenge`](crate::Code::InvalidChallenge) if the 402 holds no offer.
    pub fn quote(
        &self,
        call: Rc<H::Call>,
        request: Request,
    ) -> impl Future<Output = Result<Option<Rc<Quote>>, Failure<H>>> + use<'_, H> {
        call::quote(&self.state, &self.scope, call, request)
    }

    /// Whether this instance knows any token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        tokens::has_tokens(&self.state)
    }

    /// The token that should open a request, if one is known. None is sent to a host that is not listed, and none in
    /// the place of a header of the caller's.
    #[must_use]
    pub fn token_for(&self, request: &Request) -> Option<Rc<Token>> {
        tokens::token_for(&self.state, request, None)
    }

    /// The token to send with a new request. It may be one that its own resource has refused so far: servers learn of
    /// payments late. A token that was just bought is left to the paying call until that call has its answer: the token
    /// may be good for one use only.
    #[must_use]
    pub fn token_to_send(&self, request: &Request) -> Option<Rc<Token>> {
        tokens::token_to_send(&self.state, request)
    }

    /// The token of an id that [`Client::token_to_send`] gave.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<Rc<Token>> {
        tokens::token(&self.state, id)
    }

    /// Notes that a server accepted the token, and writes it in the background. `is_own`: the token was bought for this
    /// resource.
    pub fn note_accepted(&self, token: &Rc<Token>, is_own: bool) {
        verdict::note_accepted(&self.state, token, is_own);
    }

    /// Whether a token of this origin has opened a resource that it was not bought for.
    #[must_use]
    pub fn is_shared(&self, origin: &str) -> bool {
        tokens::is_shared(&self.state, origin)
    }

    /// Whether the store has to be read before it can be told which token opens a request.
    #[must_use]
    pub fn is_unread(&self, request: &Request) -> bool {
        tokens::is_unread(&self.state, request)
    }

    /// Reads what the store has for a request.
    ///
    /// # Errors
    /// [`Code::StoreFailed`](crate::Code::StoreFailed)
    pub fn read_tokens<'a>(
        &'a self,
        request: &'a Request,
    ) -> impl Future<Output = Result<(), Failure<H>>> + use<'a, H> {
        tokens::read_tokens(&self.state, request)
    }

    /// Payments, newest first, as the store has them. Unsettled ones are looked up first; this takes 10 s at most.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`](crate::Code::InvalidOptions) where `before` is not known,
    /// [`Code::StoreFailed`](crate::Code::StoreFailed)
    pub fn payments(&self, filter: Filter) -> impl Future<Output = Result<Vec<Payment>, Failure<H>>> + use<'_, H> {
        account::payments(&self.state, filter)
    }

    /// The amounts of paid and unsettled payments of this client or scope with the reported fees, in satoshis, rounded
    /// up. They are those of all origins, or of the origin of a URL. Unsettled payments are looked up first, as for
    /// [`Client::payments`].
    ///
    /// # Errors
    /// [`Code::InvalidOptions`](crate::Code::InvalidOptions) if the URL is malformed,
    /// [`Code::StoreFailed`](crate::Code::StoreFailed) if the store can't be read.
    pub async fn spent(&self, url: Option<&str>) -> Result<Spent, Failure<H>> {
        account::sums(&self.state, &self.scope, url).await.map(|sums| sums.0)
    }

    /// What may still be spent under every limit that holds here, in millisatoshis. Fee reserves of unsettled payments
    /// are taken off. With a URL the limits of its origin hold too. Unsettled payments are looked up first, as for
    /// [`Client::payments`].
    ///
    /// # Errors
    /// As for [`Client::spent`].
    pub async fn remaining(&self, url: Option<&str>) -> Result<Remaining, Failure<H>> {
        account::sums(&self.state, &self.scope, url).await.map(|sums| sums.1)
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn sums<'a>(
        &'a self,
        url: Option<&'a str>,
    ) -> impl Future<Output = Result<(Spent, Remaining), Failure<H>>> + use<'a, H> {
        account::sums(&self.state, &self.scope, url)
    }

    /// Settles a payment whose outcome is unknown: with its preimage, or as failed.
    ///
    /// # Errors
    /// Nothing is changed then.
    /// - [`Code::WrongPreimage`](crate::Code::WrongPreimage) or [`Code::NoPreimage`](crate::Code::NoPreimage) if the
    ///   preimage proves nothing.
    /// - [`Code::InvalidOptions`](crate::Code::InvalidOptions) if the hash is not in the journal, is proven, or may
    ///   still be handed to the wallet.
    /// - [`Code::StoreFailed`](crate::Code::StoreFailed) if the store fails.
    pub fn resolve<'a>(
        &'a self,
        payment_hash: &'a PaymentHash,
        preimage: Option<&'a str>,
    ) -> impl Future<Output = Result<(), Failure<H>>> + use<'a, H> {
        account::resolve(&self.state, payment_hash, preimage)
    }

    /// Open sessions of MPP. What the wallet has received of closed ones is counted first.
    ///
    /// # Errors
    /// [`Code::StoreFailed`](crate::Code::StoreFailed)
    pub fn sessions(&self) -> impl Future<Output = Result<Vec<Session>, Failure<H>>> + use<'_, H> {
        sessions::list(&self.state)
    }

    /// Closes the open sessions of all origins, or of that of a URL, and waits for their refunds, 20 s each at most.
    ///
    /// # Errors
    /// - [`Code::InvalidOptions`](crate::Code::InvalidOptions) if the URL is malformed.
    /// - [`Code::RequestFailed`](crate::Code::RequestFailed) if one could not be closed. All others are closed then.
    /// - [`Code::StoreFailed`](crate::Code::StoreFailed) if the store fails.
    pub fn close_sessions<'a>(
        &'a self,
        url: Option<&'a str>,
    ) -> impl Future<Output = Result<Vec<Ended>, Failure<H>>> + use<'a, H> {
        sessions::close(&self.state, url)
    }

    /// Pays a further deposit for a session, for a stream that waits for one. This request gets the challenge: it goes
    /// without a credential first. Limits hold as for any payment. The stream goes on by itself. Nothing is paid for a
    /// session that is not this client's.
    ///
    /// # Errors
    /// Why nothing was paid, or the network's own failure.
    pub fn top_up(
        &self,
        call: Rc<H::Call>,
        request: Request,
        session: PaymentHash,
    ) -> impl Future<Output = Result<Reply<H>, Failure<H>>> + use<'_, H> {
        call::answer(&self.state, &self.scope, call, request, None, None, Tried::only(session))
    }

    /// Drops the tokens of all origins, or of the origin of a URL, and what is known of refused ones. The journal
    /// stays.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`](crate::Code::InvalidOptions) if the URL is malformed,
    /// [`Code::StoreFailed`](crate::Code::StoreFailed) if the store fails.
    pub fn forget<'a>(&'a self, url: Option<&'a str>) -> impl Future<Output = Result<(), Failure<H>>> + use<'a, H> {
        account::forget(&self.state, url)
    }
}
