"""What the documents show can be done, and works as shown; their pages need no network."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from clipkind.cli.main import app
from clipkind.errors import Reason
from clipkind.evaluation.robustness.disturbances import DISTURBANCES
from clipkind.features.backbones import BACKBONES
from clipkind.inference.prediction import Prediction
from documents import PAGES, ROOT, Fence, commands, fences, spans, without_fences
from media import write_video
from yuv import Pixels

RUN_IN = ("sh", "python")
SHOWN = (*RUN_IN, "text", "toml", "json", "csv", "html")
DOCUMENTS = {**PAGES, "README": ROOT / "README.md", "CONTRIBUTING": ROOT / "CONTRIBUTING.md"}
EXECUTED = {**PAGES, "README": ROOT / "README.md"}
VIDEOS = 7
"""Of each class."""
FROM: dict[str, dict[str, tuple[str, str]]] = {
    "deployment": {"RUN": ("training", "TRIAL")},
    "evaluation": {
        "RUN": ("training", "TRIAL"),
        "features.h5": ("training", "features.h5"),
        "set.split.csv": ("training", "set.split.csv"),
    },
}
"""What a page takes for granted and another page makes: name here, page, name there."""


def drawn(label: str, number: int, frames: int = 11) -> Iterator[Pixels]:
    """Coarse blocks or fine stripes, in colours of the video's own, moving."""
    random = np.random.default_rng([number, label == "Dogs"])
    if label == "Cats":
        pattern = random.integers(0, 255, (6, 6, 3)).repeat(24, 0).repeat(24, 1)
    else:
        lines = random.integers(0, 255, (36, 1, 3)).repeat(4, 0).repeat(144, 1)
        pattern = lines + random.integers(-20, 20, (144, 144, 1))
    for frame in range(frames):
        moved = np.roll(pattern, (frame * 2, frame * 3), (0, 1))
        yield np.clip(moved, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The videos that documents speak of."""
    folder = tmp_path_factory.mktemp("clips")
    names = {
        f"VIDEOS/{label}/{n}.mp4": (label, n) for label in ("Cats", "Dogs") for n in range(VIDEOS)
    }
    names |= {"clip.mp4": ("Cats", 90), "NEW_VIDEO.mp4": ("Dogs", 91), "a.mp4": ("Cats", 92)}
    names |= {"samples/one.mp4": ("Cats", 93), "samples/two.mp4": ("Dogs", 94)}
    for name, (label, number) in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, drawn(label, number), fps=10)
    vp9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
    write_video(folder / "b.webm", drawn("Dogs", 95), fps=10, **vp9)
    return folder


@pytest.fixture(scope="module")
def followed(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Follows a page, once, and gives the folder where that was done."""
    done: dict[str, tuple[Path, str]] = {}

    def follow(name: str) -> Path:
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            shutil.copytree(clips, folder, dirs_exist_ok=True)
            for here, (page, there) in FROM.get(name, {}).items():
                source = follow(page) / there
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                copy(source, folder / here)
            failures = (failure(name, fence, folder) for fence in fences(EXECUTED[name]))
            done[name] = folder, next(filter(None, failures), "")
        folder, wrong = done[name]
        assert not wrong, wrong
        return folder

    return follow


def failure(page: str, fence: Fence, folder: Path) -> str:
    """Run an example; what went wrong, or nothing."""
    if fence.language not in RUN_IN or fence.not_run:
        return ""
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    how = ["sh", "-e", "-c"] if fence.language == "sh" else [sys.executable, "-c"]
    run = subprocess.run(
        [*how, fence.code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode == fence.exit:
        return ""
    return (
        f"{page}.md, line {fence.line}: exit code {run.returncode}, not {fence.exit}\n"
        f"{fence.code}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", ["index", *sorted({*EXECUTED} - {"index"})])
def test_every_example_works_as_shown(page: str, followed: Callable[[str], Path]) -> None:
    followed(page)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_block_of_code_says_what_it_is_and_commands_stand_in_one(name: str) -> None:
    for fence in fences(DOCUMENTS[name]):
        assert fence.language in SHOWN, f"{name}.md, line {fence.line}"
        if fence.language == "python":
            compile(fence.code, f"{name}.md", "exec")
    indented = re.findall(
        r"^ {4}(?:\.venv/bin/)?(?:clipkind|torchrun) .*", without_fences(DOCUMENTS[name]), re.M
    )
    assert not indented


def command_of(words: list[str]) -> tuple[click.Command, str]:
    """The command that words of a line name, and its name. Raises LookupError."""
    found: Any = app
    name = "clipkind"
    for word in words:
        if not isinstance(found, click.Group) or not re.fullmatch(r"[a-z0-9]+", word):
            break
        inner = found.get_command(click.Context(found), word)
        if inner is None:
            raise LookupError(f"there is no command {name} {word}")
        found, name = inner, f"{name} {word}"
    return found, name


def options_of(command: click.Command) -> set[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    return {
        option
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def every_option(command: Any = app) -> set[str]:
    found = options_of(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found |= every_option(command.get_command(click.Context(command), name))
    return found


def unknown_in(line: str) -> Iterator[str]:
    """What a line names that is not there; `line` may begin with options alone."""
    words = shlex.split(line.replace("…", " "), comments=True) if "'" not in line else line.split()
    used = {word.partition("=")[0] for word in words if re.match(r"--\w", word)}
    try:
        command, name = command_of(words)
    except LookupError as error:
        yield str(error)
        return
    there = every_option() if command is app else options_of(command)
    yield from (f"{name} has no {option}" for option in sorted(used - there))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_and_option_named_is_there(name: str) -> None:
    known = set(app.list_commands(click.Context(app)))
    for line in commands(DOCUMENTS[name]):
        if line.startswith((" ", "--")) or line.split(" ")[0] in known:
            assert not list(unknown_in(line)), line


def test_what_is_not_there_would_be_seen() -> None:
    assert list(unknown_in(" guess clip.mp4")) == ["there is no command clipkind guess"]
    assert list(unknown_in(" dataset split set.csv --thirds")) == [
        "clipkind dataset split has no --thirds"
    ]
    assert list(unknown_in("--sense")) == ["clipkind has no --sense"]
    assert not list(unknown_in(" train f.h5 --seeds 1 2 --set head=pooled"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_name_and_file_of_the_source_is_there(name: str) -> None:
    for span in spans(DOCUMENTS[name]):
        if re.fullmatch(r"clipkind(\.\w+)+", span):
            assert exists(span), span
        made_by_recipe = name == "CONTRIBUTING" and span.endswith("convolved.py")
        if re.match(r"(src|tests|benchmarks|scripts|docs)/", span) and not made_by_recipe:
            assert list(ROOT.glob(span.rstrip("/"))), span


def exists(dotted: str) -> bool:
    """Whether a name can be imported, or is an attribute of what can."""
    module, _, attribute = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), attribute)
    return True


REWORDED = {"5 fps": "5 frames a second", "logo": "with a logo"}


def test_codes_fields_disturbances_and_backbones_are_all_explained() -> None:
    deployment = set(spans(PAGES["deployment"]))
    told = {field.name for field in fields(Prediction)} - {
        "times_s",
        "attention",
        "members",
        "by_frame",
    }
    assert {reason.value for reason in Reason} | told <= deployment
    evaluation = " ".join(without_fences(PAGES["evaluation"]).split())
    assert all(REWORDED.get(d.name, d.name) in evaluation for d in DISTURBANCES)
    assert set(BACKBONES) <= set(spans(PAGES["concepts"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert not run.stderr
    return folder


class Loaded(HTMLParser):
    """Addresses that a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(values.get("href", ""))
        if tag != "a":
            self.addresses += [values[name] for name in ("src", "srcset", "data") if name in values]
        assert "mermaid" not in values.get("class", ""), "the theme would fetch mermaid"


def test_the_pages_are_all_there_and_load_nothing_from_elsewhere(site: Path) -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in site.glob("*.html")}
    assert set(pages) == {*PAGES, "404"}
    for name, text in pages.items():
        loaded = Loaded()
        loaded.feed(text)
        assert loaded.addresses, name
        for address in loaded.addresses:
            assert not re.match(r"(\w+:)?//", address), f"{name}.html: {address}"
            local = site / address.partition("?")[0].lstrip("/")
            assert name == "404" or local.exists() or address.startswith("data:"), address
    for style in site.rglob("*.css"):
        assert not re.search(
            r"(url\(|@import)\s*[\"']?(\w+:)?//", style.read_text(encoding="utf-8")
        )
