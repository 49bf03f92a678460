//! Sums of what was spent, over sliding windows. The hour is summed from minutes, the day from quarters of an hour.
//!
//! A bucket counts until all of it has left the window. So a payment counts a little too long, and never too short. A
//! bucket in the future counts as now. A bucket stays for one more day after it has left the window of a day, in case
//! the clock is set back.

use crate::ledger::spent::{Spent, DAY_MS, HOUR_MS};
use crate::text::members::{Members, Row};

pub(crate) const MINUTE_MS: u64 = 60_000;
pub(crate) const QUARTER_MS: u64 = 900_000;
/// The width of a bucket for the window of a minute, in which orders are counted.
pub(crate) const MOMENT_MS: u64 = 5_000;
/// Buckets are dropped only if there are more than these numbers. So a clock that is years ahead for a moment does not
/// empty a window.
const MOST_MOMENTS: usize = 26;
const MOST_MINUTES: usize = 90;
const MOST_QUARTERS: usize = 200;
/// More buckets than a window has.
const MOST_BUCKETS: u64 = 100;
/// By how much a payment's time may be ahead of the clock.
const MOST_AHEAD_MS: u64 = 1_000;

/// The sums in one bucket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Amounts {
    /// Millisatoshis: amounts that were paid or handed to a wallet, and the fees that it reported.
    pub spent: u64,
    /// Millisatoshis that limits count in addition: fee reserves, and amounts of reservations.
    pub reserved: u64,
    /// How many orders were handed to a wallet.
    pub orders: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bucket {
    /// The number of the bucket, counted from the Unix epoch.
    index: u64,
    amounts: Amounts,
}

impl Amounts {
    fn add(&mut self, other: Self) {
        self.spent = self.spent.saturating_add(other.spent);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.orders = self.orders.saturating_add(other.orders);
    }

    /// Stops at zero: a damaged store may have lost sums.
    fn subtract(&mut self, other: Self) {
        self.spent = self.spent.saturating_sub(other.spent);
        self.reserved = self.reserved.saturating_sub(other.reserved);
        self.orders = self.orders.saturating_sub(other.orders);
    }
}

/// Buckets of one width, in the order of time.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Buckets(Vec<Bucket>);

impl Buckets {
    fn add(&mut self, index: u64, amounts: Amounts) {
        let at = self.0.partition_point(|bucket| bucket.index < index);
        match self.0.get_mut(at) {
            Some(bucket) if bucket.index == index => bucket.amounts.add(amounts),
            _ => self.0.insert(at, Bucket { index, amounts }),
        }
    }

    fn subtract(&mut self, index: u64, amounts: Amounts) {
        if let Some(bucket) = self.0.iter_mut().find(|bucket| bucket.index == index) {
            bucket.amounts.subtract(amounts);
        }
    }

    /// The sum of the buckets that are still in the window and begin before `until_ms`.
    fn sum(&self, width_ms: u64, window_ms: u64, now_ms: u64, until_ms: u64) -> Amounts {
        let mut sum = Amounts::default();
        let from_ms = now_ms.saturating_sub(window_ms);
        for bucket in &self.0 {
            let begin_ms = bucket.index.saturating_mul(width_ms);
            if begin_ms.saturating_add(width_ms) > from_ms && begin_ms < until_ms {
                sum.add(bucket.amounts);
            }
        }
        sum
    }

    /// Drops the oldest buckets if there are more than `most`. Only those that ended before `before_ms` are dropped.
    fn tidy(&mut self, width_ms: u64, before_ms: u64, most: usize) {
        let is_old = |bucket: &Bucket| bucket.index.saturating_add(1).saturating_mul(width_ms) <= before_ms;
        while self.0.len() > most && self.0.first().is_some_and(is_old) {
            self.0.remove(0);
        }
    }

    fn member(&mut self, name: &str, row: &mut Members<'_>) {
        // In place of the index stands how much it is above the one before.
        let (mut numbers, mut index) = (Vec::new(), 0);
        for bucket in &self.0 {
            let Amounts { spent, reserved, orders } = bucket.amounts;
            numbers.extend_from_slice(&[bucket.index.saturating_sub(index), spent, reserved, orders]);
            index = bucket.index;
        }
        row.numbers(name, &mut numbers);
        let (buckets, rest) = numbers.as_chunks();
        (self.0, index) = (Vec::new(), 0);
        for [step, spent, reserved, orders] in buckets {
            index = index.saturating_add(*step);
            let amounts = Amounts { spent: *spent, reserved: *reserved, orders: *orders };
            self.0.push(Bucket { index, amounts });
        }
        let is_sorted = self.0.is_sorted_by(|one, next| one.index < next.index);
        row.expect((rest.is_empty() && is_sorted).then_some(()));
    }
}

/// What was spent in the last minute, hour and day, and in all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sums {
    ever: Amounts,
    moments: Buckets,
    minutes: Buckets,
    quarters: Buckets,
    /// Unix milliseconds. From this time on every minute is kept. Of earlier times only the quarters are kept.
    minutes_from_ms: u64,
    /// When the last payment was begun, in Unix milliseconds.
    last_ms: u64,
}

impl Sums {
    /// A time for a payment that begins now: a moment later than that of the one before, so that all have an order.
    pub fn next_time(&mut self, now_ms: u64) -> u64 {
        let next = self.last_ms.saturating_add(1);
        // A clock that was ahead by more is not followed.
        self.last_ms = if next > now_ms && next.saturating_sub(now_ms) < MOST_AHEAD_MS { next } else { now_ms };
        self.last_ms
    }

    /// Adds what was done at a time.
    pub fn add(&mut self, at_ms: u64, amounts: Amounts, now_ms: u64) {
        self.ever.add(amounts);
        self.quarters.add(at_ms / QUARTER_MS, amounts);
        if at_ms >= self.minutes_from_ms {
            self.minutes.add(at_ms / MINUTE_MS, amounts);
        }
        if amounts.orders > 0 {
            self.moments.add(at_ms / MOMENT_MS, Amounts { orders: amounts.orders, ..Amounts::default() });
        }
        self.tidy(now_ms);
    }

    /// Takes away amounts that were added at a time.
    pub fn subtract(&mut self, at_ms: u64, amounts: Amounts) {
        self.ever.subtract(amounts);
        self.quarters.subtract(at_ms / QUARTER_MS, amounts);
        self.minutes.subtract(at_ms / MINUTE_MS, amounts);
        self.moments.subtract(at_ms / MOMENT_MS, Amounts { orders: amounts.orders, ..Amounts::default() });
    }

    /// Replaces what is counted of a payment, with its time: before a change by after it.
    pub(crate) fn replace(&mut self, before: Option<(u64, Amounts)>, after: Option<(u64, Amounts)>, now_ms: u64) {
        if let Some((at_ms, amounts)) = before {
            self.subtract(at_ms, amounts);
        }
        if let Some((at_ms, amounts)) = after {
            self.add(at_ms, amounts, now_ms);
        }
    }

    /// When a window of orders will hold fewer than so many, if nothing is added. `number` is its place in
    /// [`Sums::counted`], and `width_ms` the width of its buckets.
    pub(crate) fn frees(&self, number: usize, limit: u64, width_ms: u64, now_ms: u64) -> Option<u64> {
        let later =
            |buckets| now_ms.checked_div(width_ms).unwrap_or(0).saturating_add(buckets).saturating_mul(width_ms);
        let is_free = |at_ms: &u64| self.counted(*at_ms).get(number).is_some_and(|count| *count < limit);
        (1..MOST_BUCKETS).map(later).find(is_free)
    }

    /// Drops old buckets. Minutes are dropped by whole quarters, so that nothing counts in both.
    fn tidy(&mut self, now_ms: u64) {
        self.moments.tidy(MOMENT_MS, now_ms.saturating_sub(MINUTE_MS), MOST_MOMENTS);
        self.quarters.tidy(QUARTER_MS, now_ms.saturating_sub(DAY_MS.saturating_mul(2)), MOST_QUARTERS);
        if self.minutes.0.len() > MOST_MINUTES {
            let before_ms = (now_ms.saturating_sub(HOUR_MS) / QUARTER_MS).saturating_mul(QUARTER_MS);
            if before_ms > self.minutes_from_ms {
                self.minutes_from_ms = before_ms;
                self.minutes.tidy(MINUTE_MS, before_ms, 0);
            }
        }
    }

    fn hour(&self, now_ms: u64) -> Amounts {
        let mut sum = self.minutes.sum(MINUTE_MS, HOUR_MS, now_ms, u64::MAX);
        sum.add(self.quarters.sum(QUARTER_MS, HOUR_MS, now_ms, self.minutes_from_ms));
        sum
    }

    fn day(&self, now_ms: u64) -> Amounts {
        self.quarters.sum(QUARTER_MS, DAY_MS, now_ms, u64::MAX)
    }

    /// What users see as spent.
    #[must_use]
    pub fn spent(&self, now_ms: u64) -> Spent {
        Spent { hour: self.hour(now_ms).spent, day: self.day(now_ms).spent, total: self.ever.spent }
    }

    /// What limits count: millisatoshis within the hour, within the day and ever, also those that are reserved. Then
    /// orders within the minute, the hour and the day.
    #[must_use]
    pub fn counted(&self, now_ms: u64) -> [u64; 6] {
        let (hour, day) = (self.hour(now_ms), self.day(now_ms));
        let minute = self.moments.sum(MOMENT_MS, MINUTE_MS, now_ms, u64::MAX);
        let of = |amounts: Amounts| amounts.spent.saturating_add(amounts.reserved);
        [of(hour), of(day), of(self.ever), minute.orders, hour.orders, day.orders]
    }
}

impl Row for Sums {
    fn members(&mut self, row: &mut Members<'_>) {
        let mut ever = vec![self.ever.spent, self.ever.reserved, self.ever.orders];
        row.numbers("ever", &mut ever);
        let ever = <[u64; 3]>::try_from(ever).ok();
        let [spent, reserved, orders] = row.expect(ever);
        self.ever = Amounts { spent, reserved, orders };
        self.moments.member("moments", row);
        self.minutes.member("minutes", row);
        self.quarters.member("quarters", row);
        row.number("minutesFrom", &mut self.minutes_from_ms);
        row.number("last", &mut self.last_ms);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ledger::shelf::Shelf;
    use crate::ledger::view::parse;

    const START: u64 = 1_800_000_000_000;

    fn paid(msat: u64) -> Amounts {
        Amounts { spent: msat, reserved: 0, orders: 1 }
    }

    fn hour_and_day(sums: &Sums, now_ms: u64) -> (u64, u64) {
        let spent = sums.spent(now_ms);
        (spent.hour, spent.day)
    }

    #[test]
    fn a_payment_counts_its_window_and_up_to_one_bucket_longer() {
        // The first payment is made 1 s before its bucket ends, so it counts 1 s longer than the window. The second is
        // made as its bucket begins, so it counts a whole bucket longer.
        let table = [(START - 1_000, 1_000), (START, MINUTE_MS)];
        for (at_ms, longer) in table {
            let mut sums = Sums::default();
            sums.add(at_ms, paid(7), at_ms);
            assert_eq!(hour_and_day(&sums, at_ms + HOUR_MS + longer - 1), (7, 7));
            assert_eq!(hour_and_day(&sums, at_ms + HOUR_MS + longer), (0, 7));
            assert_eq!(hour_and_day(&sums, at_ms + DAY_MS + QUARTER_MS), (0, 0));
            assert_eq!(sums.spent(u64::MAX).total, 7);
        }
    }

    #[test]
    fn orders_are_counted_in_a_minute_an_hour_and_a_day() {
        let mut sums = Sums::default();
        for second in 0..60 {
            sums.add(START + second * 1_000, paid(1), START + second * 1_000);
        }
        for (after_ms, minute, hour) in
            [(59_999, 60, 60), (64_999, 60, 60), (65_000, 55, 60), (120_000, 0, 60), (2 * HOUR_MS, 0, 0)]
        {
            assert_eq!(sums.counted(START + after_ms)[3..], [minute, hour, 60], "{after_ms}");
        }
    }

    #[test]
    fn a_clock_that_jumps_empties_no_window() {
        let jumps = [HOUR_MS, DAY_MS, 400 * DAY_MS];
        // So many that old minutes are dropped, in one of these cases by the payment that is ahead.
        for (jump_ms, count) in jumps.into_iter().flat_map(|jump_ms| (200..250).map(move |count| (jump_ms, count))) {
            let mut sums = Sums::default();
            let mut now_ms = START;
            for _ in 0..count {
                now_ms += MINUTE_MS;
                sums.add(now_ms, paid(1), now_ms);
            }
            let before = hour_and_day(&sums, now_ms);
            assert_eq!(before, (61, count));
            // The clock is ahead during one payment, and right again afterwards.
            sums.add(now_ms + jump_ms, paid(1_000), now_ms + jump_ms);
            let (hour, day) = hour_and_day(&sums, now_ms);
            assert!((1_060..=1_076).contains(&hour), "{hour}");
            assert!(day >= 1_000 + count, "{day}");
        }
    }

    #[test]
    fn years_of_payments_keep_a_row_small_and_every_window_right() {
        let mut sums = Sums::default();
        let mut now_ms = START;
        let mut longest = 0;
        for _ in 0..20_000 {
            now_ms += 40_000;
            sums.add(now_ms, paid(1), now_ms);
            let (hour, day) = hour_and_day(&sums, now_ms);
            longest = longest.max(sums.minutes.0.len() + sums.quarters.0.len() + sums.moments.0.len());
            assert!(hour <= 92 && day <= 2_184, "{hour} {day}");
        }
        let (hour, day) = hour_and_day(&sums, now_ms);
        assert!(hour >= 90 && day >= 2_160);
        assert!(longest <= MOST_MINUTES + MOST_QUARTERS + MOST_MOMENTS + 3, "{longest}");
    }

    #[test]
    fn a_sum_that_no_number_can_hold_stays_at_the_largest() {
        let most = (1 << 53) - 1;
        let mut sums = Sums::default();
        for _ in 0..2 {
            sums.add(START, Amounts { spent: most, reserved: most, orders: 1 }, START);
        }
        let shelf = Shelf::default();
        shelf.take(|view| view.put("sums", &mut sums)).unwrap();
        let mut read = Sums::default();
        parse(&shelf.row("sums"), &mut read).unwrap();
        assert_eq!(read.spent(START), Spent { hour: most, day: most, total: most });
        assert_eq!((read.counted(START)[4], read.ever.reserved), (2, most));
    }

    #[test]
    fn what_is_written_is_read_again_and_damage_is_told() {
        let mut sums = Sums::default();
        let read = |text: &str| {
            let mut read = Sums::default();
            parse(text, &mut read).map(|()| read)
        };
        let stored = |sums: &mut Sums| {
            let shelf = Shelf::default();
            shelf.take(|view| view.put("sums", sums)).unwrap();
            shelf.row("sums")
        };
        assert_eq!(read(&stored(&mut sums)).unwrap(), sums);
        for minute in [0, 1, 7, 3_000] {
            let at_ms = START + minute * MINUTE_MS;
            sums.add(at_ms, Amounts { spent: 5, reserved: minute, orders: 1 }, at_ms);
        }
        let text = stored(&mut sums);
        assert_eq!(read(&text).unwrap(), sums);
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
            assert!(read(&text.replace(quarters, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subtraction_takes_from_the_bucket_of_its_time_and_stops_at_zero() {
        let mut sums = Sums::default();
        sums.add(START, Amounts { spent: 10, reserved: 5, orders: 1 }, START);
        sums.subtract(START, Amounts { spent: 10, reserved: 9, orders: 0 });
        assert_eq!((sums.spent(START), sums.counted(START)), (Spent::default(), [0, 0, 0, 1, 1, 1]));
    }
}
