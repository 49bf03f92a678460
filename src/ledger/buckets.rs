//! Sums of what was spent in spans of time of one width.

use crate::text::members::Members;

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
    pub(crate) fn add(&mut self, other: Self) {
        self.spent = self.spent.saturating_add(other.spent);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.orders = self.orders.saturating_add(other.orders);
    }

    /// Stops at zero: a damaged store may have lost sums.
    pub(crate) fn subtract(&mut self, other: Self) {
        self.spent = self.spent.saturating_sub(other.spent);
        self.reserved = self.reserved.saturating_sub(other.reserved);
        self.orders = self.orders.saturating_sub(other.orders);
    }

    /// As three numbers of a row.
    pub(crate) fn numbers(self) -> [u64; 3] {
        [self.spent, self.reserved, self.orders]
    }
}

impl From<[u64; 3]> for Amounts {
    fn from([spent, reserved, orders]: [u64; 3]) -> Self {
        Self { spent, reserved, orders }
    }
}

/// Buckets of one width, in the order of time.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Buckets(Vec<Bucket>);

impl Buckets {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, index: u64, amounts: Amounts) {
        let at = self.0.partition_point(|bucket| bucket.index < index);
        match self.0.get_mut(at) {
            Some(bucket) if bucket.index == index => bucket.amounts.add(amounts),
            _ => self.0.insert(at, Bucket { index, amounts }),
        }
    }

    pub(crate) fn subtract(&mut self, index: u64, amounts: Amounts) {
        if let Some(bucket) = self.0.iter_mut().find(|bucket| bucket.index == index) {
            bucket.amounts.subtract(amounts);
        }
    }

    /// The sum of the buckets that are still in the window and begin before `until_ms`.
    pub(crate) fn sum(&self, width_ms: u64, window_ms: u64, now_ms: u64, until_ms: u64) -> Amounts {
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
    pub(crate) fn tidy(&mut self, width_ms: u64, before_ms: u64, most: usize) {
        let is_old = |bucket: &Bucket| bucket.index.saturating_add(1).saturating_mul(width_ms) <= before_ms;
        while self.0.len() > most && self.0.first().is_some_and(is_old) {
            self.0.remove(0);
        }
    }

    pub(crate) fn member(&mut self, name: &str, row: &mut Members<'_>) {
        // In place of the index stands how much it is above the one before.
        let (mut numbers, mut index) = (Vec::new(), 0);
        for bucket in &self.0 {
            numbers.push(bucket.index.saturating_sub(index));
            numbers.extend_from_slice(&bucket.amounts.numbers());
            index = bucket.index;
        }
        row.numbers(name, &mut numbers);
        let (buckets, rest) = numbers.as_chunks();
        (self.0, index) = (Vec::new(), 0);
        for [step, spent, reserved, orders] in buckets {
            index = index.saturating_add(*step);
            self.0.push(Bucket { index, amounts: [*spent, *reserved, *orders].into() });
        }
        let is_sorted = self.0.is_sorted_by(|one, next| one.index < next.index);
        row.expect((rest.is_empty() && is_sorted).then_some(()));
    }
}
