//! What was spent before the newest minute, in a row of its own: most purchases don't touch it.
//!
//! The hour is summed from minutes, the day from quarters of an hour. A bucket counts until all of it has left the
//! window. So a payment counts a little too long, and never too short. A bucket in the future counts as now. A bucket
//! stays for one more day after it has left the window of a day, in case the clock is set back.

use crate::ledger::buckets::{Amounts, Buckets};
use crate::ledger::spent::{DAY_MS, HOUR_MS};
use crate::text::members::{Members, Row};

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const QUARTER_MS: u64 = 900_000;
/// Buckets are dropped only if there are more than these numbers. So a clock that is years ahead for a moment does not
/// empty a window.
const MOST_MINUTES: usize = 90;
const MOST_QUARTERS: usize = 200;

/// The minutes and quarters of an hour in which something was spent.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Past {
    minutes: Buckets,
    quarters: Buckets,
    /// Unix milliseconds. From this time on every minute is kept. Of earlier times only the quarters are kept.
    minutes_from_ms: u64,
}

impl Past {
    /// Adds what was done at a time, and drops what is old.
    pub(crate) fn add(&mut self, at_ms: u64, amounts: Amounts, now_ms: u64) {
        self.quarters.add(at_ms / QUARTER_MS, amounts);
        if at_ms >= self.minutes_from_ms {
            self.minutes.add(at_ms / MINUTE_MS, amounts);
        }
        self.quarters.tidy(QUARTER_MS, now_ms.saturating_sub(DAY_MS.saturating_mul(2)), MOST_QUARTERS);
        if self.minutes.len() > MOST_MINUTES {
            // Minutes are dropped by whole quarters, so that nothing counts in both.
            let before_ms = (now_ms.saturating_sub(HOUR_MS) / QUARTER_MS).saturating_mul(QUARTER_MS);
            if before_ms > self.minutes_from_ms {
                self.minutes_from_ms = before_ms;
                self.minutes.tidy(MINUTE_MS, before_ms, 0);
            }
        }
    }

    /// Takes away amounts that were added at a time.
    pub(crate) fn subtract(&mut self, at_ms: u64, amounts: Amounts) {
        self.quarters.subtract(at_ms / QUARTER_MS, amounts);
        self.minutes.subtract(at_ms / MINUTE_MS, amounts);
    }

    /// The sum of the last hour.
    pub(crate) fn hour(&self, now_ms: u64) -> Amounts {
        let mut sum = self.minutes.sum(MINUTE_MS, HOUR_MS, now_ms, u64::MAX);
        sum.add(self.quarters.sum(QUARTER_MS, HOUR_MS, now_ms, self.minutes_from_ms));
        sum
    }

    /// The sum of the last day.
    pub(crate) fn day(&self, now_ms: u64) -> Amounts {
        self.quarters.sum(QUARTER_MS, DAY_MS, now_ms, u64::MAX)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.minutes.len().saturating_add(self.quarters.len())
    }
}

impl Row for Past {
    fn members(&mut self, row: &mut Members<'_>) {
        self.minutes.member("minutes", row);
        self.quarters.member("quarters", row);
        row.number("minutesFrom", &mut self.minutes_from_ms);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::shelf::{parsed, stored};

    #[test]
    fn what_is_written_is_read_again_and_damage_is_told() {
        let mut past = Past::default();
        assert_eq!(parsed::<Past>(&stored(&mut past)).unwrap(), past);
        for minute in [0, 1, 7, 3_000] {
            let at_ms = 1_800_000_000_000 + minute * MINUTE_MS;
            past.add(at_ms, Amounts { spent: 5, reserved: minute, orders: 1 }, at_ms);
        }
        let text = stored(&mut past);
        assert_eq!(parsed::<Past>(&text).unwrap(), past);
        let quarters = "\"2000000 15 8 3 200 5 3000 1\"";
        assert!(text.contains(quarters), "{text}");
        for bad in [
            "\"1 2 3\"",
            "\"1 2 3 4 \"",
            "\" 1 2 3 4\"",
            "\"1  2 3 4\"",
            "\"1 2 3 -4\"",
            "\"1 2 3 9007199254740992\"",
            "\"5 1 1 1 0 1 1 1\"",
            "[1,2,3,4]",
            "1",
            "null",
        ] {
            assert!(parsed::<Past>(&text.replace(quarters, bad)).is_err(), "{bad}");
        }
    }
}
