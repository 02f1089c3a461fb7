"""Microphone and loudspeaker: of this machine, or of a browser."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from pathlib import Path

from voice.browser_devices import no_page
from voice.config import Config
from voice.errors import DeviceError
from voice.readiness.finding import FAILURE, OK, WARNING, Finding, Words

_MICROPHONE, _SPEAKER = Words("microphone", "麦克风"), Words("speaker", "扬声器")
_PERMISSIONS = Words("permissions", "权限")
_MISSING = {
    _MICROPHONE: Words(
        "plug one in; without it `hean run` uses the recording that is shipped",
        "请接上麦克风；没有时 hean run 改用自带的录音",
    ),
    _SPEAKER: Words(
        "plug one in; without it answers are written to a WAV file",
        "请接上扬声器；没有时回答写入 WAV 文件",
    ),
}


def sound(config: Config) -> Iterator[Finding]:
    """Look for a microphone and a loudspeaker, and whether they may be used."""
    if config.audio.device == "browser":
        yield from _of_browser(config)
    else:
        yield from _of_machine()
        yield permissions()


def _of_browser(config: Config) -> Iterator[Finding]:
    if not config.kiosk.enabled:
        error = no_page()
        text = Words(error.message, "audio.device 设为 browser，但没有开启页面")
        fix = Words(
            error.fix, "用 --set kiosk.enabled=true 开启页面，或改用 --set audio.device=system"
        )
        yield Finding(_MICROPHONE, FAILURE, text, fix, error.exit_code)
        return
    text = Words(
        "the one in the browser: touch the button for it on the page of the screen",
        "浏览器里的麦克风：请在问答页上按它的按钮",
    )
    yield Finding(_MICROPHONE, OK, text)
    yield Finding(_SPEAKER, OK, Words("the one in the browser", "浏览器里的扬声器"))


def _of_machine() -> Iterator[Finding]:
    from voice.audio.portaudio import devices

    try:
        found = devices()
    except DeviceError as error:
        text = Words(error.message, f"不能使用声音设备：{error.message}")
        yield Finding(Words("sound", "声音"), WARNING, text, Words(error.fix, error.fix))
        return
    for subject, key in ((_MICROPHONE, "max_input_channels"), (_SPEAKER, "max_output_channels")):
        names = [device["name"] for device in found if device[key] > 0]
        if names:
            yield Finding(subject, OK, Words(", ".join(names), "，".join(names)))
        else:
            yield Finding(subject, WARNING, Words("none", "没有"), _MISSING[subject])


def permissions(devices: Path = Path("/dev/snd")) -> Finding:
    """Tell whether this user may use the sound devices."""
    if not devices.exists():
        text = Words("no sound device that would need any", "没有需要权限的声音设备")
        return Finding(_PERMISSIONS, OK, text)
    if all(os.access(path, os.R_OK | os.W_OK) for path in devices.glob("pcm*")):
        return Finding(_PERMISSIONS, OK, Words("sound devices may be used", "可以使用声音设备"))
    user = os.environ.get("USER") or str(os.geteuid())
    add = f"sudo usermod -aG {_group_of(devices)} {user}"
    return Finding(
        _PERMISSIONS,
        WARNING,
        Words(f"user {user} may not use the sound devices", f"用户 {user} 不能使用声音设备"),
        Words(f"{add}, then log in again", f"{add}，然后重新登录"),
    )


def _group_of(devices: Path) -> str:
    try:
        return grp.getgrgid(next(devices.glob("pcm*")).stat().st_gid).gr_name
    except KeyError:
        return "audio"
