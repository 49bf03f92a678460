//! What a request asks for, and what is bought: a method and a URL.

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Scheme, host and port.
    pub origin: &'a str,
    /// Upper-case.
    pub method: &'a str,
    /// Absolute, without user, password and fragment.
    pub url: &'a str,
    /// The URL's path.
    pub path: &'a str,
    /// Whether the request can be sent again, so that another resource's token may be tried.
    pub is_replayable: bool,
}
