"""What goes wrong is raised as the SDK's own exception, with the gateway's code, and is not tried again in vain."""

import anthropic
import openai
import pytest

from harness import MASTER_KEY, VENDOR_KEY

BAD_KEY = "vk-aaaaaaaa-0123456789012345678901234567890123456789012abcdef"


def said(text="Hello"):
    return [{"role": "user", "content": text}]


def chat(client, model, **options):
    return client.chat.completions.create(model=model, messages=said(), **options)


def message(client, model, **options):
    return client.messages.create(model=model, max_tokens=16, messages=said(), **options)


def test_a_bad_key_is_an_authentication_error(fluxa, as_openai, as_anthropic):
    model = fluxa.model()
    with pytest.raises(openai.AuthenticationError) as caught:
        chat(as_openai(BAD_KEY), model)
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(anthropic.AuthenticationError) as caught:
        message(as_anthropic(BAD_KEY), model)
    assert caught.value.body["error"]["type"] == "authentication_error"


def test_a_disabled_key_is_an_authentication_error(fluxa, as_openai):
    model, key = fluxa.model(), fluxa.key(enabled=False)
    with pytest.raises(openai.AuthenticationError):
        chat(as_openai(key), model)


def test_a_model_that_is_not_allowed_is_a_permission_error(fluxa, as_openai, as_anthropic):
    model, other = fluxa.model(), fluxa.model(kind="anthropic")
    key = fluxa.key(models=["gpt-of-others"])
    with pytest.raises(openai.PermissionDeniedError) as caught:
        chat(as_openai(key), model)
    assert caught.value.code == "model_not_allowed"
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        message(as_anthropic(key), other)
    assert caught.value.body["error"]["type"] == "permission_error"


def test_a_model_that_nobody_has_is_not_found(as_openai, as_anthropic):
    with pytest.raises(openai.NotFoundError) as caught:
        chat(as_openai(), "no-such-model-anywhere")
    assert caught.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError) as caught:
        message(as_anthropic(), "no-such-model-anywhere")
    assert caught.value.body["error"]["type"] == "not_found_error"


def test_a_rate_limit_is_a_rate_limit_error_that_says_when_to_come_back(fluxa, as_openai, as_anthropic):
    model, key = fluxa.model(), fluxa.key(rate_limit_rpm=1)
    client = as_openai(key, max_retries=0)
    chat(client, model)
    with pytest.raises(openai.RateLimitError) as caught:
        chat(client, model)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.response.headers["x-ratelimit-limit-requests"] == "1"
    other = fluxa.model(kind="anthropic")
    with pytest.raises(anthropic.RateLimitError) as caught:
        message(as_anthropic(key, max_retries=0), other)
    assert caught.value.body["error"]["type"] == "rate_limit_error"


def test_a_malformed_body_is_a_bad_request(fluxa, as_openai):
    model = fluxa.model()
    with pytest.raises(openai.BadRequestError) as caught:
        as_openai().post("/chat/completions", cast_to=object, content=b'{"model": "%s", "messages": [' % model.encode())
    assert caught.value.type == "invalid_request_error"


def test_what_the_vendor_refuses_as_malformed_stays_its_own_words(fluxa, as_openai):
    model = fluxa.model("status=400;error_message=temperature must be less than 2")
    with pytest.raises(openai.BadRequestError) as caught:
        chat(as_openai(), model)
    assert "temperature must be less than 2" in caught.value.message
    assert len(fluxa.rows(model)) == 1


def test_a_spent_budget_is_a_402_and_is_asked_once(fluxa, vendor, as_openai):
    model, key = fluxa.model(), fluxa.key(budget_usd_total=0.00000001)
    with pytest.raises(openai.APIStatusError) as caught:
        chat(as_openai(key, max_retries=3), model)
    assert (caught.value.status_code, caught.value.code) == (402, "budget_exceeded")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert fluxa.row(model)["status"] == 402
    assert vendor.seen(model) == []


def test_a_spent_budget_is_a_402_for_anthropic_too(fluxa, vendor, as_anthropic):
    model, key = fluxa.model(kind="anthropic"), fluxa.key(budget_usd_total=0.00000001)
    with pytest.raises(anthropic.APIStatusError) as caught:
        message(as_anthropic(key, max_retries=3), model)
    assert caught.value.status_code == 402
    assert fluxa.row(model)["status"] == 402
    assert vendor.seen(model) == []


def test_a_vendor_that_refuses_our_key_is_a_502_which_shows_nothing_of_it(fluxa, as_openai, as_anthropic):
    said_by_vendor = f"Incorrect API key provided: {VENDOR_KEY}."
    for status in (401, 403):
        model = fluxa.model(f"status={status};error_message={said_by_vendor}")
        with pytest.raises(openai.InternalServerError) as caught:
            chat(as_openai(), model)
        assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth_failed")
        assert VENDOR_KEY not in caught.value.response.text
        assert "Incorrect API key" not in caught.value.response.text
        assert fluxa.row(model)["status"] == 502
    model = fluxa.model(f"status=401;error_message={said_by_vendor}", kind="anthropic")
    with pytest.raises(anthropic.APIStatusError) as caught:
        message(as_anthropic(max_retries=0), model)
    assert caught.value.status_code == 502
    assert VENDOR_KEY not in caught.value.response.text


def test_a_page_or_garbage_with_status_200_is_a_502(fluxa, as_openai):
    for mock in ("html=1", "garbage=1"):
        model = fluxa.model(mock, retries=0)
        with pytest.raises(openai.InternalServerError) as caught:
            chat(as_openai(max_retries=0), model)
        assert (caught.value.status_code, caught.value.code) == (502, "upstream_protocol_error")


def test_a_stream_that_breaks_is_an_error_and_no_silent_end(fluxa, as_openai, as_anthropic):
    model = fluxa.model("events=50;abort_after_bytes=2000")
    got = []
    with pytest.raises(openai.APIError):
        for chunk in as_openai().chat.completions.create(model=model, messages=said(), stream=True):
            got.append(chunk)
    assert got
    model = fluxa.model("events=50;abort_after_bytes=2000", kind="anthropic")
    with pytest.raises(anthropic.APIError):
        with message(as_anthropic(), model, stream=True) as stream:
            kinds = [event.type for event in stream]
            assert "message_stop" not in kinds


def test_the_master_key_cannot_call_a_model(fluxa, as_openai):
    model = fluxa.model()
    with pytest.raises(openai.AuthenticationError):
        chat(as_openai(MASTER_KEY), model)
