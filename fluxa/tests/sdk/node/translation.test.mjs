// Agents work for a client of one dialect over vendors of another: every call and every result arrives whole.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { said, start } from './harness.mjs';

const { vendor, fluxa, stop } = await start();
after(stop);

const openai = new OpenAI({ apiKey: fluxa.key, baseURL: `${fluxa.url}/v1`, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: fluxa.key, baseURL: fluxa.url, maxRetries: 0 });
const MOCK = 'agent=3;strict=1';
const SCHEMAS = {
  weather: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  hotels: { type: 'object', properties: { city: { type: 'string' } } },
  now: { type: 'object', properties: {} },
};
const TURNS = [['weather', 'hotels'], ['weather'], ['now'], []];
const run = (name, given) => `${name} told ${JSON.stringify(given)}`;
const city = (step, index) => `city ${step}.${index} \u00e9\u65e5 "quoted" \\ \n{}`;

/** Checks the calls of every turn and the last text; the rows agree with the vendor's bill. */
async function check(model, turns, text, dialects) {
  assert.deepEqual(turns.map((calls) => calls.map(([name]) => name)), TURNS);
  assert.deepEqual(turns[0].map(([, given]) => given.city), [city(0, 0), city(0, 1)]);
  assert.deepEqual(turns[2][0][1], {});
  assert.equal(text, `results: ${turns.flat().map(([name, given]) => run(name, given)).join('; ')}`);
  const rows = await fluxa.rows(model, TURNS.length);
  assert(rows.every((row) => row.dialect_in === dialects[0] && row.dialect_out === dialects[1]));
  assert.equal(rows.reduce((sum, row) => sum + row.cost_nanos, 0), await vendor.billNanos(model));
}

for (const kind of ['anthropic', 'gemini', 'bedrock']) {
  test(`an OpenAI client streams an agent over ${kind}`, async () => {
    const model = await fluxa.model(MOCK, kind);
    const tools = Object.entries(SCHEMAS).map(([name, parameters]) => ({ type: 'function', function: { name, parameters } }));
    const [messages, turns] = [said('Plan a trip'), []];
    for (;;) {
      const ask = { model, messages, tools, max_completion_tokens: 4096, reasoning_effort: 'low' };
      const stream = openai.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
      const { choices, usage } = await stream.finalChatCompletion();
      const { message } = choices[0];
      assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
      const calls = message.tool_calls ?? [];
      turns.push(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]));
      if (calls.length === 0) return check(model, turns, message.content, ['openai', kind]);
      const tool_calls = calls.map(({ id, type, function: { name, arguments: given } }) => ({ id, type, function: { name, arguments: given } }));
      messages.push({ role: 'assistant', content: message.content, tool_calls });
      calls.forEach((call, at) => messages.push({ role: 'tool', tool_call_id: call.id, content: run(...turns.at(-1)[at]) }));
    }
  });
}

for (const kind of ['openai', 'gemini', 'bedrock']) {
  test(`an Anthropic client streams an agent that thinks over ${kind}`, async () => {
    const model = await fluxa.model(MOCK, kind);
    const tools = Object.entries(SCHEMAS).map(([name, input_schema]) => ({ name, input_schema }));
    const [messages, turns] = [said('Plan a trip'), []];
    for (;;) {
      const thinking = { type: 'enabled', budget_tokens: 1024 };
      const answer = await anthropic.messages.stream({ model, max_tokens: 4096, messages, tools, thinking }).finalMessage();
      assert.equal(answer.content[0].type, 'thinking');
      assert.match(answer.content[0].thinking, /^Let me think about step \d/);
      const calls = answer.content.filter((block) => block.type === 'tool_use');
      turns.push(calls.map((call) => [call.name, call.input]));
      if (calls.length === 0) return check(model, turns, answer.content.at(-1).text, ['anthropic', kind]);
      const content = calls.map((call, at) => ({ type: 'tool_result', tool_use_id: call.id, content: run(...turns.at(-1)[at]) }));
      messages.push({ role: 'assistant', content: answer.content }, { role: 'user', content });
    }
  });
}

test('a stream that breaks over a foreign vendor raises in both SDKs', async () => {
  const read = async (stream) => {
    for await (const _ of await stream);
  };
  for (const kind of ['anthropic', 'gemini', 'bedrock']) {
    const model = await fluxa.model('events=60;abort_after_bytes=3000', kind);
    await assert.rejects(read(openai.chat.completions.create({ model, messages: said('count'), stream: true })), OpenAI.APIError);
  }
  for (const kind of ['openai', 'gemini', 'bedrock']) {
    const model = await fluxa.model('events=60;abort_after_bytes=3000', kind);
    const ask = { model, max_tokens: 640, messages: said('count'), stream: true };
    await assert.rejects(read(anthropic.messages.create(ask)), Anthropic.APIError);
  }
});
