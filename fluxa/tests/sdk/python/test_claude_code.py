"""A session of Claude Code works over vendors that are not Anthropic."""

import json

import pytest

import talks

BILLING = "x-anthropic-billing-header: cc_version=2.1.90.a1b; cc_entrypoint=cli;"
USER_ID = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "0d8b1b9e-6a52-4b0e-9f1c-3f1f5a4f1f10"})
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,prompt-caching-scope-2026-01-05"
CACHED = {"type": "ephemeral"}
SYSTEM = [
    {"type": "text", "text": BILLING},
    {"type": "text", "text": "You are Claude Code.", "cache_control": CACHED},
    {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
]
TOOLS = [{**tool, "eager_input_streaming": True} for tool in talks.MESSAGE_TOOLS]
TOOLS[-1]["cache_control"] = CACHED


def session(client, model):
    messages, texts = [{"role": "user", "content": [{"type": "text", "text": "Plan a trip", "cache_control": CACHED}]}], []
    while True:
        with client.beta.messages.stream(
            model=model,
            max_tokens=32_000,
            system=SYSTEM,
            messages=messages,
            tools=TOOLS,
            thinking={"type": "adaptive"},
            metadata={"user_id": USER_ID},
            extra_body={"output_config": {"effort": "medium"}},
            extra_query={"beta": "true"},
            extra_headers={"anthropic-beta": BETAS, "x-app": "cli", "user-agent": "claude-cli/2.1.90 (external, cli)"},
        ) as stream:
            answer = stream.get_final_message()
        calls = [block for block in answer.content if block.type == "tool_use"]
        texts += [block.text for block in answer.content if block.type == "text"]
        messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]})
        if not calls:
            assert answer.stop_reason == "end_turn"
            return texts[-1]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": talks.run(call.name, call.input)}]}
            for call in calls
        ]
        results.append({"type": "text", "text": "<system-reminder>Mind the time.</system-reminder>", "cache_control": CACHED})
        messages.append({"role": "user", "content": results})


@pytest.mark.parametrize("kind", ["openai", "deepseek", "gemini", "bedrock"])
def test_a_session_with_tools_and_thinking_works(fluxa, vendor, as_anthropic, kind):
    mock = {"openai": "agent=3;strict=1;reasoning_back=0", "deepseek": "agent=3;reasoning_back=1"}.get(kind, "agent=3")
    model = fluxa.model(mock, kind)
    text = session(as_anthropic(max_retries=0), model)
    assert text.startswith("results: ") and text.count("told") == 4
    for record in vendor.seen(model):
        headers = dict(record["headers"])
        assert not {"anthropic-beta", "anthropic-version", "x-app"} & set(headers)
        assert "beta=true" not in record["path"]
        assert "x-anthropic-billing-header" not in record["body"]
        if kind != "bedrock":
            assert "cache_control" not in record["body"] and "eager_input_streaming" not in record["body"]
    rows = fluxa.rows(model, 4)
    assert all((row["status"], row["dialect_in"]) == (200, "anthropic") for row in rows)
    assert sum(row["cost_nanos"] for row in rows) == vendor.bill_nanos(model)


def test_what_claude_code_asks_beside_its_sessions_is_answered(fluxa, as_anthropic):
    model = fluxa.model("", "openai")
    client = as_anthropic(max_retries=0)
    # A title, by a small model; with a prompt of its own and no tools.
    answer = client.beta.messages.create(
        model=model,
        max_tokens=512,
        system=SYSTEM,
        messages=[{"role": "user", "content": "A title, please"}],
        metadata={"user_id": USER_ID},
        extra_body={"temperature": 1},
        extra_query={"beta": "true"},
    )
    assert answer.content[0].text == "A title, please"
    counted = client.beta.messages.count_tokens(model=model, system=SYSTEM, tools=TOOLS, messages=[{"role": "user", "content": "count"}])
    assert counted.input_tokens > 50
    # A quota check.
    answer = client.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": "quota"}])
    assert answer.stop_reason in ("end_turn", "max_tokens")
