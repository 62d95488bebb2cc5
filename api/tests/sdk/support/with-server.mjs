// Runs a command beside a server: `node with-server.mjs COMMAND [ARGUMENT…]`.
//
// For suites in other languages. They find the server by the variables below; this process ends as the
// command does, and with 1 if the server did not end well.

import { spawn } from "node:child_process";
import { once } from "node:events";

import { binary } from "./binary.mjs";
import { startServer } from "./server.mjs";

const [command, ...words] = process.argv.slice(2);
if (!command) throw new Error("usage: node with-server.mjs COMMAND [ARGUMENT…]");

const server = await startServer();
const env = {
  ...process.env,
  COUNTERSIGN_BIN: binary(),
  TEST_SERVER_URL: server.url,
  TEST_SERVER_TENANT: server.tenant,
  TEST_SERVER_SECRET: server.secret,
};
try {
  const child = spawn(command, words, { env, stdio: "inherit" });
  const [code] = await once(child, "close");
  process.exitCode = code ?? 1;
} finally {
  await server.stop();
}
