"""Clips of foreign kinds, made by script: what nobody would call one of the classes.

Most come out of FFmpeg's own sources (`lavfi`), noise out of numpy. Sizes, frame rates and
qualities vary from clip to clip, so that a kind is not told by its coding. Footage that packages
hold is in `foreign_footage`.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""One RGB picture [height, width, 3]."""
SECONDS = 5
_SIZES = ((426, 240), (320, 240), (640, 360), (480, 480), (480, 270))
_RATES = (25, 12, 30)
_QUALITIES = (23, 18, 32)
_SOUNDS = {
    "chords": "aevalsrc='0.25*sin(2*PI*220*t*(1+floor(mod(t,4))/8))"
    "+0.2*sin(2*PI*277*t*(1+floor(mod(2*t,4))/8))+0.2*sin(2*PI*1320*t)*exp(-4*mod(t,0.5))"
    "|0.25*sin(2*PI*221*t)+0.3*sin(2*PI*55*t)*exp(-6*mod(t,0.5))':s=44100",
    "syllables": "aevalsrc='0.6*mod(140*t+sin(9*t),1)*max(0,sin(2*PI*3*t))*sin(2*PI*700*t)"
    "|0.6*mod(145*t,1)*max(0,sin(2*PI*3*t+1))*sin(2*PI*1100*t)':s=44100",
    "rain": "anoisesrc=c=pink:a=0.5:seed=1:r=44100,aformat=channel_layouts=stereo",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One foreign clip."""

    kind: str
    name: str
    group: str
    """What made it: clips of one generator are no independent witnesses."""
    frames: str | Callable[["Coding"], Iterator[Pixels]]
    """A lavfi graph, with {size}, {width}, {height}, {rate}; or a function that draws."""

    @property
    def seed(self) -> int:
        return zlib.crc32(f"{self.kind}/{self.name}".encode())

    @property
    def file_name(self) -> str:
        return f"{self.kind}-{self.name}.mp4"


@dataclass(frozen=True, slots=True)
class Coding:
    """How a clip is coded, from its seed alone."""

    width: int
    height: int
    rate: int
    crf: int
    seed: int

    @classmethod
    def of(cls, seed: int) -> "Coding":
        width, height = _SIZES[seed % len(_SIZES)]
        rate = _RATES[seed // 8 % len(_RATES)]
        return cls(width, height, rate, _QUALITIES[seed // 64 % len(_QUALITIES)], seed)

    def light(self) -> "Coding":
        """The same with few and small pictures: noise takes long to draw and to code."""
        return replace(self, width=320, height=240, rate=12)

    @property
    def count(self) -> int:
        return self.rate * SECONDS


def write(clip: Clip, folder: Path) -> Path:
    """Encode the clip as H.264 into the folder; returns its path."""
    coding = Coding.of(clip.seed)
    if not isinstance(clip.frames, str):
        coding = coding.light()
    path = folder / clip.file_name
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(
            "libx264", coding.rate, {"preset": "veryfast", "crf": str(coding.crf)}
        )
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(_frames(clip, coding)):
            if number == 0:
                stream.width, stream.height = frame.width & ~1, frame.height & ~1
            flat = frame.reformat(stream.width, stream.height, "yuv420p")
            flat.pts, flat.time_base = number, Fraction(1, coding.rate)
            output.mux(stream.encode(flat))
        output.mux(stream.encode(None))
    return path


def _frames(clip: Clip, coding: Coding) -> Iterator[av.VideoFrame]:
    if not isinstance(clip.frames, str):
        for pixels in clip.frames(coding):
            yield av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        return
    size = f"{coding.width}x{coding.height}"
    graph = clip.frames.replace("{size}", size).replace("{rate}", str(coding.rate))
    graph = graph.replace("{width}", str(coding.width)).replace("{height}", str(coding.height))
    with av.open(f"{graph},format=rgb24", format="lavfi") as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number == coding.count:
                return
            yield frame


def generated() -> list[Clip]:
    """All clips that need nothing but FFmpeg and numpy."""
    makers = (_noise, _plain, _patterns, _visualisers, _automata, _gradients)
    return [clip for maker in makers for clip in maker()]


def _noise() -> Iterator[Clip]:
    for number in range(3):
        for name, block, levels in (("grey", 1, 0), ("colour", 1, 0), ("binary", 1, 2)):
            draw = _white(block, levels, colour=name == "colour")
            yield Clip("white noise", f"{name}-{number}", name, draw)
        yield Clip("white noise", f"blocks-{number}", "blocks", _white(6, 0, colour=True))
        for power in (1.0, 2.0):
            for colour in (False, True):
                name = f"power{power:.0f}-{'colour' if colour else 'grey'}"
                draw = _coloured(power, colour=colour)
                yield Clip("coloured noise", f"{name}-{number}", name, draw)
        perlin = f"perlin=s={{size}}:r={{rate}}:octaves={number + 1}:seed={number}"
        yield Clip("coloured noise", f"perlin-{number}", "perlin", perlin)


def _white(block: int, levels: int, *, colour: bool) -> Callable[[Coding], Iterator[Pixels]]:
    def draw(coding: Coding) -> Iterator[Pixels]:
        rng = np.random.default_rng(coding.seed)
        shape = (-(-coding.height // block), -(-coding.width // block), 3 if colour else 1)
        for _ in range(coding.count):
            values = rng.integers(levels or 256, size=shape) * (255 // ((levels or 256) - 1))
            large = values.astype(np.uint8).repeat(block, 0).repeat(block, 1)
            yield np.broadcast_to(
                large[: coding.height, : coding.width], (coding.height, coding.width, 3)
            )

    return draw


def _coloured(power: float, *, colour: bool) -> Callable[[Coding], Iterator[Pixels]]:
    """Noise whose spectrum falls with 1 / frequency^power, drifting slowly."""

    def draw(coding: Coding) -> Iterator[Pixels]:
        rng = np.random.default_rng(coding.seed)
        rows = np.fft.fftfreq(coding.height)[:, None, None]
        columns = np.fft.rfftfreq(coding.width)[None, :, None]
        fall = np.hypot(rows, columns)
        fall[0, 0] = np.inf
        channels = 3 if colour else 1
        field = np.zeros((coding.height, coding.width, channels))
        for _ in range(coding.count):
            field = 0.8 * field + 0.6 * rng.normal(size=field.shape)
            drawn = np.fft.irfft2(np.fft.rfft2(field, axes=(0, 1)) / fall**power, axes=(0, 1))
            values = np.clip(128 + 50 * drawn / drawn.std(), 0, 255).astype(np.uint8)
            yield np.broadcast_to(values, (coding.height, coding.width, 3))

    return draw


def _plain() -> Iterator[Clip]:
    source = "color=c={}:s={{size}}:r={{rate}}"
    for number, shade in enumerate(("black", "black", "0x050505", "0x101010")):
        yield Clip("black", f"{number}", shade, source.format(shade))
        grain = f",noise=alls={4 * number + 4}:allf=t:all_seed={number}"
        yield Clip("black", f"grain-{number}", f"grain {shade}", source.format(shade) + grain)
    colours = ("white", "red", "green", "blue", "gray", "yellow", "magenta", "teal", "orange")
    for number, colour in enumerate(colours):
        yield Clip("single colour", colour, colour, source.format(colour))
        other = colours[(number + 4) % len(colours)]
        fade = f",fade=d={SECONDS}:c={other}"
        yield Clip("fade", f"{other}-{colour}", f"{other}-{colour}", source.format(colour) + fade)


def _patterns() -> Iterator[Clip]:
    bars = ["smptebars", "smptehdbars", "pal75bars", "pal100bars"]
    sized = [*bars, "rgbtestsrc", "yuvtestsrc", "testsrc", "testsrc2", "colorspectrum"]
    for name in sized:
        yield Clip("test pattern", name, name, f"{name}=s={{size}}:r={{rate}}")
        turned = f"{name}=s={{size}}:r={{rate}},hue=H=0.3*t,hflip"
        yield Clip("test pattern", f"{name}-turned", name, turned)
    for name, more in (("zone", "kx2=256:ky2=256:kt=20"), ("wedge", "ku=512:kx2=256:kt=10")):
        graph = f"zoneplate=s={{size}}:r={{rate}}:{more}"
        yield Clip("test pattern", f"zoneplate-{name}", "zoneplate", graph)
    yield Clip("test pattern", "hald", "hald", "haldclutsrc=level=7:r={rate}")


def _visualisers() -> Iterator[Clip]:
    rooms = {
        "waves": "showwaves=s={size}:r={rate}:mode=cline:colors=cyan|orange",
        "lines": "showwaves=s={size}:r={rate}:mode=line:split_channels=1:scale=sqrt:draw=full",
        "spectrum": "showspectrum=s={size}:slide=scroll:color=rainbow:fps={rate}:gain=4:scale=cbrt",
        "vectorscope": "avectorscope=s={size}:r={rate}:draw=line:zoom=1.5",
        "cqt": "showcqt=s={size}:r={rate}",
        "bars": "showfreqs=s={size}:r={rate}:mode=bar:ascale=log",
        "spatial": "showspatial=s={size}:rate={rate}",
        "wavelets": "showcwt=s={size}:rate={rate}:slide=scroll:pps=150:iscale=cbrt",
    }
    for room, graph in rooms.items():
        for sound, source in _SOUNDS.items():
            late = f"{source},{graph},trim=start=4,setpts=PTS-STARTPTS"  # once the picture is full
            yield Clip("audio visualiser", f"{room}-{sound}", room, late)


def _automata() -> Iterator[Clip]:
    for number, rule in enumerate((30, 90, 110, 150)):
        graph = f"cellauto=s={{size}}:rate={{rate}}:rule={rule}:seed={number}"
        yield Clip("cellular automaton", f"rule{rule}", f"rule{rule}", graph)
    for number, (mold, colour) in enumerate(((0, "white"), (10, "0x00ff00"), (40, "0x3080ff"))):
        graph = (
            f"life=s={{size}}:r={{rate}}:ratio=0.2:mold={mold}:life_color={colour}:"
            f"death_color=0x802020:seed={number}"
        )
        yield Clip("cellular automaton", f"life-{mold}", "life", graph)
    for number, (x, y) in enumerate(((-0.7437, -0.1319), (-0.7453, -0.1127), (-1.25, -0.02))):
        graph = f"mandelbrot=s={{size}}:rate={{rate}}:start_x={x}:start_y={y}:end_scale=0.001"
        yield Clip("fractal", f"mandelbrot-{number}", "mandelbrot", graph)
    for shape in ("carpet", "triangle"):
        for seed in (1, 2):
            graph = f"sierpinski=s={{size}}:rate={{rate}}:type={shape}:seed={seed}"
            yield Clip("fractal", f"{shape}-{seed}", shape, graph)


def _gradients() -> Iterator[Clip]:
    for shape in ("linear", "radial", "circular", "spiral"):
        for number in (2, 3, 6):
            graph = f"gradients=s={{size}}:r={{rate}}:n={number}:seed={number}:speed=0.05"
            yield Clip("gradient", f"{shape}-{number}", shape, f"{graph}:type={shape}")


def write_all(clips: Iterable[Clip], folder: Path) -> dict[Path, Clip]:
    """Every clip's file, in order."""
    return {write(clip, folder): clip for clip in clips}
