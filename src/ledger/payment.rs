//! One payment, as users see it.

use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::json_writer::{write_object, Writer};
use crate::text::members::Members;
use crate::wire::challenge::Protocol;
use crate::wire::payment_hash::PaymentHash;
use crate::wire::url::Url;

/// What is known of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum State {
    /// Handed to the wallet.
    #[default]
    Pending,
    /// The wallet's answer was lost. The amount stays reserved.
    Unknown,
    /// Proven.
    Paid,
    /// Nothing was paid or will be.
    Failed,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Pending, Self::Unknown, Self::Paid, Self::Failed];
    /// Their names, and that of a payment which is only reserved.
    pub(crate) const NAMES: [&'static str; 5] = ["pending", "unknown", "paid", "failed", "reserved"];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// A payment as users see it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Payment {
    /// The payment hash of its invoice.
    pub payment_hash: PaymentHash,
    /// The URL that was paid for.
    pub url: Url,
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
    /// Names of the scopes that it counts in, outermost first.
    pub scopes: Vec<String>,
    /// The invoice, as the server sent it.
    pub invoice: String,
    /// The description in the invoice.
    pub description: Option<String>,
    /// The session that it was a deposit for: the payment hash of the session's first deposit.
    pub session: Option<PaymentHash>,
    /// Millisatoshis that came back when its session was closed, by the wallet's own records.
    pub refunded_msat: u64,
}

impl Payment {
    /// Writes what JavaScript sees.
    pub(crate) fn write(&self, object: &mut Writer) {
        self.payment_hash.write(object);
        object.text("origin", Some(self.url.origin()));
        object.text("url", Some(self.url.as_str()));
        object.text("protocol", Some(self.protocol.as_str()));
        object.amount(Some(self.amount_msat));
        object.number("feeMsat", Some(self.fee_msat));
        object.text("state", Some(self.state.name()));
        object.number("startedAt", Some(self.started_at));
        object.number("settledAt", self.settled_at);
        object.texts("scopes", &self.scopes);
        object.text("invoice", Some(&self.invoice));
        object.text("description", self.description.as_deref());
        if let Some(session) = &self.session {
            object.text("sessionId", Some(&session.to_hex()));
            object.number("refundedMsat", Some(self.refunded_msat));
        }
    }

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }

    /// The members that the rows of payments and tokens begin with.
    pub(crate) fn offer(
        &mut self,
        row: &mut Members<'_>,
        method: &mut String,
        token: &mut String,
        preimage: &mut Option<String>,
    ) {
        self.payment_hash.member(row);
        row.parsed("url", &mut self.url, |url| url.as_str().to_owned(), Url::parse);
        row.text("method", method);
        let mut protocol = Some(self.protocol as usize);
        row.one_of("protocol", &mut protocol, &Protocol::ALL.map(Protocol::as_str));
        self.protocol = row.expect(protocol.and_then(|at| Protocol::ALL.get(at).copied()));
        row.text("token", token);
        row.optional_text("preimage", preimage);
        row.number("amountMsat", &mut self.amount_msat);
        row.number("feeMsat", &mut self.fee_msat);
        row.words("scopes", &mut self.scopes);
        row.text("invoice", &mut self.invoice);
        row.optional_words("description", &mut self.description);
        let mut session = self.session.map(|session| session.to_hex());
        row.optional_text("sessionId", &mut session);
        self.session = session.map(|text| row.expect(PaymentHash::parse(&text).ok()));
        row.count("refundedMsat", &mut self.refunded_msat);
    }
}

/// The error of a payment whose outcome nobody can tell. `what` begins its text.
pub(crate) fn payment_unknown(what: &str) -> Error {
    let text = ": the amount stays reserved, and nothing more is paid here until a lookup or resolve() settles it";
    Error::new(Code::PaymentUnknown, concat(&[what, text]))
}

/// The error of an open payment that an earlier call began.
pub(crate) fn earlier_payment_open() -> Error {
    payment_unknown("an earlier payment is open")
}
