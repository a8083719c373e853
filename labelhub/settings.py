"""One settings file. Every variable that it reads is described in docs/operators.md; nothing is started here."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from labelhub.database import database
from labelhub.environment import read_bool, read_list, read_number, read_text, refuse_unsafe_start

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where it runs --------------------------------------------------------------------------------------------
PROCESS = read_text("LABELHUB_PROCESS", "command")  # web | gateway | worker | command
if PROCESS not in {"web", "gateway", "worker", "command"}:
    raise ImproperlyConfigured("LABELHUB_PROCESS must be web, gateway, worker or command.")
DEBUG = read_bool("DEBUG")
SECRET_KEY = read_text("SECRET_KEY")
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
DATA_DIR = (BASE_DIR / (read_text("LABELHUB_DATA_DIR", "") or "var")).resolve()
# A site that only this machine can name is local: plain HTTP, the embedded Postgres and DEBUG are allowed there.
LOCAL = all(host in {"localhost", "127.0.0.1", "[::1]", "testserver"} for host in ALLOWED_HOSTS)

DATABASE_URL = read_text("DATABASE_URL")
refuse_unsafe_start(secret=SECRET_KEY, hosts=ALLOWED_HOSTS, debug=DEBUG, local=LOCAL, database=DATABASE_URL)
DATABASES = {"default": database(DATABASE_URL, PROCESS)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Models by URL --------------------------------------------------------------------------------------------
LABELHUB_BASE_MODEL = read_text("LABELHUB_BASE_MODEL", str(BASE_DIR / "training" / "lm" / "starter" / "weights"))
LABELHUB_ENCODER = read_text("LABELHUB_ENCODER", "sentence-transformers/all-MiniLM-L6-v2")
LABELHUB_CHAT_URL = read_text("LABELHUB_CHAT_URL", "http://127.0.0.1:8090/v1")
LABELHUB_EMBED_URL = read_text("LABELHUB_EMBED_URL", LABELHUB_CHAT_URL)
LABELHUB_RUNNER = read_text("LABELHUB_RUNNER", "local")
LABELHUB_JUDGE_URL = read_text("LABELHUB_JUDGE_URL", "")  # '' asks nobody; no page and no key can name one
LABELHUB_JUDGE_MODEL = read_text("LABELHUB_JUDGE_MODEL", "")
LABELHUB_JUDGE_KEY = read_text("LABELHUB_JUDGE_KEY", "")
if LABELHUB_JUDGE_URL and not (LABELHUB_JUDGE_MODEL and urlsplit(LABELHUB_JUDGE_URL).scheme in {"http", "https"}):
    raise ImproperlyConfigured("LABELHUB_JUDGE_URL must be an http(s) address, with LABELHUB_JUDGE_MODEL beside it.")
LABELHUB_KEY_REQUESTS_PER_MINUTE = read_number("LABELHUB_KEY_REQUESTS_PER_MINUTE", 60_000)

# --- Apps -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "labelhub",
    "annotations",
    "training",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "labelhub.site.LabelHubAdmin",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "csp",
]
MIDDLEWARE = [
    "labelhub.http.request_ids",
    "labelhub.seal.sealed",  # outside the others: also what they answer by themselves carries the headers
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "labelhub.http.private_pages",
    "django.middleware.security.SecurityMiddleware",
    "labelhub.seal.known_methods",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "labelhub.http.database_down",
    "labelhub.keys.exposed.refuse_keys_in_addresses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "labelhub.http.htmx_sign_in",
    "labelhub.http.person_time_zone",
    "labelhub.http.domain_errors",
]
ROOT_URLCONF = "labelhub.urls"
WSGI_APPLICATION = "labelhub.wsgi.application"
ASGI_APPLICATION = "labelhub.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "labelhub.http.chrome",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- People ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "labelhub.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "labelhub.people.sign_in.ClosedSignUp"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PRESERVE_USERNAME_CASING = False
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "labelhub_cache"}}

# --- Security -------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # whoever probes the site from inside speaks plain HTTP
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = None if LOCAL else ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_NAME = "labelhub_session" if LOCAL else "__Host-labelhub_session"
CSRF_COOKIE_NAME = "labelhub_csrf" if LOCAL else "__Host-labelhub_csrf"
MESSAGE_COOKIE_NAME = "labelhub_messages" if LOCAL else "__Host-labelhub_messages"
MESSAGE_STORAGE = "labelhub.seal.Toasts"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
MAX_BATCH_ITEMS = 1_000

# --- Static files ---------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "labelhub.site.HashedModules"},
}

# --- API ------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labelhub.keys.bearer.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["labelhub.body.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "labelhub.problems.problem",
    "DEFAULT_SCHEMA_CLASS": "labelhub.openapi.Schema",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is as unknown as any other: see labelhub.keys.authentication
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LabelHub",
    "DESCRIPTION": "Send what your model answered and how people took it; get corrections back.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
}

# --- Background work ------------------------------------------------------------------------------------------
Q_CLUSTER = {
    "name": "default",
    "orm": "default",
    "workers": 1,
    "bulk": 1,
    "queue_limit": 1,
    "timeout": 60,
    "retry": 600,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.2,
    "recycle": 50,
    "save_limit": 1000,
    "cache": "none",  # no such cache: else each cluster writes its statistics to the database twice a second
    "ALT_CLUSTERS": {"training": {"workers": 1, "bulk": 1, "queue_limit": 1, "timeout": 120, "retry": 900,
                                  "max_attempts": 3, "recycle": 50, "poll": 0.2}},
}  # fmt: skip

# --- Mail and logs --------------------------------------------------------------------------------------------
_mail = urlsplit(read_text("EMAIL_URL", "console://"))
EMAIL_BACKEND = f"django.core.mail.backends.{_mail.scheme or 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "labelhub.logs.OneLine", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"level": "INFO"},
        "django.server": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        # The servers that carry us bring formatters of their own, which would print a client's line ends.
        "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
