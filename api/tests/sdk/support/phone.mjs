// A phone: the binary's software device, run as a person would run it.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { binary, cleanEnvironment } from "./binary.mjs";

const COMMAND_MS = 30_000;

/** The dialects that it speaks, after the mobile SDKs. */
export const DIALECTS = ["android", "ios"];

/** How a phone can sign statements. */
export const SIGNERS = [
  { algorithm: "ed25519", format: undefined },
  { algorithm: "es256", format: "der" },
  { algorithm: "es256", format: "p1363" },
];

export class Phone {
  #folder = mkdtempSync(path.join(tmpdir(), "countersign-phone-"));
  #server;
  #manner;
  #key;

  /** A phone that speaks as a mobile SDK does, or one that signs statements as `signer` says. */
  constructor(server, { dialect = "android", signer } = {}) {
    this.#server = server;
    this.#manner = signer ? ["--signing", "statement-v1"] : ["--dialect", dialect];
    const format = signer?.format ? ["--signature-format", signer.format] : [];
    this.#key = signer ? ["--algorithm", signer.algorithm, ...format] : [];
  }

  /** Binds the phone's key to the user of `token`. */
  enroll(token) {
    return this.#run("enroll", "--token", token, ...this.#key);
  }

  /** Binds the phone's key to the user of an enrollment link. */
  follow(link) {
    return this.#run("enroll", link, ...this.#key);
  }

  /** Approves what waits for it, or the challenge that is named, with the number that was read. */
  approve(challengeId, { number } = {}) {
    const typed = number === undefined ? [] : ["--number", number];
    return this.#run("approve", ...naming(challengeId), ...typed);
  }

  /** Denies as `deny` does, and says that it was not its owner who asked. */
  report(challengeId) {
    return this.#run("report", ...naming(challengeId));
  }

  /** What it shows of itself and of what is pending. */
  show() {
    return this.#run("show");
  }

  /** Tells the server a new push token. */
  update(pushToken) {
    return this.#run("update", "--push-token", pushToken);
  }

  /** Denies what waits for it, or the challenge that is named. */
  deny(challengeId) {
    return this.#run("deny", ...naming(challengeId));
  }

  /** Ends all bindings of the phone's key. */
  remove() {
    return this.#run("remove");
  }

  /** The file mode of its key, such as "600". */
  keyFileMode() {
    return (statSync(this.#keyFile()).mode & 0o777).toString(8);
  }

  /** Throws the phone away. */
  discard() {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #keyFile() {
    return path.join(this.#folder, "key.json");
  }

  /** Runs one command. Rejects with what it printed if it does not end with 0. */
  #run(command, ...options) {
    const { url, tenant } = this.#server;
    const common = ["--url", url, "--tenant", tenant, "--key-file", this.#keyFile()];
    const words = ["phone", ...common, ...this.#manner, command, ...options];
    const settings = { cwd: this.#folder, env: cleanEnvironment(), timeout: COMMAND_MS };
    return new Promise((resolve, reject) => {
      const child = execFile(binary(), words, settings, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const ended = error.code ?? error.signal;
        const refused = new Error(`phone ${command} ended with ${ended}: ${stdout}${stderr}`);
        return reject(Object.assign(refused, { code: error.code }));
      });
      child.stdin.end();
    });
  }
}

const naming = (challengeId) => (challengeId ? ["--challenge", challengeId] : []);
