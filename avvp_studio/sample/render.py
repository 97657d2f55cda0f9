"""From a scene to a file: frames and samples, encoded as H.264 and AAC in mp4."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avvp_studio.sample.backdrops import Backdrop
from avvp_studio.sample.drawing import HEIGHT, WIDTH, Canvas
from avvp_studio.sample.pictures import draw_act
from avvp_studio.sample.scenes import DURATION, Scene
from avvp_studio.sample.sounds import mix

FRAME_RATE = 25

_KEYFRAMES = 50
_VIDEO_OPTIONS = {
    "preset": "ultrafast",
    "crf": "24",
    "threads": "1",
    "x264-params": "cabac=1:deblock=1,0,0",  # two things that the preset leaves out, and that cost little
}
_AUDIO_OPTIONS = {"aac_coder": "fast"}
_AUDIO_BITS = 128_000
_BLOCK = 1024
"""Samples in a frame of AAC."""


def draw_frames(scene: Scene) -> Iterator[Canvas]:
    """The pictures of a clip, one after another."""
    backdrop = Backdrop(scene)
    for number in range(DURATION * FRAME_RATE):
        time = number / FRAME_RATE
        canvas = backdrop.draw(time)
        for act in scene.acts:
            draw_act(canvas, act, time)
        yield canvas


def render(scene: Scene) -> bytes:
    """The clip as an mp4 file; the same scene gives the same bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video, audio = _add_video(container), _add_audio(container, scene.sample_rate)
        sound = mix(scene)
        heard = 0
        for number, canvas in enumerate(draw_frames(scene)):
            container.mux(video.encode(_video_frame(canvas, number)))
            # both streams side by side, so that a player finds them close to each other
            until = sound.shape[1] * (number + 1) // (DURATION * FRAME_RATE) // _BLOCK * _BLOCK
            _encode_sound(container, audio, sound[:, heard:until], heard)
            heard = until
        _encode_sound(container, audio, sound[:, heard:], heard)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return file.getvalue()


def _add_video(container: OutputContainer) -> VideoStream:
    stream = container.add_stream("libx264", rate=FRAME_RATE, options=_VIDEO_OPTIONS)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.gop_size = _KEYFRAMES
    return stream


def _add_audio(container: OutputContainer, rate: int) -> AudioStream:
    stream = container.add_stream("aac", rate=rate, layout="stereo", options=_AUDIO_OPTIONS)
    stream.bit_rate = _AUDIO_BITS
    return stream


def _video_frame(canvas: Canvas, number: int) -> VideoFrame:
    planes = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_BGR2YUV_I420), np.uint8)
    frame = VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = number
    return frame


def _encode_sound(
    container: OutputContainer, stream: AudioStream, samples: NDArray[np.float32], first: int
) -> None:
    for start in range(0, samples.shape[1], _BLOCK):
        block = np.ascontiguousarray(samples[:, start : start + _BLOCK])
        frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = stream.rate, first + start
        container.mux(stream.encode(frame))
