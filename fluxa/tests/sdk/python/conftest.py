"""What every story may ask for: a vendor, a gateway before it, and the official clients."""

import anthropic
import openai
import pytest
from google import genai

from harness import Fluxa, Vendor


@pytest.fixture(scope="session")
def vendor(tmp_path_factory):
    vendor = Vendor(tmp_path_factory.mktemp("vendor"))
    yield vendor
    vendor.process.kill()


@pytest.fixture(scope="session")
def fluxa(vendor, tmp_path_factory):
    fluxa = Fluxa(tmp_path_factory.mktemp("fluxa"), vendor)
    yield fluxa
    fluxa.kill()


@pytest.fixture(scope="session")
def key(fluxa):
    return fluxa.key()


@pytest.fixture(scope="session")
def clients():
    """The clients made so far: each reads the machine's certificates, which takes longer than a story."""
    return {}


@pytest.fixture
def as_openai(fluxa, key, clients):
    """Makes an OpenAI client, with the shared key unless told otherwise."""

    def make(api_key=key, **options):
        name = ("openai", fluxa.url, api_key, repr(options))
        return clients.get(name) or kept(clients, name, openai.OpenAI(api_key=api_key, base_url=f"{fluxa.url}/v1", **options))

    return make


@pytest.fixture
def as_anthropic(fluxa, key, clients):
    """Makes an Anthropic client, with the shared key unless told otherwise."""

    def make(api_key=key, **options):
        name = ("anthropic", fluxa.url, api_key, repr(options))
        return clients.get(name) or kept(clients, name, anthropic.Anthropic(api_key=api_key, base_url=fluxa.url, **options))

    return make


@pytest.fixture
def as_gemini(fluxa, key, clients):
    """Makes a Gemini client, with the shared key unless told otherwise."""

    def make(api_key=key, **options):
        name = ("gemini", fluxa.url, api_key, repr(options))
        address = {"base_url": fluxa.url, "api_version": "v1beta", **options}
        return clients.get(name) or kept(clients, name, genai.Client(api_key=api_key, http_options=address))

    return make


def kept(clients, name, client):
    clients[name] = client
    return client
