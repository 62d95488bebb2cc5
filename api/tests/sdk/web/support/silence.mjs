// A network between the browser and the server that goes silent: connections stay open, and nothing passes any more,
// as when a machine sleeps or leaves its Wi-Fi.

import { connect, createServer } from "node:net";

import { listen } from "../../support/ports.mjs";

/** Starts the network in front of a server. */
export async function startNetwork(server) {
  const { hostname, port } = new URL(server.origin);
  const links = new Set();
  let isSilent = false;
  let asked = 0;
  const network = createServer((near) => {
    const far = connect(Number(port), hostname);
    const link = { near, far, silent: isSilent };
    links.add(link);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.unref();
      from.on("data", (bytes) => {
        if (!link.silent) to.write(bytes);
        else if (from === near) asked += 1;
      });
      from.on("error", () => {});
      // A silent network does not tell the server that the browser has left.
      from.on("close", () => link.silent || to.destroy());
    }
  });
  await listen(network);
  const clear = () => {
    for (const { near, far } of links) [near, far].forEach((end) => end.destroy());
    links.clear();
  };
  return {
    origin: `http://127.0.0.1:${network.address().port}`,
    /** Silences every open connection for ever, and those that open until it is healed. */
    silence() {
      isSilent = true;
      asked = 0;
      for (const link of links) link.silent = true;
    },
    /** Lets connections that open from now on pass. */
    heal: () => (isSilent = false),
    /** Packets that browsers have sent into the silence. */
    asked: () => asked,
    /** Ends every connection, so that both sides know. */
    clear,
    stop() {
      clear();
      return new Promise((closed) => network.close(closed));
    },
  };
}
