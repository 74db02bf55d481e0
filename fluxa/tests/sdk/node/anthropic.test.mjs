// Every call of the Anthropic SDK does what it does at the vendor.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { VENDOR_KEY, all, said, start } from './harness.mjs';

const { vendor, fluxa, stop } = await start();
after(stop);

const client = new Anthropic({ apiKey: fluxa.key, baseURL: fluxa.url });
const input_schema = { type: 'object', properties: { city: { type: 'string' }, unit: { type: 'string' } } };
const tools = [{ name: 'weather', input_schema }];
const ARGUMENTS = { city: 'Paris', unit: 'celsius' };
const newModel = (mock) => fluxa.model(mock, 'anthropic');

test('a message is answered and its cache is counted apart', async () => {
  const model = await newModel('prompt_tokens=100;cached_tokens=60;cache_write_tokens=30');
  const answer = await client.messages.create({ model, max_tokens: 64, messages: said('Hello from a story') });
  assert.equal(answer.content[0].text, 'Hello from a story');
  const { usage } = await fluxa.row(model);
  assert.deepEqual([usage.input_uncached, usage.cache_read, usage.cache_write_5m, usage.output], [10, 60, 30, 4]);
});

test('a message streams its events in order', async () => {
  const model = await newModel();
  const events = await all(await client.messages.create({ model, max_tokens: 64, messages: said('one two three'), stream: true }));
  const kinds = events.map((event) => event.type).filter((type) => type !== 'ping');
  const deltas = Array(3).fill('content_block_delta');
  assert.deepEqual(kinds, ['message_start', 'content_block_start', ...deltas, 'content_block_stop', 'message_delta', 'message_stop']);
  assert.equal((await fluxa.row(model)).usage.output, 3);
});

test('the stream helper of the SDK works', async () => {
  const model = await newModel();
  const stream = client.messages.stream({ model, max_tokens: 64, messages: said('one two three') });
  assert.equal(await stream.finalText(), 'one two three');
});

test('a tool is called whole and in a stream', async () => {
  const model = await newModel('tool=1');
  const ask = { model, max_tokens: 64, messages: said('Weather?'), tools };
  const answer = await client.messages.create(ask);
  assert.deepEqual([answer.stop_reason, answer.content[0].input], ['tool_use', ARGUMENTS]);
  const events = await all(await client.messages.create({ ...ask, stream: true }));
  const parts = events.filter((event) => event.type === 'content_block_delta').map((event) => event.delta.partial_json);
  assert.deepEqual(JSON.parse(parts.join('')), ARGUMENTS);
});

test('tokens are counted', async () => {
  const model = await newModel('prompt_tokens=77');
  assert.equal((await client.messages.countTokens({ model, messages: said('Hello') })).input_tokens, 77);
});

test('models are listed and found in the shape of Anthropic', async () => {
  const model = await newModel();
  const listed = await all(client.models.list({ limit: 1000 }));
  assert.equal(listed.find((entry) => entry.id === model)?.type, 'model');
  assert.equal((await client.models.retrieve(model)).type, 'model');
});

test('beta query, beta header and fields nobody knows reach the vendor', async () => {
  const model = await newModel();
  const betas = ['context-management-2025-06-27', 'a-beta-of-tomorrow-2027-01-01'];
  const ask = { model, max_tokens: 64, messages: said('Hello'), betas, z_new: { a: null } };
  // Older SDKs and Claude Code add the query by themselves; this one is made to.
  await client.beta.messages.create(ask, { query: { beta: 'true' } });
  // What the SDK sends by itself is what must arrive: the same call without a gateway says what that is.
  await new Anthropic({ apiKey: 'sk-any', baseURL: vendor.url }).beta.messages.create(ask, { query: { beta: 'true' } });
  const [record, direct] = await vendor.seen(model);
  const headers = Object.fromEntries(record.headers);
  assert(record.path.endsWith('/v1/messages?beta=true'));
  assert.equal(headers['anthropic-beta'], betas.join(','));
  assert.equal(headers['anthropic-version'], Object.fromEntries(direct.headers)['anthropic-version']);
  assert.equal(record.body, direct.body);
});

test('both forms of the key open and neither reaches the vendor', async () => {
  const model = await newModel();
  const bearer = new Anthropic({ apiKey: null, authToken: fluxa.key, baseURL: fluxa.url });
  for (const either of [client, bearer]) {
    await either.messages.create({ model, max_tokens: 64, messages: said('Hello') });
  }
  const records = await vendor.seen(model);
  assert.equal(records.length, 2);
  for (const record of records) {
    assert.equal(Object.fromEntries(record.headers)['x-api-key'], VENDOR_KEY);
    assert(!JSON.stringify(record.headers).includes(fluxa.key));
  }
});
