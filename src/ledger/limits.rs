//! The limits: how much may be spent, and how much is left.
//!
//! Reserve, then pay, then commit or release. An amount is reserved before `approve` or the wallet is asked. It counts
//! while its outcome is unknown. It is released only if it is certain that nothing was paid. All sums are in
//! millisatoshis and include routing fees. Orders are counted beside them, in the same way.

use crate::error::{Code, Error};
use crate::ledger::past::{MINUTE_MS, QUARTER_MS};
pub use crate::ledger::spent::Spent;
use crate::ledger::sums::{Sums, MOMENT_MS};
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_writer::{write_object, MSAT_PER_SAT};

/// The fee reserve of a small payment. Of a larger one it is 1% of the amount. lnd has a similar default.
const LEAST_FEE_MSAT: u64 = 5_000;
const PER_PAYMENT: &str = "perPayment";
/// How many limits one set of windows has. The first ones are limits of sums, the others of orders.
const LIMITS: usize = 6;
const SUMS: usize = 3;
/// In the order of [`Windows::list`]: the name of each limit, when an amount counts, and for a limit of orders how wide
/// the buckets are that leave its window.
const TABLE: [(&str, &str, u64); LIMITS] = [
    ("perHour", " within 60 minutes", 0),
    ("perDay", " within 24 hours", 0),
    ("total", "", 0),
    ("payments.perMinute", " within 60 seconds", MOMENT_MS),
    ("payments.perHour", " within 60 minutes", MINUTE_MS),
    ("payments.perDay", " within 24 hours", QUARTER_MS),
];

/// The limits of sliding windows. `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Windows {
    /// Millisatoshis in the last 3,600,000 ms.
    pub per_hour: Option<u64>,
    /// Millisatoshis in the last 86,400,000 ms.
    pub per_day: Option<u64>,
    /// Millisatoshis ever.
    pub total: Option<u64>,
    /// How many orders may be handed to a wallet, whatever becomes of them.
    pub orders: OrderLimits,
}

/// How many orders may be handed to a wallet. `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OrderLimits {
    /// In the last 60,000 ms.
    pub per_minute: Option<u64>,
    /// In the last 3,600,000 ms.
    pub per_hour: Option<u64>,
    /// In the last 86,400,000 ms.
    pub per_day: Option<u64>,
}

impl Windows {
    fn list(&self) -> [Option<u64>; LIMITS] {
        let OrderLimits { per_minute, per_hour, per_day } = self.orders;
        [self.per_hour, self.per_day, self.total, per_minute, per_hour, per_day]
    }
}

/// The limits of a client or of a scope, fees included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Millisatoshis for one payment. The default is no limit, as a scope may have.
    pub per_payment: u64,
    /// For all origins together.
    pub all: Windows,
    /// For each origin.
    pub per_origin: Windows,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_payment: u64::MAX, all: Windows::default(), per_origin: Windows::default() }
    }
}

/// What may still be spent, in millisatoshis, whatever else is reserved taken off; an absent one is not limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remaining {
    /// By one payment: the least of all limits. 0 where no order is left.
    pub payment: u64,
    /// Within the hour.
    pub hour: Option<u64>,
    /// Within the day.
    pub day: Option<u64>,
    /// Ever.
    pub total: Option<u64>,
    /// How many orders.
    pub payments: Option<u64>,
}

impl Default for Remaining {
    fn default() -> Self {
        Self { payment: u64::MAX, hour: None, day: None, total: None, payments: None }
    }
}

impl Remaining {
    /// The JSON text of the object that JavaScript is shown: satoshis, rounded down.
    #[must_use]
    pub fn to_json(&self) -> String {
        let sat = |msat| msat / MSAT_PER_SAT;
        write_object(|object| {
            object.number("payment", Some(sat(self.payment)));
            object.number("hour", self.hour.map(sat));
            object.number("day", self.day.map(sat));
            object.number("total", self.total.map(sat));
            object.number("payments", self.payments);
        })
    }
}

/// The fee reserve of an amount, where the limits leave that much.
pub(crate) fn usual_fee(amount_msat: u64) -> u64 {
    (amount_msat / 100).max(LEAST_FEE_MSAT)
}

impl Limits {
    /// Reads what the options reader in JavaScript makes of limits: a list of numbers, and null where there is none.
    /// First those of all origins, in satoshis: of one payment, of the hour, of the day and of ever. Then those of
    /// orders: of the minute, of the hour and of the day. Then the same for each origin.
    #[inline(never)]
    pub(crate) fn parse(json: &Json) -> Option<Self> {
        let mut list = json.as_array()?.iter();
        let mut next = |unit: u64| match list.next()? {
            Json::Null => Some(u64::MAX),
            number => number.as_u64()?.checked_mul(unit).filter(|number| *number < u64::MAX),
        };
        let mut limits = Self::default();
        for windows in [&mut limits.all, &mut limits.per_origin] {
            limits.per_payment = limits.per_payment.min(next(MSAT_PER_SAT)?);
            let OrderLimits { per_minute, per_hour, per_day } = &mut windows.orders;
            let sums = [&mut windows.per_hour, &mut windows.per_day, &mut windows.total];
            for (limit, unit) in sums
                .into_iter()
                .map(|limit| (limit, MSAT_PER_SAT))
                .chain([per_minute, per_hour, per_day].map(|limit| (limit, 1)))
            {
                *limit = Some(next(unit)?).filter(|limit| *limit < u64::MAX);
            }
        }
        Some(limits)
    }

    /// Checks a payment against the limits, whose windows end at `now_ms`. Returns its fee reserve in millisatoshis:
    /// the larger of 1% and 5 sat. If the limits leave less than that above the amount, the fee reserve is what they
    /// leave. `all` are the sums of all origins, `own` those of the origin that is paid. `place` says where the limits
    /// hold.
    ///
    /// # Errors
    /// [`Code::OverLimit`], which names the limit.
    pub(crate) fn reserve(
        &self,
        amount_msat: u64,
        all: &Sums,
        own: &Sums,
        place: &str,
        now_ms: u64,
    ) -> Result<u64, Error> {
        let over = |limit: u64, counted: u64, number: usize, sums: &Sums| {
            let (name, when, width_ms) = TABLE.get(number).copied().unwrap_or((PER_PAYMENT, "", 0));
            let (prefix, at) = if std::ptr::eq(sums, own) { ("perOrigin.", " at this origin") } else { ("", "") };
            let price = concat(&["paying ", &sat(amount_msat), " sat"]);
            let (subject, limit_shown, unit) = match width_ms {
                0 => (price.as_str(), sat(limit), " sat"),
                _ => ("one more payment", limit.to_string(), ""),
            };
            let mut text = concat(&[subject, " would exceed limits.", prefix, name, " of ", &limit_shown, unit, place]);
            if number < SUMS {
                let (counted, left) = (sat(counted), sat(limit.saturating_sub(counted)));
                let tail = [": ", &counted, " are spent or reserved", at, when, ", ", &left, " are left"];
                text.push_str(&concat(&tail));
            } else if let Some(at_ms) = sums.frees(number, limit, width_ms, now_ms) {
                let seconds = at_ms.saturating_sub(now_ms).div_ceil(1000).to_string();
                text.push_str(&concat(&[": wait ", &seconds, " s for the next one"]));
            }
            Err(Error::new(Code::OverLimit, text))
        };
        let Some(rest) = self.per_payment.checked_sub(amount_msat) else {
            return over(self.per_payment, 0, LIMITS, all);
        };
        let mut fee = usual_fee(amount_msat).min(rest);
        for (windows, sums) in [(&self.all, all), (&self.per_origin, own)] {
            for (number, (limit, counted)) in windows.list().into_iter().zip(sums.counted(now_ms)).enumerate() {
                let Some(limit) = limit else { continue };
                let left = limit.saturating_sub(counted);
                if number < SUMS {
                    match left.checked_sub(amount_msat) {
                        Some(rest) => fee = fee.min(rest),
                        None => return over(limit, counted, number, sums),
                    }
                } else if left == 0 {
                    return over(limit, counted, number, sums);
                }
            }
        }
        Ok(fee)
    }

    /// Takes what is left of each limit into account. `own`: the sums of an origin, if one is meant.
    pub(crate) fn narrow(&self, remaining: &mut Remaining, all: &Sums, own: Option<&Sums>, now_ms: u64) {
        remaining.payment = remaining.payment.min(self.per_payment);
        let of_origin = own.map(|sums| (&self.per_origin, sums));
        for (windows, sums) in std::iter::once((&self.all, all)).chain(of_origin) {
            for (number, (limit, counted)) in windows.list().into_iter().zip(sums.counted(now_ms)).enumerate() {
                let Some(limit) = limit else { continue };
                let left = limit.saturating_sub(counted);
                let least = match number {
                    0 => &mut remaining.hour,
                    1 => &mut remaining.day,
                    2 => &mut remaining.total,
                    _ => &mut remaining.payments,
                };
                *least = Some(least.map_or(left, |least| least.min(left)));
                if number < SUMS || left == 0 {
                    remaining.payment = remaining.payment.min(left);
                }
            }
        }
    }
}

/// Satoshis as people read them. If there are millisatoshis, they follow a decimal point.
pub(crate) fn sat(msat: u64) -> String {
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
    use crate::ledger::buckets::Amounts;
    use crate::ledger::past::Past;

    const START: u64 = 1_800_000_000_000;
    const HOUR_MS: u64 = 3_600_000;
    const DAY_MS: u64 = 86_400_000;

    fn ask(limits: Limits, amount_msat: u64, all: &Sums, own: &Sums) -> Result<u64, Error> {
        limits.reserve(amount_msat, all, own, "", START)
    }

    fn reserved(msat: u64) -> Sums {
        let mut sums = Sums::default();
        sums.replace(None, Some((START, Amounts { reserved: msat, ..Amounts::default() })), START, &mut Past::default);
        sums
    }

    #[test]
    fn the_fee_is_cut_to_what_is_left() {
        let ask = |per_payment, amount| {
            let limits = Limits { per_payment, ..Limits::default() };
            ask(limits, amount, &Sums::default(), &Sums::default()).map_err(|error| error.code())
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
        let all = Windows { per_hour: Some(100_000), ..Windows::default() };
        let all = Limits { per_payment: 100_000, all, ..Limits::default() };
        let (some, none) = (reserved(60_000), Sums::default());
        assert_eq!(ask(all, 40_000, &some, &none).unwrap(), 0);
        assert_eq!(ask(all, 40_001, &some, &none).unwrap_err().code(), Code::OverLimit);
        let per_origin = Windows { total: Some(100_000), ..Windows::default() };
        let each = Limits { per_payment: 100_000, per_origin, ..Limits::default() };
        assert_eq!(ask(each, 100_000, &some, &none).unwrap(), 0);
        let refused = each.reserve(40_001, &some, &some, " in the scope a/b", START).unwrap_err();
        assert_eq!(
            refused.message(),
            "paying 40.001 sat would exceed limits.perOrigin.total of 100 sat in the scope a/b: \
             60 are spent or reserved at this origin, 40 are left"
        );
    }

    /// Each window of orders, and how long it takes until one more is allowed.
    #[test]
    fn a_count_refuses_by_its_name_until_enough_orders_have_left_its_window() {
        type Set = fn(&mut OrderLimits, u64);
        let table: [(&str, Set, u64); 3] = [
            ("perMinute", |limits, most| limits.per_minute = Some(most), 60_000),
            ("perHour", |limits, most| limits.per_hour = Some(most), HOUR_MS),
            ("perDay", |limits, most| limits.per_day = Some(most), DAY_MS),
        ];
        let order = Amounts { orders: 1, ..Amounts::default() };
        for ((name, set, window_ms), is_own) in table.into_iter().flat_map(|row| [(row, false), (row, true)]) {
            let with_most = |most| {
                let mut limits = Limits::default();
                set(if is_own { &mut limits.per_origin.orders } else { &mut limits.all.orders }, most);
                limits
            };
            let (mut sums, none) = (Sums::default(), Sums::default());
            for at_ms in [START, START, START + window_ms / 2] {
                sums.replace(None, Some((at_ms, order)), START, &mut Past::default);
            }
            let ask = |most, now_ms| {
                let mut sums = sums.clone();
                sums.roll(now_ms, &mut Past::default);
                let (all, own) = if is_own { (&none, &sums) } else { (&sums, &none) };
                with_most(most).reserve(1, all, own, " in the scope a", now_ms)
            };
            let now_ms = START + window_ms / 2;
            let (prefix, refused) = (if is_own { "perOrigin." } else { "" }, ask(2, now_ms).unwrap_err());
            let text = format!("one more payment would exceed limits.{prefix}payments.{name} of 2 in the scope a");
            let wait = refused.message().strip_prefix(&text).unwrap();
            let wait = wait.strip_prefix(": wait ").unwrap().strip_suffix(" s for the next one").unwrap();
            let wait_ms = wait.parse::<u64>().unwrap() * 1000;
            assert!((window_ms / 2..=window_ms / 2 + QUARTER_MS).contains(&wait_ms), "{name}: {wait_ms}");
            assert_eq!(ask(2, now_ms + wait_ms - 1).unwrap_err().code(), Code::OverLimit, "{name}");
            assert!(ask(2, now_ms + wait_ms).is_ok(), "{name}");
            assert_eq!(ask(0, now_ms).unwrap_err().message(), text.replace(" 2 ", " 0 "), "it never ends");
        }
    }

    #[test]
    fn what_is_left_is_the_least_of_all_and_nothing_where_no_order_is_left() {
        let orders = |per_minute, per_hour| OrderLimits { per_minute, per_hour, per_day: None };
        let all = Windows { per_hour: Some(90_000), total: Some(70_000), orders: orders(None, Some(5)), per_day: None };
        let per_origin = Windows { per_hour: Some(65_000), orders: orders(Some(1), None), ..Windows::default() };
        let limits = Limits { per_payment: 80_000, all, per_origin };
        let mut sums = reserved(60_000);
        let told = |sums: &Sums, own: Option<&Sums>| {
            let mut remaining = Remaining::default();
            limits.narrow(&mut remaining, sums, own, START);
            let Remaining { payment, hour, day, total, payments } = remaining;
            (payment, hour, day, total, payments)
        };
        assert_eq!(told(&sums, None), (10_000, Some(30_000), None, Some(10_000), Some(5)));
        assert_eq!(told(&sums, Some(&sums)), (5_000, Some(5_000), None, Some(10_000), Some(1)));
        let order = Amounts { orders: 1, ..Amounts::default() };
        sums.replace(None, Some((START, order)), START, &mut Past::default);
        assert_eq!(told(&sums, None), (10_000, Some(30_000), None, Some(10_000), Some(4)));
        assert_eq!(told(&sums, Some(&sums)), (0, Some(5_000), None, Some(10_000), Some(0)));
    }

    #[test]
    fn limits_are_read_as_javascript_writes_them_and_nothing_odd_is_no_limit() {
        let parse = |text: &str| Limits::parse(&Json::parse(text).unwrap());
        let order = |per_minute, per_hour, per_day| OrderLimits { per_minute, per_hour, per_day };
        let windows = |hour, day, total, orders| Windows { per_hour: hour, per_day: day, total, orders };
        assert_eq!(
            parse("[9,1,2,3,4,5,6,8,null,0,10,11,null,12]"),
            Some(Limits {
                per_payment: 8_000,
                all: windows(Some(1_000), Some(2_000), Some(3_000), order(Some(4), Some(5), Some(6))),
                per_origin: windows(None, Some(0), Some(10_000), order(Some(11), None, Some(12))),
            })
        );
        let none = "null,".repeat(13);
        assert_eq!(parse(&format!("[{none}null]")), Some(Limits::default()));
        for odd in ["{}", "[]", "5", "null", &format!("[{none}]").replace(",]", "]")] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        for odd in ["\"5\"", "-1", "0.5", "true", "[]", "18446744073709551615"] {
            assert_eq!(parse(&format!("[{odd},{none}]").replace(",]", "]")), None, "{odd}");
        }
    }
}
