"""Opens the two systems of a profile with what the platform lends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from datetime import UTC, datetime

from django.conf import settings

from connectors.canonical.keys import Side
from connectors.core.options import OptionsSection
from connectors.core.ports import Connection, Runtime
from connectors.core.problems import ConnectorError
from connectors.core.results import CheckItem, CheckReport, CheckState
from connectors.core.spec import ConnectorSpec
from profiles import options_store, ratebucket
from profiles.models import Profile

CHECK_SECONDS = 10


def _never() -> bool:
    return False


def runtime(should_stop: Callable[[], bool] = _never, *, at_once: int = 0) -> Runtime:
    """What every connection is opened with: UTC clock, the host's allow lists, the stop question, calls at once."""
    return Runtime(
        clock=lambda: datetime.now(UTC),
        allowed_addresses=tuple(settings.ALLOWED_ADDRESSES),
        local_files=tuple(settings.LOCAL_FILES),
        should_stop=should_stop,
        at_once=at_once,
        rate=ratebucket.shared(),
    )


@contextmanager
def open_side(
    profile: Profile, side: Side, should_stop: Callable[[], bool] = _never, *, at_once: int = 0
) -> Iterator[Connection]:
    """An open connection to one side. Raises ``OptionsRefused`` or ``ConnectorError``."""
    spec = profile.erp_spec if side is Side.ERP else profile.shop_spec
    options = options_store.load_section(profile, side.value)
    with spec.open(options, runtime(should_stop, at_once=at_once)) as connection:
        yield connection


def check(spec: ConnectorSpec, options: OptionsSection) -> CheckReport:
    """Runs a connection test and answers within 10 seconds, whatever the other side does (PRF-04)."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check")
    try:
        return executor.submit(_check, spec, options).result(timeout=CHECK_SECONDS)
    except FutureTimeout:
        return _single(
            "check_timeout",
            "Le système n’a pas répondu en 10 secondes.",
            "Vérifiez l’adresse, le pare-feu et que le système n’est pas surchargé, puis recommencez.",
        )
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _check(spec: ConnectorSpec, options: OptionsSection) -> CheckReport:
    try:
        with spec.open(options, runtime()) as connection:
            return connection.check()
    except ConnectorError as error:
        return CheckReport(items=(CheckItem.failed("Connexion", error.problem),))


def _single(code: str, sentence: str, advice: str) -> CheckReport:
    item = CheckItem("Connexion", CheckState.ERROR, sentence, advice, code=code)
    return CheckReport(items=(item,))
