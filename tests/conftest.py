"""What all tests share: no network, and a plain word where the starter models are missing."""

from __future__ import annotations

import ipaddress
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from models.catalog import BOX
from models.store import Store
from voice.bootstrap.steps import TEST_MODELS
from voice.config import Config

# Random inputs, the same in every run: what fails in CI fails at home, too. Time is limited by the
# tests themselves, not by hypothesis.
settings.register_profile(
    "short",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "long", settings.get_profile("short"), derandomize=False, max_examples=3000
)
settings.load_profile("short")


BOXED = "kws-hean"
BOXED_FILES = {
    "encoder": "encoder.int8.onnx", "decoder": "decoder.onnx", "joiner": "joiner.onnx",
    "tokens": "tokens.txt", "lexicon": "lexicon.txt", "operating": "operating.json",
}  # fmt: skip


class NetworkBlocked(Exception):
    """A test tried to leave this machine."""


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise NetworkBlocked for anything but Unix sockets and loopback addresses."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(address[0]):
            raise NetworkBlocked(f"{event} {address}")
    elif event == "socket.getaddrinfo" and not is_loopback(arguments[0]):
        raise NetworkBlocked(f"{event} {arguments[0]!r}")


def is_loopback(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-models",
        action="store_true",
        help="fail instead of skipping where the starter models are missing",
    )
    parser.addoption(
        "--wake-model",
        type=Path,
        help="folder of a wake word model to be tried in place of the one in the box (RUN/model)",
    )
    parser.addoption(
        "--fault-rounds",
        type=int,
        default=1,
        help="how often the running daemon is hurt at random moments (tests/faults)",
    )


def pytest_configure() -> None:
    # A shell that starts a job in the background lets it ignore Ctrl-C, and all its children too:
    # those that tests interrupt would not notice.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(guard)  # sees every socket of this process, whichever library opens it


def pytest_unconfigure() -> None:
    # llama-cpp-python opens /dev/null twice when it is imported, and never closes it.
    if binding := sys.modules.get("llama_cpp._utils"):
        binding.outnull_file.close()
        binding.errnull_file.close()


@pytest.fixture(scope="session", autouse=True)
def own_audit_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the turns of tests, also those of child processes, out of this machine's audit log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def boxed_model(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Return the files, by role, of the wake word model that comes with the program."""
    folder: Path = pytestconfig.getoption("--wake-model") or BOX / BOXED
    return {role: folder / name for role, name in BOXED_FILES.items()}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needy = [item for item in items if item.get_closest_marker("models")]
    problems = missing_models() if needy else []
    if not problems:
        return
    fetch = f"./hean models fetch --profile starter {' '.join(TEST_MODELS)}"
    reason = f"{'; '.join(problems)}: {fetch}"
    if config.getoption("--require-models"):
        raise pytest.UsageError(reason)
    for item in needy:
        item.add_marker(pytest.mark.skip(reason=reason))


def missing_models() -> list[str]:
    store = Store(Config().store)
    models = [*store.catalog.profile("starter").values(), *TEST_MODELS]
    return [problem for problem in map(store.problem, models) if problem]
