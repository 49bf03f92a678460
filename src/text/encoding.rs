//! Hex and base64 as they arrive from strangers, and as they are handed on.

/// The largest integer below which every integer is exact in JavaScript.
pub(crate) const MAX_SAFE: u64 = (1 << 53) - 1;

/// The parts in one text. The `concat` of slices compiles to ten times the code.
pub(crate) fn concat(parts: &[&str]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push_str(part);
    }
    text
}

/// Lowercase hex.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| if half < 10 { half.wrapping_add(b'0') } else { half.wrapping_add(b'a' - 10) };
    // made in one piece and filled: a push for each digit is several times as slow
    let mut text = vec![0; bytes.len().saturating_mul(2)];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Hex of either case. `None`: other characters, or an odd number of digits.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte & 15),
        b'a'..=b'f' | b'A'..=b'F' => Some((byte & 15).wrapping_add(9)),
        _ => None,
    };
    let mut bytes = Vec::new();
    for pair in text.chunks(2) {
        match pair {
            [high, low] => bytes.push((digit(*high)? << 4) | digit(*low)?),
            _ => return None,
        }
    }
    Some(bytes)
}

/// The flavour of base64 that a text was written in. The answer is written in the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flavour {
    /// `-` and `_` in place of `+` and `/`.
    pub url_safe: bool,
    /// Padded with `=` to a multiple of four.
    pub padded: bool,
}

impl Flavour {
    /// Base64 as RFC 4648, section 4 has it.
    pub(crate) const STANDARD: Self = Self { url_safe: false, padded: true };
    /// Base64url (RFC 4648, section 5) as tokens are written.
    pub(crate) const URL_SAFE: Self = Self { url_safe: true, padded: false };
}

/// Decoded base64 digits.
pub(crate) struct Digits {
    pub bytes: Vec<u8>,
    /// Whether a digit occurs only in the standard alphabet, and whether one occurs only in the URL-safe one.
    standard: bool,
    url_safe: bool,
}

/// Whether this is a digit of either alphabet.
pub(crate) fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Base64 of either alphabet or both, without padding. `None`: other characters. Bits beyond the last byte are ignored.
pub(crate) fn from_digits(digits: &str) -> Option<Digits> {
    let (mut standard, mut url_safe) = (false, false);
    let mut bytes = vec![0; digits.len().saturating_mul(3) / 4];
    let mut slots = bytes.iter_mut();
    let (mut pending, mut bits) = (0u32, 0u32);
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'/' => {
                standard = true;
                if byte == b'+' {
                    62
                } else {
                    63
                }
            }
            b'-' | b'_' => {
                url_safe = true;
                if byte == b'-' {
                    62
                } else {
                    63
                }
            }
            _ => return None,
        };
        pending = (pending << 6) | u32::from(digit);
        bits = bits.wrapping_add(6);
        if bits >= 8 {
            bits = bits.wrapping_sub(8);
            if let Some(slot) = slots.next() {
                *slot = pending.wrapping_shr(bits).to_le_bytes()[0];
            }
        }
    }
    Some(Digits { bytes, standard, url_safe })
}

/// Base64 in either alphabet, padded or not. `None`: other characters, both alphabets at once, a length that no encoder
/// makes, or padding of a wrong length.
///
/// Bits beyond the last byte are ignored, as most decoders do.
///
/// Some texts fit several flavours. Servers write standard padded or URL-safe unpadded, so the visible half of the
/// flavour decides the other half. If neither is visible, it is standard padded.
pub(crate) fn from_base64(text: &str) -> Option<(Vec<u8>, Flavour)> {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    let digits = text.get(..text.len().checked_sub(padding)?)?;
    let odd = digits.len() % 4;
    if odd == 1 || (padding != 0 && padding != (4usize.saturating_sub(odd)) % 4) {
        return None;
    }
    let Digits { bytes, standard, url_safe } = from_digits(digits)?;
    if standard && url_safe {
        return None;
    }
    let bare = padding == 0 && odd != 0;
    let url_safe = url_safe || (bare && !standard);
    let padded = padding != 0 || (!bare && !url_safe);
    Some((bytes, Flavour { url_safe, padded }))
}

/// Base64url, padded or not. `None`: the standard alphabet, bits beyond the last byte, or what [`from_base64`] refuses.
/// So no bytes have two spellings but for the padding.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let (bytes, _) = from_base64(text)?;
    text.starts_with(&to_base64(&bytes, Flavour::URL_SAFE)).then_some(bytes)
}

/// Base64 in the given flavour.
pub(crate) fn to_base64(bytes: &[u8], flavour: Flavour) -> String {
    let digit = |n: u32| {
        let n = n.to_le_bytes()[0] & 63;
        char::from(match n {
            0..=25 => n.wrapping_add(b'A'),
            26..=51 => n.wrapping_sub(26).wrapping_add(b'a'),
            52..=61 => n.wrapping_sub(52).wrapping_add(b'0'),
            62 => {
                if flavour.url_safe {
                    b'-'
                } else {
                    b'+'
                }
            }
            _ => {
                if flavour.url_safe {
                    b'_'
                } else {
                    b'/'
                }
            }
        })
    };
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let (value, digits) = match chunk {
            [a, b, c] => (u32::from_be_bytes([0, *a, *b, *c]), 4),
            [a, b] => (u32::from_be_bytes([0, *a, *b, 0]), 3),
            [a] => (u32::from_be_bytes([0, *a, 0, 0]), 2),
            _ => continue,
        };
        for (place, shift) in [18u32, 12, 6, 0].into_iter().enumerate() {
            if place < digits {
                text.push(digit(value.wrapping_shr(shift)));
            } else if flavour.padded {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STANDARD: Flavour = Flavour::STANDARD;
    const URL: Flavour = Flavour::URL_SAFE;

    #[test]
    fn hex_reads_either_case_and_refuses_the_rest() {
        assert_eq!(from_hex(b"00fFAb"), Some(vec![0, 255, 171]));
        assert_eq!(from_hex(b""), Some(vec![]));
        for bad in ["0", "0g", "+1", " 00", "00 ", "é", "\u{10}0", "P0", "@0", "`0"] {
            assert_eq!(from_hex(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn base64_reads_every_flavour() {
        let url_padded = Flavour { url_safe: true, padded: true };
        let standard_bare = Flavour { url_safe: false, padded: false };
        for (text, bytes, flavour) in [
            ("", &b""[..], STANDARD),
            ("Zg==", b"f", STANDARD),
            ("Zg", b"f", URL),
            ("Zm9v", b"foo", STANDARD),
            ("+/8=", &[0xfb, 0xff], STANDARD),
            ("+/8", &[0xfb, 0xff], standard_bare),
            ("-_8", &[0xfb, 0xff], URL),
            ("-_8=", &[0xfb, 0xff], url_padded),
            ("-_-_", &[0xfb, 0xff, 0xbf], URL),
            ("+/+/", &[0xfb, 0xff, 0xbf], STANDARD),
        ] {
            assert_eq!(from_base64(text), Some((bytes.to_vec(), flavour)), "{text}");
            assert_eq!(to_base64(bytes, flavour), text);
        }
    }

    #[test]
    fn base64url_has_one_spelling_but_for_its_padding() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("AA", Some(&[0])),
            ("AA==", Some(&[0])),
            ("__4", Some(&[0xff, 0xfe])),
            ("__4=", Some(&[0xff, 0xfe])),
            ("-_-_A-__", Some(&[0xfb, 0xff, 0xbf, 3, 0xef, 0xff])),
            ("AB", None),
            ("AB==", None),
            ("__5", None),
            ("a+b/", None),
            ("AA=", None),
            ("aGV=bG8", None),
            ("aGVsb", None),
            ("aGVs\nbG8", None),
        ] {
            assert_eq!(from_base64url(text).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn base64_refuses_what_no_encoder_makes() {
        for bad in [
            "Z", "Zm9vY", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "=", "====", "Zg==Zg==", "Z g=", "Zg==\n", "+_8=", "é",
            "Zm9v,",
        ] {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
        assert_eq!(from_base64("Zh==").unwrap().0, b"f", "bits beyond the last byte are ignored");
    }
}
