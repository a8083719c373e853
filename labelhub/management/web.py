"""gunicorn's settings for the web process (`gunicorn -c python:labelhub.management.web labelhub.wsgi`)."""

from typing import Any

from labelhub.jobs.tied import die_with

worker_class = "gthread"
workers = 2
threads = 40  # many more than the pool has connections: who waits for one holds up nobody (settings.py)
max_requests = 100_000
max_requests_jitter = 10_000
timeout = 60
graceful_timeout = 5
preload_app = False  # the connection pool does not survive a fork
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    die_with(worker.ppid)
