"""How Django is told of Postgres: one URL, and what each kind of process asks of its connections."""

from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def database(url: str, process: str) -> dict[str, object]:
    """Django's DATABASES entry of a postgresql:// URL; `?host=/folder` names a Unix socket."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://: LabelHub keeps everything in Postgres.")
    query = dict(parse_qsl(parts.query))
    somebody_waits = process in {"web", "gateway"}
    timeouts = "-c statement_timeout=5s -c lock_timeout=1250ms" if somebody_waits else "-c lock_timeout=10s"
    options: dict[str, object] = {
        "connect_timeout": 3,
        "options": f"-c hnsw.ef_search=100 -c hnsw.iterative_scan=relaxed_order "
        f"-c idle_in_transaction_session_timeout=60s {timeouts}",
    }
    if process == "web":  # never where processes fork: pool threads do not survive it
        # Few connections for many threads (labelhub.management.web): who finds all of them stuck is refused after
        # `timeout`, and a thread is left that says so. After an outage psycopg_pool waits twice as long before each
        # further try; `reconnect_timeout` has it begin anew with the next question. No `max_waiting`: clients that
        # gave up count as waiting, so that after an outage it would refuse everybody for ever.
        options["pool"] = {
            "min_size": 2, "max_size": 8, "timeout": 0.75, "reconnect_timeout": 2, "max_lifetime": 1800, "max_idle": 300
        }  # fmt: skip
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
        "TEST": {"TEMPLATE": query["template"]} if "template" in query else {},
    }
