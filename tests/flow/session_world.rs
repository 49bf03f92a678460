//! What the tests of sessions share: a client that may pay them, at a shop that sells by them.

use crate::host::{begin_with, call, client, end, get, End, Fake, Store, TheClient, World, URL};
use crate::mint::Terms;
use crate::session_shop::{Kind, Shop};
use l402_fetch::flow::config::Config;
use l402_fetch::flow::sessions::{Ended, Session};
use l402_fetch::wire::payment_hash::PaymentHash;
use std::rc::Rc;

pub const KINDS: [Kind; 2] = [Kind::Aperture, Kind::Draft];

pub fn config() -> Config {
    let mut config = Config::new(100);
    config.max_deposit_msat = Some(50_000);
    config
}

pub fn begin(kind: Kind) -> (Rc<World>, Rc<Shop>, TheClient, Fake) {
    let (world, client, host) = begin_with(|given| *given = config());
    let shop = Shop::open(&world, kind);
    shop.most_sends.set(500);
    (world, shop, client, host)
}

pub fn stored(kind: Kind) -> (Rc<World>, Rc<Shop>, Rc<Store>, (TheClient, Fake)) {
    let (world, store) = (World::new(), Store::new());
    let shop = Shop::open(&world, kind);
    shop.most_sends.set(500);
    let first = client(&world, Some(&store), config());
    (world, shop, store, first)
}

pub fn sessions(world: &World, client: &TheClient) -> Vec<Session> {
    let client = client.clone();
    world.run(async move { client.sessions().await.ok().unwrap() })
}

pub fn close(world: &World, client: &TheClient) -> Option<Vec<Ended>> {
    let client = client.clone();
    world.run(async move { client.close_sessions(None).await.ok() })
}

pub fn top_up(world: &World, client: &TheClient, session: PaymentHash) -> End {
    let client = client.clone();
    end(&world.run(async move { client.top_up(call(get(URL)), get(URL), session).await }))
}

/// What is in the sessions that the server has not closed, in satoshis.
pub fn held(shop: &Shop) -> u64 {
    shop.accounts.borrow().values().filter(|account| !account.is_closed).map(|account| account.deposit).sum()
}

/// An L402 offer that fails its checks, to stand before a session.
pub fn bad_l402(world: &World) -> String {
    let offer = world.mint.offer(&Terms { mismatch: true, ..Terms::default() }, world.now());
    offer.header()
}
