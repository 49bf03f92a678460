//! The tokens that an instance knows, decoded once: those of the rows that it has read. Also what it has learnt of
//! their origins and paths since.

use crate::ledger::acceptance::Unaccepted;
use crate::ledger::key;
use crate::ledger::lessons::{Lesson, Lessons};
use crate::ledger::origin_row::{sell, OriginRow, Sold};
use crate::ledger::own::key_of;
use crate::ledger::payment::Payment;
use crate::ledger::resource::Resource;
use crate::ledger::token::Token;
use crate::ledger::tokens::{choose, Search};
use crate::text::map::Map;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Beyond so many tokens all are forgotten, and read anew when they are asked for.
const MOST: usize = 10_000;

/// What is known of a row: an origin's, a path's, or one of tokens.
#[derive(Default)]
struct Known {
    /// The keys of the tokens that may be tried at resources of the origin that they were not bought for, oldest first.
    /// `None` before its row was read, or a token bought there.
    newest: Option<Vec<Sold>>,
    /// What the tokens of the origin are good for. `None` before anything was learnt.
    lessons: Option<Lessons>,
    path: Unaccepted,
    /// The ids of the row's tokens.
    ids: Vec<u32>,
}

/// Rows of tokens, as an instance last read or changed them.
#[derive(Default)]
pub(crate) struct Owned {
    rows: RefCell<Map<Known>>,
    /// By their ids, which begin at 1. One that was replaced is still known by its id.
    tokens: RefCell<Vec<Option<Rc<Token>>>>,
    /// How many ids there were before the last time that all were forgotten.
    earlier: Cell<u32>,
    /// Whether tokens were forgotten that the store still has.
    was_cleared: Cell<bool>,
}

impl Owned {
    /// Whether it is known what an origin has sold, and, where that is anything, what this resource has.
    pub(crate) fn is_read(&self, method: &str, url: &Url) -> bool {
        let rows = self.rows.borrow();
        let newest = rows.get(&key::origin(url.origin())).and_then(|known| known.newest.as_ref());
        newest.is_some_and(|newest| {
            newest.is_empty() || rows.contains_key(&key::token(url.origin(), method, url.as_str()))
        })
    }

    /// Whether no token is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.borrow().iter().flatten().next().is_none()
    }

    /// A mark of the tokens that are known now: the last id.
    pub(crate) fn mark(&self) -> u32 {
        let known = u32::try_from(self.tokens.borrow().len()).unwrap_or(u32::MAX);
        self.earlier.get().saturating_add(known)
    }

    /// Whether a token was known when a mark was made, and still is.
    pub(crate) fn was_known(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool {
        self.bought_with(key, payment_hash).is_some_and(|token| token.id <= mark)
    }

    /// The token that a payment bought.
    pub(crate) fn bought_with(&self, key: &str, payment_hash: &PaymentHash) -> Option<Rc<Token>> {
        let tokens = self.tokens_of(key);
        tokens.iter().find(|token| token.payment.payment_hash == *payment_hash).cloned()
    }

    /// The tokens of a row.
    fn tokens_of(&self, key: &str) -> Vec<Rc<Token>> {
        let mut tokens = Vec::new();
        if let Some(known) = self.rows.borrow().get(key) {
            known.ids.iter().for_each(|id| tokens.extend(self.get(*id)));
        }
        tokens
    }

    /// The token of an id.
    pub(crate) fn get(&self, id: u32) -> Option<Rc<Token>> {
        self.tokens.borrow().get(self.place(id)?)?.clone()
    }

    fn place(&self, id: u32) -> Option<usize> {
        usize::try_from(id.checked_sub(self.earlier.get())?.checked_sub(1)?).ok()
    }

    /// The token to try on a request.
    pub(crate) fn choose(&self, search: &Search<'_>) -> Option<Rc<Token>> {
        let (rows, origin) = (self.rows.borrow(), search.url.origin());
        let own_key = key::token(origin, search.method, search.url.as_str());
        let newest = rows.get(&key::origin(origin)).and_then(|known| known.newest.as_deref()).unwrap_or_default();
        let mut candidates = Vec::new();
        for Sold { key, .. } in newest {
            if *key != own_key {
                candidates.append(&mut self.tokens_of(key));
            }
        }
        candidates.append(&mut self.tokens_of(&own_key));
        choose(&candidates, search)
    }

    /// Takes over the row of an origin. What others have learnt is added to what this instance has.
    pub(crate) fn learn_origin(&self, origin: &str, row: OriginRow) {
        if let Some(known) = self.rows.borrow_mut().entry(&key::origin(origin)) {
            known.newest = Some(row.tokens);
            known.lessons = Some(known.lessons.map_or(row.lessons, |own| row.lessons.and(own)));
        }
    }

    /// Takes over a row of tokens, keeping the ids of those that are known.
    pub(crate) fn learn_row(&self, key: &str, tokens: Vec<Token>) {
        self.make_room();
        let mut ids = Vec::new();
        for mut token in tokens {
            if let Some(known) = self.bought_with(key, &token.payment.payment_hash) {
                token.id = known.id;
                token.learn(&known);
            }
            ids.push(self.enter(token).id);
        }
        if let Some(known) = self.rows.borrow_mut().entry(key) {
            known.ids = ids;
        }
    }

    /// Keeps a token by its id. One that has none gets the next.
    fn enter(&self, mut token: Token) -> Rc<Token> {
        if token.id == 0 {
            token.id = self.mark().saturating_add(1);
            self.tokens.borrow_mut().push(None);
        }
        let token = Rc::new(token);
        let place = self.place(token.id);
        if let Some(known) = self.tokens.borrow_mut().get_mut(place.unwrap_or(usize::MAX)) {
            *known = Some(Rc::clone(&token));
        }
        token
    }

    fn make_room(&self) {
        if self.tokens.borrow().len() > MOST {
            self.forget(None);
            self.was_cleared.set(true);
        }
    }

    /// Whether tokens were forgotten that the store still has.
    pub(crate) fn was_cleared(&self) -> bool {
        self.was_cleared.get()
    }

    /// Adds a token that was bought, or found; in the place of those of its resource that it makes needless.
    pub(crate) fn put(&self, mut token: Token) -> Rc<Token> {
        self.make_room();
        let key = key_of(&token);
        if let Some(known) = self.bought_with(&key, &token.payment.payment_hash) {
            token.id = known.id;
            token.is_bought_here |= known.is_bought_here;
        }
        let token = self.enter(token);
        let mut rows = self.rows.borrow_mut();
        let origin = key::origin(token.payment.url.origin());
        if let Some(known) = rows.entry(&origin).filter(|_| !token.is_bound()) {
            sell(known.newest.get_or_insert_default(), &key, &token.payment.payment_hash);
        }
        if let Some(known) = rows.entry(&key) {
            known.ids.retain(|id| self.get(*id).is_some_and(|old| !old.is_replaced_by(&token)));
            known.ids.push(token.id);
        }
        token
    }

    /// Changes what is known of a token. `None` where it is not known.
    pub(crate) fn update(&self, id: u32, change: &mut dyn FnMut(&mut Token)) -> Option<Rc<Token>> {
        let mut changed = Token::clone(&*self.get(id)?);
        change(&mut changed);
        Some(self.enter(changed))
    }

    /// What was bought and never accepted for a resource's method and path.
    pub(crate) fn unaccepted(&self, at: &Resource<'_>) -> Unaccepted {
        let rows = self.rows.borrow();
        let known = rows.get(&key::path(at.url.origin(), at.method, at.url.path()));
        known.map(|known| known.path.clone()).unwrap_or_default()
    }

    /// Changes what was bought and never accepted for a method and path.
    pub(crate) fn change_path(&self, key: &str, change: &mut dyn FnMut(&mut Unaccepted)) {
        if let Some(known) = self.rows.borrow_mut().entry(key) {
            change(&mut known.path);
        }
    }

    /// The payment whose token was never honoured for a method and path: its hash, and the rest where its token is
    /// known.
    pub(crate) fn dishonored(&self, key: &str, on_trial: &[PaymentHash], now_ms: u64) -> Option<Option<Payment>> {
        let (rows, tokens) = (self.rows.borrow(), self.tokens.borrow());
        let path = rows.get(key)?.path.without(on_trial);
        let hash = path.dishonored(now_ms)?;
        let token = tokens.iter().flatten().find(|token| token.payment.payment_hash == *hash);
        Some(token.map(|token| token.payment.clone()))
    }

    /// Learns what the tokens of an origin are good for, or its charges.
    pub(crate) fn learn(&self, origin: &str, lesson: Lesson, is_charge: bool) {
        if let Some(known) = self.rows.borrow_mut().entry(&key::origin(origin)) {
            known.lessons.get_or_insert_default().learn(lesson, is_charge);
        }
    }

    /// What the tokens of an origin are good for.
    pub(crate) fn lessons(&self, origin: &str) -> Lessons {
        let rows = self.rows.borrow();
        rows.get(&key::origin(origin)).and_then(|known| known.lessons).unwrap_or_default()
    }

    /// Forgets the tokens of one origin, or all. What is forgotten is not read again by itself.
    pub(crate) fn forget(&self, origin: Option<&str>) {
        let mut rows = self.rows.borrow_mut();
        let Some(origin) = origin else {
            self.earlier.set(self.mark());
            self.tokens.borrow_mut().clear();
            rows.clear();
            return;
        };
        let (own, origin) = (key::origin(origin), Some(origin));
        let (tokens, paths) = (key::tokens_of(origin), key::paths_of(origin));
        rows.retain(|key| key != own && !key.starts_with(&tokens) && !key.starts_with(&paths));
        for known in self.tokens.borrow_mut().iter_mut() {
            if known.as_ref().is_some_and(|token| Some(token.payment.url.origin()) == origin) {
                *known = None;
            }
        }
    }
}
