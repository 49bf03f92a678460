//! The profile `mcp:1`: the call of an MCP tool (scheme_exact_lnbtc.md, section MCP Profile).

use super::binding::{bad_params, digest, names, value_hash, RequestHash};
use crate::error::{Code, Error};
use crate::text::encoding::concat;
use crate::text::json::Json;
use crate::text::json_writer::write_object;
use crate::text::scan::split_once;
use crate::wire::jcs::{self, canonical, WriteNumber};
use crate::wire::url::Url;

/// A call as it is really made.
pub struct Call<'a> {
    /// The URI of the server, as the client is configured with it. It is never taken from the server's own words.
    pub server: &'a str,
    /// The `params` of the call: `name`, `arguments`, `_meta`.
    pub params: &'a Json,
    /// Writes the numbers among the arguments.
    pub number: WriteNumber<'a>,
}

pub(super) fn hash(params: &Json, call: &Call<'_>) -> Result<RequestHash, Error> {
    if params.as_object().is_none_or(|members| members.len() != 2) {
        return Err(bad_params());
    }
    let server = params.get("server").and_then(Json::as_str).ok_or_else(bad_params)?;
    let bound = names(params.get("metadata"), |last, name| jcs::cmp(last, name).is_lt())?;
    if bound.iter().any(|name| matches!(*name, "x402/payment" | "progressToken")) {
        return Err(bad_params());
    }
    // without a fragment, a user or what is no ASCII
    let (_, rest) = split_once(server, b':').ok_or_else(bad_params)?;
    let is_plain = server.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !is_plain || (rest.starts_with("//") && Url::parse(server).is_err()) {
        return Err(bad_params());
    }
    if server != call.server {
        let text = "the x402 offer is for another mcp server: paying would buy nothing";
        return Err(Error::new(Code::HashMismatch, text));
    }
    let name = call.params.get("name").and_then(Json::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| bad_call("it has no name"))?;
    let empty = Json::Object(Vec::new());
    let object = |name| Some(call.params.get(name).unwrap_or(&empty)).filter(|value| value.as_object().is_some());
    let arguments = object("arguments").ok_or_else(|| bad_call("its arguments are no object"))?;
    let meta = object("_meta").ok_or_else(|| bad_call("its _meta is no object"))?;
    let text =
        |value: &Json| canonical(value, call.number).ok_or_else(|| bad_call("it holds a number that is too large"));

    let mut metadata = Vec::new();
    for name in bound {
        let value = match meta.get(name) {
            Some(value) => Some(text(value)?),
            None => None,
        };
        metadata.push((name, value_hash(value.as_deref())));
    }
    let arguments = text(arguments)?;
    // in the order of RFC 8785
    let text = write_object(|object| {
        object.raw("arguments", &arguments);
        object.text("domain", Some("x402:exact:lnbtc:bolt11:mcp:1"));
        object.list("metadata", &metadata, |(name, hash), object| {
            object.text("name", Some(name));
            object.hex("valueHash", Some(hash));
        });
        object.text("method", Some("tools/call"));
        object.text("name", Some(name));
        object.text("server", Some(server));
    });
    Ok(digest(&text))
}

fn bad_call(why: &'static str) -> Error {
    Error::new(Code::InvalidOptions, concat(&["the call of the tool is malformed: ", why]))
}
