// What goes wrong is raised as the SDK's own exception, with the gateway's code, and is not tried again in vain.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import Anthropic, * as anthropic from '@anthropic-ai/sdk';
import OpenAI, * as openai from 'openai';
import { VENDOR_KEY, all, said, start } from './harness.mjs';

const { vendor, fluxa, stop } = await start();
after(stop);

const BAD_KEY = 'vk-aaaaaaaa-0123456789012345678901234567890123456789012abcdef';
const asOpenAI = (apiKey = fluxa.key, options = {}) => new OpenAI({ apiKey, baseURL: `${fluxa.url}/v1`, ...options });
const asAnthropic = (apiKey = fluxa.key, options = {}) => new Anthropic({ apiKey, baseURL: fluxa.url, ...options });
const chat = (client, model, fields = {}) => client.chat.completions.create({ model, messages: said('Hello'), ...fields });
const message = (client, model) => client.messages.create({ model, max_tokens: 16, messages: said('Hello') });

/** The error a call ends with, which must be of this class. */
async function raised(promise, kind) {
  const error = await promise.then(
    () => assert.fail('nothing was raised'),
    (error) => error,
  );
  assert(error instanceof kind, `${error?.constructor?.name}: ${error?.message}`);
  return error;
}

test('a bad key is an authentication error', async () => {
  const model = await fluxa.model();
  assert.equal((await raised(chat(asOpenAI(BAD_KEY), model), openai.AuthenticationError)).code, 'invalid_api_key');
  await raised(message(asAnthropic(BAD_KEY), model), anthropic.AuthenticationError);
});

test('a model that is not allowed is a permission error', async () => {
  const model = await fluxa.model();
  const key = await fluxa.newKey({ models: ['gpt-of-others'] });
  assert.equal((await raised(chat(asOpenAI(key), model), openai.PermissionDeniedError)).code, 'model_not_allowed');
  await raised(message(asAnthropic(key), model), anthropic.PermissionDeniedError);
});

test('a model that nobody has is not found', async () => {
  assert.equal((await raised(chat(asOpenAI(), 'no-such-model-anywhere'), openai.NotFoundError)).code, 'model_not_found');
  await raised(message(asAnthropic(), 'no-such-model-anywhere'), anthropic.NotFoundError);
});

test('a rate limit is a rate limit error that says when to come back', async () => {
  const model = await fluxa.model();
  const client = asOpenAI(await fluxa.newKey({ rate_limit_rpm: 1 }), { maxRetries: 0 });
  await chat(client, model);
  const error = await raised(chat(client, model), openai.RateLimitError);
  assert.equal(error.code, 'rate_limit_exceeded');
  assert(Number(error.headers.get('retry-after')) >= 1);
});

test('what the vendor refuses as malformed stays its own words', async () => {
  const model = await fluxa.model('status=400;error_message=temperature must be less than 2');
  const error = await raised(chat(asOpenAI(), model), openai.BadRequestError);
  assert.match(error.message, /temperature must be less than 2/);
});

test('a spent budget is a 402 and is asked once', async () => {
  const key = await fluxa.newKey({ budget_usd_total: 0.00000001 });
  const model = await fluxa.model();
  const error = await raised(chat(asOpenAI(key, { maxRetries: 3 }), model), openai.APIError);
  assert.deepEqual([error.status, error.code], [402, 'budget_exceeded']);
  assert.equal((await fluxa.row(model)).status, 402);
  const other = await fluxa.model('', 'anthropic');
  assert.equal((await raised(message(asAnthropic(key, { maxRetries: 3 }), other), anthropic.APIError)).status, 402);
  assert.equal((await fluxa.row(other)).status, 402);
  assert.equal((await vendor.seen(model)).length + (await vendor.seen(other)).length, 0);
});

test('a vendor that refuses our key is a 502 which shows nothing of it', async () => {
  const model = await fluxa.model(`status=401;error_message=Incorrect API key provided: ${VENDOR_KEY}.`);
  const error = await raised(chat(asOpenAI(), model), openai.InternalServerError);
  assert.deepEqual([error.status, error.code], [502, 'upstream_auth_failed']);
  assert(!JSON.stringify(error.error).includes(VENDOR_KEY) && !error.message.includes(VENDOR_KEY));
  assert.equal((await fluxa.row(model)).status, 502);
});

test('a failing vendor is left for the fallback', async () => {
  for (const status of [429, 500]) {
    const [bad, good] = [await fluxa.provider(`status=${status}`), await fluxa.provider()];
    const model = await fluxa.route([bad, good]);
    const { response } = await chat(asOpenAI(undefined, { maxRetries: 0 }), model).withResponse();
    assert.equal(response.headers.get('x-fluxa-provider'), good);
    const { attempts } = await fluxa.row(model);
    assert.deepEqual([attempts[0].provider, attempts[0].status, attempts.at(-1).provider], [bad, status, good]);
  }
});

test('a stream that breaks is an error and no silent end', async () => {
  const model = await fluxa.model('events=50;abort_after_bytes=2000');
  await raised(chat(asOpenAI(), model, { stream: true }).then(all), openai.APIError);
});
