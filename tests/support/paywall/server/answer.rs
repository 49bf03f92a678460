//! Bodies, and the answers that are made of them.

use super::settings::{Cors, Settings};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{ready, Context, Poll};
use tokio::sync::mpsc;

/// What a page of another origin may see.
const EXPOSED: &str =
    "WWW-Authenticate, Payment-Receipt, PAYMENT-REQUIRED, PAYMENT-RESPONSE, Grpc-Status, Grpc-Message";

/// What a page of another origin may send.
const ALLOWED: &str = "Authorization, Grpc-Metadata-macaroon, Payment-Authorization, PAYMENT-SIGNATURE";

pub type Answer = Response<Payload>;

/// A body at once, or as it comes.
pub enum Payload {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(
            match self.get_mut() {
                Payload::Whole(bytes) => bytes.take(),
                Payload::Stream(chunks) => ready!(chunks.poll_recv(context)),
            }
            .map(|bytes| Ok(Frame::data(bytes))),
        )
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Payload::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Payload::Stream(_) => SizeHint::default(),
        }
    }
}

pub fn bytes(status: StatusCode, mime: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Payload::Whole(Some(body.into()).filter(|body: &Bytes| !body.is_empty())));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static(mime));
    answer
}

pub fn json(status: StatusCode, body: &Value) -> Answer {
    bytes(status, "application/json", body.to_string())
}

pub fn error(status: StatusCode, message: &str) -> Answer {
    json(status, &serde_json::json!({ "error": message }))
}

/// Sets a header, or answers 400 where a setting asks for a value that no header can have.
pub fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    match HeaderValue::from_bytes(value.as_bytes()) {
        Ok(value) => {
            answer.headers_mut().append(HeaderName::from_static(name), value);
            answer
        }
        Err(_) => error(StatusCode::BAD_REQUEST, "a header can't have this value"),
    }
}

pub fn is_preflight(request: &Request<Incoming>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method")
}

/// What a cross-origin page may see and send: as aperture has it for shops, anything elsewhere.
pub fn cors(mut answer: Answer, asked: &HeaderMap, settings: &Settings, preflight: bool) -> Answer {
    let any = HeaderValue::from_static("*");
    let of = |name: &str| asked.get(name).cloned();
    let headers = answer.headers_mut();
    match settings.cors {
        Cors::None => {}
        Cors::Plain => {
            headers.insert("access-control-allow-origin", any);
        }
        Cors::Aperture => {
            headers.insert("access-control-allow-origin", any);
            if !settings.hidden {
                headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
            }
            if preflight {
                headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST, OPTIONS"));
                let allowed = HeaderValue::from_static(ALLOWED);
                headers.insert("access-control-allow-headers", allowed);
            }
        }
        Cors::Full => {
            // an origin by name rather than *, so that requests with credentials pass too
            headers.insert("access-control-allow-origin", of("origin").unwrap_or(any));
            headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
            headers.insert("vary", HeaderValue::from_static("Origin"));
            if !settings.hidden {
                headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
            }
            if preflight {
                for (request, allow) in [
                    ("access-control-request-method", "access-control-allow-methods"),
                    ("access-control-request-headers", "access-control-allow-headers"),
                ] {
                    if let Some(value) = of(request) {
                        headers.insert(allow, value);
                    }
                }
            }
        }
    }
    answer
}
