//! What a token says of the requests that it may open.

use crate::ledger::payment::Payment;
use crate::wire::challenge::Protocol;
use crate::wire::credential::Field;
use crate::wire::invoice::Invoice;
use crate::wire::macaroon::decode_parts;
use crate::wire::mpp;
use crate::wire::x402;

/// The terms of a token that this crate understands: caveats of all macaroons in it, an expiry, one request.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Rules {
    pub(crate) expires_at: Option<u64>,
    path: Option<String>,
    method: Option<String>,
    /// What it is bound to: see [`Record::bound_to`](crate::ledger::record::Record::bound_to).
    pub(crate) bound_to: Option<String>,
    /// Whether its credential goes into `Payment-Authorization`.
    pub(crate) has_own_header: bool,
}

impl Rules {
    pub(crate) fn of(payment: &Payment, token: &str) -> Self {
        let mut rules = Self::default();
        match payment.protocol {
            Protocol::L402 | Protocol::Lsat => {}
            Protocol::Mpp => {
                rules.expires_at = mpp::expires_at(token);
                rules.bound_to = mpp::bound_to(token);
                rules.has_own_header = mpp::field(token) == Field::PaymentAuthorization;
                return rules;
            }
            Protocol::X402 => {
                rules.expires_at = Invoice::decode(&payment.invoice).ok().map(|invoice| x402::last_moment(&invoice));
                rules.bound_to = Some(x402::bound_to(token).unwrap_or_default());
                return rules;
            }
        }
        // A malformed token is never bought.
        for macaroon in &decode_parts(token).unwrap_or_default() {
            if let Some(at) = macaroon.expiry_of_one_sold_at(payment.started_at) {
                rules.expires_at = Some(rules.expires_at.unwrap_or(at).min(at));
            }
            for caveat in &macaroon.caveats {
                let rule = match caveat.condition.as_str() {
                    "RequestPath" => &mut rules.path,
                    "RequestMethod" => &mut rules.method,
                    _ => continue,
                };
                *rule = Some(caveat.value.clone());
            }
        }
        rules
    }

    pub(crate) fn are_in_time(&self, now_ms: u64) -> bool {
        self.expires_at.is_none_or(|at| now_ms / 1000 < at)
    }

    pub(crate) fn allow(&self, method: &str, path: &str) -> bool {
        self.path.as_deref().is_none_or(|allowed| allowed == path)
            && self.method.as_deref().is_none_or(|allowed| allowed == method)
    }
}
