"""The same settings with the answers a test needs; nothing here may be used to serve."""

import os

os.environ.setdefault("GRIDTILL_MODE", "test")
os.environ.setdefault("GRIDTILL_SECRET_KEY", "only-for-tests")
os.environ.setdefault("DATABASE_URL", "sqlite://")
os.environ.setdefault("GRIDTILL_KEYSTORE_KEY", "00" * 32)
os.environ.setdefault("GRIDTILL_LOG_LEVEL", "WARNING")
# Tests that use the pages point it at a folder of their own.
os.environ.setdefault("GRIDTILL_PRACTICE_FOLDER", "var/practice-of-tests")

from gridtill.config.settings import *  # noqa: F403

# The real hasher is slow on purpose; its strength is not what these tests are about.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
