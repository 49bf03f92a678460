//! One payment as its row holds it, with everything that is needed to settle it later.

use crate::ledger::dispatch::{Dispatch, Heard};
use crate::ledger::key;
use crate::ledger::payment::{Payment, State};
use crate::ledger::sums::Amounts;
use crate::text::json_fields::Fields;
use crate::text::json_writer::Writer;

/// An open payment stands in the way of its resource until this many seconds after the expiry of its invoice.
pub const FORGOTTEN_AFTER_S: u64 = 86_400;
/// The state of a reservation: the wallet must not be asked yet.
const RESERVED: &str = "reserved";

/// What is known of a payment, and of the order that makes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The part that users see. Its times are rounded down from those below.
    pub payment: Payment,
    /// The method of the request that is paid for.
    pub method: String,
    /// The token that the preimage turns into a credential. It is kept until the payment is proven.
    pub token: String,
    /// Hex. Absent until it is proven. A secret.
    pub preimage: Option<String>,
    /// The fee reserve, in millisatoshis.
    pub max_fee_msat: u64,
    /// Unix milliseconds. The sums count the payment in the buckets of this time.
    pub started_at_ms: u64,
    /// The invoice, as the server sent it.
    pub invoice: String,
    /// Unix seconds.
    pub invoice_expires_at: u64,
    /// The description in the invoice.
    pub description: Option<String>,
    /// Names of the scopes that it counts in, outermost first.
    pub scopes: Vec<String>,
    /// The purchase that it belongs to. Only this purchase may hand it to the wallet.
    pub owner: String,
    /// Whether it is only a reservation. The wallet must not be asked before the step that ends the reservation.
    pub is_reserved: bool,
    /// What is known of the order to the wallet.
    pub dispatch: Dispatch,
}

impl Record {
    /// Whether the outcome is open.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(self.payment.state, State::Pending | State::Unknown)
    }

    /// Whether it is too old to stand in the way of its resource. Nobody will learn what became of it.
    #[must_use]
    pub fn is_forgotten(&self, now_ms: u64) -> bool {
        now_ms / 1000 > self.invoice_expires_at.saturating_add(FORGOTTEN_AFTER_S)
    }

    /// The amounts that the sums count of it.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let Payment { amount_msat, fee_msat, state, .. } = self.payment;
        match state {
            State::Pending | State::Unknown if self.is_reserved => {
                Amounts { reserved: amount_msat.saturating_add(self.max_fee_msat), ..Amounts::default() }
            }
            State::Pending | State::Unknown => Amounts { spent: amount_msat, reserved: self.max_fee_msat, orders: 0 },
            State::Paid => Amounts { spent: amount_msat.saturating_add(fee_msat), ..Amounts::default() },
            State::Failed => Amounts::default(),
        }
    }

    /// The keys of all sums that it counts in.
    #[must_use]
    pub fn sums(&self) -> Vec<String> {
        let mut keys = vec![key::SUMS.to_owned(), key::origin(self.payment.url.origin())];
        for path in scope_paths(&self.scopes) {
            keys.push(key::scope_origin(&path, self.payment.url.origin()));
            keys.push(key::scope(&path));
        }
        keys
    }

    /// The keys of the indexes that list it.
    #[must_use]
    pub fn indexes(&self) -> Vec<String> {
        let at = |index: &str| key::indexed(index, self.started_at_ms, &self.payment.payment_hash);
        let mut keys = vec![at(key::BY_TIME), at(&key::by_origin(self.payment.url.origin()))];
        keys.extend(scope_paths(&self.scopes).iter().map(|path| at(&key::by_scope(path))));
        keys
    }

    /// The key of the row that locks its resource.
    #[must_use]
    pub fn open_key(&self) -> String {
        key::open(self.payment.url.origin(), &self.method, self.payment.url.as_str())
    }

    /// Records that a payment was proven. A fee that nobody reported stays as it was.
    pub(crate) fn settle_paid(&mut self, preimage: Option<String>, fee_msat: Option<u64>, now_ms: u64) {
        if self.payment.state != State::Paid {
            self.payment.settled_at = Some(now_ms / 1000);
        }
        self.payment.state = State::Paid;
        self.payment.fee_msat = fee_msat.unwrap_or(self.payment.fee_msat);
        self.preimage = preimage.or(self.preimage.take());
        self.token = String::new();
        self.is_reserved = false;
        self.dispatch = Dispatch::default();
    }

    /// Records that nothing was paid or will be. The token is kept for a late proof.
    pub(crate) fn settle_failed(&mut self, now_ms: u64) {
        self.payment.state = State::Failed;
        self.payment.settled_at = Some(now_ms / 1000);
        self.is_reserved = false;
        self.dispatch = Dispatch { failures: self.dispatch.failures.saturating_add(1), ..Dispatch::default() };
    }

    pub(crate) fn write(&self, row: &mut Writer) {
        let payment = &self.payment;
        payment.write_offer(row, &self.method, &self.token, self.preimage.as_deref());
        row.number("maxFeeMsat", Some(self.max_fee_msat));
        row.text("state", Some(if self.is_reserved { RESERVED } else { payment.state.name() }));
        row.number("startedAt", Some(self.started_at_ms));
        row.number("settledAt", payment.settled_at);
        row.text("invoice", Some(&self.invoice));
        row.number("invoiceExpiresAt", Some(self.invoice_expires_at));
        row.text("description", self.description.as_deref());
        row.texts("scopes", &self.scopes);
        row.text("owner", Some(&self.owner));
        write_dispatch(&self.dispatch, row);
    }

    pub(crate) fn read(row: &mut Fields<'_>) -> Self {
        let name = row.text("state");
        let is_reserved = name == RESERVED;
        let known = State::ALL.iter().find(|(_, state)| *state == name).map(|(state, _)| *state);
        let state = if is_reserved { State::Pending } else { row.expect(known, State::Unknown) };
        let started_at_ms = row.number("startedAt");
        Self {
            payment: Payment::read(row, state, started_at_ms / 1000),
            method: row.text("method"),
            token: row.text("token"),
            preimage: row.optional_text("preimage"),
            max_fee_msat: row.number("maxFeeMsat"),
            started_at_ms,
            invoice: row.text("invoice"),
            invoice_expires_at: row.number("invoiceExpiresAt"),
            description: row.optional_words("description"),
            scopes: row.words("scopes"),
            owner: row.text("owner"),
            is_reserved,
            dispatch: read_dispatch(row),
        }
    }
}

/// The path of names of every scope, outermost first. The length stands before each name, so that one name can't be
/// read as two.
#[must_use]
pub fn scope_paths(names: &[String]) -> Vec<String> {
    let mut path = String::new();
    let mut paths = Vec::new();
    for name in names {
        path.push_str(&name.len().to_string());
        path.push(':');
        path.push_str(name);
        paths.push(path.clone());
    }
    paths
}

/// Leaves absent members out: most settled payments have none of them.
fn write_dispatch(dispatch: &Dispatch, row: &mut Writer) {
    for (name, value) in [("walletId", dispatch.wallet_id.as_deref()), ("heard", dispatch.heard.map(Heard::name))] {
        if value.is_some() {
            row.text(name, value);
        }
    }
    let some = |count| Some(count).filter(|count| *count > 0);
    for (name, value) in [
        ("sentAt", dispatch.sent_at_ms),
        ("errorAt", dispatch.error_at_ms),
        ("repeats", some(dispatch.repeats)),
        ("failures", some(dispatch.failures)),
    ] {
        if value.is_some() {
            row.number(name, value);
        }
    }
}

fn read_dispatch(row: &mut Fields<'_>) -> Dispatch {
    let heard = row.optional_text("heard");
    let known = heard.as_deref().map(Heard::from_name);
    Dispatch {
        wallet_id: row.optional_text("walletId"),
        sent_at_ms: row.optional_number("sentAt"),
        error_at_ms: row.optional_number("errorAt"),
        heard: known.and_then(|known| row.expect(known.map(Some), None)),
        invoice: None,
        repeats: row.optional_number("repeats").unwrap_or(0),
        failures: row.optional_number("failures").unwrap_or(0),
    }
}
