"""A Django view with nothing around it but the insert: what a request costs without key, checks and answers per item."""

import json
import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from labelhub.database import database

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # tells the length of an answer
    USE_TZ=True,
    DATABASES={"default": database(os.environ["DATABASE_URL"], "web")},
)
django.setup()

from django.db import connection, transaction  # noqa: E402 - not before the settings

SESSIONS = """
    INSERT INTO annotations_session (project_id, external_id)
    SELECT %s, x FROM unnest(%s::text[]) AS x ORDER BY x ON CONFLICT (project_id, external_id) DO NOTHING
"""
INTERACTIONS = os.environ["BENCH_SQL"]  # the site's: its module needs models
PROJECT = int(os.environ["BENCH_PROJECT"])
NOTHING = {"turns": [], "documents": [], "user_role": "", "text_escaped": False, "clock_odd": False, "body_sha256": ""}


def store(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    rows = [
        {**NOTHING, **item, "prompt": item["messages"][-1]["content"], "system_context": item["messages"][0]["content"]}
        for item in body.get("items", [body])
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SESSIONS, [PROJECT, sorted({row["session"] for row in rows})])
        cursor.execute(INTERACTIONS, [PROJECT, PROJECT, json.dumps(rows)])
        return JsonResponse({"ids": [id_ for id_, _, _ in cursor.fetchall()]})


urlpatterns = [path("", store)]
application = get_wsgi_application()
