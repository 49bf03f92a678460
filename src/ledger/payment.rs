//! One payment, as users see it.

use crate::text::object::{Row, Writer};
use crate::wire::challenge::Protocol;

/// Room for a row in the stored form: its names and numbers, hash and preimage.
const ROW_BYTES: usize = 420;

/// What is known of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Handed to the wallet.
    Pending,
    /// The wallet's answer was lost; the amount stays reserved.
    Unknown,
    /// Proven.
    Paid,
    /// Nothing was paid nor will be.
    Failed,
}

impl State {
    pub(crate) const ALL: [(State, &'static str); 4] =
        [(State::Pending, "pending"), (State::Unknown, "unknown"), (State::Paid, "paid"), (State::Failed, "failed")];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }
}

/// A payment as users see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Hex.
    pub payment_hash: String,
    /// Scheme, host and port.
    pub origin: String,
    /// Without fragment.
    pub url: String,
    /// How the offer was answered.
    pub protocol: Protocol,
    /// Millisatoshis, without the fee.
    pub amount_msat: u64,
    /// Millisatoshis, as the wallet reported it.
    pub fee_msat: u64,
    /// What is known of it.
    pub state: State,
    /// Unix seconds.
    pub started_at: u64,
    /// Unix seconds.
    pub settled_at: Option<u64>,
}

impl Payment {
    /// As JavaScript is shown it.
    pub(crate) fn write(&self, row: &mut Writer) {
        row.text("paymentHash", Some(&self.payment_hash));
        row.text("origin", Some(&self.origin));
        row.text("url", Some(&self.url));
        row.text("protocol", Some(self.protocol.as_str()));
        row.amount(Some(self.amount_msat));
        row.number("feeMsat", Some(self.fee_msat));
        row.text("state", Some(self.state.name()));
        row.number("startedAt", Some(self.started_at));
        row.number("settledAt", self.settled_at);
    }

    /// The JSON text of the object that JavaScript is shown.
    #[must_use]
    pub fn to_json(&self) -> String {
        Writer::object(|row| self.write(row))
    }

    /// What the rows of journal and tokens begin with.
    pub(crate) fn write_offer(&self, row: &mut Writer, method: &str, token: &str, preimage: Option<&str>) {
        row.text("paymentHash", Some(&self.payment_hash));
        row.text("origin", Some(&self.origin));
        row.text("url", Some(&self.url));
        row.text("method", Some(method));
        row.text("protocol", Some(self.protocol.as_str()));
        row.text("token", Some(token));
        row.text("preimage", preimage);
        row.number("amountMsat", Some(self.amount_msat));
        row.number("feeMsat", Some(self.fee_msat));
    }

    /// About how many bytes it takes of a stored row.
    pub(crate) fn size(&self) -> usize {
        ROW_BYTES.saturating_add(self.origin.len()).saturating_add(self.url.len())
    }

    pub(crate) fn read(row: &mut Row<'_>, state: State, started_at: u64) -> Self {
        let protocol = Protocol::from_name(&row.text("protocol"));
        Self {
            payment_hash: row.text("paymentHash"),
            origin: row.text("origin"),
            url: row.text("url"),
            protocol: row.expect(protocol, Protocol::L402),
            amount_msat: row.number("amountMsat"),
            fee_msat: row.number("feeMsat"),
            state,
            started_at,
            settled_at: row.optional_number("settledAt"),
        }
    }
}
