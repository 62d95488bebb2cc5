//! Properties that must hold for every input. The fuzz target looks for an input that breaks one; a
//! plain test replays the stored corpus.

use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;
use countersign_wire::action::{ActionsQuery, UpdateActionRequest};
use countersign_wire::challenge::{GenericChallengeRequest, PushChallengeRequest, VerifyRequest};
use countersign_wire::device::{AnswerRequest, EnrollRequest, RemoveRequest, UpdateRequest};
use countersign_wire::json::parse_strict;
use countersign_wire::track::TrackRequest;
use countersign_wire::user::{UpdateUserRequest, UsersQuery};
use countersign_wire::validate::ValidateRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longest allowed error message about a body, in bytes. It leaves room for every field's name and
/// rule.
const MESSAGE_BYTES_MAX: usize = 200;

/// Parses the bytes as the body of every request type. Checks that each accepted body is one JSON
/// object, that its parsed form survives writing and parsing again, and that the error message of
/// each rejected body is short.
pub(crate) fn body(bytes: &[u8]) {
    let bodies = [
        understood::<AnswerRequest, _, _>(bytes, AnswerRequest::into_core),
        understood::<EnrollRequest, _, _>(bytes, |enroll| enroll.into_core(Digest::of(""))),
        understood::<RemoveRequest, _, _>(bytes, RemoveRequest::into_core),
        understood::<UpdateRequest, _, _>(bytes, UpdateRequest::into_core),
        understood::<PushChallengeRequest, _, _>(bytes, PushChallengeRequest::into_core),
        understood::<GenericChallengeRequest, _, _>(bytes, GenericChallengeRequest::into_core),
        understood::<VerifyRequest, _, _>(bytes, VerifyRequest::into_core),
        understood::<TrackRequest, _, _>(bytes, TrackRequest::into_core),
        understood::<UpdateUserRequest, _, _>(bytes, UpdateUserRequest::into_core),
        understood::<UsersQuery, _, _>(bytes, UsersQuery::into_core),
        understood::<ActionsQuery, _, _>(bytes, |query| query.into_core(UnixMillis(0))),
        understood::<UpdateActionRequest, _, String>(bytes, Ok),
        understood::<ValidateRequest, _, String>(bytes, Ok),
    ];
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bodies.contains(&true) && !bytes.is_empty() {
        let object = serde_json::from_slice::<Map<String, Value>>(bytes);
        assert!(object.is_ok(), "what is no JSON object was taken for one");
    }
}

/// Returns true if the bytes parse as a body of type `T`. The rules of its fields, which `check`
/// tests, may still reject it.
fn understood<T, C, E>(bytes: &[u8], check: impl Fn(T) -> Result<C, E>) -> bool
where
    T: Clone + Serialize + DeserializeOwned,
    E: ToString,
{
    let body: T = match parse_strict(bytes) {
        Ok(body) => body,
        Err(error) => {
            assert!(error.to_string().len() <= MESSAGE_BYTES_MAX, "{error}");
            return false;
        }
    };
    let written = serde_json::to_vec(&body).expect("a body is plain data");
    let again: T = parse_strict(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("a body is plain data"), written);
    let (first, second) = (check(body), check(again));
    assert_eq!(first.is_ok(), second.is_ok(), "the same fields are judged in the same way");
    if let Err(error) = first {
        assert!(error.to_string().len() <= MESSAGE_BYTES_MAX, "{}", error.to_string());
    }
    true
}
