//! Text cut at ASCII characters, and numbers in it. The searchers of std are made for any pattern and decode characters, which
//! is several times the code.

/// Where the first byte stands that fits, which must be ASCII.
pub(crate) fn find(text: &str, fits: impl Fn(u8) -> bool) -> Option<usize> {
    text.bytes().position(fits)
}

/// What stands before and behind a place; all of it and nothing where there is no such place.
pub(crate) fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// What stands before and behind the first of these ASCII characters.
pub(crate) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    split_at(text, text.bytes().position(|byte| byte == at)?)
}

/// What stands before and behind the last of these ASCII characters.
pub(crate) fn rsplit_once(text: &str, at: u8) -> Option<(&str, &str)> {
    split_at(text, text.bytes().rposition(|byte| byte == at)?)
}

fn split_at(text: &str, at: usize) -> Option<(&str, &str)> {
    let (before, behind) = text.split_at_checked(at)?;
    Some((before, behind.get(1..)?))
}

/// The parts between these ASCII characters.
pub(crate) fn parts(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (part, behind) = match split_once(rest?, separator) {
            Some((part, behind)) => (part, Some(behind)),
            None => (rest?, None),
        };
        rest = behind;
        Some(part)
    })
}

/// A number of decimal digits alone that fits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(digit & 15)),
        _ => None,
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_is_cut_as_std_does_it() {
        for text in ["", "a", "=", "a=b", "=b", "a=", "a=b=c", "==", "☃=☃=", "☃"] {
            assert_eq!(split_once(text, b'='), text.split_once('='), "{text}");
            assert_eq!(rsplit_once(text, b'='), text.rsplit_once('='), "{text}");
            assert_eq!(parts(text, b'=').collect::<Vec<_>>(), text.split('=').collect::<Vec<_>>(), "{text}");
            let at = find(text, |byte| byte == b'=');
            assert_eq!(at, text.find('='), "{text}");
            assert_eq!(cut(text, at.unwrap_or(99)).0, text.split('=').next().unwrap(), "{text}");
        }
    }

    #[test]
    fn a_number_is_digits_alone() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1.0", None),
            ("1e3", None),
            ("1 ", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }
}
