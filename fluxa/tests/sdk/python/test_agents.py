"""An agent's whole conversation works in every client's dialect over every vendor's, whole and streamed: calls, results,
thoughts and their signatures, and what it costs."""

import pytest
from google.genai import types

import talks

FOREIGN_TO_OPENAI = ["anthropic", "gemini", "bedrock"]
FOREIGN_TO_ANTHROPIC = ["openai", "deepseek", "gemini", "bedrock"]
FOREIGN_TO_GEMINI = ["openai", "anthropic", "bedrock"]
DIALECTS = {"deepseek": "openai", "zero-one": "openai"}
MOCK = f"agent={talks.AGENT};strict=1"


def dialect(kind):
    return DIALECTS.get(kind, kind)


def mock_of(kind):
    # DeepSeek wants its reasoning back, and has a field of its own for it.
    special = {
        "deepseek": f"agent={talks.AGENT};reasoning_back=1",
        "openai": f"{MOCK};reasoning_back=0",
        "zero-one": f"{MOCK};usage_unasked=1",
    }
    return special.get(kind, MOCK)


@pytest.mark.parametrize("way", ["whole", "stream", "helper"])
@pytest.mark.parametrize("kind", FOREIGN_TO_OPENAI)
def test_an_openai_client_has_a_whole_conversation(fluxa, vendor, as_openai, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.chat_talk(as_openai(), model, way)
    talks.check(talk)
    assert not any(talk.thoughts)
    talks.books(fluxa, vendor, model, talk, ("openai", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream", "helper"])
@pytest.mark.parametrize("kind", FOREIGN_TO_OPENAI)
def test_an_openai_client_is_shown_the_thoughts(fluxa, vendor, as_openai, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.chat_talk(as_openai(), model, way, reasoning_effort="low")
    talks.check(talk)
    talks.check_thoughts(talk, [0])
    talks.books(fluxa, vendor, model, talk, ("openai", dialect(kind)))


@pytest.mark.parametrize("kind", FOREIGN_TO_OPENAI)
def test_an_openai_client_that_forgets_the_thoughts_is_served_all_the_same(fluxa, vendor, as_openai, kind):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.chat_talk(as_openai(), model, forgetful=True, reasoning_effort="low")
    talks.check(talk)
    talks.check_thoughts(talk, [0])


@pytest.mark.parametrize("kind", FOREIGN_TO_OPENAI)
def test_an_openai_client_that_sends_back_all_it_got_sees_the_thoughts_of_every_turn(fluxa, as_openai, kind):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.chat_talk(as_openai(), model, reasoning_effort="low")
    talks.check(talk)
    talks.check_thoughts(talk)


@pytest.mark.parametrize("way", ["whole", "stream", "helper"])
@pytest.mark.parametrize("kind", [*FOREIGN_TO_OPENAI, "zero-one"])
def test_a_responses_client_has_a_whole_conversation(fluxa, vendor, as_openai, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.responses_talk(as_openai(), model, way)
    talks.check(talk)
    talks.books(fluxa, vendor, model, talk, ("openai", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", FOREIGN_TO_OPENAI)
def test_a_responses_client_is_shown_the_thoughts_of_every_turn(fluxa, vendor, as_openai, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.responses_talk(as_openai(), model, way, reasoning={"effort": "low", "summary": "auto"})
    talks.check(talk)
    talks.check_thoughts(talk)
    talks.books(fluxa, vendor, model, talk, ("openai", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", [*FOREIGN_TO_OPENAI, "zero-one"])
def test_a_responses_client_may_go_on_from_the_last_response(fluxa, vendor, as_openai, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.responses_talk(as_openai(), model, way, keep=True, reasoning={"effort": "low", "summary": "auto"})
    talks.check(talk)
    talks.books(fluxa, vendor, model, talk, ("openai", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", FOREIGN_TO_ANTHROPIC)
def test_an_anthropic_client_has_a_whole_conversation(fluxa, vendor, as_anthropic, kind, way):
    model = fluxa.model(mock_of(kind).replace(";reasoning_back=1", ""), kind)
    talk = talks.message_talk(as_anthropic(), model, way)
    talks.check(talk)
    talks.books(fluxa, vendor, model, talk, ("anthropic", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", FOREIGN_TO_ANTHROPIC)
def test_an_anthropic_client_is_shown_the_thoughts_of_every_turn(fluxa, vendor, as_anthropic, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.message_talk(as_anthropic(), model, way, thinking=talks.THINKING)
    talks.check(talk)
    talks.check_thoughts(talk)
    talks.books(fluxa, vendor, model, talk, ("anthropic", dialect(kind)))


def test_fragments_of_parallel_calls_that_come_mixed_are_put_in_order(fluxa, as_anthropic, as_gemini):
    model = fluxa.model(f"{MOCK};tangled=1")
    talks.check(talks.message_talk(as_anthropic(), model, "stream"))
    talks.check(talks.gemini_talk(as_gemini(), model, "stream"))


def test_a_stream_in_single_bytes_is_the_same_conversation(fluxa, as_openai, as_anthropic, as_gemini):
    for kind in ("anthropic", "bedrock", "gemini"):
        talks.check(talks.chat_talk(as_openai(), fluxa.model(f"{MOCK};chunk_bytes=1", kind), "stream"))
    talks.check(talks.message_talk(as_anthropic(), fluxa.model(f"{MOCK};chunk_bytes=1"), "stream"))
    talks.check(talks.gemini_talk(as_gemini(), fluxa.model(f"{MOCK};chunk_bytes=1", "bedrock"), "stream"))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", FOREIGN_TO_GEMINI)
def test_a_gemini_client_has_a_whole_conversation(fluxa, vendor, as_gemini, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.gemini_talk(as_gemini(), model, way)
    talks.check(talk)
    talks.books(fluxa, vendor, model, talk, ("gemini", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", FOREIGN_TO_GEMINI)
def test_a_gemini_client_is_shown_the_thoughts_of_every_turn(fluxa, vendor, as_gemini, kind, way):
    model = fluxa.model(mock_of(kind), kind)
    talk = talks.gemini_talk(as_gemini(), model, way, thoughts=True)
    talks.check(talk)
    talks.check_thoughts(talk)
    talks.books(fluxa, vendor, model, talk, ("gemini", dialect(kind)))


@pytest.mark.parametrize("way", ["whole", "stream"])
@pytest.mark.parametrize("kind", ["gemini", "anthropic", "openai"])
def test_the_same_conversation_passes_through_where_client_and_vendor_speak_alike(
    fluxa, vendor, as_gemini, as_anthropic, as_openai, kind, way
):
    model = fluxa.model(MOCK, kind)
    if kind == "gemini":
        talk = talks.gemini_talk(as_gemini(), model, way, thoughts=True)
        talks.check_thoughts(talk)
    elif kind == "anthropic":
        talk = talks.message_talk(as_anthropic(), model, way, thinking=talks.THINKING)
        talks.check_thoughts(talk)
    else:
        talk = talks.chat_talk(as_openai(), model, way, reasoning_effort="low")
    talks.check(talk)
    talks.books(fluxa, vendor, model, talk, (kind, kind))


def test_gemini_models_before_the_third_have_no_ids_and_work_as_well(fluxa, as_openai, as_anthropic):
    provider = fluxa.provider(MOCK, "gemini")
    model = f"gemini-2.5-pro-of-{provider}"
    fluxa.route(model, provider)
    fluxa.price(model)
    talks.check(talks.chat_talk(as_openai(), model))
    talks.check(talks.message_talk(as_anthropic(), model, "stream"))


@pytest.mark.parametrize("kind", ["gemini", *FOREIGN_TO_GEMINI])
def test_the_chat_of_googles_sdk_streams_turn_after_turn(fluxa, as_gemini, kind):
    # It keeps each chunk of a stream as a content of its own.
    model = fluxa.model(mock_of(kind), kind)
    config = types.GenerateContentConfig(
        tools=talks.GEMINI_TOOLS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    chat = as_gemini().chats.create(model=model, config=config)
    message, texts = talks.QUESTION, []
    for _ in range(talks.AGENT + 1):
        parts = [part for chunk in chat.send_message_stream(message) for part in chunk.candidates[0].content.parts or []]
        texts.append("".join(part.text or "" for part in parts if not part.thought))
        calls = [part.function_call for part in parts if part.function_call]
        message = [
            types.Part(
                function_response=types.FunctionResponse(
                    name=call.name, id=call.id, response={"output": talks.run(call.name, call.args or {})}
                )
            )
            for call in calls
        ]
    assert not calls and texts[-1].startswith("results: ") and texts[-1].count("told") == 4
