"""The firewall behind the official clients: a blocked call is a bad request, masked arguments still run the tool loop, and values that
the vendor never saw come back as if it had."""

import json

import anthropic
import openai
import pytest
from google.genai import errors, types

SECRET = "sk-proj-Zm9yIGEgdGVzdCBvbmx5LCBub3QgYSBrZXkgYXQgYWxs_x4"
MAIL = "zoe.adler@harbor-lights.net"
SCHEMA = {"type": "object", "properties": {"note": {"type": "string"}}}
KINDS = ["openai", "anthropic", "gemini"]


def key_that(fluxa, action):
    """A key whose calls have this done about a secret and an address, both ways."""
    actions = {"openai_key": action, "email": action}
    fluxa.admin("PUT", f"/firewall/policies/sdk-{action}", {"actions": actions, "default": "off"})
    return fluxa.key(firewall_policy=f"sdk-{action}")


def said(text):
    return [{"role": "user", "content": text}]


def sent(vendor, model):
    """The bodies that the vendor was sent for a model, as one text. The heads hold what the mock is told to say."""
    seen = vendor.seen(model)
    assert seen
    return json.dumps([{name: value for name, value in record.items() if name != "headers"} for record in seen])


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_call_is_a_bad_request(fluxa, vendor, as_openai, as_anthropic, as_gemini, stream):
    key, model = key_that(fluxa, "block"), fluxa.model()
    with pytest.raises(openai.BadRequestError) as caught:
        as_openai(key).chat.completions.create(model=model, messages=said(SECRET), stream=stream)
    assert caught.value.code == "content_blocked" and "openai_key" in str(caught.value) and SECRET not in str(caught.value)
    with pytest.raises(openai.BadRequestError) as caught:
        as_openai(key).responses.create(model=model, input=SECRET, stream=stream)
    assert caught.value.code == "content_blocked"
    with pytest.raises(anthropic.BadRequestError) as caught:
        as_anthropic(key).messages.create(model=model, max_tokens=16, messages=said(SECRET), stream=stream)
    assert "openai_key" in str(caught.value) and SECRET not in str(caught.value)
    with pytest.raises(errors.ClientError) as caught:
        ask = as_gemini(key).models
        list(ask.generate_content_stream(model=model, contents=SECRET)) if stream else ask.generate_content(model=model, contents=SECRET)
    assert caught.value.code == 400 and "openai_key" in str(caught.value)
    assert vendor.seen(model) == [], "and none of the clients tried again in vain"


# The mock signs Gemini's calls by their arguments, so one whose arguments were masked is not its own any more.
@pytest.mark.parametrize("kind, action", [(kind, "pseudonym") for kind in KINDS] + [("openai", "mask"), ("anthropic", "mask")])
def test_a_tool_loop_runs_on_masked_and_on_given_back_arguments(fluxa, vendor, as_openai, as_anthropic, kind, action):
    key = key_that(fluxa, action)
    inside = "<EMAIL_1>" if action == "pseudonym" else MAIL
    model = fluxa.model(f'tool=1;tool_arguments={json.dumps({"note": f"write to {inside}"})}', kind)
    expected = {"note": f"write to {MAIL}"} if action == "pseudonym" else {"note": "write to [EMAIL]"}

    client = as_openai(key)
    talk = said(f"I am {MAIL}")
    tools = [{"type": "function", "function": {"name": "send", "parameters": SCHEMA}}]
    call = client.chat.completions.create(model=model, messages=talk, tools=tools).choices[0].message
    assert json.loads(call.tool_calls[0].function.arguments) == expected
    talk += [call.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": f"sent to {MAIL}"}]
    assert client.chat.completions.create(model=model, messages=talk, tools=tools).choices[0].message

    client = as_anthropic(key)
    talk = said(f"I am {MAIL}")
    tools = [{"name": "send", "input_schema": SCHEMA}]
    with client.messages.stream(model=model, max_tokens=200, messages=talk, tools=tools) as stream:
        answer = stream.get_final_message()
    use = next(block for block in answer.content if block.type == "tool_use")
    assert use.input == expected
    result = {"type": "tool_result", "tool_use_id": use.id, "content": f"sent to {MAIL}"}
    talk += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert client.messages.create(model=model, max_tokens=200, messages=talk, tools=tools).content
    assert MAIL not in sent(vendor, model)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_with_stand_ins_reads_naturally(fluxa, vendor, as_openai, as_anthropic, as_gemini, kind):
    key, model = key_that(fluxa, "pseudonym"), fluxa.model("cut_chars=3", kind)
    text = f"Dear {MAIL}, the {MAIL} of old is gone."
    chunks = as_openai(key).chat.completions.create(model=model, messages=said(text), stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    with as_openai(key).responses.stream(model=model, input=text) as stream:
        assert stream.get_final_response().output_text == text
    with as_anthropic(key).messages.stream(model=model, max_tokens=400, messages=said(text)) as stream:
        assert "".join(stream.text_stream) == text
        assert stream.get_final_message().content[0].text == text
    config = types.GenerateContentConfig(max_output_tokens=400)
    pieces = as_gemini(key).models.generate_content_stream(model=model, contents=text, config=config)
    assert "".join(piece.text or "" for piece in pieces) == text
    assert MAIL not in sent(vendor, model) and "<EMAIL_1>" in sent(vendor, model)
