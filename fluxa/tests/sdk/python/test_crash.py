"""A gateway that is killed in the middle of its streams loses no call and charges none twice."""

import threading

import httpx
import pytest

from harness import Fluxa, ROW_SECONDS, until

CALLS = 8
RESERVATION_SECONDS = 2


@pytest.fixture
def doomed(vendor, tmp_path):
    fluxa = Fluxa(tmp_path, vendor, reservation_ttl=f"{RESERVATION_SECONDS}s")
    yield fluxa
    fluxa.kill()


def test_streams_cut_off_by_a_kill_have_one_row_each_and_are_paid_for(doomed, vendor):
    model = doomed.model("events=2000;interval_ms=5;text_bytes=12;prompt_tokens=8")
    key = doomed.key()
    finished = doomed.key()
    begun = threading.Barrier(CALLS + 1)

    def stream(number):
        ask = {"model": model, "stream": True, "max_tokens": 2000, "messages": [{"role": "user", "content": "Please count for me, far."}]}
        headers = {"authorization": f"Bearer {key}", "x-request-id": f"cut-{number}"}
        try:
            with httpx.stream("POST", f"{doomed.url}/v1/chat/completions", json=ask, headers=headers, timeout=30, trust_env=False) as answer:
                for count, _ in enumerate(answer.iter_lines()):
                    if count == 20:
                        begun.wait(30)
        except httpx.HTTPError:
            pass  # that is the story

    whole = {"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "Please count for me, a little."}]}
    headers = {"authorization": f"Bearer {finished}", "x-request-id": "whole-1"}
    httpx.post(f"{doomed.url}/v1/chat/completions", json=whole, headers=headers, timeout=30, trust_env=False).raise_for_status()
    threads = [threading.Thread(target=stream, args=(number,)) for number in range(CALLS)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    doomed.kill()
    for thread in threads:
        thread.join(30)
    until(lambda: all(r["client_gone"] or r["finished"] for r in vendor.seen(model)), 10, "the vendor noticing")
    billed = vendor.bill_nanos(model)
    doomed.start()
    rows = doomed.rows(model, CALLS + 1, RESERVATION_SECONDS + 30 + ROW_SECONDS)
    ids = sorted(row["request_id"] for row in rows)
    assert ids == sorted(["whole-1"] + [f"cut-{number}" for number in range(CALLS)])
    cut = [row for row in rows if row["request_id"].startswith("cut-")]
    assert all(row["usage_state"] == "estimated" and row["cost_nanos"] > 0 for row in cut)
    assert sum(row["cost_nanos"] for row in rows) >= billed
    # Once more: what was recovered is not recovered again.
    doomed.kill()
    doomed.start()
    assert sorted(row["request_id"] for row in doomed.rows(model, CALLS + 1)) == ids


def test_a_provider_key_and_a_virtual_key_survive_a_restart(doomed, vendor):
    model, key = doomed.model(), doomed.key()
    doomed.kill()
    doomed.start()
    ask = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    answer = httpx.post(f"{doomed.url}/v1/chat/completions", json=ask, headers={"authorization": f"Bearer {key}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
