"""A mock vendor and a gateway as child processes, and what a story needs of them.

The programs are built by cargo and named by FLUXA_BIN and FLUXA_LOADTEST_BIN (default: target/debug of this workspace).
Nothing here sleeps for luck: `until` polls for the event, and fails with what it last saw.
"""

import itertools
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

import httpx

WORKSPACE = pathlib.Path(__file__).resolve().parents[4]
MASTER_KEY = "mk-sdk-stories-0123456789abcdef0123456789abcdef"
VENDOR_KEY = "sk-vendor-stories-0123456789abcdef0123456789"
# The credentials that AWS's documents use for examples; the mock vendor checks signatures made with them.
AWS = {"region": "us-east-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

# Where each kind's API begins at the mock vendor. Behind a prefix of its own, DeepSeek has no native Anthropic endpoint.
BASES = {"anthropic": "", "bedrock": "", "gemini": "/v1beta", "deepseek": "/prefix/v1"}
# What models of a kind are called; some of what a translation may say depends on the name.
NAMES = {
    "anthropic": "claude-sonnet-4-5-story{}",
    "bedrock": "anthropic.claude-sonnet-4-5-story{}-v1:0",
    "gemini": "gemini-3-pro-story-{}",
    "deepseek": "deepseek-story-{}",
}

START_SECONDS = 30
ROW_SECONDS = 5  # the promise: a row is readable within 5 s of the end of its answer

# Dollars a token, the same for every model of a story.
INPUT_PRICE = 2.5e-06
OUTPUT_PRICE = 1e-05
INPUT_NANOS = 2500
OUTPUT_NANOS = 10000


def binary(variable, name):
    path = pathlib.Path(os.environ.get(variable) or WORKSPACE / "target" / "debug" / name)
    if not path.exists():
        raise FileNotFoundError(f"no {path}: build it with `cargo build --workspace`, or set {variable}")
    return str(path.resolve())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(look, seconds=ROW_SECONDS, what="it"):
    """Polls until `look` returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s; last seen: {seen!r}")
        time.sleep(0.02)


class Process:
    def __init__(self, command, log, ready, **options):
        self.log = pathlib.Path(log)
        with open(log, "ab") as out:
            # FLUXA_… variables of the caller are settings for another gateway.
            environment = {k: v for k, v in os.environ.items() if not k.startswith("FLUXA_")}
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, **options)
        try:
            until(lambda: self._ready(ready), START_SECONDS, f"{command[0]} ready")
        except BaseException:
            self.kill()
            raise

    def _ready(self, url):
        if self.child.poll() is not None:
            raise RuntimeError(f"ended with {self.child.returncode}:\n{self.log.read_text(errors='replace')[-4000:]}")
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


class Vendor:
    """The mock vendor. It counts what it sends; `seen` is what it was asked."""

    def __init__(self, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [binary("FLUXA_LOADTEST_BIN", "fluxa-loadtest"), "vendor", "--port", str(port)]
        self.process = Process(command, folder / "vendor.log", f"{self.url}/__bill")
        self.http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def seen(self, model):
        return self.http.get(f"/__log?model={urllib.parse.quote(model, safe='')}").raise_for_status().json()

    def clear(self):
        self.http.post("/__clear").raise_for_status()

    def bill_nanos(self, model):
        """What the vendor charges for a model, at the prices of the stories."""
        return sum(r["prompt_tokens"] * INPUT_NANOS + r["completion_tokens"] * OUTPUT_NANOS for r in self.seen(model))


class Fluxa:
    """A gateway in a folder of its own, which survives `kill` and can be started again."""

    def __init__(self, folder, vendor, **budget):
        self.folder = pathlib.Path(folder)
        self.vendor = vendor
        self.numbers = itertools.count(1)
        port, telemetry = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = "".join(f"  {key}: {value}\n" for key, value in {"reservation_ttl": "120s", **budget}.items())
        (self.folder / "fluxa.yaml").write_text(
            f"server: {{ host: 127.0.0.1, port: {port}, master_key: {MASTER_KEY} }}\n"
            f"database: {{ path: {self.folder}/fluxa.db }}\n"
            f"logging: {{ level: debug, format: json }}\n"
            f'telemetry: {{ listen: "127.0.0.1:{telemetry}" }}\n'
            f"budget:\n{settings}"
        )
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, headers={"authorization": f"Bearer {MASTER_KEY}"})
        self.start()

    def start(self):
        command = [binary("FLUXA_BIN", "fluxa"), "serve", "-c", str(self.folder / "fluxa.yaml")]
        self.process = Process(command, self.folder / "fluxa.log", f"{self.url}/readyz", cwd=self.folder)

    def kill(self):
        self.process.kill()

    def admin(self, method, path, body=None, **params):
        answer = self.http.request(method, f"/admin{path}", json=body, params=params or None)
        assert answer.status_code < 300, f"{method} /admin{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def key(self, **fields):
        """A new virtual key; its text."""
        return self.admin("POST", "/keys", {"name": f"key-{next(self.numbers)}", **fields})["key"]

    def provider(self, mock="", kind="openai", **fields):
        """A new provider at the mock vendor, which is told to behave so; its name."""
        name = f"{kind}-{next(self.numbers)}"
        base_url = self.vendor.url + BASES.get(kind, "/v1")
        credentials = AWS if kind == "bedrock" else {"api_key": VENDOR_KEY}
        body = {"name": name, "kind": kind, "base_url": base_url, **credentials, **fields}
        if mock:
            body["headers"] = {"x-mock": mock}
        self.admin("POST", "/providers", body)
        return name

    def route(self, model, *providers, **fields):
        body = {"provider": providers[0], "fallback": list(providers[1:]), **fields}
        self.admin("PUT", f"/routes/{urllib.parse.quote(model, safe='')}", body)

    def price(self, *models):
        prices = {"input_cost_per_token": INPUT_PRICE, "output_cost_per_token": OUTPUT_PRICE, "litellm_provider": "openai", "mode": "chat"}
        self.admin("POST", "/prices/import", {model: prices for model in models})

    def model(self, mock="", kind="openai", **route):
        """A new model with a price, whose vendor behaves so; its name."""
        name = NAMES.get(kind, "gpt-story-{}").format(next(self.numbers))
        self.route(name, self.provider(mock, kind), **route)
        self.price(name)
        return name

    def rows(self, model, at_least=1, seconds=ROW_SECONDS):
        """The ledger rows of a model, as soon as there are so many."""

        def look():
            data = self.admin("GET", "/logs", model=model, limit=500)["data"]
            rows = [row for row in data if row["model"] == model]
            return rows if len(rows) >= at_least else None

        return until(look, seconds, f"{at_least} rows of {model}")

    def row(self, model):
        rows = self.rows(model)
        assert len(rows) == 1, rows
        return rows[0]


def row_nanos(row):
    """Reported usage times the prices of the stories."""
    usage = row["usage"]
    inputs = usage["input_uncached"] + usage["cache_read"] + usage["cache_write_5m"] + usage["cache_write_1h"]
    return inputs * INPUT_NANOS + usage["output"] * OUTPUT_NANOS
