/**
 * @param {string} errorCode
 * @param {string} errorDescription
 * @returns {Refusal}
 */
export function refusal(errorCode: string, errorDescription: string): Refusal;
/** The server, and how to ask it. */
export class Http {
    /**
     * @param {string} baseUrl
     * @param {typeof fetch} fetcher
     * @param {((call: Call) => void) | undefined} onCall
     */
    constructor(baseUrl: string, fetcher: typeof fetch, onCall: ((call: Call) => void) | undefined);
    /**
     * Asks, and waits for the answer no longer than it can take. With `keepalive` the request outlives its page.
     * @param {string} path below the base address
     * @param {CallOptions} options
     * @returns {Promise<Result<any>>} `network_error` if there was no answer, `aborted` if the signal said so
     */
    ask(path: string, { method, body, token, waitSeconds, ...options }: CallOptions): Promise<Result<any>>;
    #private;
}
/**
 * Result of a call: `data`, or the reason for its absence. `error` is the same code once more, as the official SDK
 * has it.
 */
export type Result<T> = {
    data: T;
    error?: undefined;
    errorCode?: undefined;
    errorDescription?: undefined;
    statusCode?: undefined;
    reason?: undefined;
    retryAfterSeconds?: undefined;
    challengeId?: undefined;
} | Refusal;
export type Refusal = {
    data?: undefined;
    error: string;
    errorCode: string;
    errorDescription: string;
    statusCode?: number;
    reason?: string;
    retryAfterSeconds?: number;
    challengeId?: string;
};
/**
 * One request as it happens: told when it begins, without status, and once more when it has ended. A request
 * that got no answer ends with status 0.
 */
export type Call = {
    id: number;
    method: string;
    path: string;
    request?: unknown;
    waitSeconds?: number;
    status?: number;
    response?: unknown;
    milliseconds?: number;
};
export type CallOptions = {
    method?: string;
    body?: object;
    token?: string;
    waitSeconds?: number;
    keepalive?: boolean;
    signal?: AbortSignal;
};
