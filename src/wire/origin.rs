//! Where a request goes: its origin and path, whether it stays on this machine, and which hosts may be paid.

use crate::text::scan::{cut, find, number, parts, rsplit_once, split_once};

/// The parts of a URL that decide about money. The URL is absolute and normalised, as the URL standard's `href` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location<'a> {
    /// Scheme, host and port: what tokens and limits belong to.
    pub origin: &'a str,
    /// Without `:`.
    pub scheme: &'a str,
    /// IPv6 addresses stand in brackets.
    pub host: &'a str,
    /// Only where the URL names one.
    pub port: Option<&'a str>,
    /// From the first slash to the query.
    pub path: &'a str,
}

impl<'a> Location<'a> {
    /// Reads a URL; `None` where it is not `scheme://host…` or carries a user.
    #[must_use]
    pub fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = split_once(url, b':')?;
        let rest = rest.strip_prefix("//")?;
        let end = find(rest, |byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, tail) = cut(rest, end);
        if authority.is_empty() || find(authority, |byte| byte == b'@').is_some() {
            return None;
        }
        let origin_length = scheme.len().checked_add(3)?.checked_add(end)?;
        let host_end = if authority.starts_with('[') {
            find(authority, |byte| byte == b']')?.checked_add(1)?
        } else {
            find(authority, |byte| byte == b':').unwrap_or(authority.len())
        };
        let path_end = find(tail, |byte| matches!(byte, b'?' | b'#')).unwrap_or(tail.len());
        Some(Self {
            origin: url.get(..origin_length)?,
            scheme,
            host: authority.get(..host_end)?,
            port: authority.get(host_end..)?.strip_prefix(':'),
            path: tail.get(..path_end).filter(|path| !path.is_empty()).unwrap_or("/"),
        })
    }

    /// Whether another URL is of this origin, whatever user a redirect put into it. What can't be read is not.
    pub(crate) fn is_origin_of(&self, url: &str) -> bool {
        let Some(rest) = url.strip_prefix(self.scheme).and_then(|rest| rest.strip_prefix("://")) else { return false };
        let (authority, _) = cut(rest, find(rest, |byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len()));
        let host = rsplit_once(authority, b'@').map_or(authority, |(_, host)| host);
        self.origin.strip_prefix(self.scheme).and_then(|own| own.strip_prefix("://")) == Some(host)
    }

    /// `localhost`, `*.localhost`, 127/8 and `[::1]`: what never leaves the machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let v4 = || {
            let Some(rest) = self.host.strip_prefix("127.") else { return false };
            let is_byte = |part: &str| number(part.as_bytes()).is_some_and(|byte| byte < 256);
            parts(rest, b'.').filter(|part| is_byte(part)).count() == 3 && parts(rest, b'.').count() == 3
        };
        self.host == "localhost" || self.host.ends_with(".localhost") || self.host == "[::1]" || v4()
    }

    /// An address of Tor's, which encrypts by itself.
    #[must_use]
    pub fn is_onion(&self) -> bool {
        self.host.ends_with(".onion")
    }
}

/// One entry of `options.hosts`: an origin, a host, a host with port, or `*.` and a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern(String);

impl HostPattern {
    /// The pattern as the options reader checked and lower-cased it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A host without port means any port; `*.` one or more labels and not the bare domain.
    #[must_use]
    pub fn matches(&self, location: &Location<'_>) -> bool {
        let pattern = self.0.as_str();
        if find(pattern, |byte| byte == b'/').is_some() {
            return pattern == location.origin;
        }
        let (host, port) = match rsplit_once(pattern, b':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (pattern, None),
        };
        let default = if location.scheme == "https" { "443" } else { "80" };
        if port.is_some_and(|port| port != location.port.unwrap_or(default)) {
            return false;
        }
        match host.strip_prefix('*') {
            Some(suffix) => location.host.len() > suffix.len() && location.host.ends_with(suffix),
            None => host == location.host,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_falls_into_its_parts() {
        let table = [
            ("https://a.example/x/y?q=/z#f", "https://a.example", "a.example", None, "/x/y"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", Some("8080"), "/"),
            ("http://[::1]:81/p", "http://[::1]:81", "[::1]", Some("81"), "/p"),
            ("https://a.example?x", "https://a.example", "a.example", None, "/"),
        ];
        for (url, origin, host, port, path) in table {
            let found = Location::of(url).unwrap();
            assert_eq!((found.origin, found.host, found.port, found.path), (origin, host, port, path), "{url}");
        }
        for url in ["", "data:text/plain,x", "https://", "https://user:secret@a.example/", "/relative"] {
            assert_eq!(Location::of(url), None, "{url}");
        }
    }

    #[test]
    fn loopback_is_what_never_leaves_the_machine() {
        for (url, expected) in [
            ("http://localhost/", true),
            ("http://a.localhost:3/", true),
            ("http://127.9.8.7/", true),
            ("http://[::1]/", true),
            ("http://127.0.0.1.example/", false),
            ("http://127.example/", false),
            ("http://notlocalhost/", false),
            ("http://192.168.0.1/", false),
        ] {
            assert_eq!(Location::of(url).unwrap().is_loopback(), expected, "{url}");
        }
    }

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, url, expected) in [
            ("api.example.com", "https://api.example.com/", true),
            ("api.example.com", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("api.example.com:443", "https://api.example.com/", true),
            ("*.example.com", "https://api.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://badexample.com/", false),
            ("https://api.example.com", "https://api.example.com/x", true),
            ("https://api.example.com", "http://api.example.com/x", false),
            ("[::1]", "http://[::1]:9/", true),
            ("[::1]:9", "http://[::1]:9/", true),
            ("[::1]:8", "http://[::1]:9/", false),
        ] {
            assert_eq!(HostPattern::new(pattern).matches(&Location::of(url).unwrap()), expected, "{pattern} {url}");
        }
    }
}
