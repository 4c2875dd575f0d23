"""Settings of the test suite: fixed keys, fast hasher, eager tasks, caches and mails in memory.

``ATOOSYNC_TEST_DATABASE_URL`` chooses the database (``bin/test`` gives PostgreSQL); SQLite in memory otherwise.
"""

import atexit
import os
import shutil
import tempfile

_data = os.environ.get("ATOOSYNC_DATA")
if not _data:
    _data = tempfile.mkdtemp(prefix="atoosync-test-")
    os.environ["ATOOSYNC_DATA"] = _data
    atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ.update(
    {
        "ATOOSYNC_MODE": "embedded",
        "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
        "ATOOSYNC_SECRET_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
        "DATABASE_URL": os.environ.get("ATOOSYNC_TEST_DATABASE_URL", ""),
        "BROKER_URL": "",
        "DEBUG": "",
        "ALLOWED_HOSTS": "",
        "PUBLIC_URL": "",
    }
)

from atoosync.settings import *  # noqa: E402,F403

TESTING = True
DATABASES["default"].get("OPTIONS", {}).pop("pool", None)  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
# The stand-ins of the tests listen on loopback, which the guard of outgoing addresses refuses by default.
ALLOWED_ADDRESSES = ["127.0.0.1:*", "localhost:*"]
LOCAL_FILES = ["/tmp", tempfile.gettempdir()]  # noqa: S108 where the tests build their companies
