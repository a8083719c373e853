"""Loading adapters into the inference server: vLLM's routes, so that the built-in server and vLLM are one to us."""

from typing import Any

import httpx
from django.conf import settings

from labelhub.errors import Unavailable, ensure
from labelhub.llm import client
from labelhub.projects.models import Project
from training.registry.live import BASE, Slot, live_promotion, live_version
from training.runs import store
from training.runs.bases import ensure_on_base
from training.runs.models import ModelVersion

SMOKE = [{"role": "user", "content": "Hello"}]
OTHER_FILES = "conflict"  # the server's code for a name that is taken
TIMEOUT = httpx.Timeout(20.0, connect=2.0)


def deploy(version: ModelVersion) -> None:
    """Have the server answer as `version`, and see it answer. Raises as `load`."""
    load(version)
    client.chat(version.name, SMOKE, max_tokens=4)


def load(version: ModelVersion) -> None:
    """Under its name; what was loaded under that name with other files before makes room.

    Raises Conflict (base, files), Unavailable (server, base model).
    """
    ensure_on_base(version)  # every door looks before; but the base may have been changed since it was promoted
    body = {"lora_name": version.name, "lora_path": str(store.verified(version)), "sha256": version.files}
    response = _post("load_lora_adapter", body)
    if response.status_code == 409 and _said(response).get("code") == OTHER_FILES:
        unload(version.name)
        response = _post("load_lora_adapter", body)
    ensure(response.is_success, Unavailable(f"The inference server does not load {version.name}: {_why(response)}"))


def unload(name: str) -> None:
    """A name that is not loaded is fine."""
    _post("unload_lora_adapter", {"lora_name": name})


def tidy(project: Project) -> list[str]:
    """Unload this project's versions that are neither live in a slot nor the one before; returns their names."""
    kept = {BASE}
    for slot in Slot.values:
        promotion = live_promotion(project, slot)
        live = live_version(project, slot)
        earlier = promotion.previous.version if promotion and promotion.previous else None
        kept |= {version.name for version in (live, earlier) if version}
    ours = [name for name in loaded() if name.startswith(f"{project.slug}-v") and name not in kept]
    known = {version.name for version in ModelVersion.objects.of(project).select_related("project")}
    for name in ours:
        if name in known:
            unload(name)
    return ours


def loaded() -> list[str]:
    """The names that the server answers to now. Raises Unavailable."""
    try:
        response = httpx.get(f"{settings.LABELHUB_CHAT_URL}/models", timeout=TIMEOUT, trust_env=False)
        return [model["id"] for model in response.raise_for_status().json()["data"]]
    except (httpx.HTTPError, KeyError, ValueError) as error:
        raise Unavailable(f"The inference server does not answer ({type(error).__name__}).") from error


def _post(route: str, body: dict[str, Any]) -> httpx.Response:
    try:
        return httpx.post(f"{settings.LABELHUB_CHAT_URL}/{route}", json=body, timeout=TIMEOUT, trust_env=False)
    except httpx.HTTPError as error:
        raise Unavailable(f"The inference server does not answer ({type(error).__name__}). Is it running?") from error


def _why(response: httpx.Response) -> str:
    return str(_said(response).get("message") or f"status {response.status_code}")


def _said(response: httpx.Response) -> dict[str, Any]:
    """The error as OpenAI's servers tell it; {} when it is told otherwise."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}
