// A relying party's website, of another origin than the server's: one empty page that imports our SDK, with
// the official SDK beside it.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { listen } from "../../support/ports.mjs";

const OFFICIAL = new URL("index.min.js", import.meta.resolve("@authsignal/browser"));

/** Serves the page on a free port. */
export async function startSite() {
  const official = await readFile(fileURLToPath(OFFICIAL));
  let server;
  const page = () => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
    <link rel="icon" href="data:,"><script src="/official.js"></script><script type="module">
    import { Countersign } from "${server}/sdk/countersign.js";
    window.Countersign = Countersign;
    window.open_ = () => {};
    </script><main><h1>Shop</h1></main>`;
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    const script = pathname === "/official.js";
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    return response.end(script ? official : page());
  });
  await listen(site);
  const { port } = site.address();
  return {
    /** Whose SDK the page imports. */
    use: (started) => (server = started.origin),
    origin: `http://localhost:${port}`,
    stop: () => {
      site.closeAllConnections();
      return new Promise((closed) => site.close(closed));
    },
  };
}
