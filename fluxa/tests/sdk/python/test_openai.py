"""Every call of the OpenAI SDK does what it does at the vendor."""

import base64
import json

from harness import VENDOR_KEY

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}},
}
ARGUMENTS = {"city": "Paris", "unit": "celsius"}


def said(text):
    return [{"role": "user", "content": text}]


def test_a_chat_is_answered_and_tells_its_usage(fluxa, as_openai):
    model = fluxa.model()
    answer = as_openai().chat.completions.create(model=model, messages=said("Hello from a story"))
    assert answer.choices[0].message.content == "Hello from a story"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_every_answer_says_who_gave_it(fluxa, as_openai):
    model = fluxa.model()
    raw = as_openai().chat.completions.with_raw_response.create(
        model=model, messages=said("Hello"), extra_headers={"x-request-id": "story-request-1"}
    )
    assert raw.headers["x-request-id"] == "story-request-1"
    assert raw.headers["x-fluxa-provider"].startswith("openai-")
    assert raw.headers["x-fluxa-model"] == model
    assert raw.headers["x-fluxa-attempts"]
    row = fluxa.row(model)
    assert fluxa.admin("GET", f"/logs/{raw.headers['x-fluxa-id']}")["request_id"] == row["request_id"]


def test_a_stream_comes_in_order_and_without_a_usage_chunk_nobody_asked_for(fluxa, as_openai):
    model = fluxa.model()
    chunks = list(as_openai().chat.completions.create(model=model, messages=said("one two three four"), stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three four"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices[0].finish_reason == "stop"
    row = fluxa.row(model)
    assert row["stream"] is True
    assert row["usage_state"] == "reported"
    assert row["usage"]["output"] == 4


def test_a_stream_ends_with_the_usage_chunk_when_it_is_asked_for(fluxa, as_openai):
    model = fluxa.model("cached_tokens=1;prompt_tokens=9")
    chunks = list(
        as_openai().chat.completions.create(model=model, messages=said("one two"), stream=True, stream_options={"include_usage": True})
    )
    assert [bool(chunk.choices) for chunk in chunks].count(False) == 1
    assert not chunks[-1].choices
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (9, 2)
    usage = fluxa.row(model)["usage"]
    assert (usage["input_uncached"], usage["cache_read"], usage["output"]) == (8, 1, 2)


def test_a_tool_is_called(fluxa, as_openai):
    model = fluxa.model("tool=1")
    answer = as_openai().chat.completions.create(model=model, messages=said("Weather?"), tools=[WEATHER])
    (call,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", ARGUMENTS)


def test_the_arguments_of_a_tool_arrive_in_a_stream(fluxa, as_openai):
    model = fluxa.model("tool=1")
    stream = as_openai().chat.completions.create(model=model, messages=said("Weather?"), tools=[WEATHER], stream=True)
    calls = [call for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert calls[0].id and calls[0].function.name == "weather"
    assert len(calls) > 2
    assert json.loads("".join(call.function.arguments or "" for call in calls)) == ARGUMENTS


def test_the_stream_helper_of_the_sdk_works(fluxa, as_openai):
    model = fluxa.model()
    with as_openai().chat.completions.stream(model=model, messages=said("one two three")) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert final.choices[0].message.content == "one two three"


def test_embeddings_arrive_as_numbers_and_as_base64(fluxa, as_openai):
    model = fluxa.model()
    packed = as_openai().embeddings.create(model=model, input=["one", "two"])
    plain = as_openai().embeddings.create(model=model, input=["one", "two"], encoding_format="float")
    assert len(plain.data) == 2
    assert [row.embedding for row in packed.data] == [row.embedding for row in plain.data]
    assert packed.usage.prompt_tokens > 0
    assert all(row["usage"]["output"] == 0 for row in fluxa.rows(model, 2))


def test_a_response_is_answered(fluxa, as_openai):
    model = fluxa.model()
    answer = as_openai().responses.create(model=model, input="Hello from a story")
    assert (answer.status, answer.output_text) == ("completed", "Hello from a story")
    assert fluxa.row(model)["usage"]["output"] == answer.usage.output_tokens == 4


def test_a_response_streams_its_events_in_order(fluxa, as_openai):
    model = fluxa.model()
    events = list(as_openai().responses.create(model=model, input="one two three", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "one two three"
    row = fluxa.row(model)
    assert (row["usage_state"], row["usage"]["output"]) == ("reported", 3)


def test_a_text_is_completed(fluxa, as_openai):
    model = fluxa.model()
    assert as_openai().completions.create(model=model, prompt="Once upon a time").choices[0].text == "Once upon a time"
    stream = as_openai().completions.create(model=model, prompt="Once upon a time", stream=True)
    assert "".join(choice.text for chunk in stream for choice in chunk.choices) == "Once upon a time"
    assert [row["usage"]["output"] for row in fluxa.rows(model, 2)] == [4, 4]


def test_a_text_is_moderated(fluxa, as_openai):
    model = fluxa.model()
    assert as_openai().moderations.create(model=model, input="Hello").results[0].flagged is False


def test_a_picture_is_made(fluxa, as_openai):
    model = fluxa.model()
    picture = as_openai().images.generate(model=model, prompt="A story")
    assert base64.b64decode(picture.data[0].b64_json).startswith(b"\x89PNG")


def test_a_recording_is_transcribed(fluxa, vendor, as_openai):
    model = fluxa.model()
    sound = b"RIFF\x00\xff\xfe\r\n--not a boundary\r\n" + bytes(range(256)) * 64
    answer = as_openai().audio.transcriptions.create(model=model, file=("story.wav", sound, "audio/wav"))
    assert answer.text == "This is what was said."
    (record,) = vendor.seen(model)
    headers = dict(record["headers"])
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert record["body_bytes"] > len(sound)
    assert fluxa.row(model)["status"] == 200


def test_a_text_is_spoken(fluxa, as_openai):
    model = fluxa.model()
    sound = as_openai().audio.speech.create(model=model, voice="alloy", input="Hello").content
    assert sound[:3] == b"\xff\xfb\x90" and len(sound) == 64


def test_models_are_listed_and_found(fluxa, as_openai):
    model = fluxa.model()
    listed = as_openai().models.list()
    assert model in [entry.id for entry in listed]
    found = as_openai().models.retrieve(model)
    assert (found.id, found.object) == (model, "model")


def test_a_key_lists_only_its_models(fluxa, as_openai):
    mine, other = fluxa.model(), fluxa.model()
    ids = [entry.id for entry in as_openai(fluxa.key(models=[mine])).models.list()]
    assert mine in ids and other not in ids


def test_fields_nobody_knows_reach_the_vendor_untouched(fluxa, vendor, as_openai):
    model = fluxa.model()
    strange = {"z_new": {"b": [1.50, 1e3], "a": None}, "a_new": "ü"}
    as_openai().chat.completions.create(model=model, messages=said("Hello"), extra_body=strange)
    (record,) = vendor.seen(model)
    sent = json.loads(record["body"])
    assert {name: sent[name] for name in strange} == strange
    assert list(sent)[-2:] == ["z_new", "a_new"]


def test_the_vendor_gets_our_key_and_never_the_virtual_one(fluxa, vendor, key, as_openai):
    model = fluxa.model()
    as_openai().chat.completions.create(model=model, messages=said("Hello"), extra_headers={"cookie": "a=b", "x-api-key": key})
    (record,) = vendor.seen(model)
    assert record["auth"] == f"Bearer {VENDOR_KEY}"
    assert key not in json.dumps(record["headers"])
    assert "cookie" not in dict(record["headers"])


def test_beta_headers_reach_the_vendor(fluxa, vendor, as_openai):
    model = fluxa.model()
    as_openai().chat.completions.create(model=model, messages=said("Hello"), extra_headers={"OpenAI-Beta": "a=v1,b=v2"})
    (record,) = vendor.seen(model)
    assert dict(record["headers"])["openai-beta"] == "a=v1,b=v2"
