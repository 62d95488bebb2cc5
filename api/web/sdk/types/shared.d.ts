export class SharedPoll {
    /**
     * @param {Http} http
     * @param {string} baseUrl
     * @param {boolean} share true to share the poll with other tabs
     */
    constructor(http: Http, baseUrl: string, share: boolean);
    /**
     * Waits until a challenge has ended.
     * @param {Wait} wait
     * @param {{ signal?: AbortSignal, onConnection?: (connection: Connection) => void }} options
     * @returns {Promise<Result<Ended>>}
     */
    wait(wait: Wait, { signal, onConnection }: {
        signal?: AbortSignal;
        onConnection?: (connection: Connection) => void;
    }): Promise<Result<Ended>>;
    #private;
}
/**
 * Messages between tabs.
 */
export type Message = {
    kind: "want";
    id: string;
    wait: Wait;
} | {
    kind: "drop";
    id: string;
} | {
    kind: "taken";
    id: string;
} | {
    kind: "told";
    id: string;
    result: Result<Ended>;
} | {
    kind: "leading";
} | {
    kind: "look";
} | {
    kind: "connection";
    connection: Connection;
};
/**
 * `looks`: the leader polls for it, and this tab too until there is an answer
 */
export type Local = {
    wait: Wait;
    tell: (result: Result<Ended>) => void;
    stop?: () => void;
    onConnection?: (connection: Connection) => void;
    silence?: ReturnType<typeof setTimeout>;
    looks?: boolean;
};
import type { Wait } from "./poller.js";
import type { Connection } from "./poller.js";
import type { Ended } from "./poller.js";
import type { Result } from "./http.js";
import type { Http } from "./http.js";
