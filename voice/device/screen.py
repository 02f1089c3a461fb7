"""What the service of the screen starts: waits for the assistant, then becomes the browser.

`python -m voice.device.screen --config FILE`. The browser runs in cage, a compositor that shows one
window full screen. It keeps nothing, opens nothing but the page, and can reach no other host.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import sys
import time
from pathlib import Path

from voice.config import Config
from voice.config_file import load_config
from voice.errors import HeanError

_BROWSERS = ("chromium", "chromium-browser")
_OPTIONS = (
    "--kiosk",
    "--ozone-platform=wayland",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--disable-session-crashed-bubble",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--disable-translate",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--disk-cache-size=1048576",
)
_LOOK_AGAIN_S = 1.0


def main() -> int:
    """Wait as long as it takes, then become the browser; return an exit code if there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    try:
        config = load_config(parser.parse_args().config)
    except HeanError as error:
        sys.exit(error.message)
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    cage = shutil.which("cage")
    if not (browser and cage):
        sys.exit("cage and chromium are needed: apt-get install cage chromium")
    wait_for_assistant(config)
    os.execv(cage, [cage, "-s", "--", *command(browser, config, Path(os.environ["HOME"]))])


def wait_for_assistant(config: Config) -> None:
    """Return as soon as the page can be had."""
    while not _answers(config):
        time.sleep(_LOOK_AGAIN_S)


def command(browser: str, config: Config, home: Path) -> list[str]:
    """Return the command line of the browser."""
    kiosk = config.kiosk
    host = f"[{kiosk.home}]" if ":" in kiosk.home else kiosk.home
    # No name is looked up, so that a page could not even ask for another host.
    only = f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {kiosk.home}"
    options = (*_OPTIONS, only, f"--user-data-dir={home / 'profile'}")
    return [browser, *options, f"http://{host}:{kiosk.port}/"]


def _answers(config: Config) -> bool:
    connection = http.client.HTTPConnection(config.kiosk.home, config.kiosk.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
