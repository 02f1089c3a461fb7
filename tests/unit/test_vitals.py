from voice.events import DeviceLost, DeviceRestored, LevelMeasured
from voice.process.vitals import STALE_S, Vitals


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_it_is_alive_only_while_sound_comes_in():
    clock = Clock()
    vitals = Vitals(clock)
    assert vitals.problem == "no sound has come in yet"
    vitals(LevelMeasured(0, -40.0))
    assert vitals.problem == ""
    clock.now_s += STALE_S + 0.1
    assert vitals.problem == "no sound comes in any more"
    vitals(LevelMeasured(0, -40.0))
    assert vitals.problem == ""


def test_a_lost_device_is_the_reason_that_is_told():
    vitals = Vitals(Clock())
    vitals(LevelMeasured(0, -40.0))
    vitals(DeviceLost(0, "the microphone is gone"))
    assert vitals.problem == "the microphone is gone"
    vitals(DeviceRestored(0))
    assert vitals.problem == ""
