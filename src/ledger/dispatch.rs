//! What is known of an order to a wallet. It is stored with the payment.

use crate::text::members::{Members, Row};

/// What an order to a wallet leaves behind, stored with its payment.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Dispatch {
    /// The wallet that was asked: its [`crate::ledger::wallet::Wallet::id`].
    pub wallet_id: Option<String>,
    /// The time when the wallet was last asked, in milliseconds since the Unix epoch.
    pub sent_at_ms: Option<u64>,
    /// The time of its answer, if that was an error or proved nothing. In milliseconds since the Unix epoch.
    pub error_at_ms: Option<u64>,
    /// What the wallet said of the order beside the error.
    pub heard: Option<Heard>,
    /// How often the same invoice was handed over again, by those who could not know whether it had been.
    pub repeats: u64,
    /// How many earlier attempts failed for certain. The wallet may have records of them.
    pub failures: u64,
}

/// What a wallet said of an order without proving its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It has the payment. If it does not find the payment later, it contradicts itself. That ends no payment.
    HasPayment,
    /// It is done with the order and begins no further attempt.
    OrderEnded,
}

impl Dispatch {
    /// Takes over what the sender of the order knows of it. [`Heard::HasPayment`] is never forgotten.
    pub(crate) fn learn(&mut self, sender: &Self) {
        self.sent_at_ms = sender.sent_at_ms.or(self.sent_at_ms);
        self.error_at_ms = sender.error_at_ms.or(self.error_at_ms);
        if self.heard != Some(Heard::HasPayment) {
            self.heard = sender.heard.or(self.heard);
        }
    }
}

impl Row for Dispatch {
    fn members(&mut self, row: &mut Members<'_>) {
        row.optional_text("walletId", &mut self.wallet_id);
        let mut heard = self.heard.map(|heard| heard as usize);
        row.one_of("heard", &mut heard, &["known", "ended"]);
        self.heard = heard.and_then(|at| [Heard::HasPayment, Heard::OrderEnded].get(at).copied());
        row.optional_number("sentAt", &mut self.sent_at_ms);
        row.optional_number("errorAt", &mut self.error_at_ms);
        row.count("repeats", &mut self.repeats);
        row.count("failures", &mut self.failures);
    }
}
