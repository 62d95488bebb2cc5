/** @import { Call, Refusal } from "./http.js" */
/**
 * @template T
 * @typedef {import("./http.js").Result<T>} Result
 */
/**
 * Outcome of a challenge. Only `approved` lets a person in.
 * @typedef {"approved" | "denied" | "reported" | "failed" | "expired" | "cancelled" | "superseded"
 *   | "revoked"} Outcome
 */
/**
 * @typedef {object} Options
 * @property {string} [baseUrl] the server's address with `/v1`; the origin of this file if absent
 * @property {string} [tenantId] for the official SDK's sake; the token names its tenant
 * @property {() => void} [onTokenExpired] called when a call was refused because its token is too old
 * @property {boolean} [sharePoll] true, or absent, if tabs of this browser share one poll
 * @property {(call: Call) => void} [onCall] told of every request, for logs and demonstrations
 * @property {typeof fetch} [fetch] sends the requests
 */
/**
 * A challenge that has begun. Show `number`, where there is one: the person types it on the phone.
 * @typedef {{ challengeId: string, expiresAt?: number, number?: string,
 *   deliveryResults?: { userAuthenticatorId: string, errorCode?: string }[] }} Challenge
 */
/**
 * State of a challenge. Your backend validates `token`; `outcome` is absent while it is open.
 * @typedef {{ isVerified: boolean, isConsumed: boolean, token?: string, outcome?: Outcome,
 *   expiresAt?: number }} Verification
 */
/**
 * Events in the course of `authenticate` and `wait`.
 * @typedef {({ type: "started" } & Challenge) | { type: "waiting" | "reconnecting" | "offline" }
 *   | { type: "ended", outcome: Outcome }} Progress
 */
/**
 * A device that can confirm.
 * @typedef {{ userAuthenticatorId: string, verificationMethod: string, createdAt: string,
 *   verifiedAt?: string, lastVerifiedAt?: string, displayName?: string, devicePlatform?: string }} Authenticator
 */
/** @typedef {{ action?: string, userAuthenticatorId?: string, supersede?: boolean }} ChallengeParams */
/** @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} WaitParams */
/** A client of one server, with one token. Two of them share nothing. */
export class Countersign {
    /** @param {Options} [options] */
    constructor(options?: Options);
    push: Push;
    /**
     * Sets the token of the calls that follow: the one of your backend's call of track.
     * @param {string} token
     */
    setToken(token: string): void;
}
/** Push verification. */
export class Push {
    /** @param {Options} options */
    constructor({ baseUrl, onTokenExpired, sharePoll, onCall, fetch: fetcher }: Options);
    /** @param {string} token */
    setToken(token: string): void;
    /**
     * Asks the user's devices, or the one that is named. With `supersede: false` an open challenge of the same
     * action stays, and the refusal has its `challengeId`.
     * @param {ChallengeParams} [params]
     * @returns {Promise<Result<Challenge>>}
     */
    challenge({ action, userAuthenticatorId, supersede }?: ChallengeParams): Promise<Result<Challenge>>;
    /**
     * Reads the state of a challenge at this moment.
     * @param {{ challengeId: string }} params
     * @returns {Promise<Result<Verification>>}
     */
    verify({ challengeId }: {
        challengeId: string;
    }): Promise<Result<Verification>>;
    /**
     * Waits until a challenge has ended: for as long as it lives, across lost connections. `signal` stops the
     * wait, which is then `aborted`; the challenge stays open.
     * @param {{ challengeId: string } & WaitParams} params
     * @returns {Promise<Result<Verification>>}
     */
    wait({ challengeId, signal, onProgress }: {
        challengeId: string;
    } & WaitParams): Promise<Result<Verification>>;
    /**
     * The whole of it: asks the devices and waits for the end. `signal` cancels the challenge, too.
     * @param {ChallengeParams & WaitParams} [params]
     * @returns {Promise<Result<Verification & { challengeId: string }>>}
     */
    authenticate({ signal, onProgress, ...params }?: ChallengeParams & WaitParams): Promise<Result<Verification & {
        challengeId: string;
    }>>;
    /**
     * Takes a challenge back. It may have ended before: `outcome` says how.
     * @param {{ challengeId: string }} params
     * @returns {Promise<Result<{ outcome: Outcome }>>}
     */
    cancel({ challengeId }: {
        challengeId: string;
    }): Promise<Result<{
        outcome: Outcome;
    }>>;
    /**
     * Says that the page which waited goes away, for a listener of `pagehide`. A page cannot tell whether it is closed or
     * loaded again: the server takes the challenge back after 5 seconds, unless somebody waits for it then. Without
     * `challengeId`, as while `challenge` is under way, it is the one that is open of the token's action then.
     * @param {{ challengeId?: string }} [params]
     * @returns {Promise<Result<{ outcome?: Outcome }>>}
     */
    leave({ challengeId }?: {
        challengeId?: string;
    }): Promise<Result<{
        outcome?: Outcome;
    }>>;
    /**
     * The devices of the token's user.
     * @param {{ signal?: AbortSignal }} [params]
     * @returns {Promise<Result<Authenticator[]>>}
     */
    authenticators({ signal }?: {
        signal?: AbortSignal;
    }): Promise<Result<Authenticator[]>>;
    /**
     * Removes a device. The token needs the scope `remove:authenticators`, as that of an approval has.
     * @param {{ userAuthenticatorId: string }} params
     * @returns {Promise<Result<{ success: boolean }>>}
     */
    removeAuthenticator({ userAuthenticatorId }: {
        userAuthenticatorId: string;
    }): Promise<Result<{
        success: boolean;
    }>>;
    #private;
}
export type Result<T> = import("./http.js").Result<T>;
/**
 * Outcome of a challenge. Only `approved` lets a person in.
 */
export type Outcome = "approved" | "denied" | "reported" | "failed" | "expired" | "cancelled" | "superseded" | "revoked";
export type Options = {
    /**
     * the server's address with `/v1`; the origin of this file if absent
     */
    baseUrl?: string | undefined;
    /**
     * for the official SDK's sake; the token names its tenant
     */
    tenantId?: string | undefined;
    /**
     * called when a call was refused because its token is too old
     */
    onTokenExpired?: (() => void) | undefined;
    /**
     * true, or absent, if tabs of this browser share one poll
     */
    sharePoll?: boolean | undefined;
    /**
     * told of every request, for logs and demonstrations
     */
    onCall?: ((call: Call) => void) | undefined;
    /**
     * sends the requests
     */
    fetch?: typeof fetch | undefined;
};
/**
 * A challenge that has begun. Show `number`, where there is one: the person types it on the phone.
 */
export type Challenge = {
    challengeId: string;
    expiresAt?: number;
    number?: string;
    deliveryResults?: {
        userAuthenticatorId: string;
        errorCode?: string;
    }[];
};
/**
 * State of a challenge. Your backend validates `token`; `outcome` is absent while it is open.
 */
export type Verification = {
    isVerified: boolean;
    isConsumed: boolean;
    token?: string;
    outcome?: Outcome;
    expiresAt?: number;
};
/**
 * Events in the course of `authenticate` and `wait`.
 */
export type Progress = ({
    type: "started";
} & Challenge) | {
    type: "waiting" | "reconnecting" | "offline";
} | {
    type: "ended";
    outcome: Outcome;
};
/**
 * A device that can confirm.
 */
export type Authenticator = {
    userAuthenticatorId: string;
    verificationMethod: string;
    createdAt: string;
    verifiedAt?: string;
    lastVerifiedAt?: string;
    displayName?: string;
    devicePlatform?: string;
};
export type ChallengeParams = {
    action?: string;
    userAuthenticatorId?: string;
    supersede?: boolean;
};
export type WaitParams = {
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
};
import type { Call } from "./http.js";
