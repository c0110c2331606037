"""`clipkind export`: a model's networks as checkpoints of the documented system."""

from pathlib import Path

import click

from clipkind.cli import options as shared
from clipkind.text import printable


@click.command("export")
@click.argument(
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="RUN|BUNDLE",
)
@click.option(
    "--out",
    required=True,
    type=shared.NewFolder(),
    metavar="FOLDER",
    help="Where best_ensemble_model_1.pt and so on go; must hold none yet.",
)
def command(source: Path, out: Path) -> int:
    """Write a model's networks as checkpoints (.pt) for the documented system's tools.

    Each is the documented dictionary with all of its keys. A run gives the weights as trained, its
    validation figures and history; a model by itself only its weights, large ones rounded to half
    precision, and NaN for figures nobody kept. The optimiser's state is always empty: the
    old tools can load and test such a checkpoint but not go on training it. Class names, backbone
    and preprocessing have no place in a documented checkpoint. Cut short by anything, the same
    command begins again; the checkpoints appear once all are written.
    """
    from clipkind.model.bundle import load_bundle
    from clipkind.workflow.export_checkpoint import export_checkpoints

    written = export_checkpoints(source, out)
    for one in written:
        click.echo(f"{one.member}: {printable(str(one.path))}")
    for obstacle in dict.fromkeys(one.obstacle for one in written if one.obstacle):
        click.echo(f"! {obstacle}", err=True)
    contract = load_bundle(source).contract
    click.echo(
        f"Keep in mind, since checkpoints do not: backbone {contract.backbone}, multi-scale "
        f"{contract.multi_scale}, classes {printable(', '.join(contract.class_names))}",
    )
    return 0
