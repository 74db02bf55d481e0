"""Nothing is for free, nothing is charged twice, and no budget is overrun."""

import asyncio

import openai
import pytest

from harness import INPUT_NANOS, OUTPUT_NANOS, row_nanos, until

# Longer than four bytes each, as most tokens are not: an estimate by size is then above the vendor's count.
WORDS = "text_bytes=12"


def said(text="Please count for me, as far as you can get."):
    return [{"role": "user", "content": text}]


def test_a_reported_usage_costs_exactly_its_price(fluxa, vendor, as_openai):
    model = fluxa.model("prompt_tokens=1000;completion_tokens=77")
    as_openai().chat.completions.create(model=model, messages=said())
    row = fluxa.row(model)
    assert (row["usage_state"], row["cost_state"]) == ("reported", "exact")
    assert row["cost_nanos"] == 1000 * INPUT_NANOS + 77 * OUTPUT_NANOS == vendor.bill_nanos(model)
    assert float(row["cost_usd"]) == pytest.approx(row["cost_nanos"] / 1e9)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_stream_that_the_client_leaves_is_charged(fluxa, vendor, as_openai, as_anthropic, kind):
    model = fluxa.model(f"events=500;interval_ms=10;{WORDS};prompt_tokens=8", kind=kind)
    if kind == "openai":
        stream = as_openai().chat.completions.create(model=model, messages=said(), stream=True)
    else:
        stream = as_anthropic().messages.create(model=model, max_tokens=1000, messages=said(), stream=True)
    for count, _ in enumerate(stream):
        if count == 10:
            break
    stream.close()
    row = fluxa.row(model)
    assert row["client_closed"] is True
    assert row["usage_state"] == "estimated"
    assert row["cost_nanos"] > 0
    # The vendor notices that we have left, and its bill stands.
    record = until(lambda: next((r for r in vendor.seen(model) if r["client_gone"]), None), what="the vendor noticing")
    assert 0 < record["completion_tokens"] < 500
    assert row["cost_nanos"] >= vendor.bill_nanos(model)


def test_a_stream_without_usage_is_estimated_and_not_free(fluxa, as_openai):
    model = fluxa.model(f"events=40;usage=off;{WORDS}")
    list(as_openai().chat.completions.create(model=model, messages=said(), stream=True))
    row = fluxa.row(model)
    assert (row["usage_state"], row["cost_state"]) == ("estimated", "estimated")
    assert row["usage"]["output"] >= 40
    assert row["usage"]["input_uncached"] > 0


def test_usage_and_cost_are_the_sums_of_the_rows(fluxa, as_openai):
    model = fluxa.model("cached_tokens=2;reasoning_tokens=1")
    client = as_openai()
    for words in ("one", "one two", "one two three"):
        client.chat.completions.create(model=model, messages=said(words))
        list(client.chat.completions.create(model=model, messages=said(words), stream=True))
    rows = fluxa.rows(model, 6)
    assert len(rows) == 6
    assert all(row["cost_nanos"] == row_nanos(row) for row in rows)

    def sums():
        groups = fluxa.admin("GET", "/usage", group_by="model")["data"]
        return next((group for group in groups if model in (group.get("model"), group.get("group"))), None)

    group = until(sums, what=f"usage of {model}")
    assert group["requests"] == 6
    assert group["cost_nanos"] == sum(row["cost_nanos"] for row in rows)
    for name in ("input_uncached", "cache_read", "output"):
        assert group["usage"][name] == sum(row["usage"][name] for row in rows), name


@pytest.mark.parametrize("stream", [False, True])
def test_a_budget_holds_against_64_calls_at_once(fluxa, vendor, stream):
    """Some calls pass, then none does, and what passed fits the budget."""
    model = fluxa.model("events=20;delay_ms=50;interval_ms=1;prompt_tokens=10")
    one_call = 10 * INPUT_NANOS + 20 * OUTPUT_NANOS
    budget = one_call * 12.5 / 1e9
    key = fluxa.key(budget_usd_total=budget)

    async def call(client):
        ask = {"model": model, "messages": said("Count"), "max_tokens": 20}
        try:
            if stream:
                async for _ in await client.chat.completions.create(**ask, stream=True):
                    pass
            else:
                await client.chat.completions.create(**ask)
            return 200
        except openai.APIStatusError as error:
            assert error.code == "budget_exceeded", error
            return error.status_code

    async def all_calls():
        async with openai.AsyncOpenAI(api_key=key, base_url=f"{fluxa.url}/v1", timeout=60) as client:
            statuses = await asyncio.gather(*(call(client) for _ in range(64)))
            # Reservations are returned as calls end; what is left is used up one by one.
            while statuses.count(200) <= 12:
                statuses.append(await call(client))
                if statuses[-1] == 402:
                    break
        return statuses

    statuses = asyncio.run(all_calls())
    passed = statuses.count(200)
    assert set(statuses) == {200, 402}
    assert 1 <= passed <= 12 and statuses[-1] == 402
    rows = fluxa.rows(model, len(statuses))
    assert len(rows) == len(statuses)
    spent = sum(row["cost_nanos"] for row in rows)
    assert spent == passed * one_call == vendor.bill_nanos(model)
    assert spent <= budget * 1e9


def test_a_refused_call_costs_nothing_and_has_a_row(fluxa, as_openai):
    model, key = fluxa.model(), fluxa.key(models=["another"])
    with pytest.raises(openai.PermissionDeniedError):
        as_openai(key).chat.completions.create(model=model, messages=said())
    row = fluxa.row(model)
    assert (row["status"], row["cost_nanos"]) == (403, 0)
