//! The resource that a request asks for and a purchase buys: a method and a URL.

use crate::wire::credential::Brought;
use crate::wire::url::Url;

/// The resource of a request.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// The URL, without the fragment.
    pub url: &'a Url,
    /// Whether the request can be sent again. Only then is another resource's token tried.
    pub is_replayable: bool,
    /// The headers that the caller has set. A token that would go there is not tried.
    pub brought: Brought,
}
