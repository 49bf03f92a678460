//! The servers. A request without a valid token gets a 402 with an offer of its own.

use crate::mint::{Mint, Offer, Terms};
use crate::setup::Setup;
use l402_fetch::flow::host::Head;
use l402_fetch::wire::payment_hash::PaymentHash;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A request, as the network sees it.
#[derive(Clone, Hash, Debug)]
pub struct Sent {
    pub url: String,
    pub authorization: Option<String>,
    /// The number of the offer that answers it. No two requests get the same offer, in whatever order they come.
    pub number: u64,
}

#[derive(Clone, Debug)]
pub struct Sale {
    pub scope: String,
    pub preimage: String,
    /// The time at which the token expires in milliseconds, if ever.
    pub expires_at: Option<u64>,
}

#[derive(Default)]
pub struct Server {
    /// The sales, by token.
    pub sales: RefCell<BTreeMap<String, Sale>>,
    /// The tokens that are used up.
    pub used: RefCell<BTreeSet<String>>,
    /// The preimage and the expiry time of the token that it buys, by payment hash.
    pub preimages: RefCell<BTreeMap<PaymentHash, (String, Option<u64>)>>,
}

type Key = (u64, u64, u64, u64, Vec<String>);

thread_local! {
    /// The signed offers. Signing an offer takes longer than a run, so the runs share them.
    static OFFERS: RefCell<HashMap<Key, Offer>> = RefCell::default();
}

impl Server {
    pub fn serve(&self, setup: &Setup, sent: &Sent, now: u64) -> Head {
        let (_, site) = setup.site_of(&sent.url);
        let scope = setup.scope(&sent.url);
        let status = |status| Head { status, url: sent.url.clone(), ..Head::default() };
        let credential = sent.authorization.as_deref().and_then(|text| text.strip_prefix("L402 ")?.split_once(':'));
        if let Some((token, preimage)) = credential {
            let sale = self.sales.borrow().get(token).cloned();
            let is_right = sale.is_some_and(|sale| {
                sale.preimage == preimage && sale.scope == scope && sale.expires_at.is_none_or(|at| now < at)
            });
            if is_right {
                match site.refuses {
                    Some(refusal) if refusal != 402 => return status(refusal),
                    Some(_) => {}
                    None if !site.single_use || self.used.borrow_mut().insert(token.to_owned()) => return status(200),
                    None => return status(401),
                }
            }
        }
        let expires_s = site.lasts_s.map(|lasts| now / 1000 + lasts);
        let terms = Terms {
            amount_msat: Some(site.price_msat),
            expiry_s: site.invoice_expiry_s,
            caveats: expires_s.map(|at| format!("shop_valid_until={at}")).into_iter().collect(),
            preimage: Some(sent.number),
            ..Terms::default()
        };
        let key = (sent.number, site.price_msat, site.invoice_expiry_s, now / 1000, terms.caveats.clone());
        let offer = OFFERS
            .with_borrow_mut(|offers| offers.entry(key).or_insert_with(|| Mint::default().offer(&terms, now)).clone());
        let header = offer.header();
        let expires_at = expires_s.map(|at| at * 1000);
        self.preimages.borrow_mut().insert(offer.hash, (offer.preimage.clone(), expires_at));
        let sale = Sale { scope, preimage: offer.preimage, expires_at };
        self.sales.borrow_mut().insert(offer.token, sale);
        Head { challenge: Some(header), ..status(402) }
    }
}
