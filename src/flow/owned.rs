//! The tokens that an instance knows, decoded once: those of the rows that it has read.

use crate::ledger::acceptance::Unaccepted;
use crate::ledger::key;
use crate::ledger::origin_row::Sold;
use crate::ledger::own::key_of;
use crate::ledger::payment::Payment;
use crate::ledger::token::Token;
use crate::ledger::tokens::{choose, Search};
use crate::text::map::Map;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Beyond so many tokens all are forgotten, and read anew when they are asked for.
const MOST: usize = 10_000;

/// Rows of tokens, as an instance last read or changed them.
#[derive(Default)]
pub(crate) struct Owned {
    /// Of each origin the keys of the tokens that may be tried at resources that they were not bought for, oldest first.
    origins: RefCell<Map<String, Vec<String>>>,
    /// By the keys of their rows, which may be empty.
    rows: RefCell<Map<String, Vec<Rc<Token>>>>,
    paths: RefCell<Map<String, Unaccepted>>,
    ids: RefCell<Map<u32, Rc<Token>>>,
    hashes: RefCell<Map<PaymentHash, u32>>,
    last_id: Cell<u32>,
    /// Whether tokens were forgotten that the store still has.
    was_cleared: Cell<bool>,
}

impl Owned {
    /// Whether it is known what an origin has sold, and, where that is anything, what this resource has.
    pub(crate) fn is_read(&self, method: &str, url: &Url) -> bool {
        match self.origins.borrow().get(url.origin()) {
            Some(newest) if newest.is_empty() => true,
            Some(_) => self.rows.borrow().contains_key(&key::token(url.origin(), method, url.as_str())),
            None => false,
        }
    }

    /// Whether no token is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.borrow().is_empty()
    }

    /// A mark of the tokens that are known now.
    pub(crate) fn mark(&self) -> u32 {
        self.last_id.get()
    }

    /// Whether a token, by the payment that bought it, was known when a mark was made, and still is.
    pub(crate) fn was_known(&self, key: &str, payment_hash: &PaymentHash, mark: u32) -> bool {
        self.bought_with(key, payment_hash).is_some_and(|token| token.id <= mark)
    }

    /// The token that a payment bought.
    pub(crate) fn bought_with(&self, key: &str, payment_hash: &PaymentHash) -> Option<Rc<Token>> {
        let rows = self.rows.borrow();
        rows.get(key)?.iter().find(|token| token.payment.payment_hash == *payment_hash).cloned()
    }

    /// The token of an id.
    pub(crate) fn get(&self, id: u32) -> Option<Rc<Token>> {
        self.ids.borrow().get(&id).cloned()
    }

    /// The token to try on a request.
    pub(crate) fn choose(&self, search: &Search<'_>) -> Option<Rc<Token>> {
        let (origins, rows) = (self.origins.borrow(), self.rows.borrow());
        let own_key = key::token(search.url.origin(), search.method, search.url.as_str());
        let newest = origins.get(search.url.origin()).into_iter().flatten().filter(|key| **key != own_key);
        let rows_of = |key: &String| rows.get(key).into_iter().flatten();
        choose(newest.flat_map(rows_of).chain(rows_of(&own_key)), search).cloned()
    }

    /// Takes over the row of an origin.
    pub(crate) fn learn_origin(&self, origin: &str, sold: &[Sold]) {
        let newest = sold.iter().map(|sold| sold.key.clone()).collect();
        self.origins.borrow_mut().insert(origin.to_owned(), newest);
    }

    /// Takes over a row of tokens, keeping the ids of those that are known.
    pub(crate) fn learn_row(&self, key: &str, tokens: Vec<Token>) {
        self.make_room();
        let known = self.rows.borrow_mut().remove(key).unwrap_or_default();
        let mut row = Vec::with_capacity(tokens.len());
        for mut token in tokens {
            match known.iter().find(|old| old.payment.payment_hash == token.payment.payment_hash) {
                Some(old) => {
                    token.id = old.id;
                    token.learn(old);
                }
                None => token.id = self.next_id(),
            }
            row.push(self.enter(token));
        }
        self.rows.borrow_mut().insert(key.to_owned(), row);
    }

    fn make_room(&self) {
        if self.ids.borrow().len() > MOST {
            self.forget(None);
            self.was_cleared.set(true);
        }
    }

    /// Whether tokens were forgotten that the store still has.
    pub(crate) fn was_cleared(&self) -> bool {
        self.was_cleared.get()
    }

    /// Adds a token that was bought, or found; in the place of those of its resource that are used up or will expire.
    pub(crate) fn put(&self, mut token: Token) -> Rc<Token> {
        self.make_room();
        let key = key_of(&token);
        let known = self.bought_with(&key, &token.payment.payment_hash);
        token.id = known.map_or_else(|| self.next_id(), |known| known.id);
        let token = self.enter(token);
        self.origins.borrow_mut().change(token.payment.url.origin().to_owned(), |newest| {
            newest.retain(|known| *known != key);
            newest.push(key.clone());
        });
        self.rows.borrow_mut().change(key, |row| {
            row.retain(|old| old.own_refusals == 0 && old.expires_at().is_none() && old.id != token.id);
            row.push(Rc::clone(&token));
        });
        token
    }

    fn enter(&self, token: Token) -> Rc<Token> {
        let token = Rc::new(token);
        self.hashes.borrow_mut().insert(token.payment.payment_hash, token.id);
        self.ids.borrow_mut().insert(token.id, Rc::clone(&token));
        token
    }

    fn next_id(&self) -> u32 {
        self.last_id.set(self.last_id.get().wrapping_add(1).max(1));
        self.last_id.get()
    }

    /// Changes what is known of a token. `None` where it is not known.
    pub(crate) fn update(&self, id: u32, change: impl FnOnce(&mut Token)) -> Option<Rc<Token>> {
        let known = self.get(id)?;
        let mut changed = Token::clone(&known);
        change(&mut changed);
        let changed = self.enter(changed);
        if let Some(row) = self.rows.borrow_mut().get_mut(&key_of(&changed)) {
            for token in row.iter_mut().filter(|token| token.id == id) {
                *token = Rc::clone(&changed);
            }
        }
        Some(changed)
    }

    /// Takes over what was bought and never accepted for a method and path.
    pub(crate) fn learn_path(&self, key: &str, path: Unaccepted) {
        self.paths.borrow_mut().insert(key.to_owned(), path);
    }

    /// Changes what is known of a method and path. What the change says comes back.
    pub(crate) fn change_path<T>(&self, key: &str, change: impl FnOnce(&mut Unaccepted) -> T) -> T {
        self.paths.borrow_mut().change(key.to_owned(), change)
    }

    /// The payment whose token was never honoured for a method and path.
    pub(crate) fn dishonored(&self, key: &str, now_ms: u64) -> Option<PaymentHash> {
        self.paths.borrow().get(key)?.dishonored(now_ms).copied()
    }

    /// A payment, where its token is known.
    pub(crate) fn payment(&self, payment_hash: &PaymentHash) -> Option<Payment> {
        let id = self.hashes.borrow().get(payment_hash).copied()?;
        Some(self.get(id)?.payment.clone())
    }

    /// Forgets the tokens of one origin, or all. What is forgotten is not read again by itself.
    pub(crate) fn forget(&self, origin: Option<&str>) {
        let Some(origin) = origin else {
            self.rows.borrow_mut().clear();
            self.origins.borrow_mut().clear();
            self.paths.borrow_mut().clear();
            self.ids.borrow_mut().clear();
            self.hashes.borrow_mut().clear();
            return;
        };
        self.origins.borrow_mut().remove(origin);
        self.ids.borrow_mut().retain(|_, token| token.payment.url.origin() != origin);
        let (token_prefix, path_prefix) = (key::tokens_of(origin), key::paths_of(origin));
        self.rows.borrow_mut().retain(|key, _| !key.starts_with(&token_prefix));
        let ids = self.ids.borrow();
        self.hashes.borrow_mut().retain(|_, id| ids.contains_key(id));
        self.paths.borrow_mut().retain(|key, _| !key.starts_with(&path_prefix));
    }
}
