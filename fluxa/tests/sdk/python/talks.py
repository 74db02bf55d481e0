"""One conversation with an agent, as an application of each SDK has it: the model asks for tools, the application answers,
until the model has all it wants. The mock vendor (`x-mock: agent=3`) asks for two tools at once, for one, and for one
without arguments, and tells every result at the end.

Each `…_talk` returns a `Talk`; what must hold of it whatever the vendor is in `check`.
"""

import dataclasses
import json

from google.genai import types

QUESTION = "Plan three days in Zürich, please."
SYSTEM = "You are a careful planner."
MAX_TOKENS = 4096
# Turns with calls; one more has the answer.
AGENT = 3

SCHEMAS = {
    "weather": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]},
    "hotels": {"type": "object", "properties": {"city": {"type": "string"}, "stars": {"type": "integer"}}, "required": ["city"]},
    "now": {"type": "object", "properties": {}},
}
ABOUT = {name: f"Tells about {name}." for name in SCHEMAS}


@dataclasses.dataclass
class Talk:
    """What an application saw: each turn's calls, the thoughts, the last text, and the usage of each turn."""

    turns: list = dataclasses.field(default_factory=list)
    thoughts: list = dataclasses.field(default_factory=list)
    results: list = dataclasses.field(default_factory=list)
    inputs: int = 0
    outputs: int = 0
    text: str = ""

    def turn(self, calls, thought, text, inputs, outputs):
        """Notes a turn, and returns the results of its calls."""
        self.turns.append(calls)
        self.thoughts.append(thought or "")
        self.inputs += inputs
        self.outputs += outputs
        self.text = text or ""
        results = [run(name, arguments) for name, arguments in calls]
        self.results += results
        assert len(self.turns) <= AGENT + 1, f"it never ends: {self.turns}"
        return results


def run(name, arguments):
    """The application's tools."""
    return f"{name} told {json.dumps(arguments, sort_keys=True, ensure_ascii=False)} ✓"


def arguments(name, step, index):
    """What the mock's agent asks a tool for."""

    def value(field, kind):
        return step * 10 + index if kind == "integer" else f'{field} {step}.{index} é日 "quoted" \\ \n{{}}'

    return {field: value(field, schema["type"]) for field, schema in SCHEMAS[name]["properties"].items()}


def check(talk):
    """Every call arrived whole and in order, and so did every result."""
    plan = [[("weather", 0), ("hotels", 1)], [("weather", 0)], [("now", 0)], []]
    assert talk.turns == [[(name, arguments(name, step, index)) for name, index in calls] for step, calls in enumerate(plan)]
    assert talk.text == "results: " + "; ".join(talk.results)


def thought_at(step):
    return f'Let me think about step {step} — "carefully".'


def check_thoughts(talk, steps=range(AGENT + 1)):
    """The thoughts of these turns were shown."""
    for step in steps:
        assert talk.thoughts[step].strip() == thought_at(step), talk.thoughts


def books(fluxa, vendor, model, talk, dialects):
    """Each turn has a row, and the rows, the client and the vendor's own bill agree on what it costs."""
    rows = fluxa.rows(model, len(talk.turns))
    assert len(rows) == len(talk.turns)
    for row in rows:
        assert (row["status"], row["usage_state"], row["cost_state"]) == (200, "reported", "exact")
        assert (row["dialect_in"], row["dialect_out"]) == dialects
    assert sum(row["cost_nanos"] for row in rows) == vendor.bill_nanos(model)
    assert sum(row["usage"]["output"] for row in rows) == talk.outputs
    assert sum(row["usage"]["input_uncached"] for row in rows) == talk.inputs
    assert len(vendor.seen(model)) == len(talk.turns)


# OpenAI, chat completions.

CHAT_TOOLS = [{"type": "function", "function": {"name": n, "description": ABOUT[n], "parameters": s}} for n, s in SCHEMAS.items()]


def chat_talk(client, model, way="whole", forgetful=False, **options):
    """`way` is whole, stream (chunks put together by hand) or helper (the SDK's own). A forgetful application sends back
    only what the documented types have."""
    talk = Talk()
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    while True:
        ask = {"model": model, "messages": messages, "tools": CHAT_TOOLS, "max_completion_tokens": MAX_TOKENS, **options}
        message, finish, usage = {"whole": chat_whole, "stream": chat_stream, "helper": chat_helper}[way](client, ask)
        calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls") or []]
        assert finish == ("tool_calls" if calls else "stop")
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
        thought = message.get("reasoning_content")
        results = talk.turn(calls, thought, message.get("content"), usage.prompt_tokens, usage.completion_tokens)
        if not calls:
            return talk
        if forgetful:
            message = {name: message.get(name) for name in ("role", "content", "tool_calls")}
        messages.append(message)
        for call, result in zip(message["tool_calls"], results, strict=True):
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def chat_whole(client, ask):
    answer = client.chat.completions.create(**ask)
    (choice,) = answer.choices
    return choice.message.model_dump(exclude_none=True), choice.finish_reason, answer.usage


def chat_helper(client, ask):
    with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    (choice,) = final.choices
    message = choice.message.model_dump(exclude_none=True)
    if message.get("tool_calls"):
        assert kinds.count("tool_calls.function.arguments.done") == len(message["tool_calls"])
    # What the helper adds is not for sending back.
    message.pop("parsed", None)
    for call in message.get("tool_calls") or []:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    return message, choice.finish_reason, final.usage


def chat_stream(client, ask):
    """As an application does it that knows nothing but the documented chunks, and `reasoning_content`."""
    message, calls, finish, usages = {"role": None, "content": "", "reasoning_content": ""}, {}, None, []
    for chunk in client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            assert chunk.choices == []
            usages.append(chunk.usage)
            continue
        (choice,) = chunk.choices
        assert finish is None, "a chunk after the finish"
        message["role"] = choice.delta.role or message["role"]
        message["content"] += choice.delta.content or ""
        message["reasoning_content"] += getattr(choice.delta, "reasoning_content", None) or ""
        for delta in choice.delta.tool_calls or []:
            call = calls.setdefault(delta.index, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
            call["id"] = delta.id or call["id"]
            call["function"]["name"] += delta.function.name or ""
            call["function"]["arguments"] += delta.function.arguments or ""
        finish = choice.finish_reason
    (usage,) = usages
    message["tool_calls"] = [calls[index] for index in sorted(calls)]
    assert message["role"] == "assistant" and sorted(calls) == list(range(len(calls)))
    return {name: value for name, value in message.items() if value}, finish, usage


# OpenAI, responses.

RESPONSE_TOOLS = [{"type": "function", "name": n, "description": ABOUT[n], "parameters": s, "strict": False} for n, s in SCHEMAS.items()]


def responses_talk(client, model, way="whole", keep=False, **options):
    """`keep` goes on from the id of the last response; else everything is sent again."""
    talk = Talk()
    items, previous = [{"role": "user", "content": QUESTION}], {}
    while True:
        ask = {"model": model, "instructions": SYSTEM, "input": items, "tools": RESPONSE_TOOLS, "max_output_tokens": MAX_TOKENS, **previous}
        if not keep:
            ask |= {"store": False, "include": ["reasoning.encrypted_content"]}
        response = responses_answer(client, {**ask, **options}, way)
        assert response.status == "completed", response
        called = [item for item in response.output if item.type == "function_call"]
        calls = [(item.name, json.loads(item.arguments)) for item in called]
        thought = "".join(part.text for item in response.output if item.type == "reasoning" for part in item.summary)
        usage = response.usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        results = talk.turn(calls, thought, response.output_text, usage.input_tokens, usage.output_tokens)
        if not calls:
            return talk
        outputs = [
            {"type": "function_call_output", "call_id": item.call_id, "output": result} for item, result in zip(called, results, strict=True)
        ]
        if keep:
            items, previous = outputs, {"previous_response_id": response.id}
        else:
            items = items + [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output] + outputs


def responses_answer(client, ask, way):
    if way == "whole":
        return client.responses.create(**ask)
    if way == "helper":
        with client.responses.stream(**ask) as stream:
            for _ in stream:
                pass
            return stream.get_final_response()
    events = list(client.responses.create(**ask, stream=True))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    deltas, dones, items = {}, {}, {}
    for event in events:
        if event.type in ("response.function_call_arguments.delta", "response.output_text.delta", "response.reasoning_summary_text.delta"):
            place = (event.item_id, event.type.removesuffix(".delta"))
            deltas[place] = deltas.get(place, "") + event.delta
        elif event.type in ("response.function_call_arguments.done", "response.output_text.done", "response.reasoning_summary_text.done"):
            dones[event.item_id, event.type.removesuffix(".done")] = getattr(event, "arguments", None) or event.text
        elif event.type == "response.output_item.done":
            items[event.output_index] = event.item
    # The deltas put together are what the done events and the last one say.
    assert deltas == dones
    final = events[-1].response
    assert [items[index].model_dump() for index in sorted(items)] == [item.model_dump() for item in final.output]
    return final


# Anthropic.

MESSAGE_TOOLS = [{"name": n, "description": ABOUT[n], "input_schema": s} for n, s in SCHEMAS.items()]
THINKING = {"type": "enabled", "budget_tokens": 1024}


def message_talk(client, model, way="whole", **options):
    talk = Talk()
    messages = [{"role": "user", "content": QUESTION}]
    while True:
        ask = {"model": model, "max_tokens": MAX_TOKENS, "system": SYSTEM, "messages": messages, "tools": MESSAGE_TOOLS, **options}
        answer = message_answer(client, ask, way)
        called = [block for block in answer.content if block.type == "tool_use"]
        assert answer.stop_reason == ("tool_use" if called else "end_turn")
        thoughts = [block for block in answer.content if block.type == "thinking"]
        assert all(block.signature for block in thoughts)
        if thoughts:
            assert answer.content[0].type == "thinking"
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [(block.name, block.input) for block in called]
        usage = answer.usage
        assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 0)
        results = talk.turn(calls, "".join(block.thinking for block in thoughts), text, usage.input_tokens, usage.output_tokens)
        if not calls:
            return talk
        messages.append({"role": "assistant", "content": answer.content})
        blocks = [{"type": "tool_result", "tool_use_id": block.id, "content": result} for block, result in zip(called, results, strict=True)]
        messages.append({"role": "user", "content": blocks})


def message_answer(client, ask, way):
    if way == "whole":
        return client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == len(final.content)
    return final


# Gemini.

GEMINI_TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=n, description=ABOUT[n], parameters_json_schema=s if s["properties"] else None)
            for n, s in SCHEMAS.items()
        ]
    )
]


def gemini_talk(client, model, way="whole", thoughts=False, **options):
    talk = Talk()
    contents = [types.Content(role="user", parts=[types.Part(text=QUESTION)])]
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        tools=GEMINI_TOOLS,
        max_output_tokens=MAX_TOKENS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="LOW") if thoughts else None,
        **options,
    )
    while True:
        ask = {"model": model, "contents": contents, "config": config}
        parts, finish, usage = gemini_whole(client, ask) if way == "whole" else gemini_stream(client, ask)
        assert finish == types.FinishReason.STOP
        called = [part.function_call for part in parts if part.function_call]
        calls = [(call.name, call.args or {}) for call in called]
        thought = "".join(part.text or "" for part in parts if part.thought)
        text = "".join(part.text or "" for part in parts if not part.thought)
        outputs = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        assert usage.total_token_count == usage.prompt_token_count + outputs
        results = talk.turn(calls, thought, text, usage.prompt_token_count, outputs)
        if not calls:
            return talk
        contents.append(types.Content(role="model", parts=parts))
        answers = [
            types.Part(function_response=types.FunctionResponse(name=call.name, id=call.id, response={"output": result}))
            for call, result in zip(called, results, strict=True)
        ]
        contents.append(types.Content(role="user", parts=answers))


def gemini_whole(client, ask):
    answer = client.models.generate_content(**ask)
    (candidate,) = answer.candidates
    return candidate.content.parts, candidate.finish_reason, answer.usage_metadata


def gemini_stream(client, ask):
    parts, finish, usage = [], None, None
    for chunk in client.models.generate_content_stream(**ask):
        usage = chunk.usage_metadata or usage
        for candidate in chunk.candidates or []:
            finish = candidate.finish_reason or finish
            parts += (candidate.content.parts if candidate.content else None) or []
    # An empty part is no part of a conversation, unless it is signed.
    return [part for part in parts if part.text != "" or part.thought_signature], finish, usage
