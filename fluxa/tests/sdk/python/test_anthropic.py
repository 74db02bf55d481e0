"""Every call of the Anthropic SDK does what it does at the vendor."""

import json

from harness import VENDOR_KEY

WEATHER = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}}
ARGUMENTS = {"city": "Paris", "unit": "celsius"}


def said(text):
    return [{"role": "user", "content": text}]


def model_of(fluxa, mock=""):
    return fluxa.model(mock, kind="anthropic")


def test_a_message_is_answered_and_its_cache_is_counted_apart(fluxa, as_anthropic):
    model = model_of(fluxa, "prompt_tokens=100;cached_tokens=60;cache_write_tokens=30")
    answer = as_anthropic().messages.create(model=model, max_tokens=64, messages=said("Hello from a story"))
    assert answer.content[0].text == "Hello from a story"
    assert answer.stop_reason == "end_turn"
    row = fluxa.row(model)
    counts = [row["usage"][name] for name in ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")]
    assert counts == [10, 60, 30, 0, 4, 0]
    assert (row["dialect_in"], row["dialect_out"], row["usage_state"]) == ("anthropic", "anthropic", "reported")


def test_a_message_streams_its_events_in_order(fluxa, as_anthropic):
    model = model_of(fluxa)
    with as_anthropic().messages.create(model=model, max_tokens=64, messages=said("one two three"), stream=True) as stream:
        events = list(stream)
    kinds = [event.type for event in events if event.type != "ping"]
    assert kinds == (
        ["message_start", "content_block_start"] + ["content_block_delta"] * 3 + ["content_block_stop", "message_delta", "message_stop"]
    )
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == "one two three"
    row = fluxa.row(model)
    assert (row["usage_state"], row["usage"]["output"], row["finish"]) == ("reported", 3, "end_turn")


def test_the_stream_helper_of_the_sdk_works(fluxa, as_anthropic):
    model = model_of(fluxa)
    with as_anthropic().messages.stream(model=model, max_tokens=64, messages=said("one two three")) as stream:
        assert "".join(stream.text_stream) == "one two three"
        assert stream.get_final_message().usage.output_tokens == 3


def test_a_tool_is_called_whole_and_in_a_stream(fluxa, as_anthropic):
    model = model_of(fluxa, "tool=1")
    ask = {"model": model, "max_tokens": 64, "messages": said("Weather?"), "tools": [WEATHER]}
    answer = as_anthropic().messages.create(**ask)
    assert (answer.stop_reason, answer.content[0].name, answer.content[0].input) == ("tool_use", "weather", ARGUMENTS)
    with as_anthropic().messages.create(**ask, stream=True) as stream:
        parts = [event.delta.partial_json for event in stream if event.type == "content_block_delta"]
    assert len(parts) > 2
    assert json.loads("".join(parts)) == ARGUMENTS


def test_tokens_are_counted_and_cost_nothing(fluxa, as_anthropic):
    model = model_of(fluxa, "prompt_tokens=77")
    assert as_anthropic().messages.count_tokens(model=model, messages=said("Hello")).input_tokens == 77
    row = fluxa.row(model)
    assert (row["status"], row["cost_nanos"]) == (200, 0)


def test_models_are_listed_and_found_in_the_shape_of_anthropic(fluxa, as_anthropic):
    model = model_of(fluxa)
    listed = {entry.id: entry for entry in as_anthropic().models.list(limit=1000)}
    assert listed[model].type == "model"
    found = as_anthropic().models.retrieve(model)
    assert (found.id, found.type) == (model, "model")


def test_beta_query_and_header_reach_the_vendor(fluxa, vendor, as_anthropic):
    model = model_of(fluxa)
    betas = ["context-management-2025-06-27", "a-beta-of-tomorrow-2027-01-01"]
    client = as_anthropic()
    # Older SDKs and Claude Code add the query by themselves; this one is made to.
    client.beta.messages.create(model=model, max_tokens=64, messages=said("Hello"), betas=betas, extra_query={"beta": "true"})
    (record,) = vendor.seen(model)
    headers = dict(record["headers"])
    assert record["path"].endswith("/v1/messages?beta=true")
    assert headers["anthropic-beta"] == ",".join(betas)
    assert headers["anthropic-version"] == client.default_headers["anthropic-version"]


def test_fields_nobody_knows_reach_the_vendor_untouched(fluxa, vendor, as_anthropic):
    model = model_of(fluxa)
    strange = {"z_new": {"b": [1.50, 1e3], "a": None}, "a_new": "ü"}
    as_anthropic().messages.create(model=model, max_tokens=64, messages=said("Hello"), extra_body=strange)
    (record,) = vendor.seen(model)
    sent = json.loads(record["body"])
    assert {name: sent[name] for name in strange} == strange
    assert list(sent)[-2:] == ["z_new", "a_new"]


def test_both_forms_of_the_key_open_and_neither_reaches_the_vendor(fluxa, vendor, key, as_anthropic):
    model = model_of(fluxa)
    as_anthropic().messages.create(model=model, max_tokens=64, messages=said("Hello"))
    as_anthropic(api_key=None, auth_token=key).messages.create(model=model, max_tokens=64, messages=said("Hello"))
    records = vendor.seen(model)
    assert len(records) == 2
    for record in records:
        assert dict(record["headers"])["x-api-key"] == VENDOR_KEY
        assert key not in json.dumps(record["headers"])
