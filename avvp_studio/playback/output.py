"""Where sound goes: a device that is written to, and the system's own."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices, QtAudio

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.playback.sound import BYTES_PER_SAMPLE

_BUFFER = SAMPLE_RATE * BYTES_PER_SAMPLE // 5
"""A window that is busy for less than this is not heard."""


class Device(Protocol):
    """An open sound device: 16 bits, two channels."""

    def room(self) -> int:
        """How many bytes it would take now."""

    def write(self, content: bytes) -> None: ...

    def played(self) -> float:
        """Seconds that it has played since it was opened."""

    def has_stopped(self) -> bool: ...

    def set_volume(self, volume: float) -> None: ...

    def close(self) -> None:
        """Drop what is not played yet."""


class Output(Protocol):
    """A place where devices are."""

    def is_available(self) -> bool: ...

    def open(self) -> Device: ...


class SystemOutput:
    """What is the default device at the time."""

    def __init__(self, owner: QObject) -> None:
        self._owner = owner

    def is_available(self) -> bool:
        device = QMediaDevices.defaultAudioOutput()
        return not device.isNull() and device.isFormatSupported(_format())

    def open(self) -> Device:
        return _SystemDevice(self._owner)


class _SystemDevice:
    def __init__(self, owner: QObject) -> None:
        self._sink = QAudioSink(QMediaDevices.defaultAudioOutput(), _format(), owner)
        self._sink.setBufferSize(_BUFFER)
        self._device = self._sink.start()

    def room(self) -> int:
        return self._sink.bytesFree()

    def write(self, content: bytes) -> None:
        self._device.write(content)

    def played(self) -> float:
        return self._sink.processedUSecs() / 1e6

    def has_stopped(self) -> bool:
        return self._sink.state() == QtAudio.State.StoppedState

    def set_volume(self, volume: float) -> None:
        self._sink.setVolume(volume)

    def close(self) -> None:
        self._sink.reset()  # stop alone would wait for what is not played yet
        self._sink.deleteLater()


def _format() -> QAudioFormat:
    sound = QAudioFormat()
    sound.setSampleRate(SAMPLE_RATE)
    sound.setChannelCount(2)
    sound.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    return sound
