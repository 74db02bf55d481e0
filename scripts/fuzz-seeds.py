#!/usr/bin/env python3
"""Seeds for the fuzz targets of `wire`, taken from a folder of recorded traffic.

    scripts/fuzz-seeds.py FOLDER [wire/fuzz/corpus]

Requests go to the targets that read requests, answers to those that read answers. The seeds are not part of the repository.
"""
import base64
import glob
import json
import os
import sys

TARGETS = {
    # endpoint: (targets of its requests, targets of its answers)
    "chat": (["outline", "chat_request"], ["sse", "relay", "chat_events", "pairs"]),
    "responses": (["outline", "responses"], ["sse", "relay"]),
    "messages": (["outline", "anthropic"], ["sse", "relay", "anthropic", "pairs"]),
    "generateContent": (["outline", "gemini_request"], ["sse", "gemini_events", "pairs"]),
    "converse": (["outline"], ["converse_events"]),
    "converse-stream": (["outline"], ["event_stream", "converse_events", "pairs"]),
}
# Larger ones make a fuzzer slow and teach it nothing more.
MOST_BYTES = 32 * 1024


def body(part):
    return base64.b64decode(part["body_base64"]) if "body_base64" in part else part.get("body", "").encode()


def main():
    folder = sys.argv[1]
    into = sys.argv[2] if len(sys.argv) > 2 else "wire/fuzz/corpus"
    written = 0
    for path in glob.glob(os.path.join(folder, "**", "*.json"), recursive=True):
        with open(path, encoding="utf-8") as file:
            case = json.load(file)
        targets = TARGETS.get(case.get("endpoint")) if isinstance(case, dict) and "response" in case else None
        if not targets:
            continue
        for part, names in (("request", targets[0]), ("response", targets[1])):
            data = body(case.get(part) or {})
            if not data or len(data) > MOST_BYTES:
                continue
            for name in names:
                os.makedirs(os.path.join(into, name), exist_ok=True)
                with open(os.path.join(into, name, case["id"][:120]), "wb") as file:
                    file.write(data)
                written += 1
    print(f"{written} seeds in {into}")


if __name__ == "__main__":
    main()
