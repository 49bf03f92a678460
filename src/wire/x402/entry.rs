//! One entry of `accepts` that Lightning can pay, and the checks before that (scheme_exact_lnbtc.md, sections
//! PaymentRequirements and Client Payment Construction).

use super::binding::{self, RequestHash, Sent};
use super::mcp::{self, Call};
use crate::error::{Code, Error};
use crate::text::encoding::{concat, from_hex, to_base64, to_hex, Flavour};
use crate::text::json::Json;
use crate::text::scan::positive;
use crate::wire::invoice::{Invoice, Network};
use crate::wire::signature::Signature;
use std::rc::Rc;

/// The networks of the specification: `lnbtc:` and the start of the hash of the first block.
pub const NETWORKS: &[(&str, Network)] = &[
    ("lnbtc:000000000019d6689c085ae165831e93", Network::Bitcoin),
    ("lnbtc:000000000933ea01ad0ee984209779ba", Network::Testnet),
];

/// How far in the future an invoice may have been made, in seconds. The specification wants this number.
const CLOCK_SKEW: u64 = 60;

/// An entry for Lightning. Its fields are well-formed. Nothing is compared with invoice or request yet.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The BOLT11 invoice as received.
    pub invoice: String,
    /// The key of the node that is paid.
    pub pay_to: [u8; 33],
    network: String,
    amount_msat: u64,
    max_timeout_s: u64,
    request_hash: [u8; 32],
    profile: String,
    params: Json,
    /// The URL of the resource, as the server names it.
    url: Option<Rc<str>>,
    /// The entry as it was written.
    text: String,
    /// The extensions of the 402 as they were written.
    extensions: Option<Rc<str>>,
}

/// An offer that is good in every way but one: nobody has said yet who signed its invoice.
#[derive(Clone, Debug)]
pub struct Unproven {
    /// The signature whose key is wanted.
    pub signature: Signature,
    invoice: Invoice,
    pay_to: [u8; 33],
}

fn text<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.get(name)?.as_str()
}

fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex(text.as_bytes()).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))?.try_into().ok()
}

impl Entry {
    /// Whether an entry is for Lightning. All others are left to others.
    pub(super) fn is_ours(json: &Json) -> bool {
        text(json, "scheme") == Some("exact") && text(json, "network").is_some_and(|name| name.starts_with("lnbtc:"))
    }

    pub(super) fn read(
        json: &Json,
        written: &str,
        url: Option<Rc<str>>,
        extensions: Option<Rc<str>>,
    ) -> Result<Self, &'static str> {
        if text(json, "asset") != Some("BTC") {
            return Err("its asset is not BTC");
        }
        let pay_to = text(json, "payTo").and_then(lower_hex).filter(|key: &[u8; 33]| matches!(key, [2 | 3, ..]));
        let extra = json.get("extra").unwrap_or(&Json::Null);
        if text(extra, "paymentFlow") != Some("upfront") {
            return Err("its paymentFlow is not upfront");
        }
        if extra.get("assetTransferMethod").is_some_and(|method| method.as_str() != Some("bolt11")) {
            return Err("its assetTransferMethod is not bolt11");
        }
        Ok(Self {
            invoice: text(extra, "invoice").filter(|text| !text.is_empty()).ok_or("it has no invoice")?.to_owned(),
            pay_to: pay_to.ok_or("its payTo is not the key of a node")?,
            network: text(json, "network").unwrap_or_default().to_owned(),
            amount_msat: text(json, "amount").and_then(positive).ok_or("its amount is not a positive whole number")?,
            max_timeout_s: json
                .get("maxTimeoutSeconds")
                .and_then(Json::as_u64)
                .filter(|seconds| *seconds > 0)
                .ok_or("its maxTimeoutSeconds is not a positive whole number")?,
            request_hash: text(extra, "requestHash")
                .and_then(lower_hex)
                .ok_or("its requestHash is not 64 lower-case hex digits")?,
            profile: text(extra, "requestBindingProfile").ok_or("it has no requestBindingProfile")?.to_owned(),
            params: extra.get("requestBindingParams").ok_or("it has no requestBindingParams")?.clone(),
            url,
            text: written.to_owned(),
            extensions,
        })
    }

    /// What [`super::credential`] needs of it: this entry and the extensions of the 402, byte for byte.
    #[must_use]
    pub fn token(&self) -> String {
        let (name, extensions) = self.extensions.as_deref().map_or(("", ""), |text| (r#","extensions":"#, text));
        let json = concat(&[r#"{"x402Version":2,"accepted":"#, &self.text, name, extensions, "}"]);
        to_base64(json.as_bytes(), Flavour::STANDARD)
    }

    /// The hash of the request that it is for, in hex.
    #[must_use]
    pub fn bound_to(&self) -> String {
        to_hex(&self.request_hash)
    }

    /// The hash of an HTTP request as this entry binds it (section HTTP Profile).
    ///
    /// # Errors
    /// - [`Code::InvalidChallenge`] if the entry is not for HTTP requests, if its parameters are malformed, or if it
    ///   binds a header that is not known here. The text names the header.
    /// - [`Code::HashMismatch`] if it is for another URL.
    /// - [`Code::BodyNotReplayable`] if the body is not known.
    pub fn for_http(&self, sent: &Sent<'_>) -> Result<RequestHash, Error> {
        if self.profile != "http:1" {
            return Err(bad("the x402 offer is not for a request over http"));
        }
        if self.url.as_deref() != Some(sent.url.as_str()) {
            return Err(mismatch("the x402 offer is for another url than was asked: paying would buy nothing"));
        }
        binding::hash(&self.params, sent)
    }

    /// The hash of a call of an MCP tool as this entry binds it (section MCP Profile).
    ///
    /// # Errors
    /// - [`Code::InvalidChallenge`] if the entry is not for such calls, or if its parameters are malformed.
    /// - [`Code::HashMismatch`] if it is for another server.
    /// - [`Code::InvalidOptions`] if the call is no valid call of a tool.
    pub fn for_mcp(&self, call: &Call<'_>) -> Result<RequestHash, Error> {
        if self.profile != "mcp:1" {
            return Err(bad("the x402 offer is not for the call of a tool"));
        }
        mcp::hash(&self.params, call)
    }

    /// Compares the entry with its invoice and with the request. `now` is in Unix seconds. Tests give more networks
    /// than [`NETWORKS`].
    ///
    /// What every invoice has to pass is not checked here: the networks that may be paid, and the time to pay.
    ///
    /// # Errors
    /// - [`Code::WrongNetwork`] if the network is not known.
    /// - [`Code::InvalidInvoice`] if the invoice can't be read, or is from the future.
    /// - [`Code::InvalidChallenge`] if amount, network, expiry or payee of the invoice are others.
    /// - [`Code::HashMismatch`] if the entry or its invoice is for another request.
    pub fn check(&self, asked: RequestHash, now: u64, networks: &[(&str, Network)]) -> Result<Unproven, Error> {
        let Some((_, network)) = networks.iter().find(|(name, _)| *name == self.network) else {
            return Err(Error::new(Code::WrongNetwork, "the x402 offer is for a network that is not known"));
        };
        if self.request_hash != asked.0 {
            return Err(mismatch("the x402 offer is for another request than was sent: paying would buy nothing"));
        }
        let invoice = Invoice::decode(&self.invoice)?;
        // an invoice has either a description or its hash
        if invoice.description_hash != Some(asked.0) {
            return Err(mismatch("the x402 offer's invoice is for another request: paying would buy nothing"));
        }
        if invoice.network != *network {
            return Err(bad("the x402 offer names another network than its invoice"));
        }
        if invoice.amount_msat != Some(self.amount_msat) {
            return Err(bad("the x402 offer names another amount than its invoice"));
        }
        if invoice.expires_at.checked_sub(invoice.timestamp) != Some(self.max_timeout_s) {
            return Err(bad("the x402 offer names another time to pay than its invoice"));
        }
        if invoice.timestamp > now.saturating_add(CLOCK_SKEW) {
            let text = "the x402 offer's invoice is from the future: check this machine's clock";
            return Err(Error::new(Code::InvalidInvoice, text));
        }
        if invoice.payee.is_some_and(|payee| payee != self.pay_to) {
            return Err(bad(ANOTHER_PAYEE));
        }
        Ok(Unproven { signature: Signature::of(&self.invoice)?, invoice, pay_to: self.pay_to })
    }
}

impl Unproven {
    /// The invoice, to be compared with more. It must not be paid yet.
    #[must_use]
    pub fn invoice(&self) -> &Invoice {
        &self.invoice
    }

    /// The invoice to pay, now that the key is known that [`Unproven::signature`] was made with. `None`: it was made
    /// with none.
    ///
    /// # Errors
    /// - [`Code::InvalidInvoice`] if the signature is not valid.
    /// - [`Code::InvalidChallenge`] if another node signed the invoice than the offer says.
    pub fn signed_by(self, signer: Option<[u8; 33]>) -> Result<Invoice, Error> {
        match signer {
            Some(key) if key == self.pay_to => Ok(self.invoice),
            Some(_) => Err(bad(ANOTHER_PAYEE)),
            None => Err(Error::new(Code::InvalidInvoice, "the invoice's signature is not valid")),
        }
    }
}

const ANOTHER_PAYEE: &str = "the x402 offer is paid to another node than its invoice";

fn bad(text: &'static str) -> Error {
    Error::new(Code::InvalidChallenge, text)
}

fn mismatch(text: &'static str) -> Error {
    Error::new(Code::HashMismatch, text)
}
