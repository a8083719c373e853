"""gunicorn's settings for the web process (`gunicorn -c python:labelhub.management.web labelhub.wsgi`)."""

from typing import Any

from labelhub.jobs.tied import die_with

worker_class = "gthread"
workers = 2
threads = 8
max_requests = 2000
max_requests_jitter = 200
timeout = 60
graceful_timeout = 5
preload_app = False  # the connection pool does not survive a fork
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    die_with(worker.ppid)
