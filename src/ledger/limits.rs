//! The limits: how much may be spent, and how much is left.
//!
//! Reserve, then pay, then commit or release. An amount is reserved before `approve` or the wallet is asked. It counts
//! while its outcome is unknown. It is released only if it is certain that nothing was paid. All sums are in
//! millisatoshis and include routing fees.

use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::json_writer::{write_object, MSAT_PER_SAT};

const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 86_400_000;
/// The fee reserve of a small payment. Of a larger one it is 1% of the amount. lnd has a similar default.
const LEAST_FEE_MSAT: u64 = 5_000;
const PER_PAYMENT: &str = "perPayment";

/// The limits of sliding windows, in millisatoshis. `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Windows {
    /// In the last 3,600,000 ms.
    pub per_hour: Option<u64>,
    /// In the last 86,400,000 ms.
    pub per_day: Option<u64>,
    /// Ever.
    pub total: Option<u64>,
}

/// The limits that a caller sets, in millisatoshis, fees included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For one payment.
    pub per_payment: u64,
    /// For all origins together.
    pub all: Windows,
    /// For each origin.
    pub per_origin: Windows,
}

/// The sums of the last hour, of the last day and of all time, in millisatoshis.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Spent {
    /// In the last 3,600,000 ms.
    pub hour: u64,
    /// In the last 86,400,000 ms.
    pub day: u64,
    /// Ever.
    pub total: u64,
}

impl Spent {
    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| {
            object.number("hour", Some(self.hour));
            object.number("day", Some(self.day));
            object.number("total", Some(self.total));
        })
    }

    /// Adds an amount that was started at `started_at`. A start in the future counts as now.
    pub fn add(&mut self, msat: u64, started_at: u64, now: u64) {
        let age = now.saturating_sub(started_at);
        if age < HOUR_MS {
            self.hour = self.hour.saturating_add(msat);
        }
        if age < DAY_MS {
            self.day = self.day.saturating_add(msat);
        }
        self.total = self.total.saturating_add(msat);
    }
}

/// What may still be spent, in millisatoshis, whatever else is reserved taken off; an absent one is not limited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Remaining {
    /// By one payment: the least of all limits.
    pub payment: u64,
    /// Within the hour.
    pub hour: Option<u64>,
    /// Within the day.
    pub day: Option<u64>,
    /// Ever.
    pub total: Option<u64>,
}

impl Remaining {
    /// The least of both.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        let least = |one: Option<u64>, other: Option<u64>| [one, other].into_iter().flatten().min();
        Self {
            payment: self.payment.min(other.payment),
            hour: least(self.hour, other.hour),
            day: least(self.day, other.day),
            total: least(self.total, other.total),
        }
    }

    /// The JSON text of the object that JavaScript is shown: satoshis, rounded down.
    #[must_use]
    pub fn to_json(&self) -> String {
        let sat = |msat| msat / MSAT_PER_SAT;
        write_object(|object| {
            object.number("payment", Some(sat(self.payment)));
            object.number("hour", self.hour.map(sat));
            object.number("day", self.day.map(sat));
            object.number("total", self.total.map(sat));
        })
    }
}

/// The sums that limits count at one moment: paid, unsettled and reserved amounts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// Of all origins together.
    pub all: Spent,
    /// Of the origin that is to be paid.
    pub own: Spent,
}

impl Counted {
    /// Adds a reservation: an amount that the limits allowed and that is not in the journal yet.
    pub fn add(&mut self, msat: u64, is_own: bool) {
        self.all.add(msat, 0, 0);
        if is_own {
            self.own.add(msat, 0, 0);
        }
    }
}

impl Limits {
    /// Checks a payment against the limits. Returns its fee reserve in millisatoshis: the larger of 1% and 5 sat. If
    /// the limits leave less than that above the amount, the fee reserve is what they leave.
    ///
    /// # Errors
    /// [`Code::OverLimit`], which names the limit.
    pub fn reserve(&self, amount_msat: u64, counted: &Counted) -> Result<u64, Error> {
        let mut fee = (amount_msat / 100).max(LEAST_FEE_MSAT);
        for (name, limit, counted) in self.windows(counted) {
            let Some(limit) = limit else { continue };
            let left = limit.saturating_sub(counted);
            match left.checked_sub(amount_msat) {
                Some(rest) => fee = fee.min(rest),
                None => {
                    let (price, limit, left) = (sat(amount_msat), sat(limit), sat(left));
                    let beginning = ["paying ", &price, " sat would exceed limits.", name, " of ", &limit, " sat"];
                    let mut text = concat(&beginning);
                    if name != PER_PAYMENT {
                        let when = if name.ends_with("Hour") {
                            " within 60 minutes"
                        } else if name.ends_with("Day") {
                            " within 24 hours"
                        } else {
                            ""
                        };
                        let place = if name.starts_with("perOrigin") { " at this origin" } else { "" };
                        let counted = sat(counted);
                        let rest = [": ", &counted, " are spent or reserved", place, when, ", ", &left, " are left"];
                        text.push_str(&concat(&rest));
                    }
                    return Err(Error::new(Code::OverLimit, text));
                }
            }
        }
        Ok(fee)
    }

    /// How much is left of each limit.
    #[must_use]
    pub fn remaining(&self, counted: &Counted) -> Remaining {
        let mut remaining = Remaining { payment: self.per_payment, hour: None, day: None, total: None };
        for (name, limit, counted) in self.windows(counted) {
            let Some(limit) = limit else { continue };
            let left = limit.saturating_sub(counted);
            remaining.payment = remaining.payment.min(left);
            let window = match name {
                PER_PAYMENT => continue,
                name if name.ends_with("Hour") => &mut remaining.hour,
                name if name.ends_with("Day") => &mut remaining.day,
                _ => &mut remaining.total,
            };
            *window = Some(window.map_or(left, |least| least.min(left)));
        }
        remaining
    }

    /// The name of each limit, the limit, and the sum that counts against it.
    fn windows(&self, counted: &Counted) -> [(&'static str, Option<u64>, u64); 7] {
        let Counted { all, own } = counted;
        [
            (PER_PAYMENT, Some(self.per_payment), 0),
            ("perHour", self.all.per_hour, all.hour),
            ("perDay", self.all.per_day, all.day),
            ("total", self.all.total, all.total),
            ("perOrigin.perHour", self.per_origin.per_hour, own.hour),
            ("perOrigin.perDay", self.per_origin.per_day, own.day),
            ("perOrigin.total", self.per_origin.total, own.total),
        ]
    }
}

/// Satoshis as people read them. If there are millisatoshis, they follow a decimal point.
fn sat(msat: u64) -> String {
    let (whole, rest) = (msat / MSAT_PER_SAT, msat % MSAT_PER_SAT);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = rest.saturating_add(1000).to_string();
    concat(&[&whole.to_string(), ".", digits.get(1..).unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NONE: Windows = Windows { per_hour: None, per_day: None, total: None };

    fn limits(per_payment: u64, all: Windows, per_origin: Windows) -> Limits {
        Limits { per_payment, all, per_origin }
    }

    #[test]
    fn the_fee_is_cut_to_what_is_left() {
        let ask = |limit, amount| {
            limits(limit, NONE, NONE).reserve(amount, &Counted::default()).map_err(|error| error.code())
        };
        assert_eq!(ask(100_000, 10_000), Ok(5_000));
        assert_eq!(ask(2_000_000, 1_000_000), Ok(10_000));
        assert_eq!(ask(12_000, 10_000), Ok(2_000));
        assert_eq!(ask(10_000, 10_000), Ok(0));
        assert_eq!(ask(9_999, 10_000), Err(Code::OverLimit));
        assert_eq!(ask(0, 1), Err(Code::OverLimit));
        assert_eq!(ask(u64::MAX, u64::MAX), Ok(0));
    }

    #[test]
    fn reservations_count_against_all_and_their_origin() {
        let reserved = |is_own| {
            let mut counted = Counted::default();
            counted.add(60_000, is_own);
            counted
        };
        let all = limits(100_000, Windows { per_hour: Some(100_000), ..NONE }, NONE);
        assert_eq!(all.reserve(40_000, &reserved(false)).unwrap(), 0);
        assert_eq!(all.reserve(40_001, &reserved(false)).unwrap_err().code(), Code::OverLimit);
        let each = limits(100_000, NONE, Windows { total: Some(100_000), ..NONE });
        assert_eq!(each.reserve(100_000, &reserved(false)).unwrap(), 0);
        let refused = each.reserve(40_001, &reserved(true)).unwrap_err();
        assert_eq!(
            refused.message(),
            "paying 40.001 sat would exceed limits.perOrigin.total of 100 sat: 60 are spent or reserved at this origin, 40 are left"
        );
    }

    #[test]
    fn windows_slide_to_the_millisecond() {
        let mut spent = Spent::default();
        spent.add(1, 1_000, 1_000 + HOUR_MS - 1);
        assert_eq!(spent, Spent { hour: 1, day: 1, total: 1 });
        spent.add(1, 1_000, 1_000 + HOUR_MS);
        assert_eq!(spent, Spent { hour: 1, day: 2, total: 2 });
        spent.add(1, 1_000, 1_000 + DAY_MS);
        assert_eq!(spent, Spent { hour: 1, day: 2, total: 3 });
        spent.add(1, 5_000, 1_000);
        assert_eq!(spent, Spent { hour: 2, day: 3, total: 4 });
    }
}
