"""Settings of AtooSync: every value comes through :mod:`atoosync.env`, and nonsense stops the start with a sentence.

Two modes share one code path:

* ``embedded`` (default): one machine, SQLite and an embedded broker inside the data directory, keys generated once;
* ``production``: PostgreSQL, Redis and keys are given by the environment; anything missing is refused.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF
from django.contrib.messages import constants as message_levels
from kombu import Queue

from atoosync import generics
from atoosync.env import Environment, generated_once, private_directory
from atoosync.guards import Deployment, broker_socket, check_deployment, generate_key, redis_url
from scheduler.beat import BEAT_SCHEDULE

generics.allow()
ENV = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Mode, data directory, secrets -------------------------------------------------------------------------------
MODE = ENV.choice("ATOOSYNC_MODE", default="embedded", among=("embedded", "production"))
EMBEDDED = MODE == "embedded"
DEBUG = ENV.boolean("DEBUG", default=False)
DATA_DIR = Path(ENV.text("ATOOSYNC_DATA", str(BASE_DIR / "var"))).resolve()
if EMBEDDED:
    private_directory(DATA_DIR)

SECRET_KEY = ENV.secret("SECRET_KEY") or (
    generated_once(DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(50)) if EMBEDDED else ""
)
# Key ring of the secrets kept at rest: Fernet keys, the first encrypts, every one decrypts.
ATOOSYNC_SECRET_KEYS: list[str] = (
    (ENV.secret("ATOOSYNC_SECRET_KEYS") or (generated_once(DATA_DIR / "secret_keys", generate_key) if EMBEDDED else ""))
    .replace(",", " ")
    .split()
)

# --- Hosts and cookies -------------------------------------------------------------------------------------------
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
PUBLIC_HOSTS = ENV.words("ALLOWED_HOSTS", default=LOOPBACK_NAMES if EMBEDDED else ())
# Health checks of containers call the process by its loopback name.
ALLOWED_HOSTS = [*PUBLIC_HOSTS, *(name for name in LOOPBACK_NAMES if name not in PUBLIC_HOSTS)]
PUBLIC_URL = ENV.text("PUBLIC_URL", "http://127.0.0.1:8000" if EMBEDDED else "").rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
# Number of reverse proxies in front of the web server whose X-Forwarded-* headers are believed.
TRUSTED_PROXIES = ENV.integer("TRUSTED_PROXIES", default=0, maximum=10)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS and ENV.boolean("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = ENV.integer("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.boolean("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=HTTPS)
SECURE_HSTS_PRELOAD = ENV.boolean("SECURE_HSTS_PRELOAD", default=False)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# A session ends two weeks after its last use; atoosync.middleware pushes the end forward at most once an hour.
SESSION_COOKIE_AGE = ENV.integer("SESSION_SECONDS", default=14 * 24 * 3600, minimum=300)
SESSION_REFRESH_SECONDS = 3600

# --- Applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "atoosync.apps.AtooSyncConfig",
    "profiles.apps.ProfilesConfig",
    "billing.apps.BillingConfig",
    "sync.apps.SyncConfig",
    "scheduler.apps.SchedulerConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "rest_framework",
    "django_celery_beat",
]

MIDDLEWARE = [
    "atoosync.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "atoosync.middleware.SlidingSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "profiles.context.UserLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "atoosync.urls"
ASGI_APPLICATION = "atoosync.asgi.application"
WSGI_APPLICATION = "atoosync.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "profiles.context.shell",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
MESSAGE_TAGS = {message_levels.DEBUG: "secondary", message_levels.ERROR: "danger"}

# --- Database, broker, cache -------------------------------------------------------------------------------------
DATABASES = {"default": ENV.database("DATABASE_URL", data=DATA_DIR)}
# Covering columns of an index serve PostgreSQL; SQLite leaves them out.
SILENCED_SYSTEM_CHECKS = ["models.W040"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = ENV.secret("BROKER_URL") or (f"redis+socket://{broker_socket(DATA_DIR)}" if EMBEDDED else "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(BROKER_URL),
        "KEY_PREFIX": "cache",
    },
}

# --- Celery (measured settings; the truth of a run is its row, the broker only wakes workers) -------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_QUEUES = tuple(Queue(name) for name in ("interactive", "orders", "bulk", "housekeeping"))
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
# Slices of runs under way at once over all workers: their processes in all. One is always left to other tenants.
ATOOSYNC_SLICES = ENV.integer("ATOOSYNC_SLICES", default=2, minimum=1, maximum=1000)
# The same for imports of orders, which never wait for any of the others.
ATOOSYNC_ORDER_SLICES = ENV.integer("ATOOSYNC_ORDER_SLICES", default=1, minimum=1, maximum=1000)
# A slice whose worker gave no sign of life for this long is taken over; heartbeats come ten times as often.
ATOOSYNC_SILENT_SECONDS = ENV.integer("ATOOSYNC_SILENT_SECONDS", default=20, minimum=1, maximum=600)
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 360
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    # kombu acts on every tenth look only by default: an abandoned message then waits minutes for nothing.
    "unacked_restore_throttle": 1,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "atoosync.beat:LeasedScheduler"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Accounts ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "profiles.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = ENV.choice(
    "ACCOUNT_EMAIL_VERIFICATION", default="optional", among=("optional", "mandatory", "none")
)
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None  # the person ticks «Rester connecté»
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ENV.text("EMAIL_SUBJECT_PREFIX")
ACCOUNT_ADAPTER = "profiles.adapter.AccountAdapter"
ACCOUNT_USER_DISPLAY = "profiles.adapter.user_display"
ACCOUNT_FORMS = {
    "signup": "profiles.forms.account.CompanySignupForm",
    "change_password": "profiles.forms.account.PasswordChangeForm",
    "set_password": "profiles.forms.account.PasswordSetForm",
    "reset_password_from_key": "profiles.forms.account.PasswordResetForm",
}
SIGNUP_OPEN = ENV.boolean("ATOOSYNC_SIGNUP_OPEN", default=True)
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# --- E-mail ------------------------------------------------------------------------------------------------------
EMAIL_HOST = ENV.text("EMAIL_HOST")
EMAIL_PORT = ENV.integer("EMAIL_PORT", default=587, minimum=1, maximum=65535)
EMAIL_HOST_USER = ENV.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = ENV.secret("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_SSL = ENV.boolean("EMAIL_USE_SSL", default=False)
EMAIL_USE_TLS = ENV.boolean("EMAIL_USE_TLS", default=not EMAIL_USE_SSL)
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST or not EMBEDDED else 'filebased'}.EmailBackend"
DEFAULT_FROM_EMAIL = ENV.text("DEFAULT_FROM_EMAIL", "AtooSync <atoosync@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMINS = [("Hôte", address) for address in ENV.words("ADMIN_EMAILS")]

# --- Languages and time ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "atoosync.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# Zone in which dates are shown and typed where a tenant has not chosen its own.
DISPLAY_TIME_ZONE = ENV.text("DISPLAY_TIME_ZONE", "Europe/Paris")

# --- Static files ------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(ENV.text("STATIC_ROOT", str(DATA_DIR / "static" if EMBEDDED else BASE_DIR / "staticfiles")))
if EMBEDDED:
    private_directory(STATIC_ROOT)
# Hashed and compressed copies made by collectstatic; the image is built with them.
STATIC_MANIFEST = ENV.boolean("STATIC_MANIFEST", default=not EMBEDDED)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if not STATIC_MANIFEST
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        ),
    },
}
# The embedded mode serves the files from where they lie, so that no collectstatic step is needed.
WHITENOISE_USE_FINDERS = not STATIC_MANIFEST
WHITENOISE_MAX_AGE = 0 if DEBUG else 300
MEDIA_ROOT = DATA_DIR / "media"

# --- Content security policy (nothing inline without a nonce, nothing from elsewhere) ----------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}

# --- API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

# --- AtooSync ----------------------------------------------------------------------------------------------------
# Private or loopback destinations the host lets profiles call, as host:port, address or CIDR; everything else of that
# kind is refused by the guard of outgoing addresses.
ALLOWED_ADDRESSES = ENV.words("ATOOSYNC_ALLOWED_ADDRESSES")
# Folders of this machine whose files (companies in SQLite, drivers named by path) profiles may open.
LOCAL_FILES = ENV.words("ATOOSYNC_LOCAL_FILES", default=(str(DATA_DIR),) if EMBEDDED else ())
# Platform administration of the host; another path hides it from scanners.
ADMIN_PATH = ENV.text("ADMIN_PATH", "admin").strip("/") + "/"
METRICS_TOKEN = ENV.secret("METRICS_TOKEN") or ""
# Days after which the lines of journals are deleted; runs with their counts stay.
ATOOSYNC_JOURNAL_DAYS = ENV.integer("ATOOSYNC_JOURNAL_DAYS", default=180, minimum=1, maximum=36_500)
# Age in seconds above which a worker heartbeat makes /readyz fail.
WORKER_HEARTBEAT_MAX_AGE = ENV.integer("WORKER_HEARTBEAT_MAX_AGE", default=90, minimum=10)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# --- Logs --------------------------------------------------------------------------------------------------------
LOG_LEVEL = ENV.choice("LOG_LEVEL", default="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = ENV.choice("LOG_FORMAT", default="text" if EMBEDDED else "json", among=("text", "json"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "atoosync.logging.ContextFilter"}},
    "formatters": {
        "json": {"()": "atoosync.logging.JsonFormatter"},
        "text": {"()": "atoosync.logging.TextFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["context"]},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would print without the scrubber and send mails of every error.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "level": "WARNING", "propagate": True},
        "uvicorn.error": {"handlers": [], "propagate": True},
        # Scanners send any host name; each would be an error with a traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "urllib3": {"level": "WARNING"},
        "celery.utils.functional": {"level": "WARNING"},
    },
}

# Errors may also go to a function of the host: a dotted path, called with the scrubbed line as a dictionary.
ERROR_HOOK = ENV.text("ERROR_HOOK")
if ERROR_HOOK:
    LOGGING["handlers"]["hook"] = {"()": "atoosync.logging.HookHandler", "hook": ERROR_HOOK, "filters": ["context"]}
    LOGGING["root"]["handlers"].append("hook")

check_deployment(
    Deployment(
        embedded=EMBEDDED,
        debug=DEBUG,
        secret_key=SECRET_KEY,
        secret_keys=ATOOSYNC_SECRET_KEYS,
        allowed_hosts=PUBLIC_HOSTS,
        public_url=PUBLIC_URL,
        database_engine=DATABASES["default"]["ENGINE"],
        broker_url=BROKER_URL,
        allowed_addresses=ALLOWED_ADDRESSES,
    )
)
