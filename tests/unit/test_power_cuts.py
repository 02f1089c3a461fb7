"""What a virtual machine tells before and after a power cut, and what may not be."""

import json

from tests.device.outcomes import MARK, NEW, NOTHING_YET, OLD, Judge


def found(current, *, journal="idle", newest=0, **more):
    row = {"event": "found", "current": current, "journal": journal, "newest": newest}
    return row | {"fault": "", "before": 0, "trial": False, "staged": ""} | more


def begin(act, version):
    return {"event": "begin", "act": act, "version": version}


def end(act, version, current):
    return {"event": "end", "act": act, "version": version, "current": current}


def flashed(version, before=0):
    """Return what a machine tells of a whole flash."""
    told = []
    for act in ("install", "activate", "start", "good"):
        told += [begin(act, version), end(act, version, before if act == "install" else version)]
    return told


def judged(*events):
    """Return the outcomes; a string among the events is a line of its own, None a cut."""
    judge = Judge()
    for event in events:
        if event is None:
            judge.cut()
        else:
            judge.hear(event if isinstance(event, str) else MARK + json.dumps(event))
    return judge.outcomes


def test_a_cut_while_switching_may_leave_the_old_or_the_new_slot():
    start = [found(0), *flashed(1), begin("install", 2), end("install", 2, 1), begin("activate", 2)]
    old = judged(*start, None, found(1, newest=1))
    trial = found(2, journal="trial", newest=1, trial=True, before=1)
    new = judged(*start, None, trial, begin("start", 2), end("start", 2, 2))
    assert not old.broken and not new.broken
    assert old.found == {"idle": {NOTHING_YET: 1, OLD: 1}}
    assert new.found == {"idle": {NOTHING_YET: 1}, "trial": {NEW: 1}}
    assert old.during == {"activate": 1}
    assert old.flashed == new.flashed == 1
    row = json.loads(json.dumps(old.as_row()))
    assert row["found"] == {"idle": {NOTHING_YET: 1, OLD: 1}} and row["during"] == {"activate": 1}


def test_what_was_reported_done_stays_done():
    done = [found(0), *flashed(1), *flashed(2, before=1), None]
    assert judged(*done, found(1, newest=2)).broken == ["cut 1: version 1 is in use, not 2"]
    assert judged(*done, found(0, newest=2)).broken == ["cut 1: version 0 is in use, not 2"]
    assert judged(*done, found(2, newest=1)).broken == ["cut 1: newest version fell from 2 to 1"]


def test_a_slot_that_is_not_whole_and_left_files_are_broken():
    told = [found(0), *flashed(1), None]
    damaged = found(1, newest=1, fault="model.gguf was altered", staged="a1b2")
    assert judged(*told, damaged).broken == [
        "cut 1: version 1: model.gguf was altered",
        "cut 1: a1b2 left in the staging folder",
    ]


def test_a_failed_trial_is_back_at_the_slot_before():
    trial = [begin("activate", 2), end("activate", 2, 2), begin("fail", 2)]
    told = [found(0), *flashed(1), *trial]
    assert not judged(*told, None, found(1, journal="returning", newest=1)).broken
    assert not judged(*told, end("fail", 2, 1), None, found(1, newest=1)).broken
    assert judged(*told, end("fail", 2, 2)).broken == [
        "cut 0: version 2 is in use after fail of version 2"
    ]


def test_two_cuts_before_a_report_still_allow_both_slots():
    told = [found(0), *flashed(1), begin("activate", 2), None, begin("mount", 0), None]
    outcomes = judged(*told, found(2, journal="switching", newest=1, trial=True, before=1))
    assert not outcomes.broken
    assert outcomes.during == {"activate": 1, "mount": 1}


def test_the_kernel_is_heard_and_half_a_line_is_not():
    line = "[    3.1] EXT4-fs error (device vdc): ext4_lookup: deleted inode referenced"
    assert judged(line).broken == [f"cut 0: {line}"]
    assert not judged(MARK + '{"event": "beg', "[ 1.0] EXT4-fs (vdc): recovery complete").broken
