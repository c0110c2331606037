"""`clipkind serve`: the web app, for people in a browser and programs over HTTP."""

import math
import re
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from clipkind.checks import LONGEST_S, MOST, MOST_BYTES, MOST_JOBS
from clipkind.cli import options as shared
from clipkind.errors import ClipkindError
from clipkind.text import printable, quoted

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST_TOKEN = 16
"""Characters: a shorter one could be guessed."""


class Size(click.ParamType[int]):
    """Bytes, as 500MB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?)B?", str(value), re.I | re.A)
        size = float(found[1]) * _UNITS[found[2].upper()] if found else 0.0
        if not 1 <= size <= MOST_BYTES:
            self.fail(f"{value!r} is no size: write 500MB or 2GB", param, ctx)
        return int(size)


class Duration(click.ParamType[float]):
    """Seconds, as 24h."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([smhd])", str(value), re.A)
        seconds = float(found[1]) * _SECONDS[found[2]] if found else math.inf
        if seconds > LONGEST_S:
            self.fail(f"{value!r} is no time: write 30m, 24h or 7d", param, ctx)
        return seconds


@click.command("serve")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Model bundle folder; several can be chosen from. [the bundled one]",
)
@click.option(
    "--dataset",
    type=click.Path(path_type=Path, exists=True),
    help="Folder (class/video) or manifest of videos to choose from.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free."
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, MOST_JOBS),
    help="Processes that classify, each with the models loaded once.",
)
@click.option(
    "--state",
    default=Path("clipkind-state"),
    show_default=True,
    type=shared.NewFolder(),
    help="Folder for jobs, answers and received videos; a restart goes on with what is there.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with a secret that clients must show: programs as `Authorization: Bearer`, people "
    "once in a form.",
)
@click.option(
    "--no-token", is_flag=True, help="Serve other machines without a token: whoever reaches it."
)
@click.option(
    "--max-upload", default="500MB", show_default=True, type=Size(), help="Size of one video."
)
@click.option(
    "--quota", default="20GB", show_default=True, type=Size(), help="Size of all videos kept."
)
@click.option(
    "--keep",
    default="24h",
    show_default=True,
    type=Duration(),
    help="How long videos are kept after their answers.",
)
@click.option(
    "--max-queue",
    default=1000,
    show_default=True,
    type=click.IntRange(1, MOST),
    help="Jobs that may wait.",
)
@click.option(
    "--rate",
    default=20.0,
    show_default=True,
    type=shared.Number(min=0.1, max=MOST),
    help="Videos a client may send in a minute, on average, after the first hundred.",
)
@click.option(
    "--trusted-host",
    "trusted_hosts",
    multiple=True,
    metavar="NAME",
    help="A name clients may call the server by, such as the one it has behind a proxy.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="CIDR",
    help="Proxy in front that tells in X-Forwarded-For whom it was asked by, so that limits hold "
    "for each client.",
)
@click.option(
    "--allow-network",
    "allowed",
    multiple=True,
    metavar="CIDR",
    help="A network that is not public and that links may lead to all the same.",
)
@click.option("--no-links", is_flag=True, help="Fetch no links.")
def command(**options: Any) -> None:
    """Serve the web app and its API until Ctrl-C."""
    from clipkind.web.http.proxies import Proxies
    from clipkind.web.http.server import serve
    from clipkind.web.links.address import Judge
    from clipkind.web.settings import Settings

    token = read_token(options["token_file"]) if options["token_file"] else None
    if token is None and not options["no_token"] and not _is_loopback(options["host"]):
        raise click.UsageError(
            f"--host {options['host']} lets other machines in: give --token-file, "
            "or --no-token if all of them may use it"
        )
    _check_room(options["max_upload"], options["quota"])
    _check_names(options["trusted_hosts"])
    Judge.of(options["allowed"])  # says what is wrong before anything starts
    Proxies.of(options["proxies"])
    settings = Settings(
        state=options["state"],
        models=options["models"] or (None,),
        dataset=options["dataset"],
        host=options["host"],
        port=options["port"],
        workers=options["workers"],
        token=token,
        max_upload=options["max_upload"],
        quota=options["quota"],
        keep_s=options["keep"],
        max_queue=options["max_queue"],
        rate=options["rate"],
        trusted_hosts=options["trusted_hosts"],
        trusted_proxies=options["proxies"],
        allowed_addresses=options["allowed"],
        links=not options["no_links"],
    )
    serve(settings, lambda address: click.echo(f"clipkind serves at {address}  (Ctrl-C ends it)"))


def read_token(file: Path) -> str:
    """The secret in a file. Raises ClipkindError for one that could be guessed or not be sent."""
    try:
        token = file.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token):
        raise ClipkindError(
            f"{quoted(file)} must hold one line of at least {SHORTEST_TOKEN} letters, digits or "
            f"signs: python3 -c 'import secrets; print(secrets.token_urlsafe())' > {quoted(file)}"
        )
    return token


def _check_room(max_upload: int, quota: int) -> None:
    """A video that never fits would be told to come again for ever."""
    from clipkind.web.app import AROUND_A_VIDEO

    needed = max_upload + AROUND_A_VIDEO
    if quota < needed:
        raise click.UsageError(
            f"--quota leaves no room for one video of --max-upload {max_upload / 10**6:g}MB: give "
            f"--quota {-(-needed // 10**6)}MB or more, or a smaller --max-upload"
        )


def _check_names(names: Iterable[str]) -> None:
    """Others than those a client may send in `Host` would never match."""
    from clipkind.web.http.security import host_name

    for name in names:
        if not host_name(name):
            raise click.UsageError(
                f"--trusted-host {printable(name)} is no name of a host: write it as clients send "
                "it, such as videos.example.org, without https://, paths or *"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
