"""Reviewing knowledge on the operator's page: with the sources, by name, under the same rules."""

import platform
from collections.abc import Iterator

import httpx
import pytest

from llm.flash.store import fault
from tests.small_bundles import use, workshop
from tests.unit.knowledge_folder import write_base
from tests.unit.operator_lab import OperatorLab, open_operator_lab
from voice.active_slot import slots_of
from voice.engines import knowledge_of

PATH = "/v1/operator/knowledge"


@pytest.fixture
def lab(tmp_path) -> Iterator[OperatorLab]:
    with open_operator_lab(tmp_path, knowledge=write_base(tmp_path / "base")) as opened:
        yield opened


@pytest.fixture
def http(lab) -> Iterator[httpx.Client]:
    with lab.operator() as client:
        yield client


def listed(http: httpx.Client, **asked: str) -> list[str]:
    reply = http.get(PATH, params=asked)
    assert reply.status_code == 200, reply.text
    return [entry["id"] for entry in reply.json()["entries"]]


def test_drafts_and_old_reviews_come_first_and_all_can_be_searched(http):
    assert "zh.shelter.draft" in listed(http)
    assert listed(http, show="all", find="自来水") == ["zh.water.tap"]
    assert listed(http, show="all", find="SHUT doors") == ["en.shelter.go-in"]
    assert listed(http, show="all", find="no such words") == []
    assert len(listed(http, show="all")) == 6
    assert listed(http, show="all", skip="5") == listed(http, show="all")[5:]
    told = http.get(PATH).json()
    assert (told["reviewers"], told["device"]) == (["editor"], platform.node())
    assert "not signed" in told["approval"]


def test_an_entry_is_shown_beside_its_sources(http):
    shown = http.get(f"{PATH}/zh.shelter.go-in").json()
    assert shown["entry"]["answer"] == "先进屋。关好门窗。"
    assert shown["sources"][0]["title"] == "Shelter"
    assert shown["obstacles"] == []
    assert http.get(f"{PATH}/zh.no.such").status_code == 404
    assert http.get(f"{PATH}/..%2F..%2Fetc%2Fpasswd").status_code == 404


def test_an_entry_is_rejected_and_approved_in_the_name_of_the_reviewer(lab, http):
    reply = review(http, "zh.water.tap", "draft", "Li Hua")
    assert reply.json()["entry"]["status"] == "draft"
    assert knowledge_of(lab.config).by_id["zh.water.tap"].status == "draft"
    assert review(http, "zh.water.tap", "vetted", "  Li\n Hua ").status_code == 200
    entry = knowledge_of(lab.config).by_id["zh.water.tap"]
    assert (entry.status, entry.reviewer) == ("vetted", "Li Hua")


def test_facts_that_nobody_has_opened_are_never_approved(lab, http):
    reply = review(http, "zh.shelter.draft", "vetted", "Li Hua")
    assert reply.status_code == 409
    assert "confidence C" in reply.json()["error"]["message"]
    assert http.get(f"{PATH}/zh.shelter.draft").json()["obstacles"]
    assert knowledge_of(lab.config).by_id["zh.shelter.draft"].status == "draft"


def test_who_has_reviewed_last_is_named_first(http):
    review(http, "zh.water.tap", "vetted", "zhao min")
    assert http.get(PATH).json()["reviewers"] == ["zhao min", "editor"]


@pytest.mark.parametrize("reviewer", ["", " ", "x", "x" * 100])
def test_a_review_needs_a_name(lab, http, reviewer):
    assert review(http, "zh.water.tap", "draft", reviewer).status_code == 422
    assert knowledge_of(lab.config).by_id["zh.water.tap"].status == "vetted"


def test_what_a_flashed_slot_brings_is_not_changed_here(tmp_path):
    """Its files are bound by their hashes: the slot would count as damaged, and be left."""
    base = write_base(tmp_path / "base")
    names = [str(path.relative_to(base)) for path in sorted(base.rglob("*.toml"))]
    contents = {f"knowledge/{name}": ("knowledge", (base / name).read_bytes()) for name in names}
    with open_operator_lab(tmp_path / "device") as lab, lab.operator() as http:
        slots = slots_of(lab.config)
        use(slots, workshop(tmp_path / "b", contents).make(1))
        assert len(listed(http, show="all")) == 6
        reply = review(http, "zh.water.tap", "draft", "Li Hua")
        assert reply.status_code == 409
        assert "stands in no file that can be reviewed" in reply.json()["error"]["message"]
        current = slots.current()
        assert current is not None
        assert fault(slots.disk, current) == ""


def review(http: httpx.Client, name: str, verdict: str, reviewer: str) -> httpx.Response:
    return http.post(f"{PATH}/{name}", json={"verdict": verdict, "reviewer": reviewer})
