// What several tests expect, said once.

import assert from "node:assert/strict";

/** The call is refused with this status and code, and with a text for people. */
export async function refused(call, statusCode, errorCode) {
  await assert.rejects(call, (error) => {
    const { name, statusCode: status, errorCode: code, errorDescription: text } = error;
    assert.deepEqual(
      { name, status, code },
      { name: "AuthsignalError", status: statusCode, code: errorCode },
    );
    assert.ok(text?.length > 0, "the refusal says why");
    return true;
  });
}

/** A plain request was refused with this status, with the code in both places that SDKs read, and with a reason. */
export function refusedAnswer({ status, body }, expectedStatus, code) {
  assert.equal(status, expectedStatus, JSON.stringify(body));
  assert.equal(body.error, code);
  assert.equal(body.errorCode, code);
  assert.ok(body.errorDescription?.length > 0, "the refusal says why");
  assert.match(body.reason, /^[a-z]+(_[a-z]+)*$/);
}

/** A UTC time as ISO 8601 with milliseconds. */
export function isTime(value) {
  assert.match(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
}
