// How long a suite may take: a server that never answers is a failure and not a wait without end.

/** Options of a `describe`. Its tests inherit the limit. */
export const LIMITED = { timeout: 300_000 };
