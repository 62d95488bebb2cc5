export class Poller {
    /**
     * @param {Http} http
     * @param {(connection: Connection) => void} onConnection
     */
    constructor(http: Http, onConnection: (connection: Connection) => void);
    /**
     * Waits for one more challenge. Gives a function that stops waiting.
     * @param {Wait} wait
     * @param {(result: Result<Ended>) => void} tell is called once
     */
    add(wait: Wait, tell: (result: Result<Ended>) => void): () => void;
    #private;
}
export type Wait = {
    token: string;
    challengeId: string;
};
/**
 * How it stands with the connection while nothing has been told.
 */
export type Connection = "waiting" | "reconnecting" | "offline";
/**
 * How a challenge ended.
 */
export type Ended = {
    isVerified: boolean;
    isConsumed: boolean;
    accessToken?: string;
    outcome?: string;
    expiresAt?: number;
};
import type { Result } from "./http.js";
import type { Http } from "./http.js";
