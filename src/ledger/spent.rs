//! What was spent, as users see it.

use crate::text::json_writer::write_object;

pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

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

#[cfg(test)]
mod tests {
    use super::*;

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
