//! Listens, and hands each connection to its routes.

mod answer;
mod charge;
mod files;
mod hex;
mod mint;
mod route;
mod session;
mod settings;
mod shop;
mod state;
mod wallet;
mod x402;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted: tests open thousands at once.
const BACKLOG: u32 = 4096;

/// Serves until the process ends.
///
/// # Errors
/// Says which argument is wrong, or why it can't listen.
pub fn run() -> Result<(), String> {
    let mut port = 0;
    let mut mounts = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let mount = |prefix: &str, folder: &str| files::Mount { prefix: prefix.into(), folder: folder.into() };
        match argument.as_str() {
            "--port" => port = value()?.parse().map_err(|_| "--port needs a number up to 65535")?,
            "--www" => mounts.push(mount("/", &value()?)),
            "--package" => mounts.push(mount("/package/", &value()?)),
            "--mount" => {
                let value = value()?;
                let form = || "--mount needs /PATH/=DIR".to_string();
                let (prefix, folder) = value.split_once('=').ok_or_else(form)?;
                if !prefix.starts_with('/') || !prefix.ends_with('/') {
                    return Err(form());
                }
                mounts.push(mount(prefix, folder));
            }
            "--until-stdin-closes" => {
                std::thread::spawn(|| {
                    let _ = std::io::stdin().read_to_end(&mut Vec::new());
                    std::process::exit(0);
                });
            }
            _ => return Err(format!("unknown argument {argument}; see the top of tests/support/paywall/main.rs")),
        }
    }
    let server = Arc::new(route::Server { world: Arc::new(state::World::new()?), mounts });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(listen(server, port)).map_err(|error| format!("can't listen on port {port}: {error}"))
}

async fn listen(server: Arc<route::Server>, port: u16) -> std::io::Result<()> {
    let first = bind(Ipv4Addr::LOCALHOST.into(), port)?;
    let port = first.local_addr()?.port();
    if let Ok(second) = bind(Ipv6Addr::LOCALHOST.into(), port) {
        tokio::spawn(accept(server.clone(), second));
    }
    let mut out = std::io::stdout();
    // who started the server may have stopped reading; it serves all the same
    let _ = writeln!(out, "paywall listening on http://127.0.0.1:{port}").and_then(|()| out.flush());
    accept(server, first).await;
    Ok(())
}

fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(address, port))?;
    socket.listen(BACKLOG)
}

async fn accept(server: Arc<route::Server>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(route::serve(server.clone(), stream));
            }
            // out of file descriptors, mostly: others close soon
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}
