export class Poller {
    /**
     * @param {Http} http
     * @param {Listener} listener
     */
    constructor(http: Http, listener: Listener);
    /**
     * Waits for one more challenge. Gives a function that stops waiting.
     * @param {Wait} wait
     * @param {(result: Result<Ended>) => void} tell is called once
     */
    add(wait: Wait, tell: (result: Result<Ended>) => void): () => void;
    /**
     * Replaces the request in flight, whose connection may be dead without having said so, by one that is answered at
     * once. Polls are held again after its answer. Before the first wait is added, the first request is such a one.
     */
    look(): void;
    #private;
}
export type Wait = {
    token: string;
    challengeId: string;
};
/**
 * State of the connection while nothing has been told.
 */
export type Connection = "waiting" | "reconnecting" | "offline";
/**
 * End of a challenge.
 */
export type Ended = {
    isVerified: boolean;
    isConsumed: boolean;
    accessToken?: string;
    outcome?: string;
    expiresAt?: number;
};
export type Listener = {
    onConnection: (connection: Connection) => void;
    /**
     * called for each answer of the server, after its results were told
     */
    onAnswer: () => void;
};
import type { Result } from "./http.js";
import type { Http } from "./http.js";
