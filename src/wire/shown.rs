//! Challenges as JavaScript sees them.

use crate::text::json_writer::{write_list, Writer};
use crate::wire::challenge::{Challenge, Protocol};
use crate::wire::mpp::{charges, sessions, Session};

/// Writes a challenge. There is a property `offer` only if Lightning can pay it.
pub(crate) fn write(challenge: &Challenge, object: &mut Writer) {
    object.text("scheme", Some(&challenge.scheme));
    object.object("params", |object| challenge.params.iter().for_each(|(name, value)| object.text(name, Some(value))));
    let charge = charges(std::slice::from_ref(challenge)).pop();
    let session = sessions(std::slice::from_ref(challenge)).pop();
    let offer = match (&challenge.offer, &charge) {
        (Some(offer), _) => {
            let name = if offer.protocol == Protocol::X402 { "payTo" } else { "token" };
            (offer.protocol, (name, &*offer.token), &offer.invoice)
        }
        (None, Some(Ok(charge))) => (Protocol::Mpp, ("intent", "charge"), &charge.invoice),
        (None, None) => match &session {
            Some(Ok(Session { invoice: Some(invoice), .. })) => (Protocol::Mpp, ("intent", "session"), invoice),
            _ => return,
        },
        _ => return,
    };
    let (protocol, (name, value), invoice) = offer;
    object.object("offer", |object| {
        object.text("protocol", Some(protocol.as_str()));
        object.text(name, Some(value));
        object.text("invoice", Some(invoice));
    });
}

/// The JSON text of an array of them.
#[must_use]
pub fn to_json(challenges: &[Challenge]) -> String {
    write_list(challenges, write)
}
