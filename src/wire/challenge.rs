//! Reads challenges and offers from a `WWW-Authenticate` value.
//!
//! The value is a list (RFC 9110, sections 5.6.1 and 11.6.1). Several header lines are joined with commas. Servers are
//! sloppier than the RFC. So is this reader, as long as it reads every correct header correctly:
//! - A comma, a semicolon or white space may separate parameters.
//! - A value may stand in double quotes, in single quotes, or bare. A bare value holds any visible character except
//!   separators and double quotes.
//! - A name that is followed by `=` belongs to the challenge before it. Anything else starts the next challenge.

use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::scan::{cut, is, kind, span};
use std::borrow::Cow;

/// The most bytes of a header. Servers limit their own credentials to 8 KiB (spring) and 64 KiB (aperture).
pub const MAX_HEADER: usize = 64 * 1024;

/// The most challenges in a header. aperture sends four.
pub const MAX_CHALLENGES: usize = 64;

/// The most parameters of one challenge. Each name is compared with all before it, so this keeps parsing linear.
pub const MAX_PARAMETERS: usize = 64;

/// How an offer is paid and answered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Protocol {
    /// L402.
    #[default]
    L402,
    /// LSAT, the older name of L402.
    Lsat,
    /// The `Payment` scheme.
    Mpp,
    /// x402 over Lightning.
    X402,
}

impl Protocol {
    /// Every protocol, in the default order of preference.
    pub const ALL: [Protocol; 4] = [Self::L402, Self::Lsat, Self::Mpp, Self::X402];

    /// The name in the options and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L402 => "l402",
            Self::Lsat => "lsat",
            Self::Mpp => "mpp",
            Self::X402 => "x402",
        }
    }

    /// Whether there is no credential without a preimage. L402 has one: the token alone.
    #[must_use]
    pub const fn needs_preimage(self) -> bool {
        matches!(self, Self::Mpp | Self::X402)
    }

    /// The protocol of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }
}

/// One challenge of a `WWW-Authenticate` value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// The scheme as received.
    pub scheme: String,
    /// Names in lower case and unescaped values, in the order of the header. A repeated name keeps its first value.
    pub params: Vec<(String, String)>,
    /// The first thing that is wrong with it. A malformed challenge is never an offer.
    pub defect: Option<&'static str>,
    /// Set if Lightning can pay this challenge.
    pub offer: Option<Offer>,
}

/// What a Lightning challenge offers for payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// How the offer is answered.
    pub protocol: Protocol,
    /// The token, byte for byte as received. With x402 the key of the node that is paid, in hex.
    pub token: String,
    /// The BOLT11 invoice as received. It is not checked yet.
    pub invoice: String,
}

/// Reads every challenge in a `WWW-Authenticate` value, in order.
///
/// If one challenge is an offer, malformed neighbours do not matter. A malformed challenge is never an offer.
/// Challenges of other schemes are never offers. A scheme with a token68 in place of parameters (RFC 9110, 11.3) is
/// well-formed, and no offer.
///
/// # Errors
/// [`Code::InvalidChallenge`] if the header holds no offer, and the header or a Lightning challenge in it is malformed.
pub fn parse(header: &str) -> Result<Vec<Challenge>, Error> {
    let (challenges, error) = read(header);
    match error {
        Some(error) if challenges.iter().all(|challenge| challenge.offer.is_none()) => Err(error),
        _ => Ok(challenges),
    }
}

/// The same for those who know of other offers than L402: every challenge that can be read, and the first thing that is
/// malformed. That is an error if nobody finds an offer.
#[must_use]
pub fn read(header: &str) -> (Vec<Challenge>, Option<Error>) {
    if header.len() > MAX_HEADER {
        return (Vec::new(), Some(malformed("www-authenticate header", "it is longer than 64 KiB")));
    }
    let mut reader = Reader { header, at: 0, found: Vec::new(), stray: None };
    reader.read();
    let mut challenges = Vec::with_capacity(reader.found.len());
    let mut first_error = None;
    for Found { mut challenge, protocol, token68 } in reader.found {
        if challenge.defect.is_none() && token68 == Some(challenge.params.len()) {
            challenge.params.clear();
        } else if let Some((protocol, name)) = protocol {
            match challenge.defect.map_or_else(|| offer(protocol, &challenge.params), Err) {
                Ok(offer) => challenge.offer = Some(offer),
                Err(why) => _ = first_error.get_or_insert_with(|| malformed(name, why)),
            }
        }
        challenges.push(challenge);
    }
    let error = first_error.or_else(|| reader.stray.map(|why| malformed("www-authenticate header", why)));
    (challenges, error)
}

const NEITHER: &str = "it holds something that is neither a parameter nor a scheme";

/// The error of a stranger's text that is not what it should be.
pub(crate) fn malformed(part: &str, why: &str) -> Error {
    Error::new(Code::InvalidChallenge, concat(&["the ", part, " is malformed: ", why]))
}

fn offer(protocol: Protocol, params: &[(String, String)]) -> Result<Offer, &'static str> {
    let get = |name| params.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    let token = match (get("token"), get("macaroon")) {
        (Some(token), Some(macaroon)) if token != macaroon => return Err("its token and its macaroon differ"),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err("it has no token"),
    };
    let invoice = get("invoice").ok_or("it has no invoice")?;
    // The client sends the token in a header, unchanged.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
        return Err("its token is empty or can't be sent in a header");
    }
    if invoice.is_empty() {
        return Err("its invoice is empty");
    }
    Ok(Offer { protocol, token: token.clone(), invoice: invoice.clone() })
}

/// A challenge that is being read.
struct Found {
    challenge: Challenge,
    /// The protocol and its name in errors. `None` for the schemes that Lightning can't pay.
    protocol: Option<(Protocol, &'static str)>,
    /// If the challenge has exactly this number of parameters, it is a scheme with a token68. The number is 1 if the
    /// padding of the token68 was read as a parameter.
    token68: Option<usize>,
}

struct Reader<'a> {
    header: &'a str,
    at: usize,
    found: Vec<Found>,
    /// The first thing that is wrong outside every challenge.
    stray: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        // True while only white space was read after a scheme.
        let mut after_scheme = false;
        loop {
            let separators = self.take(kind::SEPARATOR);
            after_scheme &= span(separators, kind::SPACE) == separators.len();
            let Some(next) = self.peek() else { return };
            if !is(next, kind::WORD) {
                self.defect("it holds a character that has no place there");
                self.skip_to_comma();
                continue;
            }
            let word = self.take(kind::WORD);
            let end = self.at;
            self.take(kind::SPACE);
            if self.peek() == Some(b'=') && !(after_scheme && self.at == end && self.takes_token68()) {
                self.at = self.at.saturating_add(1);
                self.take(kind::SPACE);
                self.parameter(word);
                after_scheme = false;
            } else if after_scheme {
                self.at = end;
                self.take(kind::EQUALS);
                self.token68();
                after_scheme = false;
            } else {
                if self.found.len() >= MAX_CHALLENGES {
                    self.stray.get_or_insert("it holds more than 64 challenges");
                    return;
                }
                self.at = end;
                self.scheme(word);
                after_scheme = true;
            }
        }
    }

    /// Whether the `=` here pad the token68 of a foreign scheme. They do if only a comma or the end follows. In a
    /// Lightning scheme such an `=` may also follow the name of a parameter without a value. The number of its
    /// parameters decides that in the end.
    fn takes_token68(&mut self) -> bool {
        let start = self.at;
        self.take(kind::EQUALS);
        let padding = self.is_at_end();
        self.at = start;
        match self.found.last_mut() {
            Some(found) if padding => {
                found.token68 = Some(1);
                found.protocol.is_none()
            }
            _ => false,
        }
    }

    /// Treats the text that was just read as the token68 of the last scheme.
    fn token68(&mut self) {
        if !self.is_at_end() {
            self.defect(NEITHER);
        }
        if let Some(found) = self.found.last_mut() {
            found.token68 = Some(0);
        }
    }

    /// Whether only a comma or the end follows.
    fn is_at_end(&mut self) -> bool {
        self.take(kind::SPACE);
        matches!(self.peek(), None | Some(b','))
    }

    fn scheme(&mut self, name: &str) {
        let protocol = if name.eq_ignore_ascii_case("l402") {
            Some((Protocol::L402, "l402 challenge"))
        } else if name.eq_ignore_ascii_case("lsat") {
            Some((Protocol::Lsat, "lsat challenge"))
        } else {
            None
        };
        let challenge = Challenge { scheme: name.to_owned(), params: Vec::new(), defect: None, offer: None };
        self.found.push(Found { challenge, protocol, token68: None });
    }

    fn parameter(&mut self, name: &str) {
        let value = self.value();
        if self.peek().is_some_and(|b| !is(b, kind::SEPARATOR)) {
            self.defect("something follows a value without a separator");
        }
        let name = name.to_ascii_lowercase();
        let Some(found) = self.found.last_mut() else {
            self.defect("it starts with a parameter");
            return;
        };
        if found.token68 == Some(0) {
            self.defect(NEITHER);
            return;
        }
        let params = &mut found.challenge.params;
        if let Some((_, first)) = params.iter().find(|(n, _)| *n == name) {
            if *first != value {
                self.defect(match name.as_str() {
                    "token" | "macaroon" => "its token is given twice and differs",
                    "invoice" => "its invoice is given twice and differs",
                    _ => "a parameter is given twice and differs",
                });
            }
        } else if params.len() < MAX_PARAMETERS {
            params.push((name, value.into_owned()));
        } else {
            self.defect("it has more than 64 parameters");
        }
    }

    fn value(&mut self) -> Cow<'a, str> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            _ => Cow::Borrowed(self.take(kind::BARE)),
        }
    }

    fn quoted(&mut self, quote: u8) -> Cow<'a, str> {
        let plain = if quote == b'"' { kind::IN_DOUBLE } else { kind::IN_SINGLE };
        self.at = self.at.saturating_add(1);
        let mut value = Cow::Borrowed("");
        loop {
            let text = self.take(plain);
            if value.is_empty() {
                value = Cow::Borrowed(text)
            } else {
                value.to_mut().push_str(text)
            }
            let Some(byte) = self.peek() else {
                self.defect("a quoted value has no end");
                return value;
            };
            self.at = self.at.saturating_add(1);
            if byte == quote {
                return value;
            }
            if byte == b'\\' {
                // RFC 9110, 5.6.4: the character after the backslash stands for itself.
                if let Some(c) = self.header.get(self.at..).and_then(|rest| rest.chars().next()) {
                    self.at = self.at.saturating_add(c.len_utf8());
                    value.to_mut().push(c);
                    if c.is_ascii() && is_control(c as u8) {
                        self.defect("a value holds a control character");
                    }
                }
            } else {
                self.defect("a value holds a control character");
            }
        }
    }

    /// Notes what is wrong with the last challenge, or with the header if there is none yet.
    fn defect(&mut self, why: &'static str) {
        match self.found.last_mut() {
            Some(found) => found.challenge.defect.get_or_insert(why),
            None => self.stray.get_or_insert(why),
        };
    }

    /// Skips what can't be read, up to the next comma. A quoted text is skipped whole: it may hold commas.
    fn skip_to_comma(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b',' => return,
                b'"' => _ = self.quoted(b'"'),
                _ => self.at = self.at.saturating_add(1),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.header.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, kinds: u8) -> &'a str {
        let rest = self.header.get(self.at..).unwrap_or_default();
        let (taken, _) = cut(rest, span(rest, kinds));
        self.at = self.at.saturating_add(taken.len());
        taken
    }
}

fn is_control(byte: u8) -> bool {
    byte != b'\t' && byte.is_ascii_control()
}
