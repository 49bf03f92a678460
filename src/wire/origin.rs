//! Where a request goes: its origin and path, whether it stays on this machine, and which hosts may be paid.

use crate::text::scan::{cut, find, split_once};

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
}
