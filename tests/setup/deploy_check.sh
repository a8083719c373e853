#!/usr/bin/env bash
# Django's deployment checks, with the settings of a real host.
set -euo pipefail
secret=$(.venv/bin/python -c "import secrets; print(secrets.token_urlsafe(64))")
DATABASE_URL="postgresql://labelhub:unused@db.example/labelhub" SECRET_KEY="$secret" DEBUG=0 \
  ALLOWED_HOSTS=labelhub.example .venv/bin/python manage.py check --deploy --fail-level WARNING
