// Where the binary under test is, and the environment that its processes get.

import { accessSync, constants } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));

/** The path of the binary: COUNTERSIGN_BIN, or what `cargo build` makes. Throws if it is not there. */
export function binary() {
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? "target");
  const found = process.env.COUNTERSIGN_BIN ?? path.join(target, "debug", "countersign");
  try {
    accessSync(found, constants.X_OK);
  } catch {
    throw new Error(`no server at ${found}: run "cargo build", or name one in COUNTERSIGN_BIN`);
  }
  return path.resolve(found);
}

/**
 * This process's environment without what would configure a server: the binary refuses variables of its
 * own prefix that it does not know, COUNTERSIGN_BIN among them.
 */
export function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("COUNTERSIGN_"));
  return Object.fromEntries(kept);
}
