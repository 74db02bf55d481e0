"""Asks a gateway through the vendors' official SDKs: one JSON task a line on stdin, one JSON result a line on stdout.

A task is {"base_url", "key", "dialect": "chat"|"responses"|"messages"|"gemini", "stream", "model", "body"}; the body is
sent as it is, the SDK only carries it. A result is what the SDK made of the answer:
{"text", "reasoning", "refusal", "calls": [{"id", "name", "arguments"}], "finish", "usage": {…} or null, "error": null or
{"class", "status", "message", "code"}}. An error in the middle of a stream comes with what was said before it.
Nothing is judged here; see `pairs/sdk.rs`. Start at `main`.
"""

import json
import sys
import warnings

import anthropic
import openai
from google import genai
from google.genai import errors as gemini_errors
from google.genai import types as gemini_types

warnings.filterwarnings("ignore")
PATIENCE_S = 30.0
CLIENTS = {}


def client(kind, task):
    """One client for each SDK and address: making them is slow."""
    key = (kind, task["base_url"], task["key"])
    if key not in CLIENTS:
        CLIENTS[key] = MAKERS[kind](task)
    return CLIENTS[key]


def make_openai(task):
    return openai.OpenAI(base_url=task["base_url"] + "/v1", api_key=task["key"], max_retries=0, timeout=PATIENCE_S)


def make_anthropic(task):
    return anthropic.Anthropic(base_url=task["base_url"], api_key=task["key"], max_retries=0, timeout=PATIENCE_S)


def make_gemini(task):
    options = gemini_types.HttpOptions(
        base_url=task["base_url"],
        api_version="v1beta",
        timeout=int(PATIENCE_S * 1000),
        retry_options=gemini_types.HttpRetryOptions(attempts=1),
    )
    return genai.Client(api_key=task["key"], http_options=options)


MAKERS = {"openai": make_openai, "anthropic": make_anthropic, "gemini": make_gemini}


def empty():
    return {"text": "", "reasoning": "", "refusal": "", "calls": [], "finish": None, "usage": None, "error": None}


def rest(body, *named):
    return {name: value for name, value in body.items() if name not in named and name != "stream"}


def chat(task, out):
    body = task["body"]
    api = client("openai", task).chat.completions
    named = {"model": body["model"], "messages": body["messages"], "extra_body": rest(body, "model", "messages")}
    if task["stream"]:
        # The helper adds the chunks up by itself, which is where odd chunks make it raise.
        with api.stream(**named) as stream:
            for event in stream:
                if event.type == "chunk":
                    out["snapshot"] = event.snapshot
            try:
                answer = stream.get_final_completion()
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                # The helper means to say so of whole answers; the answer is there nevertheless.
                answer = out.pop("snapshot")
    else:
        answer = api.create(**named)
    read_chat(answer, out)


def read_chat(answer, out):
    choice = next((choice for choice in answer.choices if choice.index in (0, None)), None)
    if choice is None and answer.choices:
        choice = answer.choices[0]
    if choice is not None:
        message = choice.message
        out["text"] = flat(message.content)
        out["refusal"] = message.refusal or ""
        extra = message.model_extra or {}
        out["reasoning"] = extra.get("reasoning_content") or extra.get("reasoning") or ""
        out["finish"] = choice.finish_reason
        for call in message.tool_calls or []:
            out["calls"].append({"id": call.id, "name": call.function.name, "arguments": call.function.arguments})
    usage = answer.usage
    if usage is not None:
        before, after = usage.prompt_tokens_details, usage.completion_tokens_details
        out["usage"] = {
            "input": usage.prompt_tokens,
            "cache_read": (before and before.cached_tokens) or 0,
            "output": usage.completion_tokens,
            "reasoning": (after and after.reasoning_tokens) or 0,
        }


def flat(content):
    """Some vendors have a list of parts where OpenAI has a string; only their own bytes show that."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text")
    return content or ""


def responses(task, out):
    body = task["body"]
    api = client("openai", task).responses
    named = {"model": body["model"], "input": body["input"], "extra_body": rest(body, "model", "input")}
    if task["stream"]:
        deltas = {"text": "", "reasoning": ""}
        with api.stream(**named) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    deltas["text"] += event.delta
                elif event.type in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
                    deltas["reasoning"] += event.delta
                elif event.type == "error":
                    out["error"] = {"class": "error event", "status": None, "message": event.message, "code": event.code}
                elif event.type == "response.failed":
                    told = event.response.error
                    out["error"] = out["error"] or {
                        "class": "response.failed", "status": None, "message": told and told.message, "code": told and told.code}
                elif event.type in ("response.completed", "response.incomplete"):
                    read_responses(event.response, out)
        if out["error"] is None and out["finish"] is None:
            out["error"] = {"class": "no final event", "status": None, "message": "", "code": None}
        if out["error"] is not None:
            out.update(deltas)
        elif deltas["text"] != out["text"]:
            out["finish"] = "deltas differ from the final response"
    else:
        read_responses(api.create(**named), out)


def read_responses(answer, out):
    for item in answer.output:
        if item.type == "message":
            for part in item.content:
                if part.type == "output_text":
                    out["text"] += part.text
                elif part.type == "refusal":
                    out["refusal"] += part.refusal
        elif item.type == "reasoning":
            out["reasoning"] += "".join(part.text for part in item.summary or [])
            if not item.summary:
                out["reasoning"] += "".join(part.text for part in item.content or [])
        elif item.type == "function_call":
            out["calls"].append({"id": item.call_id, "name": item.name, "arguments": item.arguments})
    why = answer.incomplete_details.reason if answer.incomplete_details else None
    out["finish"] = f"{answer.status}:{why}" if why else answer.status
    if answer.status == "failed" and answer.error:
        out["error"] = {"class": "failed", "status": None, "message": answer.error.message, "code": answer.error.code}
    usage = answer.usage
    if usage is not None:
        out["usage"] = {
            "input": usage.input_tokens,
            "cache_read": usage.input_tokens_details.cached_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.output_tokens_details.reasoning_tokens,
        }


def messages(task, out):
    body = task["body"]
    api = client("anthropic", task).messages
    named = {"model": body["model"], "max_tokens": body["max_tokens"], "messages": body["messages"]}
    named["extra_body"] = rest(body, *named)
    if task["stream"]:
        with api.stream(**named) as stream:
            for _ in stream:
                out["snapshot"] = stream.current_message_snapshot
            answer = stream.get_final_message()
    else:
        answer = api.create(**named, timeout=PATIENCE_S)
    read_messages(answer, out)


def read_messages(answer, out):
    for block in answer.content:
        if block.type == "text":
            out["text"] += block.text
        elif block.type == "thinking":
            out["reasoning"] += block.thinking
        elif block.type == "tool_use":
            out["calls"].append({"id": block.id, "name": block.name, "arguments": json.dumps(block.input)})
    out["finish"] = answer.stop_reason
    usage = answer.usage
    if usage is not None:
        read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        details = getattr(usage, "output_tokens_details", None)
        out["usage"] = {
            "input": (usage.input_tokens or 0) + read + written,
            "cache_read": read,
            "output": usage.output_tokens,
            "reasoning": getattr(details, "thinking_tokens", None) or 0,
        }


def gemini(task, out):
    body = dict(task["body"])
    contents = body.pop("contents")
    api = client("gemini", task).models
    config = gemini_types.GenerateContentConfig(http_options=gemini_types.HttpOptions(extra_body=body))
    if task["stream"]:
        for chunk in api.generate_content_stream(model=task["model"], contents=contents, config=config):
            read_gemini(chunk, out)
    else:
        read_gemini(api.generate_content(model=task["model"], contents=contents, config=config), out)


def read_gemini(answer, out):
    for candidate in [candidate for candidate in answer.candidates or [] if not candidate.index]:
        for part in (candidate.content and candidate.content.parts) or []:
            if part.function_call:
                call = part.function_call
                out["calls"].append({"id": call.id, "name": call.name, "arguments": json.dumps(call.args or {})})
            elif part.text:
                out["reasoning" if part.thought else "text"] += part.text
        if candidate.finish_reason is not None:
            out["finish"] = getattr(candidate.finish_reason, "value", candidate.finish_reason)
    if answer.prompt_feedback and answer.prompt_feedback.block_reason:
        out["finish"] = "blocked"
    usage = answer.usage_metadata
    if usage is not None:
        out["usage"] = {
            "input": (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
            "cache_read": usage.cached_content_token_count or 0,
            "output": (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            "reasoning": usage.thoughts_token_count or 0,
        }


DIALECTS = {"chat": chat, "responses": responses, "messages": messages, "gemini": gemini}
# What the SDK had put together when the stream broke.
SNAPSHOTS = {"chat": read_chat, "messages": read_messages}


def told(error):
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None)
    if isinstance(error, gemini_errors.APIError):
        status, code = error.code, error.status
    return {"class": type(error).__name__, "status": status if isinstance(status, int) else None,
            "message": str(getattr(error, "message", None) or error), "code": code if isinstance(code, str) else None}


def run(task):
    out = empty()
    try:
        DIALECTS[task["dialect"]](task, out)
    except Exception as error:  # Whatever the SDK raises is what a user would see.
        snapshot = out.pop("snapshot", None)
        if snapshot is not None:
            SNAPSHOTS[task["dialect"]](snapshot, out)
        out["error"] = told(error)
    out.pop("snapshot", None)
    return out


def main():
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
