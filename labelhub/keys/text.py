"""How a key is written: lh_<prefix>_<secret>. The prefix finds its row; of the secret only the hash is kept."""

import hashlib
import re
import secrets

_WRITTEN = re.compile(r"lh_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


def new_parts() -> tuple[str, str]:
    """A prefix and a secret that nobody had before."""
    return secrets.token_hex(6), secrets.token_urlsafe(32)


def written(prefix: str, secret: str) -> str:
    return f"lh_{prefix}_{secret}"


def parts_of(text: str) -> tuple[str, str] | None:
    """Prefix and secret; None for what no key is written like, so that nothing else reaches the database."""
    match = _WRITTEN.fullmatch(text)
    return (match[1], match[2]) if match else None


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
