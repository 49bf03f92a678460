//! BOLT11 invoices.
//!
//! # Deviations from BOLT11
//! - The signature must be there, but it is not verified here. L402 does not need to know which node is paid. It relies
//!   on the payment hash, and the preimage proves that. x402 does: see [`crate::wire::signature`].
//! - An amount that is zero or has leading zeros is refused. The specification asks that of writers only.
//! - The wallet checks the values of `s`, `c`, `f`, `r` and unknown feature bits. They are not read here, except for
//!   the AMP bits. `s` may be absent: invoices with blinded paths have none.
//! - Fields of a wrong length are skipped, as most wallets do. The specification wants them refused.
//! - An invoice with two payment hashes, or with two of any other single field, is refused. The specification says
//!   that the first counts, but wallets differ. The field that is checked here must be the one that is paid.
//! - The text is read unchanged: `lightning:` and white space are not removed.

use crate::error::{Code, Error};
use crate::text::encoding::MAX_SAFE;
use crate::text::json_writer::{write_object, Writer};
use crate::text::scan::{cut, find, rsplit_once};
use crate::wire::payment_hash::PaymentHash;
use std::borrow::Cow;

/// The most characters of an invoice. The specification sets no limit. A QR code holds 7089 digits, and wallets refuse
/// longer invoices.
pub const MAX_LENGTH: usize = 7089;

/// Seconds until an invoice expires that names no expiry.
const DEFAULT_EXPIRY: u64 = 3600;

/// Lengths in 5-bit groups. The signature includes its recovery id.
const TIMESTAMP: usize = 7;
pub(crate) const SIGNATURE: usize = 104;
const CHECKSUM: usize = 6;

/// The network that an invoice's prefix names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// `bc`
    Bitcoin,
    /// `tb`
    Testnet,
    /// `tbs`
    Signet,
    /// `bcrt`
    Regtest,
    /// `sb`
    Simnet,
}

impl Network {
    /// Every network, with the prefix that names it in an invoice.
    const PREFIXES: [(Network, &'static str); 5] = [
        (Self::Bitcoin, "bc"),
        (Self::Testnet, "tb"),
        (Self::Signet, "tbs"),
        (Self::Regtest, "bcrt"),
        (Self::Simnet, "sb"),
    ];

    /// The name in the options and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bitcoin => "bitcoin",
            Self::Testnet => "testnet",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
            Self::Simnet => "simnet",
        }
    }

    /// The network of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::PREFIXES.iter().map(|(network, _)| *network).find(|network| network.as_str() == name)
    }
}

/// A decoded BOLT11 invoice. Its checksum is correct.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invoice {
    /// The invoice as received.
    pub payment_request: String,
    /// The network of its prefix.
    pub network: Network,
    /// Millisatoshis, below 2^53. `None` if the invoice names no amount.
    pub amount_msat: Option<u64>,
    /// The hash that the preimage must have.
    pub payment_hash: PaymentHash,
    /// The description. A stranger wrote it.
    pub description: Option<String>,
    /// The hash of a longer description.
    pub description_hash: Option<[u8; 32]>,
    /// The payee's key, if the invoice names it. This is a claim: the signature is not verified.
    pub payee: Option<[u8; 33]>,
    /// Unix seconds.
    pub timestamp: u64,
    /// Unix seconds, at most 2^53 - 1. A later expiry is stored as that.
    pub expires_at: u64,
    /// Whether feature bit 30 or 31 is set: the invoice takes AMP payments. An AMP payment has no preimage that proves
    /// it. Wallets refuse to pay such an invoice in any other way, even if AMP is optional.
    pub takes_amp: bool,
}

impl Invoice {
    /// Decodes an invoice.
    ///
    /// # Errors
    /// [`Code::InvalidInvoice`] if the text is not a complete BOLT11 invoice.
    pub fn decode(payment_request: &str) -> Result<Self, Error> {
        let text = lower_case(payment_request)?;
        let (prefix, groups) = read_bech32(&text)?;
        let (network, amount_msat) = read_prefix(prefix)?;

        let fields_end = groups.len().checked_sub(SIGNATURE);
        let (timestamp, mut fields) = fields_end
            .and_then(|end| groups.get(..end))
            .and_then(|groups| groups.split_at_checked(TIMESTAMP))
            .ok_or_else(|| invalid("the invoice is too short to hold a timestamp and a signature"))?;
        let timestamp = number(timestamp);

        let mut seen = 0;
        let mut payment_hash = None;
        let mut description = None;
        let mut description_hash = None;
        let mut payee = None;
        let mut expiry = None;
        let mut features = None;
        while let Some((head, rest)) = fields.split_at_checked(3) {
            let &[tag, high, low] = head else { break };
            let length = usize::from(high) << 5 | usize::from(low);
            let (data, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
            fields = rest;
            // "MUST skip over unknown fields, OR [...] p, h, s or n fields that do NOT have data_lengths of 52, 52, 52
            // or 53"
            match (tag, length) {
                (1, 52) => payment_hash = Some(bytes(data)),
                (23, 52) => description_hash = Some(bytes(data)),
                (19, 53) => payee = Some(bytes(data)),
                (13, _) => description = Some(data),
                (6, _) => expiry = Some(number(data)),
                (5, _) => features = Some(data),
                // Payment secret, least final delta, metadata.
                (16, 52) | (24 | 27, _) => {}
                // Fallback addresses, routes and blinded paths may come several times: they are alternatives.
                _ => continue,
            }
            let bit = 1u32.wrapping_shl(tag.into());
            if seen & bit != 0 {
                return Err(invalid("the invoice has a field twice, and wallets differ in which one counts"));
            }
            seen |= bit;
        }
        if !fields.is_empty() {
            return Err(cut_short());
        }

        let payment_hash =
            payment_hash.map(PaymentHash::from).ok_or_else(|| invalid("the invoice has no payment hash"))?;
        if description.is_some() == description_hash.is_some() {
            return Err(invalid("the invoice must have either a description or its hash"));
        }
        let description = match description {
            Some(data) => {
                let mut text = Vec::with_capacity(data.len());
                repack(data, |byte| text.push(byte));
                Some(String::from_utf8(text).map_err(|_| invalid("the invoice's description is not utf-8"))?)
            }
            None => None,
        };
        Ok(Self {
            payment_request: payment_request.to_owned(),
            network,
            amount_msat,
            payment_hash,
            description,
            description_hash,
            payee,
            timestamp,
            expires_at: timestamp.saturating_add(expiry.unwrap_or(DEFAULT_EXPIRY)).min(MAX_SAFE),
            // The field is big-endian. Bits 30 and 31 are the lowest of the seventh group from the end.
            takes_amp: features.and_then(|data| data.iter().rev().nth(6)).is_some_and(|group| group & 3 != 0),
        })
    }
}

impl Invoice {
    pub(crate) fn write(&self, object: &mut Writer) {
        object.text("paymentRequest", Some(&self.payment_request));
        object.text("network", Some(self.network.as_str()));
        object.amount(self.amount_msat);
        self.payment_hash.write(object);
        object.text("description", self.description.as_deref());
        object.hex("descriptionHash", self.description_hash.as_ref().map(AsRef::as_ref));
        object.hex("payee", self.payee.as_ref().map(AsRef::as_ref));
        object.number("timestamp", Some(self.timestamp));
        object.number("expiresAt", Some(self.expires_at));
    }

    /// The JSON text of the object that JavaScript sees.
    #[must_use]
    pub fn to_json(&self) -> String {
        write_object(|object| self.write(object))
    }
}

pub(crate) fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidInvoice, message)
}

fn cut_short() -> Error {
    invalid("a field of the invoice is cut short")
}

/// The value of each bech32 character in lower case (BIP 173). 0xff marks all other characters.
const VALUES: [u8; 256] = {
    let alphabet = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut values = [0xff; 256];
    let mut value = 0;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated by the compiler
    while value < 32 {
        values[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// One step of the checksum shifts five bits out. This table says what these bits contribute to the rest (BIP 173).
const GENERATORS: [u32; 32] = {
    let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut table = [0; 32];
    let mut top = 0;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // evaluated by the compiler
    while top < 32 {
        let mut bit = 0;
        while bit < 5 {
            if (top >> bit) & 1 == 1 {
                table[top] ^= generators[bit];
            }
            bit += 1;
        }
        top += 1;
    }
    table
};

/// One step of the checksum.
fn step(checksum: u32, group: u8) -> u32 {
    // A checksum has 30 bits. The mask only shows the compiler that no place is out of bounds.
    let generator = GENERATORS.get((checksum >> 25 & 31) as usize).copied().unwrap_or(0);
    (checksum & 0x01ff_ffff) << 5 ^ u32::from(group) ^ generator
}

/// The invoice in lower case.
pub(crate) fn lower_case(payment_request: &str) -> Result<Cow<'_, str>, Error> {
    if payment_request.len() > MAX_LENGTH {
        return Err(invalid("the invoice is longer than 7089 characters"));
    }
    let (mut has_upper, mut has_lower) = (false, false);
    for byte in payment_request.bytes() {
        has_upper |= byte.is_ascii_uppercase();
        has_lower |= byte.is_ascii_lowercase();
    }
    match (has_upper, has_lower) {
        (true, true) => Err(invalid("the invoice mixes upper and lower case")),
        (true, false) => Ok(Cow::Owned(payment_request.to_ascii_lowercase())),
        _ => Ok(Cow::Borrowed(payment_request)),
    }
}

/// Verifies the checksum. Returns the prefix, and the data part as 5-bit groups, without the checksum.
pub(crate) fn read_bech32(text: &str) -> Result<(&str, Vec<u8>), Error> {
    let (prefix, data) = rsplit_once(text, b'1')
        .filter(|(prefix, _)| prefix.starts_with("ln"))
        .ok_or_else(|| invalid("the invoice is not bolt11: it must start with ln"))?;
    // BIP 173: the high bits of the prefix, a zero, its low bits, then the data.
    let expanded = prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31));
    let mut groups = data.as_bytes().to_vec();
    for group in &mut groups {
        *group = VALUES.get(usize::from(*group)).copied().unwrap_or(0xff);
    }
    if groups.contains(&0xff) {
        return Err(invalid("the invoice holds a character that bech32 does not have"));
    }
    let checksum = expanded.chain(groups.iter().copied()).fold(1, step);
    if checksum != 1 {
        return Err(invalid("the invoice's checksum is wrong: it was mistyped, cut or changed"));
    }
    groups.truncate(groups.len().saturating_sub(CHECKSUM));
    Ok((prefix, groups))
}

/// Reads the network and the amount from the prefix: the text before the last `1`. It starts with `ln`.
fn read_prefix(prefix: &str) -> Result<(Network, Option<u64>), Error> {
    let rest = prefix.get(2..).unwrap_or_default();
    let (currency, amount) = cut(rest, find(rest, |byte| byte.is_ascii_digit()).unwrap_or(rest.len()));
    let network = Network::PREFIXES
        .iter()
        .find(|(_, name)| currency == *name)
        .map(|(network, _)| *network)
        .ok_or_else(|| invalid("the invoice is for a network that is not known"))?;
    if amount.is_empty() {
        return Ok((network, None));
    }
    if amount.starts_with('0') {
        return Err(invalid("the invoice's amount is zero or starts with one"));
    }
    // The unit is a tenth of a millisatoshi: one pico-bitcoin.
    let (digits, unit) = match amount.as_bytes() {
        [digits @ .., b'm'] => (digits, 1_000_000_000),
        [digits @ .., b'u'] => (digits, 1_000_000),
        [digits @ .., b'n'] => (digits, 1_000),
        [digits @ .., b'p'] => (digits, 1),
        digits => (digits, 1_000_000_000_000),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid("the invoice's amount is not a number with a multiplier of m, u, n or p"));
    }
    let tenths = digits
        .iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit & 15)))
        .and_then(|amount| amount.checked_mul(unit))
        .filter(|tenths| tenths / 10 <= MAX_SAFE)
        .ok_or_else(|| invalid("the invoice's amount is 2^53 millisatoshis or more"))?;
    if tenths % 10 != 0 {
        return Err(invalid("the invoice's amount is not a whole number of millisatoshis"));
    }
    Ok((network, Some(tenths / 10)))
}

/// A big-endian number. A larger one than `u64::MAX` is read as `u64::MAX`.
fn number(groups: &[u8]) -> u64 {
    groups.iter().fold(0, |sum: u64, group| sum.checked_mul(32).map_or(u64::MAX, |sum| sum | u64::from(*group)))
}

/// Makes whole bytes of 5-bit groups. The padding at the end is dropped.
pub(crate) fn repack(groups: &[u8], mut push: impl FnMut(u8)) {
    let (mut pending, mut bits) = (0u32, 0u32);
    for group in groups {
        pending = pending << 5 | u32::from(*group);
        bits = bits.wrapping_add(5);
        if bits >= 8 {
            bits = bits.wrapping_sub(8);
            push(pending.wrapping_shr(bits).to_le_bytes()[0]);
        }
    }
}

/// The first `N` bytes of a field whose length was checked.
fn bytes<const N: usize>(groups: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let mut slots = out.iter_mut();
    repack(groups, |byte| {
        if let Some(slot) = slots.next() {
            *slot = byte;
        }
    });
    out
}
