// A mock vendor and a gateway as child processes, and what a story needs of them.
//
// The programs are built by cargo and named by FLUXA_BIN and FLUXA_LOADTEST_BIN (default: target/debug of this workspace).
// Nothing here sleeps for luck: `until` polls for the event, and fails with what it last saw.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const WORKSPACE = path.resolve(import.meta.dirname, '../../../..');
const START_MS = 30_000;
// The promise: a row is readable within 5 s of the end of its answer.
const ROW_MS = 5_000;

export const MASTER_KEY = 'mk-sdk-stories-0123456789abcdef0123456789abcdef';
export const VENDOR_KEY = 'sk-vendor-stories-0123456789abcdef0123456789';
// The credentials that AWS's documents use for examples; the mock vendor checks signatures made with them.
const AWS = { region: 'us-east-1', access_key_id: 'AKIDEXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
// What models of a kind are called; some of what a translation may say depends on the name.
const NAMES = { anthropic: 'claude-sonnet-4-5-story', bedrock: 'anthropic.claude-sonnet-4-5-story', gemini: 'gemini-3-pro-story-' };
// Where each kind's API begins at the mock vendor.
const BASES = { anthropic: '', bedrock: '', gemini: '/v1beta' };
// Nano-dollars a token, the same for every model of a story.
export const INPUT_NANOS = 2500;
export const OUTPUT_NANOS = 10_000;

function binary(variable, name) {
  const file = path.resolve(process.env[variable] ?? path.join(WORKSPACE, 'target/debug', name));
  assert(existsSync(file), `no ${file}: build it with \`cargo build --workspace\`, or set ${variable}`);
  return file;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Polls until `look` returns something true, and returns that. */
export async function until(look, what, patience = ROW_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert(Date.now() < deadline, `${what} did not happen within ${patience} ms`);
    await pause(20);
  }
}

async function run(command, args, cwd, ready) {
  const log = path.join(cwd, 'log.txt');
  const out = openSync(log, 'a');
  // FLUXA_… variables of the caller are settings for another gateway.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FLUXA_')));
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, out] });
  const answers = async () => {
    assert.equal(child.exitCode, null, `${command} ended:\n${readFileSync(log, 'utf8').slice(-4000)}`);
    return fetch(ready).then(
      (answer) => answer.ok,
      () => false,
    );
  };
  try {
    await until(answers, `${command} ready`, START_MS);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return child;
}

/** The mock vendor. It counts what it sends; `seen` is what it was asked. */
class Vendor {
  async start(folder) {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    this.child = await run(binary('FLUXA_LOADTEST_BIN', 'fluxa-loadtest'), ['vendor', '--port', String(port)], folder, `${this.url}/__bill`);
    return this;
  }

  async seen(model) {
    return (await fetch(`${this.url}/__log?model=${encodeURIComponent(model)}`)).json();
  }

  /** What the vendor charges for a model, at the prices of the stories. */
  async billNanos(model) {
    const records = await this.seen(model);
    return records.reduce((sum, record) => sum + record.prompt_tokens * INPUT_NANOS + record.completion_tokens * OUTPUT_NANOS, 0);
  }
}

/** A gateway in a folder of its own. */
class Fluxa {
  #count = 0;

  async start(folder, vendor) {
    this.vendor = vendor;
    const [port, telemetry] = [await freePort(), await freePort()];
    this.url = `http://127.0.0.1:${port}`;
    const config = path.join(folder, 'fluxa.yaml');
    writeFileSync(
      config,
      `server: { host: 127.0.0.1, port: ${port}, master_key: ${MASTER_KEY} }
database: { path: ${path.join(folder, 'fluxa.db')} }
logging: { level: info, format: json }
telemetry: { listen: "127.0.0.1:${telemetry}" }
`,
    );
    this.child = await run(binary('FLUXA_BIN', 'fluxa'), ['serve', '-c', config], folder, `${this.url}/readyz`);
    this.key = await this.newKey();
    return this;
  }

  async admin(method, path, body) {
    const headers = { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/admin${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert(answer.ok, `${method} /admin${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A new virtual key; its text. */
  async newKey(fields = {}) {
    const { key } = await this.admin('POST', '/keys', { name: `key-${++this.#count}`, ...fields });
    return key;
  }

  /** A new provider at the mock vendor, which is told to behave so; its name. */
  async provider(mock = '', kind = 'openai') {
    const name = `${kind}-${++this.#count}`;
    const base_url = this.vendor.url + (BASES[kind] ?? '/v1');
    const credentials = kind === 'bedrock' ? AWS : { api_key: VENDOR_KEY };
    const headers = mock ? { headers: { 'x-mock': mock } } : {};
    await this.admin('POST', '/providers', { name, kind, base_url, ...credentials, ...headers });
    return name;
  }

  /** A new model with a price, whose vendors are asked in this order; its name. */
  async route(providers, fields = {}, kind = 'openai') {
    const model = `${NAMES[kind] ?? 'gpt-story-'}${++this.#count}`;
    const [provider, ...fallback] = providers;
    await this.admin('PUT', `/routes/${model}`, { provider, fallback, ...fields });
    const price = { input_cost_per_token: 2.5e-6, output_cost_per_token: 1e-5, litellm_provider: 'openai', mode: 'chat' };
    await this.admin('POST', '/prices/import', { [model]: price });
    return model;
  }

  /** A new model with a price, whose vendor behaves so; its name. */
  async model(mock = '', kind = 'openai') {
    return this.route([await this.provider(mock, kind)], {}, kind);
  }

  /** The ledger rows of a model, as soon as there are so many. */
  async rows(model, atLeast = 1) {
    const look = async () => {
      const { data } = await this.admin('GET', `/logs?limit=500&model=${model}`);
      const rows = data.filter((row) => row.model === model);
      return rows.length >= atLeast && rows;
    };
    return until(look, `${atLeast} rows of ${model}`);
  }

  async row(model) {
    const rows = await this.rows(model);
    assert.equal(rows.length, 1);
    return rows[0];
  }
}

/** A vendor, a gateway before it, and how to end both. */
export async function start() {
  const folder = mkdtempSync(path.join(tmpdir(), 'fluxa-sdk-'));
  const vendor = await new Vendor().start(folder);
  const fluxa = await new Fluxa().start(folder, vendor);
  const stop = () => {
    fluxa.child.kill('SIGKILL');
    vendor.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return { vendor, fluxa, stop };
}

export const said = (content) => [{ role: 'user', content }];

/** Everything an async iterable yields. */
export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}
