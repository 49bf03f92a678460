//! Scanning, encodings, JSON, time: what is read and written, with no meaning yet.

pub(crate) mod encoding;
pub mod json;
pub(crate) mod json_writer;
pub mod map;
pub(crate) mod members;
pub(crate) mod scan;
pub(crate) mod time;
