"""Django settings, all from the environment; docs/settings.md explains each."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext_lazy as _

from gridtill.config import env
from gridtill.sts.sta import parse_tables

PACKAGE = Path(__file__).resolve().parent.parent

MODE = env.text("GRIDTILL_MODE", "production")
DEBUG = env.flag("GRIDTILL_DEBUG", default=False)
SECRET_KEY = env.text("GRIDTILL_SECRET_KEY")
ALLOWED_HOSTS = env.words("GRIDTILL_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("GRIDTILL_ORIGINS")
DATABASES = {"default": env.database(env.text("DATABASE_URL"))}
KEYSTORE_KEY = env.text("GRIDTILL_KEYSTORE_KEY", "")
KEYSTORE_KEY_FILE = env.text("GRIDTILL_KEYSTORE_KEY_FILE", "")
STA_TABLES = env.parsed_file("GRIDTILL_STA_TABLES", parse_tables)
PRACTICE_FOLDER = env.text("GRIDTILL_PRACTICE_FOLDER", "")
if PRACTICE_FOLDER and MODE == "production":
    raise env.SettingInvalid("GRIDTILL_PRACTICE_FOLDER: virtual meters have no place where real ones are sold to.")
PKCS11_LIBRARY = env.text("GRIDTILL_PKCS11_LIBRARY", "")
PKCS11_TOKEN = env.text("GRIDTILL_PKCS11_TOKEN", "")
# Named so that Django's debug pages hide it.
PKCS11_TOKEN_SECRET = env.text("GRIDTILL_PKCS11_PIN", "")
PKCS11_WRAPPING_KEY = env.text("GRIDTILL_PKCS11_WRAPPING_KEY", "")
ISSUER_KIND = env.choice("GRIDTILL_TOKEN_ISSUER", "software", "pkcs11", "module")
TOKEN_MODULES = env.endpoints("GRIDTILL_TOKEN_MODULE")
TOKEN_MODULE_SECRET = env.text("GRIDTILL_TOKEN_MODULE_SECRET", "")
TOKEN_MODULE_LINKS = env.integer("GRIDTILL_TOKEN_MODULE_LINKS", 4, least=1)
TOKEN_MODULE_CA = env.readable("GRIDTILL_TOKEN_MODULE_CA")
env.at_most_one("GRIDTILL_KEYSTORE_KEY", "GRIDTILL_KEYSTORE_KEY_FILE", "GRIDTILL_PKCS11_WRAPPING_KEY")
if PKCS11_WRAPPING_KEY or ISSUER_KIND == "pkcs11":
    env.together(
        "GRIDTILL_PKCS11_WRAPPING_KEY" if PKCS11_WRAPPING_KEY else "GRIDTILL_TOKEN_ISSUER=pkcs11",
        "GRIDTILL_PKCS11_LIBRARY",
        "GRIDTILL_PKCS11_TOKEN",
        "GRIDTILL_PKCS11_PIN",
    )
if ISSUER_KIND == "module":
    env.together("GRIDTILL_TOKEN_ISSUER=module", "GRIDTILL_TOKEN_MODULE", "GRIDTILL_TOKEN_MODULE_SECRET")
    if len(TOKEN_MODULE_SECRET) < 16:
        raise env.SettingInvalid("GRIDTILL_TOKEN_MODULE_SECRET must have at least 16 characters.")
PRINTER_URL = env.text("GRIDTILL_PRINTER_URL", "")
SMS_URL = env.text("GRIDTILL_SMS_URL", "")
SMS_SECRET = env.text("GRIDTILL_SMS_SECRET", "")
# Named so that Django's debug pages hide it: the address of a mail server holds its password.
MAIL_URL_SECRET = env.text("GRIDTILL_MAIL_URL", "")
MAIL_FROM = env.text("GRIDTILL_MAIL_FROM", "")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_tables2",
    "template_partials.apps.SimpleAppConfig",
    "axes",
    "gridtill.apps.audit",
    "gridtill.apps.organization",
    "gridtill.apps.staff",
    "gridtill.apps.network",
    "gridtill.apps.assets",
    "gridtill.apps.pricing",
    "gridtill.apps.ledger",
    "gridtill.apps.keystore",
    "gridtill.apps.notices",
    "gridtill.apps.customers",
    "gridtill.apps.arrears",
    "gridtill.apps.vending",
    "gridtill.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gridtill.web.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "gridtill.web.middleware.NoNulls",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "gridtill.web.session.OperatorSession",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "gridtill.config.urls"
WSGI_APPLICATION = "gridtill.config.wsgi.application"

_loaders: list[object] = [
    (
        "template_partials.loader.Loader",
        [
            (
                "django.template.loaders.cached.Loader",
                ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
            )
        ],
    )
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "loaders": _loaders,
            "builtins": ["template_partials.templatetags.partials", "gridtill.web.templatetags.gridtill"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gridtill.web.shell.shell",
            ],
        },
    }
]
FORM_RENDERER = "gridtill.web.rendering.FormRenderer"
INSTALLED_APPS.insert(0, "django.forms")

AUTH_USER_MODEL = "staff.Operator"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = env.integer("GRIDTILL_LOCKOUT_TRIES", 5, least=1)
AXES_COOLOFF_TIME = env.integer("GRIDTILL_LOCKOUT_MINUTES", 15, least=1) / 60
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_CALLABLE = "gridtill.web.sign_in.views.locked_out"
OTP_TOTP_ISSUER = "Gridtill"

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_AGE = env.integer("GRIDTILL_SESSION_HOURS", 12, least=1) * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
IDLE_TIMEOUT_S = env.integer("GRIDTILL_IDLE_MINUTES", 20, least=1) * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
_https = env.flag("GRIDTILL_HTTPS", default=MODE == "production")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("GRIDTILL_BEHIND_PROXY", default=False) else None
)
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("zh-hans", "简体中文"), ("ar", "العربية")]
LOCALE_PATHS = [PACKAGE / "locale"]
LANGUAGE_COOKIE_NAME = "gridtill_language"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
_static_root = env.text("GRIDTILL_STATIC_ROOT", str(PACKAGE.parent.parent / "var" / "static"))
# Elsewhere the files are served from where they lie.
STATIC_ROOT = _static_root if MODE == "production" else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if MODE != "production"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = MODE != "production"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DJANGO_TABLES2_TEMPLATE = "components/table.html"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("GRIDTILL_LOG_LEVEL", "INFO")},
}
# The lockout is by user name on purpose; decision 4 says why.
SILENCED_SYSTEM_CHECKS = ["axes.W003", "axes.W006"]
SITE_TITLE = _("Gridtill")
