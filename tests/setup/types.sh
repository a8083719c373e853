#!/usr/bin/env bash
# mypy's Django plugin reads the settings; no database is opened.
set -euo pipefail
SECRET_KEY=$(.venv/bin/python -c "import secrets; print(secrets.token_urlsafe(64))")
export SECRET_KEY DATABASE_URL="postgresql://nobody@localhost/none"
.venv/bin/mypy
