"""Which programs a site consists of, on one machine."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from django.conf import settings
from django.core.management.base import CommandError

from labelhub.management.children import Child

PYTHON = sys.executable


@dataclass(frozen=True)
class Addresses:
    host: str
    web: int
    gateway: int
    inference: int | None

    def url(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"


def addresses(host: str, port: int, *, inference: bool) -> Addresses:
    """The site's ports: `port` for pages and the next two, or free ones where `port` is 0.

    Without inference of our own where LABELHUB_CHAT_URL names somebody else's.
    """
    own_inference = inference and "LABELHUB_CHAT_URL" not in os.environ
    web, gateway, models = (port, port + 1, port + 2) if port else _free_ports(host, 3)
    return Addresses(host, web, gateway, models if own_inference else None)


def programs(where: Addresses) -> list[Child]:
    """web, gateway, the two clusters and, where it is ours, inference."""
    shared = {}
    if where.inference:
        models_url = f"http://127.0.0.1:{where.inference}/v1"
        shared = {"LABELHUB_CHAT_URL": models_url}
        if "LABELHUB_EMBED_URL" not in os.environ:
            shared["LABELHUB_EMBED_URL"] = models_url
    manage = [PYTHON, str(settings.BASE_DIR / "manage.py")]
    gunicorn = [PYTHON, "-m", "gunicorn", "-c", "python:labelhub.management.web", "labelhub.wsgi"]
    uvicorn = [PYTHON, "-m", "uvicorn", "labelhub.asgi:application", "--no-access-log", "--lifespan", "off"]
    bind = f"{'[' + where.host + ']' if ':' in where.host else where.host}:{where.web}"
    children = [
        Child("web", [*gunicorn, "--bind", bind], shared | {"LABELHUB_PROCESS": "web"}),
        Child(
            "gateway",
            [*uvicorn, "--host", where.host, "--port", str(where.gateway), "--timeout-graceful-shutdown", "3"],
            shared | {"LABELHUB_PROCESS": "gateway"},
        ),
        Child("default", [*manage, "qcluster"], shared | {"LABELHUB_PROCESS": "worker", "Q_CLUSTER_NAME": "default"}),
        Child("training", [*manage, "qcluster"], shared | {"LABELHUB_PROCESS": "worker", "Q_CLUSTER_NAME": "training"}),
    ]
    return [*children, _inference(where.inference)] if where.inference else children


def _inference(port: int) -> Child:
    """Base model, adapters and encoder behind one address. Its ports are for this machine only."""
    adapters = settings.DATA_DIR / "adapters"
    adapters.mkdir(parents=True, exist_ok=True)
    command = [PYTHON, "-m", "training.lm", "serve", "--base", settings.LABELHUB_BASE_MODEL]
    if "LABELHUB_EMBED_URL" not in os.environ:
        command += ["--encoder", settings.LABELHUB_ENCODER]
    port_file = settings.DATA_DIR / "inference.port"
    _ensure_there(command)
    command += ["--port", str(port), "--port-file", str(port_file), "--adapters", str(adapters)]
    return Child("inference", command, {})


def _ensure_there(command: list[str]) -> None:
    """Raises CommandError for a model that is not on this machine: its server would end and be started for ever."""
    look = subprocess.run([*command, "--check"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if look.returncode:
        remedy = "See LABELHUB_BASE_MODEL and LABELHUB_ENCODER, or start with --no-inference."
        raise CommandError(f"{look.stderr.strip()[-1000:]}\n{remedy}")


def _free_ports(host: str, number: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets = [socket.socket(family, socket.SOCK_STREAM) for _ in range(number)]
    try:
        for one in sockets:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
