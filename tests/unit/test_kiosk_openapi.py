"""Any request that the OpenAPI document allows, and many that it does not, from another machine.

HEAN_EXAMPLES=1000 tries so many for each operation, and different ones at each run.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.unit.kiosk_beyond import bearer, prepared
from tests.unit.kiosk_lab import Lab, open_lab
from voice.events import LevelMeasured
from voice.kiosk.limits import Limits
from voice.kiosk.tls import CERTIFICATE

EXAMPLES = int(os.environ.get("HEAN_EXAMPLES", "0"))
SHORT = 12
"""Examples for each operation in the tests of every change: always the same."""
UNLIMITED = Limits(
    changes_per_s=1e6, changes_at_once=1e6, reads_per_s=1e6, reads_at_once=1e6, wrong_at_once=1e6
)
OPERATIONS = (
    *("GET /healthz", "GET /readyz", "GET /metrics", "GET /v1/about", "GET /v1/models"),
    *("POST /v1/ask", "POST /v1/command", "PUT /v1/volume", "POST /v1/chat/completions"),
    *("POST /v1/audio/transcriptions", "POST /v1/audio/speech"),
    *("POST /v1/session", "DELETE /v1/session"),
)
few = settings(
    max_examples=EXAMPLES or SHORT,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


NOT_TOLD = ("POST /v1/ask", "POST /v1/chat/completions", "POST /v1/session") + tuple(
    operation for operation in OPERATIONS if "/audio/" in operation
)
"""Need more than a document can say: a recording with speech in it, a token that is known."""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[tuple[Lab, BaseSchema, dict[str, Any]]]:
    folder = prepared(tmp_path_factory.mktemp("kiosk"))
    with open_lab(folder=folder, limits=UNLIMITED) as lab:
        how = {"verify": str(folder / CERTIFICATE), "headers": bearer(folder, "admin")}
        described = requests.get(f"{lab.outside}v1/openapi.json", timeout=60, **how).json()
        document = schemathesis.openapi.from_dict(described)
        document.config.update(base_url=lab.outside)
        yield lab, document, how


def test_each_operation_is_tried(place):
    found = [one.ok() for one in place[1].get_all_operations()]
    assert {f"{one.method.upper()} {one.path}" for one in found} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [(one, GenerationMode.POSITIVE) for one in OPERATIONS]
    + [(one, GenerationMode.NEGATIVE) for one in OPERATIONS if one.startswith(("POST", "PUT"))],
)
def test_any_request_gets_what_the_document_says(place, operation, mode):
    lab, document, how = place
    method, path = operation.split(" ")
    spared = [positive_data_acceptance] if operation in NOT_TOLD else []
    tried = 0

    @given(document[path][method].as_strategy(generation_mode=mode))
    @few
    def run(case):
        nonlocal tried
        tried += 1
        lab.bus.publish(LevelMeasured(0, -40.0))  # somebody would be heard just now
        case.call_and_validate(timeout=60, excluded_checks=spared, **how)

    run()
    assert tried
