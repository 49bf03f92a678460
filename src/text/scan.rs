//! Cutting text at ASCII characters, and reading numbers. The searches of std take any pattern and decode characters,
//! which compiles to several times the code.

/// What a byte may be part of. A kind has all bytes beyond ASCII or none, so that text is cut between characters.
pub(crate) mod kind {
    pub(crate) const SPACE: u8 = 1;
    /// White space, comma or semicolon.
    pub(crate) const SEPARATOR: u8 = 2;
    /// A token (RFC 9110, 5.6.2) or a token68 without its padding.
    pub(crate) const WORD: u8 = 4;
    pub(crate) const EQUALS: u8 = 8;
    /// A value of a header without quotes.
    pub(crate) const BARE: u8 = 16;
    /// What needs no escape within `"`, and within `'`, in a header.
    pub(crate) const IN_DOUBLE: u8 = 32;
    pub(crate) const IN_SINGLE: u8 = 64;
    /// What needs no escape in a JSON string.
    pub(crate) const JSON: u8 = 128;
}

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0u8;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated by the compiler
    loop {
        let mut kind = match byte {
            b' ' | b'\t' => kind::SPACE | kind::SEPARATOR,
            b',' | b';' => kind::SEPARATOR,
            b'=' => kind::EQUALS,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-'..=b'/' | b'^'..=b'`' | b'|' | b'~' => kind::WORD,
            _ if byte.is_ascii_alphanumeric() => kind::WORD,
            _ => 0,
        };
        if byte > b' ' && byte != 0x7f && !matches!(byte, b',' | b';' | b'"') {
            kind |= kind::BARE;
        }
        if byte == b'\t' || !byte.is_ascii_control() && byte != b'\\' {
            kind |= match byte {
                b'"' => kind::IN_SINGLE,
                b'\'' => kind::IN_DOUBLE,
                _ => kind::IN_SINGLE | kind::IN_DOUBLE,
            };
        }
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            kind |= kind::JSON;
        }
        kinds[byte as usize] = kind;
        if byte == 255 {
            break;
        }
        byte += 1;
    }
    kinds
};

/// Whether a byte is of one of these kinds.
pub(crate) fn is(byte: u8, kinds: u8) -> bool {
    KINDS.get(usize::from(byte)).copied().unwrap_or(0) & kinds != 0
}

/// How many bytes at the start are of one of these kinds. All scanning shares this loop: with closures, code made for
/// size would call a function for each byte.
pub(crate) fn span(text: &str, kinds: u8) -> usize {
    let mut length = 0usize;
    for byte in text.bytes() {
        if !is(byte, kinds) {
            break;
        }
        length = length.wrapping_add(1);
    }
    length
}

/// The index of the first byte that fits. It must be ASCII.
pub(crate) fn find(text: &str, fits: impl Fn(u8) -> bool) -> Option<usize> {
    text.bytes().position(fits)
}

/// The index of the first of these ASCII characters, or the end.
pub(crate) fn find_any(text: &str, any: &[u8]) -> usize {
    text.bytes().position(|byte| any.contains(&byte)).unwrap_or(text.len())
}

/// The text before and after an index. If there is no such index: all of it, and nothing.
pub(crate) fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The text before and after the first such ASCII character.
pub(crate) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    split_at(text, text.bytes().position(|byte| byte == at)?)
}

/// The text before and after the last such ASCII character.
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

/// A number of decimal digits only, if it fits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| match digit {
        // A checked multiplication is one of 128 bits in wasm.
        b'0'..=b'9' if sum <= u64::MAX / 10 => sum.wrapping_mul(10).checked_add(u64::from(digit & 15)),
        _ => None,
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, add)
}

/// An amount as protocols write it: a number above zero, of decimal digits without a leading zero.
pub(crate) fn positive(text: &str) -> Option<u64> {
    number(text.as_bytes()).filter(|_| !text.starts_with('0'))
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
    fn bytes_are_of_their_kinds() {
        let within = |byte: u8, quote| byte == b'\t' || !byte.is_ascii_control() && byte != b'\\' && byte != quote;
        for byte in 0..=255u8 {
            let separates = b" \t,;".contains(&byte);
            let word = byte.is_ascii_alphanumeric() || b"!#$%&'*+-./^_`|~".contains(&byte);
            let bare = byte > b' ' && byte != 0x7f && !b",;\"".contains(&byte);
            for (kind, expected) in [
                (kind::SPACE, byte == b' ' || byte == b'\t'),
                (kind::SEPARATOR, separates),
                (kind::WORD, word),
                (kind::EQUALS, byte == b'='),
                (kind::BARE, bare),
                (kind::IN_DOUBLE, within(byte, b'"')),
                (kind::IN_SINGLE, within(byte, b'\'')),
                (kind::JSON, byte >= 0x20 && byte != b'"' && byte != b'\\'),
            ] {
                assert_eq!(is(byte, kind), expected, "{byte:#x} {kind}");
            }
        }
        assert_eq!((span("ab☃=", kind::WORD), span("☃\"", kind::JSON), span("", kind::JSON)), (2, 3, 0));
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

    #[test]
    fn an_amount_has_neither_sign_nor_leading_zero() {
        for (text, expected) in [
            ("1", Some(1)),
            ("10", Some(10)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("0", None),
            ("00", None),
            ("01", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1.0", None),
            ("1e3", None),
            (" 1", None),
            ("\u{661}", None),
        ] {
            assert_eq!(positive(text), expected, "{text}");
        }
    }
}
