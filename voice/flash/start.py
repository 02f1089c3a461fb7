"""A start as the daemon does it, to prove a slot where no daemon runs: `python -m` with a
configuration file. It answers one question and ends."""

from __future__ import annotations

import sys
from pathlib import Path

from voice.config import Config
from voice.config_file import load_config
from voice.engines import knowledge_of, load_answerer
from voice.errors import HeanError, translated
from voice.flash.trial import load_on_trial


def start(config: Config) -> None:
    """Load what answers, and answer. Raises HeanError."""

    def load(config: Config) -> None:
        answerer = load_answerer(config, knowledge_of(config))
        answerer.prefill("zh")
        answerer.answer("碘片什么时候吃", "zh")
        answerer.close()

    load_on_trial(config, load)


if __name__ == "__main__":
    try:
        with translated():
            start(load_config(Path(sys.argv[1])))
    except HeanError as error:
        sys.exit(error.message)
