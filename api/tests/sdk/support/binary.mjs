// Where the binary under test is, and the environment that its processes get.

import { accessSync, constants } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));

/** What `cargo build --workspace` makes. */
function built(name) {
  return path.join(path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? "target"), "debug", name);
}

/** The path of the binary: COUNTERSIGN_BIN, or what `cargo build` makes. Throws if it is not there. */
export function binary() {
  const found = process.env.COUNTERSIGN_BIN ?? built("countersign");
  try {
    accessSync(found, constants.X_OK);
  } catch {
    throw new Error(`no server at ${found}: run "cargo build", or name one in COUNTERSIGN_BIN`);
  }
  return path.resolve(found);
}

/** The path of the load harness, which `make build` makes. Throws if it is not there. */
export function loadtest() {
  const found = built("countersign-loadtest");
  try {
    accessSync(found, constants.X_OK);
  } catch {
    throw new Error(`no load harness at ${found}: run "make build"`);
  }
  return found;
}

/**
 * This process's environment without what would configure a server: the binary refuses variables of its
 * own prefix that it does not know, COUNTERSIGN_BIN among them.
 */
export function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("COUNTERSIGN_"));
  return Object.fromEntries(kept);
}
