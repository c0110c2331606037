"""`clipkind serve`: its options; the server itself is tested in tests/web."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clipkind.cli.serve import Duration, Size, command, read_token
from clipkind.errors import ClipkindError


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("2g", 2_000_000_000), ("1.5 kB", 1500), ("77", 77), ("1T", 10**12)],
)
def test_sizes_are_in_decimal_units(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "0", "-1MB", "much", "1PB", "1e3", "٣MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="500MB"):
        Size().convert(text, None, None)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("7d", 604_800)])
def test_times_have_a_unit(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "24", "-1h", "1w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="24h"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "videos.example"])  # noqa: S104
def test_other_machines_are_let_in_only_on_purpose(host: str, tmp_path: Path) -> None:
    ended = CliRunner().invoke(command, ["--host", host, "--state", str(tmp_path / "state")])
    assert ended.exit_code == 2
    assert "--token-file" in ended.output
    assert "--no-token" in ended.output
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("options", "least"),
    [
        (("--quota", "100MB"), "501MB"),
        (("--max-upload", "20GB"), "20001MB"),
        (("--max-upload", "77", "--quota", "77"), "2MB"),
    ],
)
def test_a_quota_has_room_for_one_video(
    options: tuple[str, ...], least: str, tmp_path: Path
) -> None:
    """That much is taken: the next error is about a model, that is not there."""
    more = ("--state", str(tmp_path / "state"), "--model", str(tmp_path / "nothing"))
    ended = CliRunner().invoke(command, [*options, *more])
    assert (ended.exit_code, f"--quota {least}" in ended.output) == (2, True), ended.output
    assert not (tmp_path / "state").exists()
    ended = CliRunner().invoke(command, [*options, "--quota", least, *more])
    assert "does not exist" in str(ended.exception)


@pytest.mark.parametrize(
    "name", ["*.example.org", "https://videos.example.org", "videos.example.org/", "a b", ""]
)
def test_a_name_that_no_client_can_send_is_refused(name: str, tmp_path: Path) -> None:
    options = ["--trusted-host", "localhost", "--trusted-host", name]
    more = ("--state", str(tmp_path / "state"), "--model", str(tmp_path / "nothing"))
    ended = CliRunner().invoke(command, [*options, *more])
    assert ended.exit_code == 2
    assert f"--trusted-host {name}" in ended.output
    assert not (tmp_path / "state").exists()


def test_a_token_is_a_line_that_is_hard_to_guess(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  0123456789abcdef\n")
    assert read_token(file) == "0123456789abcdef"
    for weak in ("", "short", "two words that are long enough", "zu-kurz-ist-es-nicht-aber-ü"):
        file.write_text(weak)
        with pytest.raises(ClipkindError, match="at least 16"):
            read_token(file)
