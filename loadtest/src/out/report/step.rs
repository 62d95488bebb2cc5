//! The steps whose times are recorded, by name.

/// Tracking the action.
pub const TRACK: &str = "track";
/// Starting the challenge.
pub const CHALLENGE: &str = "challenge";
/// The phone's read of the pending challenge.
pub const READ: &str = "read";
/// The phone's answer.
pub const DECIDE: &str = "decide";
/// From sending the phone's answer to the end of the browser's poll.
pub const OUTCOME: &str = "outcome";
/// From the answer to the phone to the answer of the browser's poll.
pub const WAKE: &str = "wake";
/// From starting the challenge to the end of the phone's poll.
pub const NOTICE: &str = "notice";
/// Asking how the challenge stands.
pub const VERIFY: &str = "verify";
/// Validation of the browser's token.
pub const VALIDATE: &str = "validate";
/// Binding a key to a user.
pub const ENROLL: &str = "enroll";
/// The first read, with the session or signature that it needs.
pub const SESSION: &str = "session";
/// A signature that is none.
pub const BAD_SIGNATURE: &str = "bad signature";
/// A signature that was made for something else.
pub const REPLAY: &str = "replay";
/// A request outside the contract.
pub const GARBAGE: &str = "garbage";
/// An answer with 429 or 503, to whatever it was.
pub const REFUSAL: &str = "refusal";
/// All of a lifecycle.
pub const WHOLE: &str = "lifecycle";
/// All of an enrollment.
pub const ENROLLED: &str = "enrollment";

/// All steps in the order in which they happen, with a description.
pub const ALL: [(&str, &str); 17] = [
    (TRACK, "POST /users/…/actions/…, from its scheduled begin"),
    (ENROLL, "POST /client/user-authenticators/push"),
    (SESSION, "first read, with its session or signature"),
    (CHALLENGE, "POST /client/challenge/push"),
    (NOTICE, "start of the challenge to the answer of the phone's long poll"),
    (READ, "the phone reads its challenges; an official phone asks for a nonce first"),
    (DECIDE, "POST …/push/challenge: the phone's signed answer"),
    (WAKE, "answer to the phone to answer of the browser's long poll; 0 if that came first"),
    (OUTCOME, "sending of the phone's answer to answer of the browser's long poll"),
    (VERIFY, "POST /client/verify/push, without waiting"),
    (VALIDATE, "POST /validate"),
    (BAD_SIGNATURE, "refusal of an answer with an invalid signature"),
    (REPLAY, "refusal of a signature over another challenge"),
    (GARBAGE, "refusal of a malformed request"),
    (REFUSAL, "an answer 429 or 503"),
    (ENROLLED, "all of it, from its scheduled begin"),
    (WHOLE, "all of it, from its scheduled begin, less the person's delay"),
];
