"""Is this machine ready? One finding for each thing that an answer depends on.

`machine`, `models`, `knowledge` and `sound` look; each finding stands in both languages of the
screen (see `finding`). `hean check` and the self-test on the operator's page show them.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.store import Store
from voice.config import Config
from voice.readiness.finding import Finding
from voice.readiness.knowledge import knowledge
from voice.readiness.machine import clock, condition, disk, memory, processor, software
from voice.readiness.models import model_profiles, slots, used_models
from voice.readiness.sound import sound


def findings(config: Config) -> Iterator[Finding]:
    """Yield everything that can be told without loading a model.

    Raises ModelStoreError if the configuration names an unknown profile.
    """
    store = Store(config.store)
    yield software()
    yield processor()
    yield memory(used_models(config, store.catalog), store.catalog)
    yield disk(store)
    yield from model_profiles(config, store)
    yield slots(config)
    yield from knowledge(config)
    yield from sound(config)
    yield condition(config)
    yield clock(config)
