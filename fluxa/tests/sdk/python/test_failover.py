"""A vendor that fails is tried again, then another one is; the client sees one good answer."""

import openai
import pytest

from harness import Fluxa


@pytest.fixture
def fluxa(vendor, tmp_path):
    """A gateway of the story's own: retries are rationed by process, and the stories before have used some."""
    fluxa = Fluxa(tmp_path, vendor)
    yield fluxa
    fluxa.kill()


@pytest.fixture
def key(fluxa):
    return fluxa.key()


def chat(client, model, **options):
    return client.chat.completions.with_raw_response.create(model=model, messages=[{"role": "user", "content": "Hello"}], **options)


@pytest.mark.parametrize("mock", ["status=429", "status=500", "status=503"])
def test_a_failing_vendor_is_left_for_the_fallback(fluxa, as_openai, mock):
    good = fluxa.provider()
    bad = fluxa.provider(mock)
    model = f"gpt-fallback-{bad}"
    fluxa.price(model)
    fluxa.route(model, bad, good)
    answer = chat(as_openai(max_retries=0), model)
    assert answer.parse().choices[0].message.content == "Hello"
    assert answer.headers["x-fluxa-provider"] == good
    attempts = fluxa.row(model)["attempts"]
    assert [attempt["provider"] for attempt in attempts][-1] == good
    assert [attempt["provider"] for attempt in attempts][0] == bad
    assert attempts[0]["status"] == int(mock.removeprefix("status="))
    assert int(answer.headers["x-fluxa-attempts"].split()[0].split(";")[0]) == len(attempts)


def test_a_stream_falls_back_before_its_first_byte(fluxa, as_openai):
    good, bad = fluxa.provider(), fluxa.provider("status=500")
    model = f"gpt-fallback-{bad}"
    fluxa.price(model)
    fluxa.route(model, bad, good)
    stream = as_openai(max_retries=0).chat.completions.create(model=model, messages=[{"role": "user", "content": "one two"}], stream=True)
    assert "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices) == "one two"
    assert fluxa.row(model)["provider"] == good


@pytest.mark.parametrize("status", [429, 500])
def test_a_vendor_that_fails_once_is_asked_again(fluxa, vendor, as_openai, status):
    model = fluxa.model(f"fail_first=1;status={status}", retries=2)
    # The mock counts its failures from here.
    vendor.clear()
    assert chat(as_openai(max_retries=0), model).parse().choices[0].message.content == "Hello"
    assert [record["status"] for record in vendor.seen(model)] == [status, 200]
    assert [attempt["status"] for attempt in fluxa.row(model)["attempts"]] == [status, 200]


def test_a_wrong_request_is_not_asked_again_anywhere(fluxa, vendor, as_openai):
    good, bad = fluxa.provider(), fluxa.provider("status=400")
    model = f"gpt-fallback-{bad}"
    fluxa.route(model, bad, good)
    fluxa.price(model)
    with pytest.raises(openai.BadRequestError):
        chat(as_openai(), model)
    assert len(vendor.seen(model)) == 1


def test_when_all_fail_the_last_status_is_told(fluxa, as_openai):
    one, two = fluxa.provider("status=500"), fluxa.provider("status=503")
    model = f"gpt-fallback-{two}"
    fluxa.price(model)
    fluxa.route(model, one, two, retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        chat(as_openai(max_retries=0), model)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-fluxa-attempts"]
