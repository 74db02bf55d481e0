"""A conversation that began at one vendor goes on at another and comes back: no vendor is sent what another one signed, and
each gets its own signatures back."""

import json

import pytest
from google.genai import types

import talks

KINDS = ["openai", "anthropic", "gemini", "bedrock"]
PAIRS = [(one, two) for one in KINDS for two in KINDS if one != two]


def models(fluxa, one, two):
    """A model whose vendor asks for tools, and one whose vendor only talks; both refuse what a vendor would refuse."""
    return fluxa.model("agent=2;strict=1", one), fluxa.model("strict=1;answer=Interesting.", two)


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_an_openai_client_changes_vendors(fluxa, as_openai, one, two):
    first, second = models(fluxa, one, two)
    messages = [{"role": "user", "content": talks.QUESTION}]

    def turn(model):
        ask = {"messages": messages, "tools": talks.CHAT_TOOLS, "max_completion_tokens": talks.MAX_TOKENS, "reasoning_effort": "low"}
        message = as_openai(max_retries=0).chat.completions.create(model=model, **ask).choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls or []:
            result = talks.run(call.function.name, json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return message

    assert len(turn(first).tool_calls) == 2
    assert turn(second).content == "Interesting."
    messages.append({"role": "user", "content": "Go on."})
    assert len(turn(first).tool_calls) == 1
    assert turn(first).content.count("told") == 3


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_an_anthropic_client_changes_vendors(fluxa, as_anthropic, one, two):
    first, second = models(fluxa, one, two)
    messages = [{"role": "user", "content": talks.QUESTION}]

    def turn(model):
        ask = {"messages": messages, "tools": talks.MESSAGE_TOOLS, "max_tokens": talks.MAX_TOKENS, "thinking": talks.THINKING}
        answer = as_anthropic(max_retries=0).messages.create(model=model, **ask)
        messages.append({"role": "assistant", "content": answer.content})
        calls = [block for block in answer.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": talks.run(call.name, call.input)} for call in calls]
        messages.append({"role": "user", "content": results or "Go on."})
        return answer, len(calls)

    assert turn(first)[1] == 2
    assert turn(second)[0].content[-1].text == "Interesting."
    assert turn(first)[1] == 1
    assert turn(first)[0].content[-1].text.count("told") == 3


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_a_gemini_client_changes_vendors(fluxa, as_gemini, one, two):
    first, second = models(fluxa, one, two)
    contents = [types.Content(role="user", parts=[types.Part(text=talks.QUESTION)])]
    config = types.GenerateContentConfig(
        tools=talks.GEMINI_TOOLS,
        max_output_tokens=talks.MAX_TOKENS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )

    def turn(model):
        content = as_gemini().models.generate_content(model=model, contents=contents, config=config).candidates[0].content
        contents.append(content)
        calls = [part.function_call for part in content.parts if part.function_call]
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    name=call.name, id=call.id, response={"output": talks.run(call.name, call.args or {})}
                )
            )
            for call in calls
        ]
        contents.append(types.Content(role="user", parts=results or [types.Part(text="Go on.")]))
        return "".join(part.text or "" for part in content.parts if not part.thought), len(calls)

    assert turn(first)[1] == 2
    assert turn(second)[0] == "Interesting."
    assert turn(first)[1] == 1
    assert turn(first)[0].count("told") == 3


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "bedrock"])
def test_googles_sdk_calls_functions_by_itself(fluxa, as_gemini, kind):
    told = []

    def weather(city: str, days: int) -> str:
        """Tells the weather of a city for some days."""
        told.append((city, days))
        return f"sunny in {city}"

    model = fluxa.model("agent=2;strict=1", kind)
    config = types.GenerateContentConfig(tools=[weather], thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = as_gemini().models.generate_content(model=model, contents=talks.QUESTION, config=config)
    wanted = [talks.arguments("weather", step, index) for step, index in ((0, 0), (0, 1), (1, 0))]
    assert told == [(given["city"], given["days"]) for given in wanted]
    assert answer.text.startswith("results: ") and answer.text.count("sunny in") == 3
