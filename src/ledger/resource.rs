//! What a request asks for, and what is bought: a method and a URL.

use crate::wire::url::Url;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// What is asked for.
    pub url: &'a Url,
    /// Whether the request can be sent again, so that another resource's token may be tried.
    pub is_replayable: bool,
}
