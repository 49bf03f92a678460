//! What is known of an order to a wallet. It is stored with the payment.

use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;

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

    /// Leaves absent members out: most settled payments have none of them.
    pub(crate) fn write(&self, object: &mut Writer) {
        for (name, value) in [("walletId", self.wallet_id.as_deref()), ("heard", self.heard.map(Heard::name))] {
            if value.is_some() {
                object.text(name, value);
            }
        }
        let some = |count| Some(count).filter(|count| *count > 0);
        for (name, value) in [
            ("sentAt", self.sent_at_ms),
            ("errorAt", self.error_at_ms),
            ("repeats", some(self.repeats)),
            ("failures", some(self.failures)),
        ] {
            if value.is_some() {
                object.number(name, value);
            }
        }
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let heard = fields.optional_text("heard");
        let known = heard.as_deref().map(Heard::from_name);
        Self {
            wallet_id: fields.optional_text("walletId"),
            sent_at_ms: fields.optional_number("sentAt"),
            error_at_ms: fields.optional_number("errorAt"),
            heard: known.and_then(|known| fields.expect(known.map(Some), None)),
            repeats: fields.optional_number("repeats").unwrap_or(0),
            failures: fields.optional_number("failures").unwrap_or(0),
        }
    }
}

impl Heard {
    const ALL: [(Self, &'static str); 2] = [(Self::HasPayment, "known"), (Self::OrderEnded, "ended")];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(heard, _)| *heard == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(heard, _)| *heard)
    }
}
