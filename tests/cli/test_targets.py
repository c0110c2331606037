"""Where commands write to: what cannot be written is said in one line, before any work."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clipkind.cli.main import app
from clipkind.cli.options import NewFile, NewFolder
from clipkind.errors import ClipkindError
from media import numbered_frames, write_video

THROUGH = {"html": ".html", "out_html": ".html", "json_file": "", "output": ""}
"""What may be a pipe, by the name of its parameter, and how its name has to end."""
READ = {
    "checkpoints", "dataset", "features", "links", "manifest", "model", "models", "paths", "plan",
    "source", "split", "split_file", "token_file", "videos", "weights",
}  # fmt: skip
"""Files and folders that commands read, by the names of the parameters."""


def targets(command: click.Command) -> Iterator[click.Parameter]:
    """Every file or folder that a command, or one of its own commands, writes to."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from targets(below)
    for parameter in command.params:
        is_path = isinstance(parameter.type, click.Path)
        if is_path and parameter.name not in READ:
            yield parameter


def test_a_pipe_is_written_to_or_refused_at_once(tmp_path: Path) -> None:
    context, known = click.Context(app), {NewFile, NewFolder}
    for ending in ("", ".csv", ".html"):
        os.mkfifo(tmp_path / f"pipe{ending}")
    for target in targets(app):
        assert type(target.type) in known, target.name
        name = target.name or ""
        if name in THROUGH:
            path = tmp_path / f"pipe{THROUGH[name]}"
            assert target.type.convert(path, target, context) == path
            continue
        for ending in ("", ".csv"):  # which a manifest's name must have
            with pytest.raises(ClipkindError, match=f"^{target.opts[0]} ") as caught:
                target.type.convert(tmp_path / f"pipe{ending}", target, context)
        assert "is a pipe" in str(caught.value)


@pytest.mark.parametrize("kind", [NewFile(), NewFile(parents=True), NewFolder()])
def test_a_link_is_looked_at_where_it_leads(kind: NewFile | NewFolder, tmp_path: Path) -> None:
    option, context = click.Option(["--out"]), click.Context(app)
    (tmp_path / "link").symlink_to("/proc/target")
    with pytest.raises(ClipkindError, match=r"--out .*link: cannot be written"):
        kind.convert(tmp_path / "link", option, context)
    (tmp_path / "here").symlink_to(tmp_path / "target")
    kind.convert(tmp_path / "here", option, context)


def test_answers_go_where_a_link_or_a_pipe_leads(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "a.mp4", numbered_frames(5))
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("link", "pipe"):
        arguments = ["classify", "--json", str(clip), "--output", str(tmp_path / name)]
        assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    answers = [json.loads((tmp_path / "target").read_text()), json.loads(os.read(reader, 10_000))]
    assert [answer["path"] for answer in answers] == [str(clip)] * 2
    assert (tmp_path / "link").is_symlink()
    os.close(reader)
