// Starts a reverse proxy in front of a server under test, and ends it.
//
// COUNTERSIGN_THROUGH names the proxy of a whole run; without it, clients connect to the server itself. The
// proxy runs in the foreground, without rights of its own, on a free loopback port and in a temporary folder.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { cleanEnvironment } from "./binary.mjs";
import { freePorts } from "./ports.mjs";
import { deadline, until } from "./until.mjs";

const TEMPLATES = new URL("../proxy/", import.meta.url);
const READY_MS = 10_000;
const EXIT_MS = 10_000;
const ATTEMPTS = 3;

const haproxy = (PROTO) => ({
  package: "haproxy",
  template: "haproxy.cfg",
  values: { PROTO },
  // -db: in the foreground, as one process.
  command: (file) => ["haproxy", "-db", "-f", file],
});
const nginx = {
  package: "nginx-light",
  template: "nginx.conf",
  values: {},
  // As one process, so that nobody is left over when the test ends it.
  command: (file, folder) =>
    ["nginx", "-e", "stderr", "-p", folder, "-c", file, "-g", "daemon off; master_process off;"],
};
const PROXIES = { "haproxy-h1": haproxy("h1"), "haproxy-h2": haproxy("h2"), nginx };

/** The names of all proxies. The part after the dash is the protocol that it speaks to the server. */
export const PROXY_NAMES = Object.keys(PROXIES);

/** The proxy that this run goes through, or undefined. */
export const through = process.env.COUNTERSIGN_THROUGH || undefined;

/** Variables that every server behind a proxy gets. */
export const BEHIND_PROXY = {
  COUNTERSIGN__SERVER__TRUSTED_PROXIES: "127.0.0.0/8",
  COUNTERSIGN__SERVER__CLIENT_ADDRESS_HEADER: "x-forwarded-for",
};

/** Starts the proxy of this name in front of the server at `port`. */
export async function startProxy(name, port) {
  const kind = PROXIES[name];
  assert.ok(kind, `there is no proxy "${name}": COUNTERSIGN_THROUGH is one of ${PROXY_NAMES.join(", ")}`);
  for (let attempt = 1; ; attempt += 1) {
    const [own] = await freePorts(1);
    const proxy = new ReverseProxy(kind, own, port);
    try {
      await proxy.ready();
      return proxy;
    } catch (error) {
      await proxy.stop();
      // Only a port that was taken meanwhile is worth another attempt.
      if (attempt === ATTEMPTS || !/in use/i.test(proxy.log())) throw error;
    }
  }
}

class ReverseProxy {
  #child;
  #folder = mkdtempSync(path.join(tmpdir(), "countersign-proxy-"));
  #log = "";
  #exited;
  #failure;
  // A test process that ends early takes its proxy along.
  #atExit = () => {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor(kind, own, port) {
    this.origin = `http://127.0.0.1:${own}`;
    const values = { LISTEN: `127.0.0.1:${own}`, SERVER: `127.0.0.1:${port}`, ...kind.values };
    const file = path.join(this.#folder, kind.template);
    writeFileSync(file, filled(kind.template, values));
    const [program, ...args] = kind.command(file, this.#folder);
    const environment = cleanEnvironment();
    // Debian has proxies in /usr/sbin, which only root has on its path.
    const env = { ...environment, PATH: `${environment.PATH}:/usr/sbin:/sbin` };
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(program, args, { cwd: this.#folder, env, stdio });
    this.#child = child;
    this.#exited = new Promise((ended) => {
      child.on("close", ended);
      child.on("error", (error) => {
        const install = `install the Debian package ${kind.package}, or run "make tools"`;
        this.#failure = error.code === "ENOENT" ? new Error(`no ${program}: ${install}`) : error;
        ended();
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.#log += text));
    }
    for (const handle of [child, child.stdout, child.stderr]) handle.unref();
    process.on("exit", this.#atExit);
  }

  /** Everything that the proxy has printed. */
  log() {
    return this.#log;
  }

  /** Waits until the server answers through the proxy. */
  async ready() {
    const answers = async () => {
      if (this.#failure) throw this.#failure;
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`the proxy ended (${signalCode ?? exitCode}):\n${this.#log}`);
      }
      const answer = await fetch(`${this.origin}/v1/`).catch(() => undefined);
      return answer && answer.status < 500;
    };
    await until(answers, { what: () => `the proxy is not ready:\n${this.#log}`, ms: READY_MS });
  }

  /** Ends the proxy, and removes its folder. */
  async stop() {
    this.#child.kill("SIGTERM");
    await deadline(this.#exited, EXIT_MS, "the proxy's end").finally(() => this.#child.kill("SIGKILL"));
    process.off("exit", this.#atExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A template's text, with its names in ${} replaced. */
function filled(template, values) {
  const text = readFileSync(new URL(template, TEMPLATES), "utf8");
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name) => {
    assert.ok(name in values, `${template} has a name without a value: ${name}`);
    return values[name];
  });
}
