"""The `clipkind` command: what all subcommands share, and how errors end it."""

import os
import sys
from typing import Any

import click

from clipkind.cli.lazy import LazyGroup
from clipkind.cli.streams import steady_streams
from clipkind.errors import ClipkindError
from clipkind.memory import LEAST, require_address_space, shortage_told
from clipkind.text import printable

_COMMANDS = {
    "classify": "Say what kind of content videos are.",
    "serve": "Serve the web app: pick, drop or link a video, and see why.",
    "extract": "Turn videos into a feature file, to train on or classify later.",
    "features": "Exchange feature files with the documented system.",
    "dataset": "Scan, check and split folders of labelled videos.",
    "train": "Train an ensemble on features and make a model of it.",
    "fit": "From a folder of labelled videos to a trained model, in one command.",
    "evaluate": "Measure a model, with intervals, beside what is simpler.",
    "import": "Make a model of checkpoints (.pt) of the documented system.",
    "export": "Write a model's networks as checkpoints of the documented system.",
    "doctor": "Show versions, engines and codecs, and what is wrong.",
}


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from clipkind import __version__

        click.echo(f"clipkind {__version__}")
        context.exit()


@click.group(
    cls=LazyGroup,
    commands_help=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all answered, 1 some videos refused, 2 wrong usage, 3 something is not "
    "installed or the machine lacks it (the message says what to do), 70 an error inside clipkind "
    "(please report it; with CLIPKIND_TRACEBACK=1 set it shows where), 130 stopped.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """What kind of content is this video? Animation, flat content, gaming or natural footage."""
    require_address_space(LEAST)


def main() -> None:
    """Entry point: errors become one line on stderr and a documented exit code."""
    steady_streams()
    try:
        with shortage_told():
            code: Any = app(standalone_mode=False)
    except click.exceptions.Abort:
        code = _fail("stopped", 130)
    except KeyboardInterrupt:
        code = _fail("stopped", 130)
    except click.ClickException as error:
        error.show()
        code = 2
    except ClipkindError as error:
        code = _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        code = _fail(
            f"{error.name} is not installed; pip install 'clipkind[train]' brings everything", 3
        )
    except ImportError as error:
        code = _fail(f"{error.name or 'a package'} is broken: {printable(str(error))}", 3)
    except OSError as error:
        code = _fail(f"{error.filename or 'output'}: {error.strerror or error}", 2)
    except Exception as error:  # noqa: BLE001 - the last resort: people get a line, not a traceback
        code = _internal(error)
    sys.exit(code if isinstance(code, int) else 0)


def _internal(error: Exception) -> int:
    if os.environ.get("CLIPKIND_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    what = printable(f"{type(error).__name__}: {error}".removesuffix(": "))
    return _fail(
        f"internal error: {what}; please report it (set CLIPKIND_TRACEBACK=1 to see where)", 70
    )


def _fail(message: str, code: int) -> int:
    click.echo(f"clipkind: {message}", err=True)
    return code


if __name__ == "__main__":
    main()
