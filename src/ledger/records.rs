//! The records of an instance: its journal and its tokens, and the changes that concern both.

use crate::error::{Code, Error};
use crate::ledger::certainty::Proof;
use crate::ledger::entry::Entry;
use crate::ledger::journal::Journal;
use crate::ledger::payment::{payment_unknown, Payment, State};
use crate::ledger::token::Token;
use crate::ledger::tokens::Tokens;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;
use std::rc::Rc;

/// What an instance knows of payments and tokens.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) journal: Journal,
    pub(crate) tokens: Tokens,
    /// Attempts whose wallet was never asked. A store that reported a failure may still have written them.
    pub(crate) withdrawn: Vec<Entry>,
}

/// What is known of a payment that is not proven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// Nothing was paid or will be.
    NotPaid,
    /// Nobody can tell.
    Unknown,
    /// The wallet's answer was lost. A lookup may tell.
    AnswerLost,
}

/// What a server offers for a payment.
pub(crate) struct Offered<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) token: &'a str,
}

/// Why an invoice is not paid: its hash is in the records.
pub(crate) struct KnownHash {
    pub(crate) error: Error,
    pub(crate) payment: Payment,
}

impl Records {
    /// The payment of a hash, and its preimage. If the payment was compacted, a kept token still has both.
    pub(crate) fn bought_with(&self, payment_hash: &PaymentHash) -> Option<(Payment, Option<String>)> {
        let of_entry = |entry: &Entry| (entry.payment.clone(), entry.preimage.clone());
        let of_token = |token: &Rc<Token>| (token.payment.clone(), token.preimage.clone());
        let entry = self.journal.find(payment_hash).map(of_entry);
        entry.or_else(|| self.tokens.bought_with(payment_hash).map(of_token))
    }

    /// Settles payments whose token is stored: a process may have ended between the two writes.
    pub(crate) fn settle_what_is_proven(&mut self) {
        let Self { journal, tokens, .. } = self;
        for entry in journal.unsettled_mut() {
            if let Some(token) = tokens.bought_with(&entry.payment.payment_hash) {
                entry.payment = token.payment.clone();
                entry.preimage.clone_from(&token.preimage);
            }
        }
    }

    /// Records a proof. Returns the token of the payment, and whether this is its first proof.
    pub(crate) fn record_proof(&mut self, entry: &Entry, proof: &Proof, now_ms: u64) -> (Rc<Token>, bool) {
        let Self { journal, tokens, .. } = self;
        let hash = &entry.payment.payment_hash;
        // Instances that write without a lock may have lost the entry. The proof restores it.
        let mut known = journal.find(hash).unwrap_or(entry).clone();
        let was_proven = known.payment.state == State::Paid;
        known.settle_paid(proof.preimage.clone(), proof.fee_msat, now_ms);
        let bought =
            || Token::new(known.payment.clone(), entry.method.clone(), entry.token.clone(), known.preimage.clone());
        let token = match tokens.bought_with(hash) {
            Some(token) => Rc::clone(token),
            // The token was forgotten or replaced. It is made again for the call that waits for it, and not stored.
            None if was_proven => Rc::new(bought()),
            None => tokens.put(bought()),
        };
        journal.put_in_place(known);
        (token, !was_proven)
    }

    /// Records that an order ended without a proof. If the payment is proven already, it stays so.
    ///
    /// # Errors
    /// The payment after this, unless it is proven: then its token is returned.
    pub(crate) fn record_unproven(
        &mut self,
        entry: &Entry,
        unproven: Unproven,
        now_ms: u64,
    ) -> Result<Rc<Token>, Box<Payment>> {
        let hash = &entry.payment.payment_hash;
        let payment = match self.journal.find_mut(hash) {
            Some(known) => {
                // The outcome of an earlier order for the same invoice says nothing of the later one.
                if known.is_unsettled() && known.is_same_order(entry) {
                    match unproven {
                        Unproven::NotPaid => known.settle_failed(now_ms),
                        Unproven::Unknown | Unproven::AnswerLost => {
                            known.payment.state = State::Unknown;
                            known.dispatch.learn(&entry.dispatch);
                        }
                    }
                }
                &known.payment
            }
            None => &entry.payment,
        };
        match self.tokens.bought_with(hash) {
            Some(token) if payment.state == State::Paid => Ok(Rc::clone(token)),
            _ => Err(Box::new(payment.clone())),
        }
    }

    /// Looks up an invoice's hash before it is paid. Returns the token if it was paid for here, and `None` if it may be
    /// paid.
    ///
    /// # Errors
    /// - [`Code::HashMismatch`] if the hash was paid for at another origin. This origin would then see its preimage.
    /// - [`Code::PaymentUnknown`] if its payment is open.
    ///
    /// Both carry the payment.
    pub(crate) fn known_hash(
        &mut self,
        hash: &PaymentHash,
        offered: &Offered<'_>,
    ) -> Result<Option<Rc<Token>>, Box<KnownHash>> {
        let Some((payment, preimage)) = self.bought_with(hash) else { return Ok(None) };
        if payment.url.origin() != offered.url.origin() {
            let error = Error::new(
                Code::HashMismatch,
                "this invoice was already paid for another origin: don't trust this server",
            );
            return Err(Box::new(KnownHash { error, payment }));
        }
        match payment.state {
            State::Pending | State::Unknown => {
                let error = payment_unknown("the wallet was asked to pay this invoice before");
                Err(Box::new(KnownHash { error, payment }))
            }
            State::Failed => Ok(None),
            State::Paid => {
                let token = Token::new(payment, offered.method.to_owned(), offered.token.to_owned(), preimage);
                Ok(Some(self.tokens.put(token.bought_for(offered.url))))
            }
        }
    }

    /// Takes over what was read from the store. `unsaved` says that memory knows more than the store.
    pub(crate) fn take_over(&mut self, journal: Option<Journal>, tokens: Option<Vec<Token>>, unsaved: bool) {
        if let Some(mut journal) = journal {
            if unsaved {
                journal.merge(&self.journal);
            }
            self.withdrawn.retain(|attempt| journal.take_back(attempt));
            self.journal = journal;
        }
        if let Some(tokens) = tokens {
            let before = self.tokens.clone();
            self.tokens.replace(tokens);
            if unsaved {
                self.tokens.merge(&before);
            }
        }
        self.settle_what_is_proven();
    }
}
