"""Every setting of the portal, read from the environment once, in one place.

A wrong or missing value raises ImproperlyConfigured with one sentence that names it;
manage.py prints that sentence and stops. `.env.example` explains each name.
"""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host
from django.utils.module_loading import import_string

from .environment import Environment, host_is_local, host_is_loopback, origin_of

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")

DEBUG = env.boolean("DEBUG", False)
PORTAL_URL = env.origin("PORTAL_URL", "http://127.0.0.1:8000" if DEBUG else None)
PORTAL_IS_HTTPS = PORTAL_URL.startswith("https://")
PORTAL_HOST = origin_of(PORTAL_URL).hostname or ""
HAS_DEMO_VALUES = DEBUG and host_is_loopback(PORTAL_HOST)  # which everybody knows
SECRET_KEY = env.secret("SECRET_KEY", demo="debug-only-secret-key" if HAS_DEMO_VALUES else None)
if not (PORTAL_IS_HTTPS or DEBUG or host_is_loopback(PORTAL_HOST)):
    raise ImproperlyConfigured(
        "PORTAL_URL: plain http is only allowed on a loopback address or with DEBUG=true."
    )
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", [PORTAL_HOST, *(LOOPBACK_HOSTS if not PORTAL_IS_HTTPS else [])]
)
if not validate_host(PORTAL_HOST if ":" not in PORTAL_HOST else f"[{PORTAL_HOST}]", ALLOWED_HOSTS):
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS must contain the host of PORTAL_URL, or MidSync's callbacks are refused."
    )
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, minimum=0)
if PORTAL_IS_HTTPS and not env.text("TRUSTED_PROXIES", ""):
    raise ImproperlyConfigured(
        "TRUSTED_PROXIES is missing: with https, say how many proxies stand in front. bin/web "
        "speaks no TLS itself, so mostly 1; with none trusted, every page redirects to itself."
    )

INSTALLED_APPS = [
    "midsync_portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "midsync_portal.apps.PortalConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads by chance; tokens in pages are masked (BREACH)
    "csp.middleware.CSPMiddleware",
    "midsync_portal.middleware.private_pages",
    "midsync_portal.static_files.scripts_ahead",
    "midsync_portal.middleware.possible_session",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "midsync_portal.languages.PortalLocale",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "midsync_portal.middleware.sessions_end",
    "allauth.account.middleware.AccountMiddleware",
    "midsync_portal.middleware.PortalLoginRequired",
    "midsync_portal.second_factor.SecondFactorFirst",
    "midsync_portal.middleware.ActiveCustomer",
]

ROOT_URLCONF = "midsync_portal.urls"
WSGI_APPLICATION = "midsync_portal.wsgi.application"
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
                "midsync_portal.context.portal",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------
# LISTEN wants a connection to the server itself, which DATABASE_URL is not behind a pooler.
LISTEN_DATABASE_URL = env.postgres_url("LISTEN_DATABASE_URL")
DATABASES = {
    "default": env.database(
        "DATABASE_URL", BASE_DIR / "data" / "portal.sqlite3", is_pooled=bool(LISTEN_DATABASE_URL)
    )
}
if LISTEN_DATABASE_URL and DATABASES["default"]["ENGINE"] == "midsync_portal.sqlite":
    raise ImproperlyConfigured(
        "LISTEN_DATABASE_URL is only of use where DATABASE_URL is PostgreSQL."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # One cache for all processes: the limits of log-in attempts count across them.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # Above it, entries are thrown away: far more than strangers can make while a count lasts.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- People -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "midsync_portal.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "task-new"
ACCOUNT_ADAPTER = "midsync_portal.accounts.PortalAccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PORTAL_IS_HTTPS else "http"
ACCOUNT_RATE_LIMITS = {
    "login_failed": env.rates("LOGIN_FAILED_RATE", "10/m/ip,5/5m/key"),
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
# The second factor: staff need one for the admin (second_factor.py), customers may have one.
MFA_ADAPTER = "midsync_portal.accounts.PortalMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "midsync_portal.accounts.CodeForm",
    "reauthenticate": "midsync_portal.accounts.CodeAgainForm",
    "add_webauthn": "midsync_portal.accounts.AddKeyForm",
    "edit_webauthn": "midsync_portal.accounts.EditKeyForm",
}
MFA_TOTP_ISSUER = "Midsync Portal"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds that a phone's clock may be off
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PORTAL_IS_HTTPS  # browsers allow it on localhost only
SECOND_FACTOR_KEYS = env.words("SECOND_FACTOR_KEYS", [SECRET_KEY])
# Without a mail server, messages (for a forgotten password) are printed to the log.
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.number("EMAIL_PORT", 587, minimum=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend",
)
try:
    import_string(EMAIL_BACKEND)
except ImportError:
    raise ImproperlyConfigured(f"EMAIL_BACKEND names no class: {EMAIL_BACKEND!r}.") from None
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"portal@{PORTAL_HOST}")

# --- Sessions, cookies, headers ---------------------------------------------------------------
SESSION_COOKIE_AGE = 7 * 24 * 3600  # seconds without a visit
SESSION_MAX_AGE = 30 * 24 * 3600  # seconds since the log-in, however often one comes back
STAFF_SESSION_IDLE = 30 * 60
STAFF_SESSION_MAX_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PORTAL_IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if PORTAL_IS_HTTPS else "portal_session"
CSRF_COOKIE_NAME = "__Host-csrf" if PORTAL_IS_HTTPS else "portal_csrf"
CSRF_FAILURE_VIEW = "midsync_portal.views.errors.csrf_failure"
SECURE_SSL_REDIRECT = PORTAL_IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^callbacks/"]  # MidSync's POST is answered, never redirected
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PORTAL_IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PORTAL_IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # HSTS preload is the domain owner's decision

# --- MidSync ----------------------------------------------------------------------------------
MIDSYNC_BASE_URL = env.origin(
    "MIDSYNC_BASE_URL", "http://127.0.0.1:8900" if DEBUG else None, path_allowed=True
)
MIDSYNC_API_KEY = env.secret("MIDSYNC_API_KEY", demo="simulator-key" if DEBUG else None)
# Plain http can only be a stand-in on this machine or network; the real MidSync speaks https.
MIDSYNC_IS_SIMULATED = MIDSYNC_BASE_URL.startswith("http://")
if MIDSYNC_IS_SIMULATED and not host_is_local(origin_of(MIDSYNC_BASE_URL).hostname or ""):
    raise ImproperlyConfigured(
        "MIDSYNC_BASE_URL: plain http would send the API key in the open; "
        "it is only allowed to a simulator on this machine or network."
    )
RESULT_ORIGINS_TRUSTED = env.words("RESULT_ORIGINS_TRUSTED", [])
if any(origin != origin_of(MIDSYNC_BASE_URL).origin for origin in RESULT_ORIGINS_TRUSTED):
    raise ImproperlyConfigured(
        "RESULT_ORIGINS_TRUSTED: only the origin of MIDSYNC_BASE_URL itself may be trusted."
    )
RESULT_HOSTS = env.words("RESULT_HOSTS", [])
MIDSYNC_CONNECT_TIMEOUT = env.seconds("MIDSYNC_CONNECT_TIMEOUT", 5)
MIDSYNC_READ_TIMEOUT = env.seconds("MIDSYNC_READ_TIMEOUT", 15)
MIDSYNC_QUOTE_TIMEOUT = env.seconds("MIDSYNC_QUOTE_TIMEOUT", 5)
MIDSYNC_GENERATE_TIMEOUT = env.seconds("MIDSYNC_GENERATE_TIMEOUT", 60)
MIDSYNC_SEND_LEASE = env.seconds("MIDSYNC_SEND_LEASE", 120)
if MIDSYNC_SEND_LEASE <= MIDSYNC_GENERATE_TIMEOUT + 30:
    raise ImproperlyConfigured(
        "MIDSYNC_SEND_LEASE must be more than MIDSYNC_GENERATE_TIMEOUT + 30 seconds."
    )
MIDSYNC_RESPONSE_MAX = env.number("MIDSYNC_RESPONSE_MAX", 262_144, minimum=1024)
MIDSYNC_GENERATE_CONCURRENCY = env.number("MIDSYNC_GENERATE_CONCURRENCY", 32, minimum=1)
MIDSYNC_RATE = env.number("MIDSYNC_RATE", 5, minimum=1)  # requests a second, all workers together
MIDSYNC_BREAKER_FAILURES = env.number("MIDSYNC_BREAKER_FAILURES", 5, minimum=1)
MIDSYNC_BREAKER_SECONDS = env.seconds("MIDSYNC_BREAKER_SECONDS", 30)
MIDSYNC_KEY_EXCLUSIVE = env.boolean("MIDSYNC_KEY_EXCLUSIVE", False)
MIDSYNC_RESEND_429 = env.boolean("MIDSYNC_RESEND_429", True)
MIDSYNC_CONFIRM_CALLBACKS = env.boolean("MIDSYNC_CONFIRM_CALLBACKS", False)
# From this hour on (UTC) the worker compares yesterday with MidSync's usage logs; -1: never.
RECONCILE_HOUR = env.number("RECONCILE_HOUR", 2, minimum=-1)
MIDSYNC_NUMBERS_AS_STRINGS = env.words("MIDSYNC_NUMBERS_AS_STRINGS", [])
MIDSYNC_PROJECT_ID = env.text("MIDSYNC_PROJECT_ID", "")
CATALOG_MAX_AGE = env.seconds("CATALOG_MAX_AGE", 300)
QUOTE_MAX_AGE = env.seconds("QUOTE_MAX_AGE", 600)
SUBMIT_WAIT = env.seconds("SUBMIT_WAIT", 10)
FIRST_CHECK_SECONDS = env.seconds("FIRST_CHECK_SECONDS", 60)

# --- Callbacks --------------------------------------------------------------------------------
CALLBACK_SIGNING_KEYS = env.words(
    "CALLBACK_SIGNING_KEYS", ["debug-only-signing-key"] if HAS_DEMO_VALUES else None
)
if any(len(key) < 16 for key in CALLBACK_SIGNING_KEYS):
    raise ImproperlyConfigured("CALLBACK_SIGNING_KEYS: each must have at least 16 characters.")
CALLBACK_BODY_MAX = env.number("CALLBACK_BODY_MAX", 1_048_576, minimum=1024)
CALLBACK_BODY_STORED = env.number("CALLBACK_BODY_STORED", 65_536, minimum=1024)
CALLBACK_KEPT_DAYS = env.number("CALLBACK_KEPT_DAYS", 90, minimum=1)
CALLBACK_BODIES_PER_TASK = env.number("CALLBACK_BODIES_PER_TASK", 50, minimum=1)
CALLBACK_BAD_TOKEN_RATE = env.number("CALLBACK_BAD_TOKEN_RATE", 60, minimum=1)
CALLBACK_SIGNATURE = env.choice(
    "CALLBACK_SIGNATURE", "none", ("none", "hmac", "kie", "standard-webhooks")
)
CALLBACK_SIGNATURE_SECRET = env.text("CALLBACK_SIGNATURE_SECRET", "")
if CALLBACK_SIGNATURE != "none" and not CALLBACK_SIGNATURE_SECRET:
    raise ImproperlyConfigured("CALLBACK_SIGNATURE_SECRET is required with CALLBACK_SIGNATURE.")

# --- Limits -----------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = FORM_BODY_MAX = env.number("FORM_BODY_MAX", 262_144, minimum=1024)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
SUBMIT_RATE = env.number("SUBMIT_RATE", 10, minimum=1)  # tasks per minute and customer
OPEN_TASKS_MAX = env.number("OPEN_TASKS_MAX", 20, minimum=1)
DAILY_POINTS_MAX = env.number("DAILY_POINTS_MAX", 0, minimum=0)  # per customer; 0 = off
DAILY_POINTS_GLOBAL = env.number("DAILY_POINTS_GLOBAL", 0, minimum=0)
QUOTE_RATE = env.number("QUOTE_RATE", 60, minimum=1)  # quotes per minute and customer
STREAMS_PER_PERSON = env.number("STREAMS_PER_PERSON", 4, minimum=1)

# --- Our copies of videos ---------------------------------------------------------------------
VIDEO_MAX_BYTES = env.number("VIDEO_MAX_BYTES", 524_288_000, minimum=1024)
VIDEO_SECONDS = env.seconds("VIDEO_SECONDS", 120)  # for one download, the last byte included
VIDEO_STORAGE = env.choice("VIDEO_STORAGE", "files", ("files", "s3"))

# --- Files, language, time --------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = env.path("MEDIA_ROOT", BASE_DIR / "media")
# On the disk of MEDIA_ROOT a finished file is moved into its place, not copied.
VIDEO_TEMP_DIR = env.path("VIDEO_TEMP_DIR", MEDIA_ROOT / "incoming")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if VIDEO_STORAGE == "files"
    else {
        "BACKEND": "midsync_portal.videos.s3.BucketStorage",
        "OPTIONS": {
            # Required; the keys and the region may also come from the machine's own role.
            "bucket_name": env.text("S3_BUCKET", None),
            "location": env.text("S3_PREFIX", ""),
            "region_name": env.text("S3_REGION", "") or None,
            "endpoint_url": env.text("S3_ENDPOINT_URL", "") or None,
            "access_key": env.text("S3_ACCESS_KEY_ID", "") or None,
            "secret_key": env.text("S3_SECRET_ACCESS_KEY", "") or None,
        },
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "midsync_portal.static_files.StaticFiles"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("zh-hant", "繁體中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 86_400
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PORTAL_IS_HTTPS
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "media-src": [SELF, "https:", *RESULT_ORIGINS_TRUSTED],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        "report-uri": "/csp-report/",
    }
}

# --- Looking in from outside ------------------------------------------------------------------
METRICS_TOKEN = env.token("METRICS_TOKEN")
SENTRY_DSN = env.sentry_dsn("SENTRY_DSN")
SENTRY_ENVIRONMENT = env.text("SENTRY_ENVIRONMENT", "production")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"secrets": {"()": "midsync_portal.logs.SecretsFilter"}},
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "midsync_portal.logs.JsonLines"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", "text" if DEBUG else "json", ("text", "json")),
            "filters": ["secrets"],
        }
    },
    "root": {
        "handlers": ["console"],
        "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        # Instead of Django's own handlers, which filter nothing.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": ["console"], "propagate": False},
    },
}
