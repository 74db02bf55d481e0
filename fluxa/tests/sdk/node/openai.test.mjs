// Every call of the OpenAI SDK does what it does at the vendor.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { INPUT_NANOS, OUTPUT_NANOS, VENDOR_KEY, all, said, start, until } from './harness.mjs';

const { vendor, fluxa, stop } = await start();
after(stop);

const client = new OpenAI({ apiKey: fluxa.key, baseURL: `${fluxa.url}/v1` });
const parameters = { type: 'object', properties: { city: { type: 'string' }, unit: { type: 'string' } } };
const tools = [{ type: 'function', function: { name: 'weather', parameters } }];
const ARGUMENTS = { city: 'Paris', unit: 'celsius' };

test('a chat is answered and tells its usage', async () => {
  const model = await fluxa.model();
  const { data, response } = await client.chat.completions.create({ model, messages: said('Hello from a story') }).withResponse();
  assert.equal(data.choices[0].message.content, 'Hello from a story');
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.equal(response.headers.get('x-fluxa-model'), model);
  const row = await fluxa.row(model);
  assert.equal((await fluxa.admin('GET', `/logs/${response.headers.get('x-fluxa-id')}`)).request_id, row.request_id);
});

test('a stream comes in order and without a usage chunk nobody asked for', async () => {
  const model = await fluxa.model();
  const chunks = await all(await client.chat.completions.create({ model, messages: said('one two three four'), stream: true }));
  assert(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), 'one two three four');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  const row = await fluxa.row(model);
  assert.deepEqual([row.stream, row.usage_state, row.usage.output], [true, 'reported', 4]);
});

test('a stream ends with the usage chunk when it is asked for', async () => {
  const model = await fluxa.model('prompt_tokens=9');
  const ask = { model, messages: said('one two'), stream: true, stream_options: { include_usage: true } };
  const chunks = await all(await client.chat.completions.create(ask));
  assert.equal(chunks.filter((chunk) => chunk.choices.length === 0).length, 1);
  assert.deepEqual([chunks.at(-1).usage.prompt_tokens, chunks.at(-1).usage.completion_tokens], [9, 2]);
});

test('a tool is called whole and in a stream', async () => {
  const model = await fluxa.model('tool=1');
  const answer = await client.chat.completions.create({ model, messages: said('Weather?'), tools });
  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments), ARGUMENTS);
  const chunks = await all(await client.chat.completions.create({ model, messages: said('Weather?'), tools, stream: true }));
  const calls = chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.delta.tool_calls ?? []));
  assert.equal(calls[0].function.name, 'weather');
  assert.deepEqual(JSON.parse(calls.map((call) => call.function.arguments ?? '').join('')), ARGUMENTS);
});

test('the stream helper of the SDK works', async () => {
  const model = await fluxa.model();
  const stream = client.chat.completions.stream({ model, messages: said('one two three') });
  assert.equal(await stream.finalContent(), 'one two three');
});

test('embeddings arrive as numbers and as base64', async () => {
  const model = await fluxa.model();
  const packed = await client.embeddings.create({ model, input: ['one', 'two'] });
  const plain = await client.embeddings.create({ model, input: ['one', 'two'], encoding_format: 'float' });
  assert.equal(plain.data.length, 2);
  assert.deepEqual(
    packed.data.map((row) => row.embedding),
    plain.data.map((row) => row.embedding),
  );
});

test('a response is answered whole and in a stream', async () => {
  const model = await fluxa.model();
  const answer = await client.responses.create({ model, input: 'Hello from a story' });
  assert.deepEqual([answer.status, answer.output_text], ['completed', 'Hello from a story']);
  const events = await all(await client.responses.create({ model, input: 'one two three', stream: true }));
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  const text = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
  assert.equal(text.join(''), 'one two three');
});

test('a text is completed, moderated and spoken, and a picture is made', async () => {
  const model = await fluxa.model();
  assert.equal((await client.completions.create({ model, prompt: 'Once upon a time' })).choices[0].text, 'Once upon a time');
  assert.equal((await client.moderations.create({ model, input: 'Hello' })).results[0].flagged, false);
  const sound = await client.audio.speech.create({ model, voice: 'alloy', input: 'Hello' });
  assert.equal((await sound.arrayBuffer()).byteLength, 64);
  const picture = await client.images.generate({ model, prompt: 'A story' });
  assert.equal(Buffer.from(picture.data[0].b64_json, 'base64').subarray(1, 4).toString(), 'PNG');
});

test('a recording is transcribed', async () => {
  const model = await fluxa.model();
  const file = await toFile(Buffer.alloc(70_000, 0xfe), 'story.wav', { type: 'audio/wav' });
  assert.equal((await client.audio.transcriptions.create({ model, file })).text, 'This is what was said.');
  const [record] = await vendor.seen(model);
  assert(record.body_bytes > 70_000);
});

test('models are listed and found', async () => {
  const model = await fluxa.model();
  const listed = await all(client.models.list());
  assert(listed.some((entry) => entry.id === model));
  assert.equal((await client.models.retrieve(model)).object, 'model');
});

test('the vendor gets our key, never the virtual one, and every field nobody knows', async () => {
  const model = await fluxa.model();
  await client.chat.completions.create({ model, messages: said('Hello'), z_new: { b: [1.5], a: null } });
  const [record] = await vendor.seen(model);
  assert.equal(record.auth, `Bearer ${VENDOR_KEY}`);
  assert(!JSON.stringify(record.headers).includes(fluxa.key));
  assert.deepEqual(JSON.parse(record.body).z_new, { b: [1.5], a: null });
});

test('a stream that the client leaves is charged', async () => {
  const model = await fluxa.model('events=500;interval_ms=10;text_bytes=12;prompt_tokens=8');
  const stream = await client.chat.completions.create({ model, messages: said('Please count for me, as far as you can get.'), stream: true });
  let count = 0;
  for await (const _ of stream) {
    if (++count === 10) break;
  }
  const row = await fluxa.row(model);
  assert.deepEqual([row.client_closed, row.usage_state], [true, 'estimated']);
  const gone = async () => (await vendor.seen(model)).find((record) => record.client_gone);
  const record = await until(gone, 'the vendor noticing');
  assert(record.completion_tokens > 0 && record.completion_tokens < 500);
  assert(row.cost_nanos > 0 && row.cost_nanos >= (await vendor.billNanos(model)));
});

test('a reported usage costs exactly its price', async () => {
  const model = await fluxa.model('prompt_tokens=1000;completion_tokens=77');
  await client.chat.completions.create({ model, messages: said('Hello') });
  assert.equal((await fluxa.row(model)).cost_nanos, 1000 * INPUT_NANOS + 77 * OUTPUT_NANOS);
});
