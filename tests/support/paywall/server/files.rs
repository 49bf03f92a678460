//! Static files below the folders that the command line names.

use super::answer::{self, Answer};
use hyper::StatusCode;
use std::path::PathBuf;

/// A folder and the path that it is served under, `/` at its end.
pub struct Mount {
    pub prefix: String,
    pub folder: PathBuf,
}

/// The file of the longest mount that has this path; 404 where there is none, or none may be shown.
pub fn serve(mounts: &[Mount], path: &str) -> Answer {
    let mut fitting: Vec<_> = mounts.iter().filter(|mount| path.starts_with(&mount.prefix)).collect();
    fitting.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
    let found = fitting.first().and_then(|mount| Some((mount, path.strip_prefix(&mount.prefix)?)));
    match found.and_then(|(mount, rest)| read(mount, rest)) {
        Some((mime, body)) => answer::with(answer::bytes(StatusCode::OK, mime, body), "cache-control", "no-store"),
        None => answer::error(StatusCode::NOT_FOUND, "no such page"),
    }
}

fn read(mount: &Mount, rest: &str) -> Option<(&'static str, Vec<u8>)> {
    let decoded = decode(rest)?;
    let named = if decoded.is_empty() || decoded.ends_with('/') { format!("{decoded}index.html") } else { decoded };
    if named.contains(['\\', '\0', ':']) || named.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    let root = mount.folder.canonicalize().ok()?;
    let file = root.join(&named).canonicalize().ok()?;
    if !file.starts_with(&root) {
        return None;
    }
    Some((mime(&named), std::fs::read(file).ok()?))
}

/// Undoes percent-encoding; None where it is broken or no UTF-8.
pub fn decode(path: &str) -> Option<String> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
