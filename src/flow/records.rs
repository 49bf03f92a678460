//! The books: journal and tokens in memory, and in the store that an instance may share with others.
//!
//! Keys: `l402-fetch/journal` and `l402-fetch/tokens`, JSON text with a `version`. Locks: `l402-fetch/ledger` for the short
//! time in which both are read, changed and written; for the time of one purchase `l402-fetch/purchase/` and its origin (not
//! where tokens are known not to be shared), then the same with method, space and URL.

use crate::error::{Code, Error};
use crate::flow::call::Client;
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::ledger::journal::{Entry, Journal, Payment};
use crate::ledger::token::Token;
use crate::ledger::tokens::Tokens;
use crate::text::encoding::concat;
use std::rc::Rc;

const JOURNAL: &str = "l402-fetch/journal";
const TOKENS: &str = "l402-fetch/tokens";
const LEDGER_LOCK: &str = "l402-fetch/ledger";
/// What the name of a purchase's lock begins with.
pub(crate) const PURCHASE_LOCK: &str = "l402-fetch/purchase/";

/// What an instance knows of payments and tokens.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) journal: Journal,
    pub(crate) tokens: Tokens,
    /// The stored texts that `journal` and `tokens` were last the same as.
    stored: [Option<String>; 2],
    /// A write after a payment failed, or is under way: memory knows more than the store.
    unsaved: bool,
    /// Attempts whose wallet was never asked, and which a store that failed may have written all the same.
    pub(crate) withdrawn: Vec<Entry>,
}

/// What is done with the books while the ledger is held. An error leaves the store as it is.
pub(crate) type Change<'a, H> = dyn FnMut(&mut Books) -> Result<(), Failure<H>> + 'a;

impl Books {
    /// The payment of a hash (hex), and its preimage: of the journal, or, where it was folded, of a token that is still kept.
    pub(crate) fn bought_with(&self, payment_hash: &str) -> Option<(Payment, Option<String>)> {
        let of_entry = |entry: &Entry| (entry.payment.clone(), entry.preimage.clone());
        let of_token = |token: &Rc<Token>| (token.payment.clone(), token.preimage.clone());
        let entry = self.journal.find(payment_hash).map(of_entry);
        entry.or_else(|| self.tokens.bought_with(payment_hash).map(of_token))
    }

    /// A process may have ended between the two writes: a stored token is the proof that its payment was made.
    fn settle_what_is_proven(&mut self) {
        let Self { journal, tokens, .. } = self;
        for entry in journal.unsettled_mut() {
            if let Some(token) = tokens.bought_with(&entry.payment.payment_hash) {
                entry.payment = token.payment.clone();
                entry.preimage.clone_from(&token.preimage);
            }
        }
    }
}

impl<H: Host> Client<H> {
    /// Locks the ledger, reads the store again, changes the books and writes what was changed. Where that fails, the store is
    /// read anew before anything else is done with the books.
    pub(crate) async fn change(&self, change: &mut Change<'_, H>) -> Result<(), Failure<H>> {
        if !self.host.has_store() {
            return change(&mut self.books.borrow_mut());
        }
        let pass = self.gate.enter(&self.host).await;
        if pass.took_over {
            // Who froze may have made an entry that never reached the store.
            let mut books = self.books.borrow_mut();
            if let Some(entry) = self.entering.take() {
                books.journal.take_back(&entry);
            }
            books.stored = [None, None];
        }
        let _guard = self.host.lock(LEDGER_LOCK).await.map_err(|cause| store_failed("locked", cause))?;
        self.read().await?;
        change(&mut self.books.borrow_mut())?;
        let mut written = Ok(());
        if pass.is_valid() {
            written = self.write().await;
        }
        if pass.is_valid() {
            self.entering.replace(None);
        } else {
            let text = "the store took too long and others went on: nothing is paid until it is faster";
            written = Err(Error::new(Code::StoreFailed, text).into());
        }
        if written.is_err() {
            self.books.borrow_mut().stored = [None, None];
        }
        written
    }

    /// The same for what follows a payment: where the store fails, memory has what changed, the next change writes it, and
    /// nothing is paid before that. The error is for a listener.
    pub(crate) async fn change_or_keep<T>(&self, mut change: impl FnMut(&mut Books) -> T) -> (T, Option<Failure<H>>) {
        let mut changed = None;
        let mut once = |books: &mut Books| {
            changed = Some(change(books));
            // Who passes over a write that froze must not take the store's word for all there is.
            books.unsaved = true;
            Ok(())
        };
        let lost = self.change(&mut once).await.err();
        let mut books = self.books.borrow_mut();
        if lost.is_some() {
            books.unsaved = true;
            books.stored = [None, None];
        }
        (changed.unwrap_or_else(|| change(&mut books)), lost)
    }

    /// Takes over what others have written, and writes what only memory knows.
    pub(crate) async fn read_again(&self) -> Result<(), Failure<H>> {
        self.change(&mut |_| Ok(())).await
    }

    /// Reads the tokens alone, for the first request of an instance.
    ///
    /// # Errors
    /// [`Code::StoreFailed`]
    pub async fn read_tokens(&self) -> Result<(), Failure<H>> {
        // A purchase may run beside it: what it writes must not be taken for gone because this was read before.
        let _pass = self.gate.enter(&self.host).await;
        let text = self.load(TOKENS).await?;
        let tokens = text.as_deref().map_or(Ok(Vec::new()), Tokens::parse)?;
        let mut books = self.books.borrow_mut();
        if !books.unsaved {
            books.tokens.replace(tokens);
            // They may come from a cache that is behind: who buys reads them again.
            if let Some(seen) = books.stored.get_mut(1) {
                *seen = None;
            }
        }
        Ok(())
    }

    async fn load(&self, key: &str) -> Result<Option<String>, Failure<H>> {
        self.host.load(key).await.map_err(|cause| store_failed("read", cause))
    }

    async fn read(&self) -> Result<(), Failure<H>> {
        let (journal_text, tokens_text) = (self.load(JOURNAL).await?, self.load(TOKENS).await?);
        let mut books = self.books.borrow_mut();
        let books = &mut *books;
        let (unsaved, [journal_seen, tokens_seen]) = (books.unsaved, &books.stored);
        let is_news = |seen: &Option<String>, text: &Option<String>| unsaved || seen.is_none() || seen != text;
        // Both are read before either is taken over: a damaged store changes nothing.
        let new_journal = if is_news(journal_seen, &journal_text) {
            Some(journal_text.as_deref().map_or(Ok(Journal::default()), Journal::parse)?)
        } else {
            None
        };
        let new_tokens = if is_news(tokens_seen, &tokens_text) {
            Some(tokens_text.as_deref().map_or(Ok(Vec::new()), Tokens::parse)?)
        } else {
            None
        };
        if let Some(mut journal) = new_journal {
            if unsaved {
                journal.merge(&books.journal);
            }
            books.withdrawn.retain(|attempt| journal.take_back(attempt));
            books.journal = journal;
        }
        if let Some(tokens) = new_tokens {
            let before = books.tokens.clone();
            books.tokens.replace(tokens);
            if unsaved {
                books.tokens.merge(&before);
            }
        }
        books.stored = [journal_text, tokens_text];
        books.settle_what_is_proven();
        Ok(())
    }

    /// Tokens go first: a proof that is stored settles its journal entry, never the other way round.
    async fn write(&self) -> Result<(), Failure<H>> {
        let mut texts = {
            let books = self.books.borrow();
            [
                (TOKENS, 1, books.tokens.to_text(), books.tokens.is_empty()),
                (JOURNAL, 0, books.journal.to_text(), books.journal.is_empty()),
            ]
        };
        for (key, slot, text, is_empty) in &mut texts {
            let is_same = match self.books.borrow().stored.get(*slot) {
                Some(Some(stored)) => stored == text,
                // Nothing is stored, and nothing is there to store: a page that never paid need not load the core for it.
                _ => *is_empty,
            };
            if is_same {
                continue;
            }
            let saved = self.host.save(key, text).await;
            let mut books = self.books.borrow_mut();
            if let Some(stored) = books.stored.get_mut(*slot) {
                *stored = saved.is_ok().then(|| std::mem::take(text));
            }
            saved.map_err(|cause| store_failed("written", cause))?;
        }
        self.books.borrow_mut().unsaved = false;
        Ok(())
    }
}

fn store_failed<H: Host>(what: &str, cause: H::Cause) -> Failure<H> {
    let text = concat(&["the store could not be ", what, ": nothing is paid until it can"]);
    Failure::raised(Error::new(Code::StoreFailed, text), Some(cause), None)
}
