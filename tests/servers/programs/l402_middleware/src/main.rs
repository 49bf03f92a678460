//! `l402_middleware` under Rocket, with an eclair node behind it: `/path/…` is bound to its path and method by caveats,
//! `/realm/…` to a realm. It prints its address once it listens.

use l402_middleware::{eclair, l402, lnclient, middleware};
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::{get, routes, Request};
use std::env;
use std::sync::Arc;

const PRICE_MSAT: i64 = 10_000;

fn caveats(request: &Request<'_>) -> Vec<String> {
    let path = request.uri().path();
    if path.starts_with("/realm/") {
        return vec!["Realm = weather".into(), format!("RequestMethod = {}", request.method())];
    }
    vec![format!("RequestPath = {path}"), format!("RequestMethod = {}", request.method())]
}

/// The statuses of the crate's own example.
#[get("/<_..>")]
fn answer(info: l402::L402Info) -> (Status, &'static str) {
    match info.l402_type.as_str() {
        l402::L402_TYPE_PAID => (Status::Ok, "sunny"),
        l402::L402_TYPE_PAYMENT_REQUIRED => (Status::PaymentRequired, "pay first"),
        _ => (Status::InternalServerError, "refused"),
    }
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let node = eclair::EclairOptions { api_url: env::var("NODE")?, password: "eclair".into() };
    let wallet = lnclient::LNClientConfig {
        ln_client_type: "ECLAIR".into(),
        lnd_config: None,
        lnurl_config: None,
        nwc_config: None,
        cln_config: None,
        bolt12_config: None,
        eclair_config: Some(node),
        root_key: b"a key of this test alone".to_vec(),
    };
    let paid = middleware::L402Middleware::new_l402_middleware(
        wallet,
        Arc::new(|_| Box::pin(async { PRICE_MSAT })),
        Arc::new(caveats),
    )
    .await?;
    let settings =
        rocket::Config::figment().merge(("address", "127.0.0.1")).merge(("port", 0)).merge(("log_level", "off"));
    rocket::custom(settings)
        .attach(paid)
        .attach(AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async move { println!("listening on http://127.0.0.1:{}", rocket.config().port) })
        }))
        .mount("/", routes![answer])
        .launch()
        .await?;
    Ok(())
}
