"""Videos of every kind, made on the spot from pictures whose colours are known.

`write_video` encodes frames with PyAV's own FFmpeg. RGB becomes YUV in `yuv`, by the definition of
the matrix and range the file is tagged with, so that a test that reads the colours back compares
the decoder with the standards and not with itself. `KINDS` is the table of kinds; `make` writes
one. `numbered_frames` and `read_number` prove which frames were taken. Files that are broken or
are no videos at all come from `broken_media`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorRange

from yuv import Matrix, Pixels, to_frame

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder prints a page about itself otherwise

Size = tuple[int, int]
"""Width and height in pixels."""
Rgb = tuple[int, int, int]
Clear = Mapping[tuple[int, int], int]
"""Alpha of the patches, by row and column, that are not opaque."""

COLORS: tuple[tuple[Rgb, ...], ...] = (
    ((255, 255, 255), (0, 0, 0), (128, 128, 128), (64, 64, 64)),
    ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)),
    ((0, 255, 255), (255, 0, 255), (224, 172, 144), (141, 85, 54)),
)
"""The test card's flat patches, row by row; the last two are like skin."""
HOLES: Clear = {(0, 1): 0, (1, 1): 0}
VEILS: Clear = {**HOLES, (2, 2): 128}
"""What is clear on the cards with transparency: black and green; also half of a skin tone."""
_TAGS: dict[Matrix, tuple[int, int, int]] = {
    "bt601": (6, 6, 6),
    "bt709": (1, 1, 1),
    "bt2020": (9, 9, 14),
}
"""Matrix, primaries and transfer in ISO/IEC 23091-2."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A flat colour and where its middle is, as fractions of the upright picture."""

    x: float
    y: float
    rgb: Rgb

    def in_crop(self, shown: Size, share: float = 256 / 294) -> tuple[float, float] | None:
        """Its middle in the centre square of `share` of the shorter side, or None if outside."""
        side = min(shown) * share
        x = 0.5 + (self.x - 0.5) * shown[0] / side
        y = 0.5 + (self.y - 0.5) * shown[1] / side
        return (x, y) if 0 < x < 1 and 0 < y < 1 else None


def card(size: Size, clear: Clear | None = None) -> Pixels:
    """The test card; with `clear`, even an empty one, it has a fourth channel."""
    rows = np.arange(size[1]) * len(COLORS) // size[1]
    columns = np.arange(size[0]) * len(COLORS[0]) // size[0]
    colors = np.array(COLORS, dtype=np.uint8)
    if clear is not None:
        opacity = np.full((*colors.shape[:2], 1), 255, dtype=np.uint8)
        for place, value in clear.items():
            opacity[place] = value
        colors = np.concatenate([colors, opacity], axis=2)
    return np.ascontiguousarray(colors[rows][:, columns])


def patches(clear: Clear | None = None) -> tuple[Patch, ...]:
    """What must be seen of the card; what lets through is seen on white."""
    found = []
    for row, colors in enumerate(COLORS):
        for column, color in enumerate(colors):
            opacity = (clear or {}).get((row, column), 255) / 255
            red, green, blue = (round(v * opacity + 255 * (1 - opacity)) for v in color)
            x, y = (column + 0.5) / len(colors), (row + 0.5) / len(COLORS)
            found.append(Patch(x, y, (red, green, blue)))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How to write a video."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    fps: int = 25
    options: Mapping[str, str] = field(default_factory=dict)
    """The codec's own options."""
    container: str | None = None
    """FFmpeg's name of the format, where the file's suffix does not tell."""
    container_options: Mapping[str, str] = field(default_factory=dict)
    full_range: bool = False
    matrix: Matrix = "bt601"
    tagged: bool = True
    """Whether the file says which matrix and range its colours are in."""
    rotation: int = 0
    """Degrees counter-clockwise, a multiple of 90, that the player must turn the stored picture."""
    interlaced: bool = False
    aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    times: Sequence[Fraction] | None = None
    """The frames' times in seconds, where they are not evenly `1 / fps` apart."""
    sound: str = ""
    """Codec of a sound track of one second, if any."""
    metadata: Mapping[str, str] = field(default_factory=dict)


def write_video(path: Path, frames: Iterable[Pixels], **coding: Any) -> Path:
    """Encode upright frames of one size; `coding` are fields of `Coding`. Returns `path`."""
    return encode(path, frames, Coding(**coding))


def encode(path: Path, frames: Iterable[Pixels], coding: Coding) -> Path:
    """The same with a `Coding`."""
    if coding.codec == "libsvtav1":
        # Where it is root it makes its caller a real-time process, and with it all that this one
        # starts from then on: they would take every core from everything else.
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            return elsewhere.submit(_encode, path, list(frames), coding).result()
    return _encode(path, frames, coding)


def _encode(path: Path, frames: Iterable[Pixels], coding: Coding) -> Path:
    options = dict(coding.container_options)
    with av.open(str(path), "w", format=coding.container, options=options) as output:
        output.metadata.update(coding.metadata)
        stream: Any = None
        track: Any = None
        for number, pixels in enumerate(frames):
            stored = np.ascontiguousarray(np.rot90(pixels, -coding.rotation // 90))
            if stream is None:
                stream = output.add_stream(coding.codec, coding.fps, dict(coding.options))
                _set_up(stream, stored, coding)
                track = output.add_stream(coding.sound, 44_100) if coding.sound else None
            frame = to_frame(stored, coding.pix_fmt, coding.matrix, coding.full_range)
            frame.pts = number if coding.times is None else round(coding.times[number] * 1000)
            frame.time_base = stream.codec_context.time_base or Fraction(1, coding.fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if track is not None:
            write_tone(output, track)
    return path


def write_tone(output: Any, track: Any) -> None:
    """Fill a sound track at 44.1 kHz with a second of a tone."""
    wave = np.sin(np.arange(44_100) * 440 * 2 * np.pi / 44_100)
    samples = (wave * 12_000).astype(np.int16)[None]
    for start in range(0, 44_100, 1024):
        chunk = np.ascontiguousarray(samples[:, start : start + 1024])
        sound = av.AudioFrame.from_ndarray(chunk, format="s16", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = 44_100, start, Fraction(1, 44_100)
        output.mux(track.encode(sound))
    output.mux(track.encode(None))


def _set_up(stream: Any, stored: Pixels, coding: Coding) -> None:
    context = stream.codec_context
    stream.height, stream.width = stored.shape[:2]
    stream.pix_fmt = coding.pix_fmt
    if coding.tagged and coding.pix_fmt.startswith("yuv"):
        context.colorspace, context.color_primaries, context.color_trc = _TAGS[coding.matrix]
        context.color_range = ColorRange.JPEG if coding.full_range else ColorRange.MPEG
    if coding.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if coding.aspect != 1:
        context.sample_aspect_ratio = coding.aspect
    if coding.rotation:
        stream.set_display_rotation(coding.rotation)
    if coding.times is not None:
        context.time_base = Fraction(1, 1000)


BITS = 16
_CELLS = 4
"""The number is a square of 4 by 4 cells, two units wide each, in a white ring of one unit."""
_UNITS = 2 * _CELLS + 2


def numbered_frames(count: int, size: Size = (320, 240), first: int = 0) -> Iterator[Pixels]:
    """Frames that say which they are, on grey, in the middle: `read_number` reads it back."""
    unit = max(min(size) * 6 // 10 // _UNITS, 2)
    left, top = (size[0] - unit * _UNITS) // 2, (size[1] - unit * _UNITS) // 2
    for number in range(first, first + count):
        panel = np.full((_UNITS, _UNITS), 255, dtype=np.uint8)
        bits = [number >> bit & 1 for bit in range(BITS)]
        cells = np.array(bits, dtype=np.uint8).reshape(_CELLS, _CELLS) * 255
        panel[1:-1, 1:-1] = cells.repeat(2, axis=0).repeat(2, axis=1)
        panel = panel.repeat(unit, axis=0).repeat(unit, axis=1)
        pixels = np.full((size[1], size[0], 3), 128, dtype=np.uint8)
        pixels[top : top + len(panel), left : left + len(panel)] = panel[..., None]
        yield pixels


def read_number(pixels: Pixels) -> int:
    """The number of a frame from `numbered_frames`, however it was scaled, squeezed or cropped.

    Raises ValueError where a cell is neither black nor white, as in a blend of two frames.
    """
    grey = pixels.astype(np.int64).mean(axis=2)
    rows, columns = (np.flatnonzero((grey > 192).sum(axis=axis) >= 8) for axis in (1, 0))
    if not len(rows) or not len(columns):
        raise ValueError("there is no numbered panel in the picture")
    number = 0
    for bit in range(BITS):
        row, column = (1 + 2 * (place + 0.5) for place in divmod(bit, _CELLS))
        y = round(rows[0] + row / _UNITS * (rows[-1] + 1 - rows[0]))
        x = round(columns[0] + column / _UNITS * (columns[-1] + 1 - columns[0]))
        value = grey[y - 2 : y + 2, x - 2 : x + 2].mean()
        if 80 < value < 176:
            raise ValueError(f"bit {bit} is grey ({value:.0f}): two frames are mixed")
        number |= int(value > 128) << bit
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of video file that shows the card, and how exactly it must come out."""

    name: str
    """Its file name; the suffix tells the container."""
    tolerance: int
    """Largest error of a colour channel that is right, out of 255; see LOSS."""
    size: Size = (256, 256)
    """Width and height of the upright picture in its own pixels."""
    frames: int = 10
    clear: Clear | None = None
    coding: Coding

    @property
    def shown(self) -> Size:
        """Size of the upright picture in square pixels."""
        return round(self.size[0] * self.coding.aspect), self.size[1]

    @property
    def expected(self) -> tuple[Patch, ...]:
        return patches(self.clear)


def make(folder: Path, kind: Kind) -> Path:
    """Write a video of the kind into a folder; returns its path."""
    pictures = [card(kind.size, kind.clear)] * kind.frames
    return encode(folder / kind.name, pictures, kind.coding)


EXACT, LOSS = 2, 4
"""Tolerances. Eight-bit YUV alone costs up to two steps of RGB, as luma has 219 steps for 255 and
three roundings meet; swscale's tables and the codecs, near their best quality, cost two more."""
_X264 = {"crf": "1", "preset": "ultrafast"}
_VPX = {"crf": "4", "b": "0", "deadline": "realtime", "cpu-used": "8"}
_Q1 = {"qmin": "1", "qmax": "1"}
_GOP = "keyint=12:min-keyint=12:bframes=3:b-adapt=0:open-gop=1:scenecut=0"
_IRREGULAR = tuple(Fraction(ms, 1000) for ms in (0, 40, 50, 55, 400, 410, 900, 1500, 1510, 2000))


def _x265(params: str) -> dict[str, str]:
    return {"preset": "ultrafast", "x265-params": f"crf=1:log-level=none:{params}"}


def _kind(name: str, tolerance: int = LOSS, codec: str = "libx264", **more: Any) -> Kind:
    about = {key: more.pop(key) for key in ("size", "frames", "clear") if key in more}
    options = more.pop("options", _X264 if codec == "libx264" else {})
    coding = Coding(codec=codec, options=options, **more)
    return Kind(name=name, tolerance=tolerance, coding=coding, **about)


def _h264_kinds() -> Iterator[Kind]:
    yield _kind("h264-bt601.mp4")
    yield _kind("h264-bt709.mp4", matrix="bt709")
    yield _kind("h264-full-range.mp4", pix_fmt="yuvj420p", full_range=True)
    yield _kind("h264-full-range-bt709.mkv", pix_fmt="yuvj420p", full_range=True, matrix="bt709")
    yield _kind("h264-untagged.mp4", tagged=False)
    yield _kind("h264-untagged-hd.mp4", tagged=False, matrix="bt709", size=(1280, 720), frames=3)
    yield _kind("h264-odd-size.mp4", pix_fmt="yuv444p", size=(257, 241))
    yield _kind("h264-interlaced.mp4", interlaced=True)
    yield _kind("h264-open-gop.mp4", frames=40, options={"crf": "1", "x264-params": _GOP})
    yield _kind("h264-fragmented.mp4", container_options={"movflags": "frag_keyframe+empty_moov"})
    yield _kind("h264.ts")
    yield _kind("h264.flv")
    yield _kind("h264-no-times.h264")
    yield _kind("with-sound.mp4", sound="aac")
    yield _kind("with-sound.mkv", sound="pcm_s16le")
    yield _kind("single-frame.mp4", frames=1)
    yield _kind("variable-rate.mp4", times=_IRREGULAR)
    yield _kind("variable-rate.mkv", times=_IRREGULAR)
    yield _kind("anamorphic.mp4", size=(128, 256), aspect=Fraction(2))
    for turn in (90, 180, 270):
        yield _kind(f"rotated-{turn}.mp4", size=(224, 256), rotation=turn)


def _other_kinds() -> Iterator[Kind]:
    ten: dict[str, Any] = {"pix_fmt": "yuv420p10le", "options": _x265("bframes=0")}
    yield _kind("hevc-10-bit.mp4", EXACT, "libx265", **ten)
    yield _kind("hevc-bt2020.mp4", EXACT, "libx265", matrix="bt2020", **ten)
    yield _kind("hevc-open-gop.mp4", LOSS, "libx265", frames=40, options=_x265(_GOP))
    vp9: dict[str, Any] = {"codec": "libvpx-vp9", "options": _VPX}
    yield _kind("vp9.webm", **vp9)
    yield _kind("vp9-odd-size.webm", size=(257, 241), **vp9)
    yield _kind("vp9-no-duration.webm", container_options={"live": "1"}, **vp9)
    yield _kind("av1.mp4", codec="libsvtav1", options={"preset": "10", "crf": "2"})
    yield _kind("mpeg4.avi", codec="mpeg4", options=_Q1)
    yield _kind("mpeg2-interlaced.mpg", codec="mpeg2video", options=_Q1, interlaced=True)
    yield _kind("mpeg1.mpg", codec="mpeg1video", options=_Q1)
    yield _kind("mjpeg.avi", codec="mjpeg", pix_fmt="yuvj420p", full_range=True, options=_Q1)
    yield _kind("prores.mov", EXACT, "prores_ks", pix_fmt="yuv422p10le")
    yield _kind("prores-alpha.mov", EXACT, "prores_ks", pix_fmt="yuva444p10le", clear=VEILS)
    yield _kind("png-alpha.mov", 1, "png", pix_fmt="rgba", clear=VEILS)
    yield _kind("qtrle-alpha.mov", 1, "qtrle", pix_fmt="argb", clear=VEILS)
    yield _kind("ffv1.mkv", EXACT, "ffv1", pix_fmt="yuv444p")
    yield _kind("paletted.gif", 0, "gif", pix_fmt="pal8")
    yield _kind("paletted-holes.gif", 0, "gif", pix_fmt="pal8", clear=HOLES)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (*_h264_kinds(), *_other_kinds())}
"""Every kind by its file name."""
