"""What an operator sees and does, over real connections."""

import csv
import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from asr import RATE_HZ
from tests.commands import ROOT
from tests.unit.operator_lab import WITHIN_S, OperatorLab, open_operator_lab
from tests.unit.scripted import ALARM, WATER
from voice.audit.log import AuditLog
from voice.audit.record import Asked, TurnRecord
from voice.errors import DeviceError
from voice.events import (
    AnswerReady,
    DeviceLost,
    FinalTranscript,
    LevelMeasured,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    SpeechEnded,
    StageFailed,
    TurnEnded,
)
from voice.operator.log_ring import MOST_CHARS, MOST_LINES, LogRing
from voice.operator.microphone import Recorder, judge

AREA = "/v1/operator"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[OperatorLab]:
    folder = tmp_path_factory.mktemp("operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with open_operator_lab(folder) as opened:
            yield opened


@pytest.fixture(scope="module")
def http(lab) -> Iterator[httpx.Client]:
    with lab.operator() as client:
        yield client


def ended(http: httpx.Client) -> dict[str, object]:
    """Wait for the work that was begun, and return how it ended."""
    end_s = time.monotonic() + 60
    while (work := http.get(f"{AREA}/work").json())["state"] == "running":
        assert time.monotonic() < end_s, work
        time.sleep(0.05)
    assert isinstance(work, dict)
    return work


# ------------------------------------------------------------------ turns and log


def spoken_turn(lab: OperatorLab, number: int, question: str = WATER) -> None:
    lab.bus.publish(SpeechEnded(number, "silence", 1.5, 100.0))
    lab.bus.publish(FinalTranscript(number, "自来水还能和吗", question, "zh", at_s=100.4))
    answer = lab.answerer.answer(question)
    lab.bus.publish(AnswerReady(number, answer, at_s=100.55))
    lab.bus.publish(PlaybackStarted(number, at_s=100.8))
    lab.bus.publish(PlaybackEnded(number, at_s=103.8))
    lab.bus.publish(TurnEnded(number, Outcome.ANSWERED))


def test_the_last_turns_are_told_with_the_time_of_each_stage(lab, http):
    spoken_turn(lab, 1)
    lab.bus.publish(FinalTranscript(2, ALARM, ALARM, "zh"))
    lab.bus.publish(StageFailed(2, "synthesis", "the voice has failed"))
    lab.bus.publish(TurnEnded(2, Outcome.FAILED))
    failed, answered = http.get(f"{AREA}/turns").json()["turns"][:2]
    assert (answered["heard"], answered["understood"]) == ("自来水还能和吗", WATER)
    assert (answered["decision"], answered["outcome"]) == ("verbatim", "answered")
    assert answered["answer"].startswith("先喝瓶装水")
    assert answered["stages_s"] == {
        "understood": 0.4,
        "answered": 0.15,
        "first_sound": 0.25,
        "spoken": 3.0,
    }
    assert answered["voice_to_voice_s"] == 0.8
    assert (failed["outcome"], failed["failed"]) == ("failed", "synthesis: the voice has failed")
    assert failed["voice_to_voice_s"] is None


def test_the_stages_of_an_answer_that_begins_before_it_is_ready_are_in_their_order(lab, http):
    lab.bus.publish(FinalTranscript(9, WATER, WATER, "zh", at_s=100.5))
    lab.bus.publish(PlaybackStarted(9, at_s=100.75))
    lab.bus.publish(AnswerReady(9, lab.answerer.answer(WATER), at_s=102.0))
    stages_s = http.get(f"{AREA}/turns").json()["turns"][0]["stages_s"]
    assert list(stages_s.items()) == [("first_sound", 0.25), ("answered", 1.25)]


def test_turns_before_the_start_come_from_the_audit_log(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with open_operator_lab(tmp_path / "device") as lab, lab.operator() as http:
        log = AuditLog(lab.config.audit_file, lab.config.audit)
        log.append(
            TurnRecord(
                Asked("run", WATER, started_at=lab.area.diary.began.replace(year=2020)),
                Outcome.ANSWERED,
                understood=WATER,
                decision="verbatim",
                seconds={"decide": 0.02},
            )
        )
        log.append(TurnRecord(Asked("run", ALARM), Outcome.ANSWERED))  # of this run
        turns = http.get(f"{AREA}/turns").json()["turns"]
    assert [turn["understood"] for turn in turns] == [WATER]
    assert turns[0]["stages_s"] == {"decide": 0.02}


def test_the_log_tells_faults_and_nothing_of_what_was_asked(lab, http):
    spoken_turn(lab, 7)
    lab.bus.publish(DeviceLost(0, "the microphone is gone"))
    logging.getLogger("voice.somewhere").error("a \x1b[31mdisk\n is full")
    lines = http.get(f"{AREA}/log").json()["lines"]
    texts = [line["text"] for line in lines]
    assert "turn 7: answered" in texts
    assert "sound: the microphone is gone" in texts
    assert "voice.somewhere: a  [31mdisk  is full" in texts
    assert not any(WATER in text or "271828" in text for text in texts)
    assert len(http.get(f"{AREA}/log?most=1").json()["lines"]) == 1
    assert http.get(f"{AREA}/log?most=100000").status_code == 422


def test_what_is_logged_still_reaches_the_terminal(tmp_path):
    """Python shows warnings by itself only as long as nobody else handles them."""
    code = (
        "import logging, pathlib, sys\n"
        "from tests.unit.operator_lab import open_operator_lab\n"
        "with open_operator_lab(pathlib.Path(sys.argv[1])):\n"
        "    logging.getLogger('x').error('the disk is full')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.splitlines() == ["the disk is full"]


def test_the_log_is_bounded():
    ring = LogRing()
    for number in range(2 * MOST_LINES):
        ring(StageFailed(number, "x", "长" * 10_000))
    lines = ring.lines(10 * MOST_LINES)
    assert len(lines) == MOST_LINES
    assert max(len(line["text"]) for line in lines) == MOST_CHARS


# ------------------------------------------------------------------ sound


def test_levels_are_told_to_operators_as_they_are(lab, http):
    cookie = f"hean_operator={http.cookies['hean_operator']}"
    url = f"{lab.url}v1/operator/events".replace("http", "ws")
    with connect(url, additional_headers={"Cookie": cookie}, open_timeout=WITHIN_S) as line:
        assert json.loads(line.recv(WITHIN_S))["type"] == "work"
        for level in (-30.0, -30.3, -29.9):
            lab.bus.publish(LevelMeasured(0, level))
        told = [json.loads(line.recv(WITHIN_S)) for _ in range(3)]
    assert [message["level_dbfs"] for message in told] == [-30.0, -30.3, -29.9]


def test_the_microphone_is_tested_and_played_back_if_wanted(lab, http):
    with lab.speaking():
        judged = http.post(f"{AREA}/microphone", json={}).json()
        assert judged["verdict"] == "good"
        assert -20 < judged["level_dbfs"] < -15
        assert judged["played"] is False
        assert not lab.played
        assert http.post(f"{AREA}/microphone", json={"play": True}).json()["played"] is True
    assert len(lab.played[-1]) == 3 * RATE_HZ


def test_a_microphone_that_delivers_nothing_is_told():
    with pytest.raises(DeviceError, match="no sound comes"):
        Recorder().record(0.01)


def speech(level: float, noise: float = 1e-4) -> np.ndarray:
    """One second of speech between two of the room."""
    random = np.random.default_rng(1)
    audio = random.uniform(-noise, noise, 3 * RATE_HZ)
    audio[RATE_HZ : 2 * RATE_HZ] += random.uniform(-level, level, RATE_HZ)
    return np.clip(audio, -1, 1).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        (speech(0.2), "good"),
        (speech(0.01), "quiet"),
        (speech(3.0), "clipped"),
        (speech(0.3, noise=0.05), "noisy"),
        (np.zeros(3 * RATE_HZ, np.float32), "dead"),
        (np.zeros(0, np.float32), "dead"),
    ],
)
def test_a_recording_is_judged(samples, verdict):
    assert judge(samples).verdict == verdict


# ------------------------------------------------------------------ care


def test_the_self_test_looks_at_everything_and_asks_a_golden_question(http):
    assert http.post(f"{AREA}/check", json={}).status_code == 202
    work = ended(http)
    assert (work["kind"], work["state"]) == ("check", "done")
    findings = {row["subject"]: row for row in work["result"]["findings"]}
    assert findings["flashed model"]["state"] == "ok"
    assert findings["models (starter, in use)"]["state"] == "failure"  # the lab has none
    golden = findings["golden question 碘片什么时候吃"]
    assert golden["state"] == "failure"  # the knowledge of the lab has no such entry
    assert "instead of verbatim" in golden["text"]
    assert golden["zh"]["subject"] == "标准问题：碘片什么时候吃"
    assert work["result"]["ready"] is False


def test_all_files_are_read_on_demand(http):
    assert http.post(f"{AREA}/models/verify", json={}).status_code == 202
    assert ended(http)["result"] == {"models": 0, "slots": 0, "faults": []}


def test_models_are_told_with_what_is_wrong(http):
    told = http.get(f"{AREA}/models").json()
    used = {stage: model for model in told["models"] for stage in model["used_for"]}
    assert {"asr", "tts", "vad"} <= set(used)
    assert "not installed" in used["asr"]["problem"]
    assert told["process_mb"] > 0 < told["free_mb"]


def test_the_audit_log_is_exported_as_the_command_does(lab, http):
    log = AuditLog(lab.config.audit_file, lab.config.audit)
    log.append(TurnRecord(Asked("run", "=SUM(A1)"), Outcome.ANSWERED, understood=WATER))
    table = http.get(f"{AREA}/audit.csv")
    assert table.headers["content-disposition"].startswith('attachment; filename="hean-audit-')
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert (rows[-1]["heard"], rows[-1]["understood"]) == ("'=SUM(A1)", WATER)
    lines = http.get(f"{AREA}/audit.jsonl").text.splitlines()
    assert json.loads(lines[-1])["understood"] == WATER
    assert http.get(f"{AREA}/audit.exe").status_code == 422


def test_a_damaged_audit_log_is_told_not_cut_off(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with open_operator_lab(tmp_path) as lab, lab.operator() as http:
        lab.config.audit_file.parent.mkdir(parents=True)
        lab.config.audit_file.write_bytes(b"no database " * 1000)
        reply = http.get(f"{AREA}/audit.csv")
        assert reply.status_code == 409
        assert "audit" in reply.json()["error"]["message"]
        assert http.get(f"{AREA}/turns").status_code == 200


@pytest.mark.parametrize("restartable", [True, False])
def test_a_restart_is_possible_only_where_somebody_starts_it_again(tmp_path, restartable):
    with (
        open_operator_lab(tmp_path, restartable=restartable) as lab,
        lab.operator() as http,
    ):
        reply = http.post(f"{AREA}/restart", json={})
        assert lab.restarts == int(restartable)
    if restartable:
        assert reply.status_code == 202
    else:
        assert reply.status_code == 409
        assert "started in a terminal" in reply.json()["error"]["message"]


def test_the_page_and_its_parts_are_there(lab):
    page = httpx.get(f"{lab.url}operator")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    static = ROOT / "voice/kiosk/static"
    parts = [path.name for path in static.glob("operator*")]
    assert len(parts) > 10
    for name in parts:
        assert httpx.get(f"{lab.url}static/{name}").status_code == 200
