// The relying party's website: one page with the official browser SDK, as a web server gives it out.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { listen } from "../support/ports.mjs";

const SDK = new URL("index.min.js", import.meta.resolve("@authsignal/browser"));
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>Shop</title><script src="/sdk.js"></script>';

/** Serves the page on a free port of 127.0.0.1. */
export async function startSite() {
  const sdk = await readFile(fileURLToPath(SDK));
  const files = { "/": ["text/html", PAGE], "/sdk.js": ["text/javascript", sdk] };
  const server = createServer((request, response) => {
    const [type, content] = files[request.url] ?? [];
    if (!type) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": type }).end(content);
  });
  await listen(server);
  const { port } = server.address();
  return {
    /** The same page is another origin under another name of the host. */
    origin: (host) => `http://${host}:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}
