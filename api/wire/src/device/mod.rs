//! Bodies of a device's requests. [`crate::pending`] has those for reading challenges.
//!
//! Absent fields have the values of the official SDKs: ECDSA signatures in DER. They sign the id of
//! a challenge, the text of a nonce that has a handle, or the number of a time window.

mod answer;
mod enroll;
mod session;
mod ticket;
mod update;

pub use answer::{AnswerRequest, AnswerResponse};
pub use enroll::{CredentialResponse, Crowded, EnrollRequest};
pub use session::{
    NonceResponse, SessionNonceRequest, SessionNonceResponse, SessionRequest, SessionResponse,
    UpdateNonceResponse,
};
pub use ticket::{OpenTicketRequest, OpenTicketResponse, TicketResponse};
pub use update::{RemoveRequest, RemoveResponse, UpdateRequest, UpdateResponse};

use countersign_core::device::PushToken;
use countersign_core::nonce::Nonce;
use countersign_core::policy::PUSH_TOKEN_BYTES_MAX;

use crate::InvalidField;
use crate::secret::Secret;

fn push_token(token: Option<&Secret>) -> Result<Option<PushToken>, InvalidField> {
    let Some(token) = token.map(Secret::reveal).filter(|t| !t.is_empty()) else { return Ok(None) };
    if token.len() > PUSH_TOKEN_BYTES_MAX {
        let rule = format!("longer than {PUSH_TOKEN_BYTES_MAX} bytes");
        return Err(InvalidField::new("pushToken", rule));
    }
    Ok(Some(PushToken::new(token)))
}

/// Parses a nonce of the server. A nonce has only one valid spelling.
fn nonce_of(text: &Secret) -> Result<Nonce, InvalidField> {
    Nonce::parse(text.reveal()).map_err(|e| InvalidField::new("nonce", e.to_string()))
}
