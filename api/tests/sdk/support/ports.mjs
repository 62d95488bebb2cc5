// Free loopback ports.

import { once } from "node:events";
import { createServer } from "node:net";

/**
 * `count` different ports that nobody listens on. Somebody else could take one before it is used: whoever
 * starts a server on it tries again.
 */
export async function freePorts(count) {
  const held = await Promise.all(Array.from({ length: count }, () => listen(createServer())));
  const ports = held.map((server) => server.address().port);
  await Promise.all(held.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/** Has a server listen on a free port of 127.0.0.1. It holds no process that has nothing else to do. */
export async function listen(server) {
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  return server;
}
