// Starts the server under test on free loopback ports, and ends it.
//
// A server here is a process of the real binary with a store of its own in a temporary folder. Ending it
// is a check too: it has to leave by itself, and its log may hold no panic, no secret and no token.
// COUNTERSIGN_THROUGH puts a proxy in front of each server (see proxy.mjs).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { binary, cleanEnvironment } from "./binary.mjs";
import { freePorts } from "./ports.mjs";
import { BEHIND_PROXY, startProxy, through } from "./proxy.mjs";
import { deadline, until } from "./until.mjs";

const READY_MS = 30_000;
// The server promises to be gone 10 s after SIGTERM; the rest is for a busy machine.
const EXIT_MS = 15_000;
const ANSWER_MS = 5_000;
const ATTEMPTS = 3;
const TOKEN = /AQ[\w-]{30,}\.[\w-]{43}/;

/** A secret that nobody else has. */
export const newSecret = () => randomBytes(24).toString("hex");

/**
 * Starts a server with one tenant.
 *
 * `env` adds variables to its environment, or takes one away where the value is undefined; `args` adds
 * arguments. `direct` leaves out the proxy of the run, and says why.
 */
export async function startServer({ direct, env = {}, args = [], tenant = "acme", secret = newSecret() } = {}) {
  const proxy = direct ? undefined : through;
  for (let attempt = 1; ; attempt += 1) {
    const server = await launch({ env: { ...(proxy && BEHIND_PROXY), ...env }, args, tenant, secret });
    try {
      await server.ready();
      if (proxy) await server.putBehind(proxy);
      return server;
    } catch (error) {
      await server.kill();
      // Only a port that was taken meanwhile is worth another attempt.
      if (attempt === ATTEMPTS || !/in use/i.test(server.log())) throw error;
    }
  }
}

async function launch({ env, args, tenant, secret }) {
  const program = binary();
  const [port, operationsPort] = await freePorts(2);
  const folder = mkdtempSync(path.join(tmpdir(), "countersign-sdk-"));
  const variables = {
    COUNTERSIGN_LISTEN: `127.0.0.1:${port}`,
    COUNTERSIGN_STORE: `sqlite:${path.join(folder, "data", "countersign.db")}`,
    COUNTERSIGN_TENANT_ID: tenant,
    COUNTERSIGN_SECRET_KEY: secret,
    // The suites deny and go on with the same user at once.
    COUNTERSIGN__TENANTS__0__PUSH__DENIAL_WAIT_SECONDS: "0",
    COUNTERSIGN__SERVER__DATA_DIR: path.join(folder, "data"),
    // Unoptimised, beside a browser: late by nature.
    COUNTERSIGN__SERVER__QUEUE_DELAY_MS_MAX: "10000",
    COUNTERSIGN__OPERATIONS__LISTEN: `127.0.0.1:${operationsPort}`,
    ...env,
  };
  const given = Object.entries(variables).filter(([, value]) => value !== undefined);
  const run = () =>
    spawn(program, ["serve", ...args], {
      cwd: folder,
      env: { ...cleanEnvironment(), ...Object.fromEntries(given) },
      stdio: ["ignore", "pipe", "pipe"],
    });
  return new Server({ run, folder, port, operationsPort, tenant, secret });
}

class Server {
  #run;
  #child;
  #folder;
  #log = "";
  #exited;
  #operationsUrl;
  #port;
  #proxy;
  // A test process that ends early takes its server along.
  #atExit = () => {
    this.#child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor({ run, folder, port, operationsPort, tenant, secret }) {
    this.#port = port;
    this.#reachedAt(`http://127.0.0.1:${port}`);
    this.tenant = tenant;
    this.secret = secret;
    this.#operationsUrl = `http://127.0.0.1:${operationsPort}`;
    this.#folder = folder;
    this.#run = run;
    this.#start();
    process.on("exit", this.#atExit);
  }

  /** Where clients reach it. The operators' listener has no proxy. */
  #reachedAt(origin) {
    this.origin = origin;
    this.url = `${origin}/v1`;
  }

  /** Puts a proxy in front of the server. Clients that connect from now on go through it. */
  async putBehind(name) {
    this.#proxy = await startProxy(name, this.#port);
    this.#reachedAt(this.#proxy.origin);
  }

  #start() {
    const child = this.#run();
    this.#child = child;
    this.#exited = once(child, "close").then(([code, signal]) => signal ?? code);
    this.#exited.catch(() => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.#log += text));
    }
    // A suite that runs into its limit may leave without its `after`: nothing here is to hold it.
    for (const handle of [child, child.stdout, child.stderr]) handle.unref();
  }

  /** Ends the process without a word, as a power cut does, and starts it again on what it has kept. */
  async restart({ pauseMs = 0 } = {}) {
    this.#child.kill("SIGKILL");
    await deadline(this.#exited, EXIT_MS, "the server's end");
    if (pauseMs) await pause(pauseMs);
    this.#start();
    await this.ready();
  }

  /** Everything that the server has printed. */
  log() {
    return this.#log;
  }

  /** The value of a metric, as the sum of all its label sets; 0 before its first change. */
  async metric(name) {
    const answer = await fetch(`${this.#operationsUrl}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const lines = (await answer.text()).split("\n");
    const values = lines.filter((line) => line.split(/[ {]/, 1)[0] === name);
    return values.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /** Waits until the server says that it is ready. */
  async ready() {
    const answersOk = async () => {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) {
        throw new Error(`the server ended (${signalCode ?? exitCode}):\n${this.#log}`);
      }
      const answer = await fetch(`${this.#operationsUrl}/health/ready`).catch(() => undefined);
      return answer?.status === 200;
    };
    const what = () => `the server is not ready:\n${this.#log}`;
    await Promise.race([
      until(answersOk, { what, ms: READY_MS }),
      once(this.#child, "error").then(([error]) => Promise.reject(error)),
    ]);
  }

  /** Asks the server to leave, and checks how it does and what it has logged. */
  async stop() {
    this.#child.kill("SIGTERM");
    const code = await deadline(this.#exited, EXIT_MS, "the server ignores SIGTERM").catch(
      (error) => error.message,
    );
    await this.kill();
    assert.equal(code, 0, `the server ends with 0 on SIGTERM; its log:\n${this.#log}`);
    assert.ok(!/panicked/.test(this.#log), `a panic in the log:\n${this.#log}`);
    assert.ok(!this.#log.includes(this.secret), "the log holds the tenant's secret");
    assert.ok(!TOKEN.test(this.#log), "the log holds a token");
  }

  /** Ends the process whatever it does, and removes its folder. */
  async kill() {
    this.#child.kill("SIGKILL");
    await deadline(this.#exited, EXIT_MS, "the server's end").catch(() => {});
    process.off("exit", this.#atExit);
    rmSync(this.#folder, { recursive: true, force: true });
    // The proxy goes last: the connections that it keeps are no reason for the server to stay.
    await this.#proxy?.stop();
  }
}
