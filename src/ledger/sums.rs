//! Sums of what was spent, over sliding windows.
//!
//! The newest minute is counted here. All before it stands in the past, and here only what of that the windows
//! count during this minute. So the past is read and written once a minute, however often is paid.

use crate::ledger::buckets::{Amounts, Buckets};
use crate::ledger::past::{Past, MINUTE_MS};
use crate::ledger::spent::Spent;
use crate::text::members::{Members, Row};

/// The width of a bucket for the window of a minute, in which orders are counted.
pub(crate) const MOMENT_MS: u64 = 5_000;
/// As long as there are no more, none is dropped. So a clock that is ahead for a moment does not empty the window.
const MOST_MOMENTS: usize = 26;
/// More buckets than a window has.
const MOST_BUCKETS: u64 = 100;
/// By how much a payment's time may be ahead of the clock.
const MOST_AHEAD_MS: u64 = 1_000;

/// What was spent in the last minute, hour and day, and in all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sums {
    ever: Amounts,
    moments: Buckets,
    /// The number of the newest minute, counted from the Unix epoch. The windows end with it.
    minute: u64,
    /// What was done in that minute.
    newest: Amounts,
    /// What the past adds to the hour, and to the day.
    hour: Amounts,
    day: Amounts,
    /// When the last payment was begun, in Unix milliseconds.
    last_ms: u64,
    past: Option<Past>,
    is_past_changed: bool,
}

/// Reads the past of sums.
pub(crate) type Load<'a> = &'a mut dyn FnMut() -> Past;

impl Sums {
    /// A time for a payment that begins now: a moment later than that of the one before, so that all have an order.
    pub fn next_time(&mut self, now_ms: u64) -> u64 {
        let next = self.last_ms.saturating_add(1);
        // A clock that was ahead by more is not followed.
        self.last_ms = if next > now_ms && next.saturating_sub(now_ms) < MOST_AHEAD_MS { next } else { now_ms };
        self.last_ms
    }

    /// Moves the windows to a time. Whoever asks what is counted or spent does that first.
    pub(crate) fn roll(&mut self, now_ms: u64, load: Load<'_>) {
        let minute = now_ms / MINUTE_MS;
        if minute == self.minute {
            return;
        }
        let at_ms = self.minute.saturating_mul(MINUTE_MS);
        let newest = std::mem::take(&mut self.newest);
        self.minute = minute;
        self.change_past(at_ms, newest, Amounts::default(), now_ms, load);
    }

    /// The past, which is read if it was not.
    pub(crate) fn load(&mut self, load: Load<'_>) {
        self.past.get_or_insert_with(load);
    }

    /// The past, if it has to be written.
    pub(crate) fn changed_past(&mut self) -> Option<&mut Past> {
        self.past.as_mut().filter(|_| self.is_past_changed)
    }

    /// Moves amounts into the past and out of it, and counts anew what it adds to the windows.
    fn change_past(&mut self, at_ms: u64, more: Amounts, less: Amounts, now_ms: u64, load: Load<'_>) {
        let past = self.past.get_or_insert_with(load);
        past.subtract(at_ms, less);
        if more != Amounts::default() {
            past.add(at_ms, more, now_ms);
        }
        self.is_past_changed |= more != less;
        let now_ms = self.minute.saturating_mul(MINUTE_MS);
        (self.hour, self.day) = (past.hour(now_ms), past.day(now_ms));
    }

    /// Adds what was done at a time.
    pub(crate) fn add(&mut self, at_ms: u64, amounts: Amounts, now_ms: u64, load: Load<'_>) {
        self.ever.add(amounts);
        if amounts.orders > 0 {
            self.moments.add(at_ms / MOMENT_MS, Amounts { orders: amounts.orders, ..Amounts::default() });
            self.moments.tidy(MOMENT_MS, now_ms.saturating_sub(MINUTE_MS), MOST_MOMENTS);
        }
        if at_ms / MINUTE_MS == self.minute {
            self.newest.add(amounts);
        } else {
            self.change_past(at_ms, amounts, Amounts::default(), now_ms, load);
        }
    }

    /// Takes away amounts that were added at a time.
    pub(crate) fn subtract(&mut self, at_ms: u64, amounts: Amounts, load: Load<'_>) {
        self.ever.subtract(amounts);
        self.moments.subtract(at_ms / MOMENT_MS, Amounts { orders: amounts.orders, ..Amounts::default() });
        let mut rest = amounts;
        if at_ms / MINUTE_MS == self.minute {
            rest.subtract(self.newest);
            self.newest.subtract(amounts);
        }
        // After a clock was set back, a part of the newest minute stands in the past.
        if rest != Amounts::default() {
            self.change_past(at_ms, Amounts::default(), rest, at_ms, load);
        }
    }

    /// Replaces what is counted of a payment, with its time: before a change by after it.
    pub(crate) fn replace(
        &mut self,
        before: Option<(u64, Amounts)>,
        after: Option<(u64, Amounts)>,
        now_ms: u64,
        load: Load<'_>,
    ) {
        self.roll(now_ms, load);
        if let Some((at_ms, amounts)) = before {
            self.subtract(at_ms, amounts, load);
        }
        if let Some((at_ms, amounts)) = after {
            self.add(at_ms, amounts, now_ms, load);
        }
    }

    /// When a window of orders will hold fewer than so many, if nothing is added. `number` is its place in
    /// [`Sums::counted`], and `width_ms` the width of its buckets. The past must have been read.
    pub(crate) fn frees(&self, number: usize, limit: u64, width_ms: u64, now_ms: u64) -> Option<u64> {
        let mut sums = self.clone();
        let later =
            |buckets| now_ms.checked_div(width_ms).unwrap_or(0).saturating_add(buckets).saturating_mul(width_ms);
        let is_free = |at_ms: &u64| {
            sums.roll(*at_ms, &mut Past::default);
            sums.counted(*at_ms).get(number).is_some_and(|count| *count < limit)
        };
        (1..MOST_BUCKETS).map(later).find(is_free)
    }

    /// What users see as spent.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let of = |past: Amounts| past.spent.saturating_add(self.newest.spent);
        Spent { hour: of(self.hour), day: of(self.day), total: self.ever.spent }
    }

    /// What limits count: millisatoshis within the hour, within the day and ever, also those that are reserved. Then
    /// orders within the minute, the hour and the day.
    #[must_use]
    pub fn counted(&self, now_ms: u64) -> [u64; 6] {
        let of = |past: Amounts| {
            let mut sum = self.newest;
            sum.add(past);
            (sum.spent.saturating_add(sum.reserved), sum.orders)
        };
        let ((hour, hour_orders), (day, day_orders)) = (of(self.hour), of(self.day));
        let minute = self.moments.sum(MOMENT_MS, MINUTE_MS, now_ms, u64::MAX);
        [hour, day, self.ever.spent.saturating_add(self.ever.reserved), minute.orders, hour_orders, day_orders]
    }
}

impl Row for Sums {
    fn members(&mut self, row: &mut Members<'_>) {
        let mut ever = self.ever.numbers().to_vec();
        row.numbers("ever", &mut ever);
        let ever = <[u64; 3]>::try_from(ever).ok();
        self.ever = row.expect(ever).into();
        self.moments.member("moments", row);
        let mut minute = vec![self.minute];
        for amounts in [self.newest, self.hour, self.day] {
            minute.extend_from_slice(&amounts.numbers());
        }
        row.numbers("minute", &mut minute);
        let minute = <[u64; 10]>::try_from(minute).ok();
        let [index, a, b, c, d, e, f, g, h, i] = row.expect(minute);
        self.minute = index;
        (self.newest, self.hour, self.day) = ([a, b, c].into(), [d, e, f].into(), [g, h, i].into());
        row.number("last", &mut self.last_ms);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
    use super::*;
    use crate::ledger::past::QUARTER_MS;
    use crate::ledger::shelf::{parsed, stored};
    use crate::ledger::spent::{DAY_MS, HOUR_MS};

    const START: u64 = 1_800_000_000_000;

    /// Both rows, as a store has them: the past is read only if it is asked for.
    #[derive(Default)]
    struct Stored {
        sums: Sums,
        past: Past,
        reads: usize,
    }

    impl Stored {
        fn replace(&mut self, before: Option<(u64, Amounts)>, after: Option<(u64, Amounts)>, now_ms: u64) {
            let mut load = || {
                self.reads += 1;
                self.past.clone()
            };
            self.sums.replace(before, after, now_ms, &mut load);
            if let Some(past) = self.sums.changed_past() {
                self.past = past.clone();
            }
            (self.sums.past, self.sums.is_past_changed) = (None, false);
        }

        fn add(&mut self, at_ms: u64, amounts: Amounts, now_ms: u64) {
            self.replace(None, Some((at_ms, amounts)), now_ms);
        }

        fn at(&self, now_ms: u64) -> Sums {
            let mut sums = self.sums.clone();
            sums.roll(now_ms, &mut || self.past.clone());
            sums
        }

        fn spent(&self, now_ms: u64) -> Spent {
            self.at(now_ms).spent()
        }

        fn counted(&self, now_ms: u64) -> [u64; 6] {
            self.at(now_ms).counted(now_ms)
        }

        fn hour_and_day(&self, now_ms: u64) -> (u64, u64) {
            let spent = self.spent(now_ms);
            (spent.hour, spent.day)
        }
    }

    fn paid(msat: u64) -> Amounts {
        Amounts { spent: msat, reserved: 0, orders: 1 }
    }

    #[test]
    fn the_past_is_read_once_a_minute_and_no_window_is_too_short() {
        let mut stored = Stored::default();
        let mut paid_at: Vec<(u64, u64)> = Vec::new();
        let (mut now_ms, mut reads, mut state) = (START, 0, 1_u64);
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = state >> 33;
            // Some minutes are empty, and the clock is set back or ahead now and then.
            now_ms = match random % 100 {
                0 => now_ms - (random >> 8) % (3 * HOUR_MS),
                1 => now_ms + (random >> 8) % (30 * HOUR_MS),
                _ => now_ms + (random >> 8) % 20_000,
            };
            let at_ms = now_ms + if random.is_multiple_of(7) { 900 } else { 0 };
            let mut msat = random % 1_000;
            let minutes = [stored.sums.minute, now_ms / MINUTE_MS, at_ms / MINUTE_MS];
            stored.reads = 0;
            stored.add(at_ms, paid(msat), now_ms);
            assert!(stored.reads == 0 || stored.reads == 1 && minutes != [minutes[0]; 3]);
            reads += stored.reads;
            if random.is_multiple_of(3) {
                stored.replace(Some((at_ms, paid(msat))), Some((at_ms, paid(5))), now_ms);
                msat = 5;
            }
            paid_at.push((at_ms, msat));
            let since = |span_ms: u64| -> u64 {
                paid_at.iter().filter(|(at_ms, _)| at_ms + span_ms > now_ms).map(|(_, msat)| msat).sum()
            };
            let (hour, day) = stored.hour_and_day(now_ms);
            assert!((since(HOUR_MS)..=since(HOUR_MS + QUARTER_MS)).contains(&hour));
            assert!((since(DAY_MS)..=since(DAY_MS + QUARTER_MS)).contains(&day));
        }
        assert!(reads < 3_000, "{reads}");
    }

    #[test]
    fn a_payment_counts_its_window_and_up_to_one_bucket_longer() {
        // The first payment is made 1 s before its bucket ends, so it counts 1 s longer than the window. The second is
        // made as its bucket begins, so it counts a whole bucket longer.
        let table = [(START - 1_000, 1_000), (START, MINUTE_MS)];
        for (at_ms, longer) in table {
            let mut sums = Stored::default();
            sums.add(at_ms, paid(7), at_ms);
            assert_eq!(sums.hour_and_day(at_ms + HOUR_MS + longer - 1), (7, 7));
            assert_eq!(sums.hour_and_day(at_ms + HOUR_MS + longer), (0, 7));
            assert_eq!(sums.hour_and_day(at_ms + DAY_MS + QUARTER_MS), (0, 0));
            assert_eq!(sums.spent(u64::MAX).total, 7);
        }
    }

    #[test]
    fn orders_are_counted_in_a_minute_an_hour_and_a_day() {
        let mut sums = Stored::default();
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
            let mut sums = Stored::default();
            let mut now_ms = START;
            for _ in 0..count {
                now_ms += MINUTE_MS;
                sums.add(now_ms, paid(1), now_ms);
            }
            let before = sums.hour_and_day(now_ms);
            assert_eq!(before, (61, count));
            // The clock is ahead during one payment, and right again afterwards.
            sums.add(now_ms + jump_ms, paid(1_000), now_ms + jump_ms);
            let (hour, day) = sums.hour_and_day(now_ms);
            assert!((1_060..=1_076).contains(&hour), "{hour}");
            assert!(day >= 1_000 + count, "{day}");
        }
    }

    #[test]
    fn years_of_payments_keep_a_row_small_and_every_window_right() {
        let mut sums = Stored::default();
        let mut now_ms = START;
        let mut longest = 0;
        for _ in 0..20_000 {
            now_ms += 40_000;
            sums.add(now_ms, paid(1), now_ms);
            let (hour, day) = sums.hour_and_day(now_ms);
            longest = longest.max(sums.past.len());
            assert!(sums.sums.moments.len() <= MOST_MOMENTS + 1);
            assert!(hour <= 92 && day <= 2_184, "{hour} {day}");
        }
        let (hour, day) = sums.hour_and_day(now_ms);
        assert!(hour >= 90 && day >= 2_160);
        assert!(longest <= 292, "{longest}");
    }

    #[test]
    fn a_sum_that_no_number_can_hold_stays_at_the_largest() {
        let most = (1 << 53) - 1;
        let mut sums = Stored::default();
        for _ in 0..2 {
            sums.add(START, Amounts { spent: most, reserved: most, orders: 1 }, START);
        }
        let read: Sums = parsed(&stored(&mut sums.sums)).unwrap();
        assert_eq!(read.spent(), Spent { hour: most, day: most, total: most });
        assert_eq!((read.counted(START)[4], read.ever.reserved), (2, most));
    }

    #[test]
    fn what_is_written_is_read_again_and_damage_is_told() {
        let mut sums = Stored::default();
        assert_eq!(parsed::<Sums>(&stored(&mut sums.sums)).unwrap(), sums.sums);
        for minute in [0, 1, 7, 3_000, 3_001] {
            let at_ms = START + minute * MINUTE_MS;
            sums.add(at_ms, Amounts { spent: 5, reserved: minute, orders: 1 }, at_ms);
        }
        assert_eq!(parsed::<Sums>(&stored(&mut sums.sums)).unwrap(), sums.sums);
        let text = stored(&mut sums.sums);
        let minute = "\"30003001 5 3001 1 5 3000 1 5 3000 1\"";
        assert!(text.contains(minute), "{text}");
        for bad in ["\"\"", "\"1 2 3 4 5 6 7 8 9\"", "\"1 2 3 4 5 6 7 8 9 10 11\"", "null"] {
            assert!(parsed::<Sums>(&text.replace(minute, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subtraction_takes_from_the_bucket_of_its_time_and_stops_at_zero() {
        // The newest minute, and one of the past.
        for now_ms in [START, START + MINUTE_MS] {
            let mut sums = Stored::default();
            sums.add(START, Amounts { spent: 10, reserved: 5, orders: 1 }, START);
            sums.replace(Some((START, Amounts { spent: 10, reserved: 9, orders: 0 })), None, now_ms);
            assert_eq!((sums.spent(now_ms), sums.counted(now_ms)[4..].to_vec()), (Spent::default(), vec![1, 1]));
            assert_eq!(sums.counted(now_ms)[..3], [0, 0, 0]);
        }
    }
}
