"""What one dialect says arrives in the other: pictures, long names, limits, formats; what cannot be carried is named; a
vendor of another dialect is a fallback like any other; and the ledger knows both dialects."""

import base64
import hashlib
import json

import pytest
from google.genai import types

from harness import VENDOR_KEY

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
LONG = "mcp__a_server_with_quite_a_long_name__" + "and_a_tool_whose_name_is_no_shorter_at_all"
KINDS = ["openai", "anthropic", "gemini", "bedrock"]
STRICT = "strict=1"


def said(text="Hello"):
    return [{"role": "user", "content": text}]


def body(vendor, model, at=-1):
    return json.loads(vendor.seen(model)[at]["body"])


def picture_in(kind, sent):
    """The picture of the last turn, as this vendor reads it: its type and its bytes."""
    if kind == "gemini":
        (blob,) = [part["inlineData"] for part in sent["contents"][-1]["parts"] if "inlineData" in part]
        # Google's own SDK writes some fields so, which pass through.
        return blob.get("mimeType") or blob["mime_type"], blob["data"]
    content = sent["messages"][-1]["content"]
    if kind == "openai":
        (url,) = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        head, data = url.split(";base64,")
        return head.removeprefix("data:"), data
    if kind == "anthropic":
        (source,) = [part["source"] for part in content if part["type"] == "image"]
        assert source["type"] == "base64"
        return source["media_type"], source["data"]
    (image,) = [part["image"] for part in content if "image" in part]
    return f"image/{image['format']}", image["source"]["bytes"]


def ask_with_picture(dialect, model, as_openai, as_anthropic, as_gemini):
    if dialect == "openai":
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]
        return as_openai().chat.completions.create(model=model, messages=said(parts)).choices[0].message.content
    if dialect == "responses":
        parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]
        return as_openai().responses.create(model=model, input=said(parts)).output_text
    if dialect == "anthropic":
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]
        return as_anthropic().messages.create(model=model, max_tokens=64, messages=said(parts)).content[0].text
    parts = ["What is this?", types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")]
    return as_gemini().models.generate_content(model=model, contents=parts).text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "gemini"])
def test_a_picture_reaches_every_vendor(fluxa, vendor, as_openai, as_anthropic, as_gemini, dialect, kind):
    if (dialect, kind) in (("responses", "openai"), (kind, kind)):
        kind = {"openai": "zero-one"}.get(kind, kind)
    model = fluxa.model(STRICT, kind)
    assert ask_with_picture(dialect, model, as_openai, as_anthropic, as_gemini) == "What is this?"
    assert picture_in({"zero-one": "openai"}.get(kind, kind), body(vendor, model)) == ("image/png", PIXEL)


# Long names: those that a vendor would not take are cut for it, and whole again in the answer.


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["openai", "gemini", "bedrock"])
def test_a_long_tool_name_comes_back_whole_to_an_anthropic_client(fluxa, vendor, as_anthropic, kind, stream):
    model = fluxa.model(f"{STRICT};tool=1", kind)
    tools = [{"name": LONG, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
    ask = {"model": model, "max_tokens": 64, "messages": said(), "tools": tools, "tool_choice": {"type": "tool", "name": LONG}}
    if stream:
        with as_anthropic().messages.stream(**ask) as events:
            answer = events.get_final_message()
    else:
        answer = as_anthropic().messages.create(**ask)
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (call.name, call.input) == (LONG, {"city": "Paris", "unit": "celsius"})
    # The name in the history and in the choice is the one that the vendor was told.
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    messages = [*said(), {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    as_anthropic().messages.create(**{**ask, "messages": messages, "tool_choice": {"type": "auto"}})
    if kind == "openai":
        told = body(vendor, model)
        assert told["messages"][-2]["tool_calls"][0]["function"]["name"] == told["tools"][0]["function"]["name"] != LONG


def test_names_that_differ_only_at_their_end_stay_two(fluxa, as_anthropic):
    model = fluxa.model(f"{STRICT};agent=1", "bedrock")
    names = [LONG + end for end in ("_one", "_two")]
    tools = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]
    answer = as_anthropic().messages.create(model=model, max_tokens=64, messages=said(), tools=tools)
    assert [block.name for block in answer.content if block.type == "tool_use"] == names


def test_a_name_with_dots_from_a_gemini_client_comes_back(fluxa, as_gemini):
    for kind in ("openai", "anthropic", "bedrock"):
        model = fluxa.model(f"{STRICT};tool=1", kind)
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="trips.weather:now", parameters_json_schema=schema)])
        off = types.AutomaticFunctionCallingConfig(disable=True)
        config = types.GenerateContentConfig(tools=[tool], automatic_function_calling=off)
        answer = as_gemini().models.generate_content(model=model, contents="Weather?", config=config)
        assert [call.name for call in answer.function_calls] == ["trips.weather:now"]


# What cannot be carried.


@pytest.mark.parametrize("kind", ["anthropic", "bedrock"])
def test_a_field_that_cannot_be_carried_is_named(fluxa, vendor, as_openai, kind):
    model = fluxa.model(STRICT, kind)
    ask = {"model": model, "messages": said(), "logit_bias": {"50256": -100}, "seed": 7}
    raw = as_openai().chat.completions.with_raw_response.create(**ask)
    assert raw.parse().choices[0].message.content == "Hello"
    dropped = raw.headers["x-fluxa-dropped"]
    assert "logit_bias" in dropped and "seed" in dropped
    assert not {"logit_bias", "seed"} & set(body(vendor, model))


def test_nothing_is_named_where_nothing_is_dropped(fluxa, as_openai, as_anthropic, as_gemini):
    for kind in ("anthropic", "gemini", "bedrock"):
        ask = {"model": fluxa.model(STRICT, kind), "messages": said(), "temperature": 0.5, "stop": ["END"], "max_tokens": 9}
        assert "x-fluxa-dropped" not in as_openai().chat.completions.with_raw_response.create(**ask).headers
    for kind in ("openai", "gemini", "bedrock"):
        ask = {"model": fluxa.model(STRICT, kind), "messages": said(), "stop_sequences": ["END"], "max_tokens": 9, "extra_body": {"temperature": 0.5}}
        assert "x-fluxa-dropped" not in as_anthropic().messages.with_raw_response.create(**ask).headers


def test_two_answers_cannot_be_had_where_a_vendor_gives_one(fluxa, vendor, as_openai):
    import openai

    model = fluxa.model(STRICT, "anthropic")
    with pytest.raises(openai.BadRequestError):
        as_openai().chat.completions.create(model=model, messages=said(), n=2)
    assert vendor.seen(model) == []


def test_limits_of_the_client_are_the_vendors(fluxa, vendor, as_openai, as_anthropic, as_gemini):
    def limits(kind, sent):
        if kind == "gemini":
            config = sent["generationConfig"]
            return config["maxOutputTokens"], config["temperature"], config["stopSequences"]
        if kind == "bedrock":
            config = sent["inferenceConfig"]
            return config["maxTokens"], config["temperature"], config["stopSequences"]
        stop = sent["stop_sequences"] if kind == "anthropic" else sent["stop"]
        return sent.get("max_tokens") or sent["max_completion_tokens"], sent["temperature"], [stop] if isinstance(stop, str) else stop

    for kind in KINDS:
        if kind != "openai":
            model = fluxa.model(STRICT, kind)
            ask = {"messages": said("a b c d e f"), "max_tokens": 3, "temperature": 0.25, "stop": ["X"]}
            answer = as_openai().chat.completions.create(model=model, **ask)
            assert (answer.choices[0].finish_reason, answer.choices[0].message.content) == ("length", "a b c"), kind
            assert limits(kind, body(vendor, model)) == (3, 0.25, ["X"])
        if kind != "anthropic":
            model = fluxa.model(STRICT, kind)
            ask = {"messages": said("a b c d e f"), "max_tokens": 3, "stop_sequences": ["X"], "extra_body": {"temperature": 0.25}}
            answer = as_anthropic().messages.create(model=model, **ask)
            assert (answer.stop_reason, answer.content[0].text) == ("max_tokens", "a b c"), kind
            assert limits(kind, body(vendor, model)) == (3, 0.25, ["X"])
        if kind != "gemini":
            model = fluxa.model(STRICT, kind)
            config = types.GenerateContentConfig(max_output_tokens=3, temperature=0.25, stop_sequences=["X"])
            answer = as_gemini().models.generate_content(model=model, contents="a b c d e f", config=config)
            assert (answer.candidates[0].finish_reason, answer.text) == (types.FinishReason.MAX_TOKENS, "a b c"), kind
            assert limits(kind, body(vendor, model)) == (3, 0.25, ["X"])


# Tokens.


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_counted_over_every_vendor(fluxa, vendor, as_anthropic, as_gemini, kind):
    model = fluxa.model("prompt_tokens=77", kind)
    text = "How many tokens may this be? " * 20
    by_anthropic = as_anthropic().messages.count_tokens(model=model, messages=said(text)).input_tokens
    by_gemini = as_gemini().models.count_tokens(model=model, contents=text).total_tokens
    for count in (by_anthropic, by_gemini):
        assert count == 77 or 50 <= count <= 400
    assert all((row["status"], row["cost_nanos"]) == (200, 0) for row in fluxa.rows(model, 2))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["anthropic", "gemini", "bedrock"])
def test_what_a_vendor_has_cached_is_counted_and_told(fluxa, as_openai, kind, stream):
    model = fluxa.model("prompt_tokens=100;cached_tokens=60;cache_write_tokens=30", kind)
    if stream:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        *_, last = as_openai().chat.completions.create(model=model, messages=said("one two"), **options)
        usage = last.usage
    else:
        usage = as_openai().chat.completions.create(model=model, messages=said("one two")).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens) == (100, 60, 2)
    counts = [fluxa.row(model)["usage"][name] for name in ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")]
    assert counts == ([40, 60, 0, 0, 2] if kind == "gemini" else [10, 60, 30, 0, 2])


def test_usage_nobody_asked_for_is_not_sent(fluxa, as_openai):
    for kind in ("anthropic", "gemini", "bedrock"):
        model = fluxa.model("", kind)
        chunks = list(as_openai().chat.completions.create(model=model, messages=said("one two"), stream=True))
        assert all(chunk.choices and chunk.usage is None for chunk in chunks), kind
        assert fluxa.row(model)["usage_state"] == "reported"


# Fallbacks.


def with_fallback(fluxa, first, then):
    bad, good = fluxa.provider("status=500", first), fluxa.provider(STRICT, then)
    model = f"{'claude' if then == 'anthropic' else 'gpt'}-fallback-{bad}"
    fluxa.price(model)
    fluxa.route(model, bad, good, retries=0)
    return model, good


@pytest.mark.parametrize("stream", [False, True])
def test_an_openai_client_falls_back_to_anthropic(fluxa, as_openai, stream):
    model, good = with_fallback(fluxa, "openai", "anthropic")
    client = as_openai(max_retries=0)
    if stream:
        chunks = client.chat.completions.create(model=model, messages=said("one two"), stream=True)
        assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "one two"
    else:
        assert client.chat.completions.create(model=model, messages=said("one two")).choices[0].message.content == "one two"
    row = fluxa.row(model)
    assert (row["provider"], row["dialect_in"], row["dialect_out"]) == (good, "openai", "anthropic")
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 200]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("then", ["openai", "bedrock"])
def test_an_anthropic_client_falls_back_to_another(fluxa, as_anthropic, then, stream):
    model, good = with_fallback(fluxa, "anthropic", then)
    ask = {"model": model, "max_tokens": 64, "messages": said("one two")}
    client = as_anthropic(max_retries=0)
    if stream:
        with client.messages.stream(**ask) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**ask)
    assert answer.content[0].text == "one two"
    row = fluxa.row(model)
    assert (row["provider"], row["dialect_in"], row["dialect_out"]) == (good, "anthropic", then)


def test_a_gemini_client_falls_back_from_its_own(fluxa, as_gemini):
    model, good = with_fallback(fluxa, "gemini", "anthropic")
    assert as_gemini().models.generate_content(model=model, contents="one two").text == "one two"
    assert fluxa.row(model)["provider"] == good


# Formats.


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_a_schema_for_the_answer_reaches_the_vendor(fluxa, vendor, as_openai, kind):
    answer = '{"city":"Paris"}'
    model = fluxa.model(f"answer={answer}", kind)
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": schema}}
    got = as_openai().chat.completions.create(model=model, messages=said(), response_format=wanted)
    assert json.loads(got.choices[0].message.content) == {"city": "Paris"}
    sent = body(vendor, model)
    told = sent["output_config"]["format"]["schema"] if kind == "anthropic" else sent["generationConfig"]["responseJsonSchema"]
    assert told == schema


def test_no_key_and_no_header_of_the_client_reaches_a_foreign_vendor(fluxa, vendor, key, as_openai, as_anthropic):
    for kind in KINDS:
        model = fluxa.model("", kind)
        extra = {"cookie": "a=b", "anthropic-beta": "a-beta", "openai-beta": "b=v1"}
        if kind != "openai":
            as_openai().chat.completions.create(model=model, messages=said(), extra_headers=extra)
        if kind != "anthropic":
            as_anthropic().messages.create(model=model, max_tokens=64, messages=said(), extra_headers=extra)
        for record in vendor.seen(model):
            headers = dict(record["headers"])
            assert key not in json.dumps(record)
            assert "cookie" not in headers
            # Betas are the vendor's own, whoever asks for them.
            assert "anthropic-beta" not in headers or kind == "anthropic"
            assert "openai-beta" not in headers or kind == "openai"
            assert ("anthropic-version" in headers) == (kind == "anthropic")
            if kind in ("openai", "anthropic", "gemini"):
                name = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}[kind]
                assert headers[name].removeprefix("Bearer ") == VENDOR_KEY
            else:
                assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


def test_a_bedrock_api_key_is_a_bearer_and_a_wrong_secret_is_a_502(fluxa, vendor, as_openai):
    import openai

    provider = fluxa.provider("", "bedrock", access_key_id=None, secret_access_key=None, api_key="bedrock-api-key-story")
    model = f"anthropic.claude-of-{provider}"
    fluxa.route(model, provider)
    fluxa.price(model)
    assert as_openai().chat.completions.create(model=model, messages=said()).choices[0].message.content == "Hello"
    assert vendor.seen(model)[0]["auth"] == "Bearer bedrock-api-key-story"
    provider = fluxa.provider("", "bedrock", secret_access_key="not-the-secret")
    model = f"anthropic.claude-of-{provider}"
    fluxa.route(model, provider, retries=0)
    fluxa.price(model)
    with pytest.raises(openai.InternalServerError) as caught:
        as_openai(max_retries=0).chat.completions.create(model=model, messages=said())
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth_failed")


def test_an_arn_as_a_model_is_signed_as_it_is_sent(fluxa, vendor, as_openai):
    provider = fluxa.provider("", "bedrock")
    digest = hashlib.sha256(provider.encode()).hexdigest()[:12]
    arn = f"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/{digest}"
    fluxa.admin("PUT", f"/routes/profile-{digest}", {"targets": [{"provider": provider, "model": arn}]})
    fluxa.price(arn)
    stream = as_openai().chat.completions.create(model=f"profile-{digest}", messages=said("one two"), stream=True)
    assert "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices) == "one two"
    assert vendor.seen(arn)[0]["path"].startswith("/model/arn")
