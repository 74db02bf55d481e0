"""What goes wrong at a vendor of another dialect is raised as the SDK's own exception, in the shape of the client's dialect;
a stream that breaks never looks complete."""

import anthropic
import openai
import pytest
from google.genai import errors

from harness import VENDOR_KEY

KINDS = ["openai", "anthropic", "gemini", "bedrock"]
PAIRS = [(dialect, kind) for dialect in ("openai", "responses", "anthropic", "gemini") for kind in KINDS if kind != dialect]
ABUSE = "status={};error_message=The vendor says no to {}"


def call(dialect, model, three, stream=False):
    """Asks in a dialect, and reads the whole answer."""
    as_openai, as_anthropic, as_gemini = three
    messages = [{"role": "user", "content": "Hello"}]
    if dialect == "openai":
        answer = as_openai(max_retries=0).chat.completions.create(model=model, messages=messages, stream=stream)
    elif dialect == "responses":
        answer = as_openai(max_retries=0).responses.create(model=model, input="Hello", stream=stream)
    elif dialect == "anthropic":
        answer = as_anthropic(max_retries=0).messages.create(model=model, max_tokens=64, messages=messages, stream=stream)
    elif stream:
        answer = as_gemini().models.generate_content_stream(model=model, contents="Hello")
    else:
        answer = as_gemini().models.generate_content(model=model, contents="Hello")
    return list(answer) if stream else answer


@pytest.fixture
def three(as_openai, as_anthropic, as_gemini):
    return as_openai, as_anthropic, as_gemini


def kind_of(dialect, kind):
    # OpenAI itself speaks responses; most of those who imitate it do not.
    return "zero-one" if (dialect, kind) == ("responses", "openai") else kind


CLASSES = {
    "openai": {400: openai.BadRequestError, 404: openai.NotFoundError, 429: openai.RateLimitError, 502: openai.InternalServerError},
    "anthropic": {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        502: anthropic.InternalServerError,
    },
    "gemini": {400: errors.ClientError, 404: errors.ClientError, 429: errors.ClientError, 502: errors.ServerError},
}
CLASSES["responses"] = CLASSES["openai"]
SHAPES = {
    "anthropic": {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 502: "api_error"},
    "gemini": {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 502: ("INTERNAL", "UNAVAILABLE", "UNKNOWN")},
}


def check_shape(dialect, error, status):
    if dialect == "anthropic":
        assert (error.body["type"], error.body["error"]["type"]) == ("error", SHAPES["anthropic"][status])
    elif dialect == "gemini":
        assert error.code == status and error.status in SHAPES["gemini"][status]
    else:
        assert error.type and isinstance(error.type, str)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("dialect", "kind"), PAIRS)
def test_a_vendors_refusal_is_the_sdks_own_exception(fluxa, three, dialect, kind, stream):
    for status in (400, 404, 429):
        model = fluxa.model(ABUSE.format(status, dialect), kind_of(dialect, kind), retries=0)
        with pytest.raises(CLASSES[dialect][status]) as caught:
            call(dialect, model, three, stream)
        check_shape(dialect, caught.value, status)
        assert f"The vendor says no to {dialect}" in str(caught.value)
        row = fluxa.row(model)
        assert (row["status"], row["cost_nanos"]) == (status, 0)


@pytest.mark.parametrize(("dialect", "kind"), PAIRS)
def test_a_vendor_that_refuses_our_key_is_a_502_which_shows_nothing_of_it(fluxa, three, dialect, kind):
    for status in (401, 403):
        mock = f"status={status};error_message=Incorrect API key provided: {VENDOR_KEY}."
        model = fluxa.model(mock, kind_of(dialect, kind), retries=0)
        with pytest.raises(CLASSES[dialect][502]) as caught:
            call(dialect, model, three)
        check_shape(dialect, caught.value, 502)
        assert VENDOR_KEY not in str(caught.value) and "Incorrect API key" not in str(caught.value)
        assert fluxa.row(model)["status"] == 502


def test_googles_400_for_a_bad_key_is_a_502_too(fluxa, as_openai):
    model = fluxa.model("status=400;error_code=API_KEY_INVALID;error_message=API key not valid.", "gemini", retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        as_openai(max_retries=0).chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth_failed")


def test_a_rate_limit_of_a_foreign_vendor_says_when_to_come_back(fluxa, three):
    for dialect, kind in (("openai", "anthropic"), ("anthropic", "openai"), ("openai", "gemini")):
        model = fluxa.model("status=429;retry_after_s=7", kind, retries=0)
        with pytest.raises(CLASSES[dialect][429]) as caught:
            call(dialect, model, three)
        assert caught.value.response.headers["retry-after"] == "7"


def test_an_overloaded_vendor_is_told_in_the_clients_way(fluxa, three):
    model = fluxa.model("status=529", "anthropic", retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        call("openai", model, three)
    assert caught.value.status_code == 503
    with pytest.raises(errors.ServerError) as caught:
        call("gemini", model, three)
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
    for kind in ("openai", "gemini", "bedrock"):
        model = fluxa.model("status=503", kind, retries=0)
        with pytest.raises(anthropic.InternalServerError) as caught:
            call("anthropic", model, three)
        told = (caught.value.status_code, caught.value.body["error"]["type"])
        assert told in ((503, "api_error"), (503, "overloaded_error"), (529, "overloaded_error"))


@pytest.mark.parametrize(("dialect", "kind"), PAIRS)
def test_a_spent_budget_is_a_402_in_every_dialect(fluxa, vendor, as_openai, as_anthropic, as_gemini, dialect, kind):
    model, key = fluxa.model("", kind_of(dialect, kind)), fluxa.key(budget_usd_total=0.00000001)
    three = [lambda make=make, **options: make(key, **options) for make in (as_openai, as_anthropic, as_gemini)]
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError, errors.ClientError)) as caught:
        call(dialect, model, three)
    status = caught.value.code if dialect == "gemini" else caught.value.status_code
    assert status == 402
    assert fluxa.row(model)["status"] == 402
    assert vendor.seen(model) == []


BREAKS = [
    # The connection breaks, and the vendor says that it cannot go on.
    "events=60;abort_after_bytes=3000",
    "events=60;error_after_events=5",
]


@pytest.mark.parametrize("mock", BREAKS)
@pytest.mark.parametrize(("dialect", "kind"), PAIRS)
def test_a_stream_that_breaks_raises_and_never_looks_complete(fluxa, as_openai, as_anthropic, as_gemini, dialect, kind, mock):
    model = fluxa.model(mock, kind_of(dialect, kind), retries=0)
    got = []
    with pytest.raises((openai.APIError, anthropic.APIError, errors.APIError, errors.UnknownApiResponseError)):
        for event in open_stream(dialect, model, as_openai, as_anthropic, as_gemini):
            got.append(event)
    if dialect == "openai":
        assert got and not any(choice.finish_reason for chunk in got for choice in chunk.choices)
    elif dialect == "gemini":
        assert got and not any(candidate.finish_reason for chunk in got for candidate in chunk.candidates or [])
    else:
        kinds = {event.type for event in got}
        assert kinds and not kinds & {"message_stop", "response.completed"}
    assert fluxa.row(model)["finish"] not in ("stop", "end_turn", "STOP")


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
def test_a_stream_that_is_cut_within_an_event_raises_the_sdks_own_error(fluxa, as_openai, as_anthropic, as_gemini, kind):
    # Nothing is translated here; half an event must not reach the client all the same.
    for cut in range(2000, 2200, 23):
        model = fluxa.model(f"events=60;abort_after_bytes={cut}", kind, retries=0)
        with pytest.raises((openai.APIError, anthropic.APIError, errors.APIError)):
            for _ in open_stream(kind, model, as_openai, as_anthropic, as_gemini):
                pass


def open_stream(dialect, model, as_openai, as_anthropic, as_gemini):
    messages = [{"role": "user", "content": "Hello"}]
    if dialect == "openai":
        return as_openai(max_retries=0).chat.completions.create(model=model, messages=messages, stream=True)
    if dialect == "responses":
        return as_openai(max_retries=0).responses.create(model=model, input="Hello", stream=True)
    if dialect == "anthropic":
        return as_anthropic(max_retries=0).messages.create(model=model, max_tokens=640, messages=messages, stream=True)
    return as_gemini().models.generate_content_stream(model=model, contents="Hello")
