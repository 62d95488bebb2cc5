// What needs no browser: the types of every module, the SDK's declarations, and the rules of the house.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const WEB = fileURLToPath(new URL("../../../web/", import.meta.url));
const TSC = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const LINES_MAX = 350;

const run = promisify(execFile);
/** Runs the compiler. Rejects with what it says is wrong. */
const tsc = (...words) =>
  run(process.execPath, [TSC, ...words], { cwd: HERE }).catch((error) => {
    throw new Error(error.stdout || error.message);
  });

describe("the modules of the web pages", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "countersign-types-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("have sound types", () => tsc("-p", "tsconfig.json"));

  it("and so has the service worker", () => tsc("-p", "worker.json"));

  it("are declared as they are", async () => {
    await tsc("-p", "declare.json", "--outDir", folder);
    const made = readdirSync(folder).sort();
    const kept = path.join(WEB, "sdk/types");
    assert.deepEqual(readdirSync(kept).sort(), made, "make web-types writes them anew");
    for (const file of made) {
      const [ours, theirs] = [kept, folder].map((one) => readFileSync(path.join(one, file), "utf8"));
      assert.equal(ours, theirs, `${file}: make web-types writes it anew`);
    }
  });

  it("are short, and put no markup together", () => {
    const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js") && !file.startsWith("vendor"));
    assert.ok(files.length > 20);
    for (const file of files) {
      const text = readFileSync(path.join(WEB, file), "utf8");
      assert.ok(text.split("\n").length <= LINES_MAX, `${file} has more than ${LINES_MAX} lines`);
      assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/.test(text), file);
    }
  });
});
