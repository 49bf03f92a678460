//! Invoices and tokens: BOLT11 by `lightning-invoice`, macaroons by `macaroon`, under keys of this process.

use super::charge;
use super::hex::{self, Hash};
use super::settings::{Fault, Param, Scheme, Settings, TokenKind};
use super::x402::{self, Offer};
use bitcoin::hashes::{sha256, Hash as _};
use bitcoin::secp256k1::{All, PublicKey, Secp256k1, SecretKey};
use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret, RawTaggedField, SignedRawBolt11Invoice, TaggedField};
use lightning_types::features::Bolt11InvoiceFeatures;
use macaroon::{Format, Macaroon, MacaroonKey};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a 402 holds.
#[derive(Clone)]
pub struct Challenge {
    pub invoice: String,
    pub hash: Hash,
    pub token: String,
    /// What names the token when it comes back: the macaroon's identifier, or the opaque token itself.
    pub name: Vec<u8>,
    /// One `WWW-Authenticate` line each.
    pub lines: Vec<String>,
    /// The offer of x402.
    pub offer: Option<Offer>,
}

/// The request that a challenge is for.
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub body: &'a [u8],
    /// What x402 binds of it, where it is sold so.
    pub binding: Option<String>,
}

/// How far in the future a faulty invoice is issued: beyond the minute that clocks may differ.
const AHEAD: u64 = 120;

pub struct Mint {
    secp: Secp256k1<All>,
    node: SecretKey,
    root: MacaroonKey,
    seed: Hash,
    counter: AtomicU64,
    preimages: Mutex<HashMap<Hash, Hash>>,
}

impl Mint {
    /// # Errors
    /// If no key could be made: never in practice.
    pub fn new() -> Result<Mint, String> {
        let root = MacaroonKey::generate_random();
        let seed = hex::sha256(&root);
        let node = SecretKey::from_slice(&hex::sha256(&seed)).map_err(|error| error.to_string())?;
        Ok(Mint {
            secp: Secp256k1::new(),
            node,
            root,
            seed,
            counter: AtomicU64::new(0),
            preimages: Mutex::new(HashMap::new()),
        })
    }

    /// 32 bytes that no earlier call returned and nobody else can guess.
    pub fn fresh(&self) -> Hash {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        hex::sha256(&[&self.seed[..], &count.to_be_bytes()[..]].concat())
    }

    pub fn preimage(&self, hash: &Hash) -> Option<Hash> {
        super::state::lock(&self.preimages).get(hash).copied()
    }

    /// The payment hash and amount of an invoice that this mint signed.
    pub fn own(&self, invoice: &str) -> Option<(Hash, Option<u64>)> {
        let signed: SignedRawBolt11Invoice = invoice.parse().ok()?;
        if signed.recover_payee_pub_key().ok()?.0 != self.public_key() {
            return None;
        }
        let hash = signed.raw_invoice().payment_hash()?.0.to_byte_array();
        Some((hash, signed.raw_invoice().amount_pico_btc().map(|pico| pico / 10)))
    }

    /// What the ids of challenges are made with.
    pub fn seed(&self) -> &Hash {
        &self.seed
    }

    fn public_key(&self) -> PublicKey {
        self.node.public_key(&self.secp)
    }

    /// An invoice with a preimage of its own, or over the hash that the settings name.
    ///
    /// # Errors
    /// Says which setting no invoice can hold.
    pub fn invoice(&self, settings: &Settings) -> Result<(String, Hash), String> {
        let hash = settings.hash.unwrap_or_else(|| {
            let preimage = self.fresh();
            let hash = hex::sha256(&preimage);
            super::state::lock(&self.preimages).insert(hash, preimage);
            hash
        });
        let issued = match settings.fault {
            Some(Fault::Future) => now().saturating_add(AHEAD),
            _ => now().saturating_sub(settings.age),
        };
        let text = settings.description.as_str();
        let builder = InvoiceBuilder::new(settings.network.clone().unwrap_or(Currency::Regtest))
            .payment_hash(sha256::Hash::from_byte_array(hash))
            .payment_secret(PaymentSecret(self.fresh()))
            .duration_since_epoch(Duration::from_secs(issued))
            .min_final_cltv_expiry_delta(144)
            .expiry_time(Duration::from_secs(settings.expiry));
        let mut builder = if settings.description_hash {
            builder.description_hash(sha256::Hash::hash(text.as_bytes()))
        } else {
            builder.description(text.into())
        };
        if let Some(amount) = settings.amount_msat {
            builder = builder.amount_milli_satoshis(amount);
        }
        if settings.payee {
            builder = builder.payee_pub_key(self.public_key());
        }
        let mut raw = builder.build_raw().map_err(|error| format!("no such invoice: {error}"))?;
        if let Some(bit) = settings.amp {
            raw.data
                .tagged_fields
                .retain(|field| !matches!(field, RawTaggedField::KnownSemantics(TaggedField::Features(_))));
            let mut features = Bolt11InvoiceFeatures::empty();
            // as BOLT 9 has it, the payer must know an even bit
            let set = if bit % 2 == 0 {
                features.set_required_feature_bit(bit)
            } else {
                features.set_optional_feature_bit(bit)
            };
            set.map_err(|()| "no such feature bit".to_string())?;
            raw.data.tagged_fields.push(RawTaggedField::KnownSemantics(TaggedField::Features(features)));
        }
        let signed = raw
            .sign(|message| Ok::<_, String>(self.secp.sign_ecdsa_recoverable(message, &self.node)))
            .map_err(|error| format!("no such invoice: {error}"))?;
        Ok((signed.to_string(), hash))
    }

    /// An invoice, its token and the header lines that offer both.
    ///
    /// # Errors
    /// Says which setting can't be had.
    pub fn challenge(&self, settings: &Settings, asked: &Asked) -> Result<Challenge, String> {
        let bound = match (settings.scheme.has_x402(), &asked.binding) {
            (true, Some(binding)) => Some((x402::sealed(settings, binding)?, binding)),
            (true, None) => return Err("an offer of x402 is for one request: ask a shop".into()),
            (false, _) => None,
        };
        let settings = bound.as_ref().map_or(settings, |(sealed, _)| sealed);
        let (invoice, hash) = self.invoice(settings)?;
        let committed = if settings.mismatch { self.fresh() } else { hash };
        let layout = [&[0, 0], &committed[..], &self.fresh()[..]].concat();
        let name = match settings.token {
            TokenKind::V2 | TokenKind::V1 | TokenKind::Json | TokenKind::Pair => layout,
            TokenKind::HexId => hex::encode(&layout).into_bytes(),
            TokenKind::RawId => committed.to_vec(),
            TokenKind::Opaque => format!("opaque.{}", hex::encode(&self.fresh())).into_bytes(),
        };
        let token = if settings.token == TokenKind::Opaque {
            String::from_utf8_lossy(&name).into_owned()
        } else {
            let mut caveats = vec!["services=paywall:0".to_string()];
            if let Some(seconds) = settings.valid_for {
                caveats.push(format!("paywall_valid_until={}", now().saturating_add(seconds)));
            }
            if settings.caveat_path {
                caveats.push(format!("RequestPath = {}", asked.path));
            }
            if settings.caveat_method {
                caveats.push(format!("RequestMethod = {}", asked.method));
            }
            caveats.extend(settings.caveats.iter().cloned());
            let first = self.macaroon(&name, &caveats, settings)?;
            if settings.token == TokenKind::Pair {
                caveats.push("second=of two".into());
                format!("{first},{}", self.macaroon(&name, &caveats, settings)?)
            } else {
                first
            }
        };
        let mut lines = lines(settings, &token, &invoice);
        if settings.scheme.has_charge() && settings.header.is_none() {
            lines.push(charge::line(&self.seed, &name, &invoice, &hash, settings, asked.body));
        }
        let pay_to = self.public_key().to_string();
        let offer = bound.as_ref().map(|(sealed, binding)| x402::offer(sealed, &invoice, binding, &pay_to));
        Ok(Challenge { invoice, hash, token, name, lines, offer })
    }

    fn macaroon(&self, name: &[u8], caveats: &[String], settings: &Settings) -> Result<String, String> {
        let fail = |error: macaroon::MacaroonError| format!("no such macaroon: {error}");
        let mut made = Macaroon::create(Some("paywall".into()), &self.root, name.into()).map_err(fail)?;
        for caveat in caveats {
            made.add_first_party_caveat(caveat.as_str().into());
        }
        let (format, is_json) = match settings.token {
            TokenKind::V1 => (Format::V1, false),
            TokenKind::Json => (Format::V2JSON, true),
            _ => (Format::V2, false),
        };
        let text = made.serialize(format).map_err(fail)?;
        let bytes = if is_json {
            text.into_bytes()
        } else {
            base64::decode_config(text, base64::URL_SAFE).map_err(|error| error.to_string())?
        };
        let alphabet = match (settings.url_base64, settings.pad) {
            (false, true) => base64::STANDARD,
            (false, false) => base64::STANDARD_NO_PAD,
            (true, true) => base64::URL_SAFE,
            (true, false) => base64::URL_SAFE_NO_PAD,
        };
        Ok(base64::encode_config(bytes, alphabet))
    }

    /// The name that the credential of a charge brings back, and its preimage.
    ///
    /// # Errors
    /// Where its challenge is not one of this mint, or not one for this body.
    pub fn verify_charge(&self, credential: &str, body: &[u8]) -> Result<(Vec<u8>, String), String> {
        charge::verify(&self.seed, credential, body)
    }

    /// The names and caveats of a credential's macaroons, each signature verified; none for an opaque token.
    ///
    /// # Errors
    /// Where a macaroon is not one of this mint.
    pub fn verify(&self, token: &str) -> Result<(Vec<u8>, Vec<String>), String> {
        if token.starts_with("opaque.") {
            return Ok((token.as_bytes().to_vec(), Vec::new()));
        }
        let (mut name, mut caveats) = (None, Vec::new());
        for part in token.split(',') {
            let parsed = parse(part.trim())?;
            let mut verifier = macaroon::Verifier::default();
            // the signature is what is checked here; the shop reads the caveats itself
            verifier.satisfy_general(|_| true);
            verifier.verify(&parsed, &self.root, Vec::new()).map_err(|error| error.to_string())?;
            let identifier = parsed.identifier().0;
            if *name.get_or_insert_with(|| identifier.clone()) != identifier {
                return Err("two macaroons of different payments".into());
            }
            caveats.extend(parsed.first_party_caveats().iter().filter_map(condition));
        }
        Ok((name.unwrap_or_default(), caveats))
    }
}

/// A macaroon of any format under any base64.
///
/// # Errors
/// What the crate `macaroon` says of it.
pub fn parse(token: &str) -> Result<Macaroon, String> {
    let config = if token.contains(['-', '_']) { base64::URL_SAFE_NO_PAD } else { base64::STANDARD_NO_PAD };
    let bytes = base64::decode_config(token.trim_end_matches('='), config).map_err(|error| error.to_string())?;
    let text = match bytes.first() {
        Some(b'{') => String::from_utf8(bytes).map_err(|error| error.to_string())?,
        Some(_) => base64::encode_config(bytes, base64::URL_SAFE),
        None => return Err("an empty token".into()),
    };
    // a stranger's bytes: the crate's readers of the older formats slice without looking
    std::panic::catch_unwind(|| Macaroon::deserialize(text))
        .map_err(|_| "not a macaroon".to_string())?
        .map_err(|error| error.to_string())
}

/// The text of a first-party caveat.
pub fn condition(caveat: &macaroon::Caveat) -> Option<String> {
    match caveat {
        macaroon::Caveat::FirstParty(first) => Some(String::from_utf8_lossy(&first.predicate().0).into_owned()),
        macaroon::Caveat::ThirdParty(_) => None,
    }
}

fn lines(settings: &Settings, token: &str, invoice: &str) -> Vec<String> {
    if let Some(raw) = &settings.header {
        return vec![raw.replace("{token}", token).replace("{invoice}", invoice)];
    }
    let quoted = |name: &str, value: &str| match settings.quote {
        Some(quote) => format!("{name}={quote}{value}{quote}"),
        None => format!("{name}={value}"),
    };
    let mut params = Vec::new();
    if settings.param != Param::Macaroon {
        params.extend([quoted("version", "0"), quoted("token", token)]);
    }
    if settings.param != Param::Token {
        params.push(quoted("macaroon", token));
    }
    params.push(quoted("invoice", invoice));
    let params = params.join(settings.separator);
    let schemes: &[&str] = match settings.scheme {
        Scheme::L402 => &["L402"],
        Scheme::Lsat => &["LSAT"],
        Scheme::Both => &["LSAT", "L402"],
        Scheme::Lower => &["l402"],
        Scheme::L402Mpp | Scheme::L402X402 => &["L402"],
        Scheme::Mpp | Scheme::Session | Scheme::X402 => &[],
    };
    schemes.iter().map(|scheme| format!("{scheme} {params}")).collect()
}

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}
