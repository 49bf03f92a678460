//! A moment as text: RFC 3339, and ISO 8601 as far as servers write it.

use crate::text::scan::number;

/// Days before each month of a common year.
const DAYS: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";

/// Days from the beginning of the year 1 to the beginning of 1970.
const EPOCH: u64 = 719_162;

/// Unix seconds, and whether the text has a time zone. Without one it is read as UTC. Fractions are cut off. A day
/// before 1970 counts as the first of 1970. `2036-01-01T00:00:00Z`, `2036-01-01 01:00:00.5+01:00`,
/// `2036-01-01T00:00:00`.
pub(crate) fn read(text: &str) -> Option<(u64, bool)> {
    // Four digits at most: no sum or product of them overflows.
    let (moment, mut rest) = text.as_bytes().split_at_checked(SHAPE.len())?;
    let mut numbers = [0u64; 6];
    let mut slots = numbers.iter_mut();
    let mut slot = slots.next()?;
    for (byte, shape) in moment.iter().zip(SHAPE) {
        match (shape, byte) {
            (b'0', b'0'..=b'9') => *slot = slot.wrapping_mul(10).wrapping_add(u64::from(byte & 15)),
            (b'T', b'T' | b't' | b' ') => slot = slots.next()?,
            (b'-' | b':', _) if shape == byte => slot = slots.next()?,
            _ => return None,
        }
    }
    let [year, month, day, hour, minute, second] = numbers;
    let before_month = *DAYS.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if !(1..=31).contains(&day) || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    // the leap day of this year counts from March on
    let whole = if month > 2 { year } else { year.checked_sub(1)? };
    let leap_days = (whole / 4).wrapping_sub(whole / 100).wrapping_add(whole / 400);
    let days = [year.checked_sub(1)?.wrapping_mul(365), leap_days, before_month, day]
        .into_iter()
        .sum::<u64>()
        .saturating_sub(EPOCH.wrapping_add(1));
    let seconds = [days.wrapping_mul(86_400), hour.wrapping_mul(3600), minute.wrapping_mul(60), second];
    let local = seconds.into_iter().sum::<u64>();

    if let [b'.' | b',', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = fraction.get(digits..).filter(|_| digits > 0)?;
    }
    let (sign, hours, minutes) = match rest {
        [] => return Some((local, false)),
        [b'Z' | b'z'] => return Some((local, true)),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (*sign, number(&[*h1, *h2])?, number(&[*m1, *m2])?)
        }
        _ => return None,
    };
    let offset = hours.wrapping_mul(3600).wrapping_add(minutes.wrapping_mul(60));
    let utc = if sign == b'+' { local.saturating_sub(offset) } else { local.wrapping_add(offset) };
    Some((utc, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some((0, true))),
            ("1970-01-01T00:00:00", Some((0, false))),
            ("2000-02-29T12:34:56Z", Some((951_827_696, true))),
            ("2000-03-01T00:00:00Z", Some((951_868_800, true))),
            ("2026-11-28T18:16:00", Some((1_795_889_760, false))),
            ("2026-11-28 18:16:00.123456", Some((1_795_889_760, false))),
            ("2026-11-28t18:16:00z", Some((1_795_889_760, true))),
            ("2026-11-28T18:16:00.5Z", Some((1_795_889_760, true))),
            ("2026-11-28T18:16:00+00:00", Some((1_795_889_760, true))),
            ("2026-11-28T19:46:00+01:30", Some((1_795_889_760, true))),
            ("2026-11-28T10:16:00.000-0800", Some((1_795_889_760, true))),
            ("2100-03-01T00:00:00Z", Some((4_107_542_400, true))),
            ("2036-12-31T23:59:60Z", Some((2_114_380_800, true))),
            ("9999-12-31T23:59:59Z", Some((253_402_300_799, true))),
            ("1969-12-31T23:59:59Z", Some((86_399, true))),
            ("0001-01-01T00:00:00Z", Some((0, true))),
            ("0000-01-01T00:00:00Z", None),
            ("", None),
            ("2026-11-28", None),
            ("2026-11-28T18:16", None),
            ("2026-11-28T18:16Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-01-00T00:00:00Z", None),
            ("2026-01-32T00:00:00Z", None),
            ("2026-01-01T25:00:00Z", None),
            ("2026-01-01T00:60:00Z", None),
            ("2026-01-01T00:00:61Z", None),
            ("2026-01-01X00:00:00Z", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T00:00:00+1", None),
            ("2026-01-01T00:00:00+01:00 ", None),
            ("2026-01-01T00:00:00Europe", None),
            ("+026-01-01T00:00:00Z", None),
            ("2026-1-1T00:00:00.000Z", None),
            ("2026-01-01T00:00:0☃", None),
            ("☃2026-01-01T00:00:00Z", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
