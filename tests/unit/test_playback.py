import pytest

from voice.dialog.playback import FASTEST, LOUDEST, SLOWEST, SOFTEST, VoiceSettings

PIECES = ("马上进屋，", "关好门窗。", "听官方广播。")


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("slower", VoiceSettings(0.85, 0.6)),
        ("faster", VoiceSettings(1.15, 0.6)),
        ("softer", VoiceSettings(1.0, 0.4)),
        ("louder", VoiceSettings(1.0, 0.8)),
    ],
)
def test_one_step(command: str, settings: VoiceSettings) -> None:
    assert VoiceSettings(1.0, 0.6).after(command) == settings


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("slower", VoiceSettings(SLOWEST, 0.6)),
        ("faster", VoiceSettings(FASTEST, 0.6)),
        ("softer", VoiceSettings(1.0, SOFTEST)),
        ("louder", VoiceSettings(1.0, LOUDEST)),
    ],
)
def test_no_step_leaves_the_bounds(command: str, settings: VoiceSettings) -> None:
    now = VoiceSettings(1.0, 0.6)
    for _ in range(9):
        now = now.after(command)
    assert now == settings


def test_there_and_back_again() -> None:
    now = VoiceSettings(1.0, 0.6)
    assert now.after("slower").after("faster") == now
    assert now.after("louder").after("softer") == now


def test_a_configured_value_beyond_the_bounds_never_turns_the_wrong_way() -> None:
    assert VoiceSettings(speed=1.5).after("faster").speed == 1.5
    assert VoiceSettings(speed=0.5).after("slower").speed == 0.5
    assert VoiceSettings(volume=0.1).after("softer").volume == 0.1
    assert VoiceSettings(volume=0.0).after("louder").volume == 0.2


@pytest.mark.parametrize("command", ["stop", "repeat", "more", "continue"])
def test_other_commands_change_nothing(command: str) -> None:
    assert VoiceSettings(0.9, 0.5).after(command) == VoiceSettings(0.9, 0.5)
