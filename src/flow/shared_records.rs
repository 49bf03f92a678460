//! The records in memory, kept in step with the store that an instance may share with others.
//!
//! Keys: `l402-fetch/journal` and `l402-fetch/tokens`. Both hold JSON text with a `version`.
//!
//! Locks:
//! - `l402-fetch/ledger`, for the short time in which both are read, changed and written.
//! - `l402-fetch/purchase/` and the origin, for the time of one purchase. If the origin's tokens are known not to be
//!   shared, this lock is not taken.
//! - `l402-fetch/purchase/` and method, space and URL, for the time of one purchase.

use crate::error::{Code, Error};
use crate::flow::failure::Failure;
use crate::flow::host::Host;
use crate::flow::sync::Mutex;
use crate::ledger::entry::Entry;
use crate::ledger::journal::Journal;
use crate::ledger::records::Records;
use crate::ledger::tokens::Tokens;
use crate::text::encoding::concat;
use std::cell::{Cell, Ref, RefCell, RefMut};

const JOURNAL: &str = "l402-fetch/journal";
const TOKENS: &str = "l402-fetch/tokens";
const LEDGER_LOCK: &str = "l402-fetch/ledger";
/// The start of the name of a purchase's lock.
const PURCHASE_LOCK: &str = "l402-fetch/purchase/";

/// The records of an instance, and what is known of the store beside them.
#[derive(Default)]
pub(crate) struct SharedRecords {
    records: RefCell<Records>,
    /// The stored texts that journal and tokens last agreed with.
    stored: RefCell<[Option<String>; 2]>,
    /// Memory knows more than the store: a write after a payment failed, or is under way.
    unsaved: Cell<bool>,
    /// One change at a time.
    mutex: Mutex,
    /// The entry that the mutex's holder has made and is writing.
    entering: RefCell<Option<Entry>>,
}

/// A change of the records while the ledger is locked. An error leaves the store as it is.
pub(crate) type Change<'a, H> = dyn FnMut(&mut Records) -> Result<(), Failure<H>> + 'a;

impl SharedRecords {
    pub(crate) fn borrow(&self) -> Ref<'_, Records> {
        self.records.borrow()
    }

    /// For changes that need not be stored. All others go through [`SharedRecords::change`].
    pub(crate) fn borrow_mut(&self) -> RefMut<'_, Records> {
        self.records.borrow_mut()
    }

    /// Notes the entry that a change has made. If its write freezes, the entry is taken back.
    pub(crate) fn note_entering(&self, entry: &Entry) {
        self.entering.replace(Some(entry.clone()));
    }

    /// Locks the ledger, reads the store again, changes the records and writes them. If that fails, the next change
    /// reads everything that the store holds.
    pub(crate) async fn change<H: Host>(&self, host: &H, change: &mut Change<'_, H>) -> Result<(), Failure<H>> {
        if !host.has_store() {
            return change(&mut self.records.borrow_mut());
        }
        let guard = self.mutex.lock(host).await;
        if guard.took_over {
            // The holder that froze may have made an entry that never reached the store.
            if let Some(entry) = self.entering.take() {
                self.records.borrow_mut().journal.take_back(&entry);
            }
            self.forget_stored();
        }
        let _lock = host.lock(LEDGER_LOCK).await.map_err(|cause| store_failed("locked", cause))?;
        self.read(host).await?;
        change(&mut self.records.borrow_mut())?;
        let mut written = Ok(());
        if guard.is_valid() {
            written = self.write(host).await;
        }
        if guard.is_valid() {
            self.entering.replace(None);
        } else {
            let text = "the store was too slow, so others went on: nothing is paid until it is faster";
            written = Err(Error::new(Code::StoreFailed, text).into());
        }
        if written.is_err() {
            self.forget_stored();
        }
        written
    }

    fn forget_stored(&self) {
        self.stored.replace([None, None]);
    }

    /// The same for changes after a payment. If the store fails, memory keeps the change. Nothing more is paid until a
    /// later change has written it. The error is for a listener.
    pub(crate) async fn change_or_keep<H: Host, T>(
        &self,
        host: &H,
        mut change: impl FnMut(&mut Records) -> T,
    ) -> (T, Option<Failure<H>>) {
        let mut changed = None;
        let mut once = |records: &mut Records| {
            changed = Some(change(records));
            // Memory knows more than the store until this is written. If the write freezes, the next holder of the
            // mutex must know that too.
            self.unsaved.set(true);
            Ok(())
        };
        let lost = self.change(host, &mut once).await.err();
        if lost.is_some() {
            self.unsaved.set(true);
            self.forget_stored();
        }
        (changed.unwrap_or_else(|| change(&mut self.records.borrow_mut())), lost)
    }

    /// Takes over changes that others have written, and writes changes that only memory knows.
    pub(crate) async fn read_again<H: Host>(&self, host: &H) -> Result<(), Failure<H>> {
        self.change(host, &mut |_| Ok(())).await
    }

    /// Reads the tokens alone, for the first request of an instance.
    ///
    /// # Errors
    /// [`Code::StoreFailed`] if the store can't be read or is damaged.
    pub(crate) async fn read_tokens<H: Host>(&self, host: &H) -> Result<(), Failure<H>> {
        // A purchase may write tokens at the same time. An older reading must not remove them.
        let _guard = self.mutex.lock(host).await;
        let text = load(host, TOKENS).await?;
        let tokens = text.as_deref().map_or(Ok(Vec::new()), Tokens::parse)?;
        if !self.unsaved.get() {
            self.records.borrow_mut().tokens.replace(tokens);
            // This may come from a stale cache. A purchase reads them again.
            if let Some(seen) = self.stored.borrow_mut().get_mut(1) {
                *seen = None;
            }
        }
        Ok(())
    }

    async fn read<H: Host>(&self, host: &H) -> Result<(), Failure<H>> {
        let (journal_text, tokens_text) = (load(host, JOURNAL).await?, load(host, TOKENS).await?);
        let unsaved = self.unsaved.get();
        let mut stored = self.stored.borrow_mut();
        let [journal_seen, tokens_seen] = &*stored;
        let is_news = |seen: &Option<String>, text: &Option<String>| unsaved || seen.is_none() || seen != text;
        // Both are parsed before either is taken over, so that a damaged store changes nothing.
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
        self.records.borrow_mut().take_over(new_journal, new_tokens, unsaved);
        *stored = [journal_text, tokens_text];
        Ok(())
    }

    /// Writes tokens first: a stored token proves its journal entry, but an entry can't restore a token.
    async fn write<H: Host>(&self, host: &H) -> Result<(), Failure<H>> {
        let mut texts = {
            let records = self.records.borrow();
            [
                (TOKENS, 1, records.tokens.to_text(), records.tokens.is_empty()),
                (JOURNAL, 0, records.journal.to_text(), records.journal.is_empty()),
            ]
        };
        for (key, slot, text, is_empty) in &mut texts {
            let is_same = match self.stored.borrow().get(*slot) {
                Some(Some(stored)) => stored == text,
                // Nothing is stored, and there is nothing to store. A page that never paid then finds no tokens, and
                // need not load the core.
                _ => *is_empty,
            };
            if is_same {
                continue;
            }
            let saved = host.save(key, text).await;
            if let Some(stored) = self.stored.borrow_mut().get_mut(*slot) {
                *stored = saved.is_ok().then(|| std::mem::take(text));
            }
            saved.map_err(|cause| store_failed("written", cause))?;
        }
        self.unsaved.set(false);
        Ok(())
    }
}

async fn load<H: Host>(host: &H, key: &str) -> Result<Option<String>, Failure<H>> {
    host.load(key).await.map_err(|cause| store_failed("read", cause))
}

fn store_failed<H: Host>(what: &str, cause: H::Cause) -> Failure<H> {
    let text = concat(&["the store could not be ", what, ": nothing is paid until it can be"]);
    Failure::raised(Error::new(Code::StoreFailed, text), Some(cause), None)
}

/// The lock of a purchase.
pub(crate) async fn lock_purchase<H: Host>(host: &H, key: &str) -> Result<H::Guard, Failure<H>> {
    host.lock(&concat(&[PURCHASE_LOCK, key])).await.map_err(|cause| {
        let error = Error::new(Code::StoreFailed, "the store could not be locked: nothing is paid until it can be");
        Failure::raised(error, Some(cause), None)
    })
}
