"""`clipkind import`: documented checkpoints to a model that `classify` takes."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipkind.cli import options as shared
from clipkind.text import printable, quoted

if TYPE_CHECKING:
    from clipkind.workflow.import_checkpoint import Incoming


@click.command("import")
@click.argument(
    "checkpoints",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="CHECKPOINT…",
)
@click.option(
    "--out",
    required=True,
    type=shared.NewFolder(),
    metavar="BUNDLE",
    help="Folder of the model; an earlier model there is replaced.",
)
@click.option(
    "--backbone",
    required=True,
    help="The backbone the networks were trained on, as for clipkind extract; checkpoints do not "
    "record it.",
)
@shared.weights
@click.option(
    "--class-names",
    metavar="A,B,C",
    help="Classes in the order of the network's outputs.  "
    "[default: Animation,Flat_Content,Gaming,Natural_Content]",
)
@click.option(
    "--multi-scale",
    type=click.Choice(["documented", "single"]),
    default="documented",
    show_default=True,
    help="How the temporal scales of the features they were trained on were joined.",
)
@click.option("--name", help="Name of the model.  [default: that of its folder]")
@click.option(
    "--keep-failed",
    is_flag=True,
    help="Let networks vote that by their own validation figures have learned nothing.",
)
def command(checkpoints: tuple[Path, ...], out: Path, **options: Any) -> int:
    """Make a model of checkpoints (.pt) of the documented system, for comparison.

    Nothing in a checkpoint is run: only its weights and plain values are read, and one that asks
    for more is refused. Sizes are read off the weights. The documented training chose the frames
    of a video by its label, so figures reported for the checkpoints do not carry over; the model's
    card says what is known.
    """
    from clipkind.workflow.import_checkpoint import ImportOptions, import_checkpoints

    names = options.pop("class_names")
    settings = ImportOptions(
        class_names=tuple(name.strip() for name in names.split(",")) if names else None, **options
    )
    imported = import_checkpoints(checkpoints, out, settings, _show)
    left_out = sum(not one.votes for one in imported.checkpoints)
    click.echo(
        f"Model: {printable(str(out))}, {len(imported.bundle.members)} networks"
        + (f", {left_out} left out" if left_out else "")
        + f"  (card: {printable(str(out / 'README.md'))})"
    )
    click.echo("Not measured: the checkpoints' own figures do not carry over (see the card).")
    classify = f"clipkind classify --model {quoted(out)}"
    click.echo(f"Next:  {classify} YOUR_VIDEO_OR_FOLDER")
    click.echo(
        f"  or, with features of the documented system:  {classify} --features FEATURES.h5 "
        f"--backbone {shlex.quote(settings.backbone)}"
    )
    return 0


def _show(one: "Incoming") -> None:
    from clipkind.model.documented_card import told

    config = one.checkpoint.model.config
    directions = "both ways" if config.bidirectional else "one way"
    name = printable(one.checkpoint.path.name)
    click.echo(
        f"{name}: {config.feature_dim} features, {config.num_lstm_layers} LSTM layers of "
        f"{config.hidden_dim} {directions}, {config.num_attention_heads} heads, "
        f"{config.num_classes} classes; {told(one.checkpoint.figures.to_json())}"
    )
    if one.failure:
        outcome = (
            "kept, as --keep-failed says" if one.votes else "left out (--keep-failed keeps it)"
        )
        click.echo(f"! {name} has learned nothing: {printable(one.failure)}: {outcome}", err=True)
    for note in one.notes:
        click.echo(f"! {name}: {printable(note)}", err=True)
