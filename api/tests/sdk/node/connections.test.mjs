// Clients that wait, leave, and break off their requests, over connections of their own. A proxy in between
// passes all of that on over connections that clients share.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { enroll, newUser, track } from "../support/backend.mjs";
import { LIMITED } from "../support/limit.mjs";
import { withPhone } from "../support/suite.mjs";
import { deadline, until } from "../support/until.mjs";
import { Web } from "../support/web.mjs";

// As many as one challenge takes.
const POLLS = 4;
// The uploads of a round: the bytes that are sent of a body of 8,000, and the client's way to leave.
const UPLOADS = [
  { sent: 0, leave: "end" },
  { sent: 1, leave: "resetAndDestroy" },
  { sent: 1000, leave: "end" },
  { sent: 1000, leave: "resetAndDestroy" },
  { sent: 7999, leave: "destroy" },
];
const ROUNDS = 40;
const ANSWER_MS = 3_000;
// Well below the 30 seconds that each poll asks for.
const SOON_MS = 10_000;

describe("connections", LIMITED, () => {
  let server, backend, phone;

  withPhone((started) => ({ backend, phone, server } = started));

  /** Starts a challenge that several pages of one browser wait for. Returns once all of them are parked. */
  async function waitingBrowser({ signal } = {}) {
    const userId = newUser();
    await enroll(backend, phone, userId);
    const web = new Web(server, (await track(backend, userId)).token);
    const challengeId = await web.challengeId();
    const polls = Array.from({ length: POLLS }, () => web.verify(challengeId, { waitSeconds: 30, signal }));
    // A poll that fails is told of where it is awaited.
    polls.forEach((poll) => poll.catch(() => {}));
    await parked(POLLS);
    return { challengeId, polls };
  }

  async function parked(count) {
    let seen;
    const reached = async () => {
      seen = await server.metric("countersign_waiters");
      return seen === count;
    };
    await until(reached, { what: () => `${seen} polls are parked, not ${count}`, ms: SOON_MS });
  }

  it("parked polls are answered once the phone decides", async () => {
    const { challengeId, polls } = await waitingBrowser();
    await phone.approve(challengeId);
    const answers = await deadline(Promise.all(polls), SOON_MS, "the end of the long polls");
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      assert.equal(body.outcome, "approved");
    }
    await parked(0);
  });

  it("a client that leaves its poll takes no place at the server any more", async () => {
    const leaving = new AbortController();
    const { polls } = await waitingBrowser({ signal: leaving.signal });
    leaving.abort();
    for (const poll of polls) await assert.rejects(poll, { name: "AbortError" });
    await parked(0);
  });

  it("uploads that are broken off leave a server that answers", async () => {
    await breakUploads();
  });

  it("uploads that are broken off leave the polls of others parked", async () => {
    const { challengeId, polls } = await waitingBrowser();
    const early = ({ status }) => Promise.reject(new Error(`a parked poll was answered ${status}`));
    await breakUploads(Promise.race(polls).then(early));
    await parked(POLLS);
    await phone.approve(challengeId);
    const answers = await deadline(Promise.all(polls), SOON_MS, "the end of the long polls");
    assert.deepEqual(
      answers.map(({ body }) => body.outcome),
      Array(POLLS).fill("approved"),
    );
  });

  /** Breaks uploads off, and looks after each round whether the server answers. Fails early if `failure` does. */
  async function breakUploads(failure = new Promise(() => {})) {
    failure.catch(() => {});
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(UPLOADS.map((upload) => brokenUpload(server, upload, round)));
      const what = `an answer after ${(round + 1) * UPLOADS.length} broken uploads`;
      const answered = deadline(track(backend, newUser()), ANSWER_MS, what);
      await Promise.race([answered, failure]).catch(async (error) => {
        // A server that hangs here takes the memory of the whole machine, and does not hear SIGTERM.
        await server.kill();
        throw error;
      });
    }
  }
});

/**
 * Sends a head and `sent` bytes of its body, and then closes or resets the connection: in every fourth round
 * at once, so that a proxy passes all of it on together, and in the others after as many milliseconds.
 */
async function brokenUpload({ url, secret }, { sent, leave }, round) {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  const credentials = Buffer.from(`${secret}:`).toString("base64");
  socket.write(
    [
      `POST ${pathname}/users/anna/actions/signIn HTTP/1.1`,
      `host: ${hostname}:${port}`,
      `authorization: Basic ${credentials}`,
      "content-type: application/json",
      "content-length: 8000",
      "",
      "{".padEnd(sent).slice(0, sent),
    ].join("\r\n"),
  );
  if (round % 4) await pause(round % 4);
  socket[leave]();
}
