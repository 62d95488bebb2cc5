//! Names of the steps whose times are recorded.

/// The backend tracks an action.
pub const TRACK: &str = "track";
/// The browser starts the challenge.
pub const CHALLENGE: &str = "challenge";
/// The phone reads the pending challenge.
pub const READ: &str = "read";
/// The phone sends its answer.
pub const DECIDE: &str = "decide";
/// Time from the moment when the phone sends its answer to the response to the browser's poll.
pub const OUTCOME: &str = "outcome";
/// Time between two responses: the one to the phone's answer, and the one to the browser's poll. It
/// is 0 if the browser gets its response first.
pub const WAKE: &str = "wake";
/// Time from the start of the challenge to the response to the phone's poll.
pub const NOTICE: &str = "notice";
/// The browser polls the challenge without waiting.
pub const VERIFY: &str = "verify";
/// The backend validates the browser's token.
pub const VALIDATE: &str = "validate";
/// The phone enrolls its key.
pub const ENROLL: &str = "enroll";
/// The first read of a phone, with the device session or the signature that it needs.
pub const SESSION: &str = "session";
/// The server refuses an invalid signature.
pub const BAD_SIGNATURE: &str = "bad signature";
/// The server refuses a signature that was made for another challenge.
pub const REPLAY: &str = "replay";
/// The server refuses a malformed request.
pub const GARBAGE: &str = "garbage";
/// A response 429 or 503 to a request of any step.
pub const REFUSAL: &str = "refusal";
/// A whole lifecycle.
pub const WHOLE: &str = "lifecycle";
/// A whole enrollment.
pub const ENROLLED: &str = "enrollment";

/// All steps in their order, each with a description.
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
