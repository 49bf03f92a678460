//! URLs of requests, and patterns of the hosts that may be paid.

use crate::error::{Code, Error};
use crate::text::scan::{cut, find_any, number, parts, rsplit_once, split_once};
use std::sync::Arc;

/// An absolute URL without its fragment, cut into its parts once.
///
/// The text has the form of `href` in the URL standard: scheme and host are in lower case, and the scheme's default
/// port is left out.
///
/// A clone shares the text, since payments and tokens are cloned often.
#[derive(Clone, Default, Debug)]
pub struct Url(Arc<Parts>);

#[derive(Default, Debug)]
struct Parts {
    text: String,
    /// The ends of the scheme, the host, the origin and the path in `text`. All are 0 if the URL is opaque.
    scheme_end: usize,
    host_end: usize,
    origin_end: usize,
    path_end: usize,
}

/// The parts follow from the text.
impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Url {}

impl Url {
    /// Reads a URL. Its fragment is dropped.
    ///
    /// # Errors
    /// [`Code::InvalidOptions`] if it is not `scheme://host…`, or if it holds a user or a password.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (text, _) = cut(text, find_any(text, b"#"));
        let absolute = split_once(text, b':').and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
        let (scheme, rest) = absolute.unwrap_or_default();
        let (authority, tail) = cut(rest, find_any(rest, b"/?"));
        let host = if authority.starts_with('[') {
            // Beyond the end where the bracket is missing.
            find_any(authority, b"]").saturating_add(1)
        } else {
            find_any(authority, b":")
        };
        if scheme.is_empty() || host == 0 || host > authority.len() || find_any(authority, b"@") < authority.len() {
            return Err(Error::new(
                Code::InvalidOptions,
                "the url must start with a scheme, :// and a host, without a user",
            ));
        }
        let path = find_any(tail, b"?");
        let host_start = scheme.len().saturating_add("://".len());
        let origin_end = host_start.saturating_add(authority.len());
        Ok(Self(Arc::new(Parts {
            text: text.to_owned(),
            scheme_end: scheme.len(),
            host_end: host_start.saturating_add(host),
            origin_end,
            path_end: origin_end.saturating_add(path),
        })))
    }

    /// Reads any URL of a request. A URL that [`Url::parse`] refuses, such as `data:,x`, is opaque: it has a text and
    /// no parts, and nothing is ever paid for it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self(Arc::new(Parts { text: text.to_owned(), ..Parts::default() })))
    }

    /// Whether the URL has no origin.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.0.origin_end == 0
    }

    /// The whole URL without its fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Scheme, host and port. Tokens and limits belong to an origin. Empty if the URL is opaque.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.part(0, self.0.origin_end)
    }

    /// The scheme without its colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.part(0, self.0.scheme_end)
    }

    /// The host. An IPv6 address stands in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.part(self.host_start(), self.0.host_end)
    }

    /// The port, if the URL names one.
    #[must_use]
    pub fn port(&self) -> Option<&str> {
        self.part(self.0.host_end, self.0.origin_end).strip_prefix(':')
    }

    /// The path with its first slash, without the query. `/` if the URL has no path.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.part(self.0.origin_end, self.0.path_end) {
            "" => "/",
            path => path,
        }
    }

    /// Whether another URL has this origin. A redirect may add a user to a URL. That does not change its origin. An
    /// opaque URL has no origin, so it shares none.
    #[must_use]
    pub fn is_origin_of(&self, other: &str) -> bool {
        let own = (self.scheme(), self.part(self.host_start(), self.0.origin_end));
        let Some(rest) = other.strip_prefix(own.0).and_then(|rest| rest.strip_prefix("://")) else { return false };
        let (authority, _) = cut(rest, find_any(rest, b"/?#"));
        let host = rsplit_once(authority, b'@').map_or(authority, |(_, host)| host);
        !own.0.is_empty() && own.1 == host
    }

    /// Whether the host is this machine: `localhost`, `*.localhost`, 127/8 or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let v4 = || {
            let Some(rest) = host.strip_prefix("127.") else { return false };
            let is_byte = |part: &str| number(part.as_bytes()).is_some_and(|byte| byte < 256);
            parts(rest, b'.').filter(|part| is_byte(part)).count() == 3 && parts(rest, b'.').count() == 3
        };
        host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || v4()
    }

    /// Whether the host is an onion service. Tor encrypts the connection to it.
    #[must_use]
    pub fn is_onion(&self) -> bool {
        self.host().ends_with(".onion")
    }

    fn host_start(&self) -> usize {
        if self.is_opaque() {
            0
        } else {
            self.0.scheme_end.saturating_add("://".len())
        }
    }

    fn part(&self, start: usize, end: usize) -> &str {
        self.0.text.get(start..end).unwrap_or_default()
    }
}

/// One entry of `options.hosts`: an origin, a host, a host with a port, or `*.` and a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern(String);

impl HostPattern {
    /// The pattern as the options reader checked and lower-cased it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a URL matches this pattern. A host without a port matches every port. `*.` matches one or more labels,
    /// so not the bare domain.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let pattern = self.0.as_str();
        if find_any(pattern, b"/") < pattern.len() {
            return pattern == url.origin();
        }
        let (host, port) = match rsplit_once(pattern, b':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (pattern, None),
        };
        let default = if url.scheme() == "https" { "443" } else { "80" };
        if port.is_some_and(|port| port != url.port().unwrap_or(default)) {
            return false;
        }
        match host.strip_prefix('*') {
            Some(suffix) => url.host().len() > suffix.len() && url.host().ends_with(suffix),
            None => host == url.host(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_cut_into_its_parts() {
        let table = [
            ("https://a.example/x/y?q=/z", "https://a.example", "https", "a.example", None, "/x/y"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "http", "127.0.0.1", Some("8080"), "/"),
            ("http://[::1]:81/p", "http://[::1]:81", "http", "[::1]", Some("81"), "/p"),
            ("http://[::1]/p", "http://[::1]", "http", "[::1]", None, "/p"),
            ("https://a.example?x", "https://a.example", "https", "a.example", None, "/"),
            ("https://a.example/@b:c]?d@e", "https://a.example", "https", "a.example", None, "/@b:c]"),
            ("ipfs://bafy/x", "ipfs://bafy", "ipfs", "bafy", None, "/x"),
        ];
        for (text, origin, scheme, host, port, path) in table {
            let url = Url::parse(text).unwrap();
            assert_eq!((Url::of(text), url.is_opaque()), (url.clone(), false));
            assert_eq!((url.as_str(), url.origin(), url.scheme()), (text, origin, scheme));
            assert_eq!((url.host(), url.port(), url.path()), (host, port, path), "{text}");
        }
    }

    #[test]
    fn a_fragment_is_no_part_of_a_url() {
        for (text, expected) in [
            ("https://a.example/x?q#f", "https://a.example/x?q"),
            ("https://a.example/x#", "https://a.example/x"),
            ("https://a.example#/x@b", "https://a.example"),
            ("https://a.example/#a#b", "https://a.example/"),
        ] {
            assert_eq!(Url::parse(text), Url::parse(expected), "{text}");
            assert_eq!(Url::parse(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_absolute_url_is_refused() {
        let message = "the url must start with a scheme, :// and a host, without a user";
        for text in [
            "",
            "/relative",
            "a.example/x",
            "//a.example/x",
            "://a.example",
            "data:text/plain,x",
            "blob:https://a.example/x",
            "https:/a.example",
            "https://",
            "https:///x",
            "https://?x",
            "https://#x",
            "https://:8080/",
            "http://[::1/",
            "https://user:secret@a.example/",
            "https://user@a.example",
            "https://@a.example?x",
        ] {
            assert_eq!(Url::parse(text), Err(Error::new(Code::InvalidOptions, message)), "{text}");
        }
    }

    #[test]
    fn an_opaque_url_has_no_parts() {
        for text in ["", "data:text/plain,x", "https://user:secret@a.example/x"] {
            let url = Url::of(text);
            assert!(url.is_opaque(), "{text}");
            assert_eq!((url.as_str(), url.origin(), url.scheme(), url.host()), (text, "", "", ""));
            assert_eq!((url.port(), url.path(), url.is_loopback(), url.is_onion()), (None, "/", false, false));
            assert!(!url.is_origin_of(text) && !url.is_origin_of("://"), "{text}");
            assert!(!HostPattern::new("*").matches(&url));
        }
    }

    #[test]
    fn an_origin_is_the_same_whatever_user_and_path_stand_in_a_url() {
        let url = Url::parse("https://a.example:8443/x").unwrap();
        for (other, expected) in [
            ("https://a.example:8443/x", true),
            ("https://a.example:8443", true),
            ("https://a.example:8443?q", true),
            ("https://a.example:8443#f", true),
            ("https://user:pass@a.example:8443/y", true),
            ("https://b@c@a.example:8443/y", true),
            ("https://a.example/x", false),
            ("https://a.example:84/x", false),
            ("https://a.example:8443.b.example/x", false),
            ("https://a.example:8443@b.example/x", false),
            ("https://b.example/@a.example:8443/x", false),
            ("http://a.example:8443/x", false),
            ("data:,https://a.example:8443/x", false),
            ("", false),
        ] {
            assert_eq!(url.is_origin_of(other), expected, "{other}");
        }
    }

    #[test]
    fn loopback_is_what_never_leaves_the_machine() {
        for (text, expected) in [
            ("http://localhost/", true),
            ("http://a.localhost:3/", true),
            ("http://127.9.8.7/", true),
            ("http://[::1]/", true),
            ("http://127.0.0.1.example/", false),
            ("http://127.example/", false),
            ("http://notlocalhost/", false),
            ("http://192.168.0.1/", false),
        ] {
            assert_eq!(Url::parse(text).unwrap().is_loopback(), expected, "{text}");
        }
    }

    #[test]
    fn an_onion_address_is_one_by_its_last_label() {
        for (text, expected) in
            [("http://abc.onion/", true), ("http://abc.onion.example/", false), ("http://a.example/.onion", false)]
        {
            assert_eq!(Url::parse(text).unwrap().is_onion(), expected, "{text}");
        }
    }

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, text, expected) in [
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
            assert_eq!(HostPattern::new(pattern).matches(&Url::parse(text).unwrap()), expected, "{pattern} {text}");
        }
    }
}
