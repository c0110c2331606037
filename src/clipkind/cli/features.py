"""`clipkind features import|export`: exchange with the documented system's feature files."""

from pathlib import Path

import click

from clipkind.cli import options as shared

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("features")
def command() -> None:
    """Exchange feature files with the documented system."""


@command.command("export")
@click.argument("source", type=_FILE)
@click.argument("destination", type=shared.NewFile())
def export(source: Path, destination: Path) -> None:
    """Write the feature file SOURCE in the documented layout.

    The old tools look for names like train_features_multiscale.h5. Rows are in order of id.
    """
    from clipkind.features.documented import export_documented
    from clipkind.features.store import open_features

    with open_features(source) as file:
        class_names, count = file.contract.class_names, len(file)
    export_documented(source, destination, class_names)
    click.echo(f"{destination}: {count} videos, classes {', '.join(class_names)}", err=True)


@command.command("import")
@click.argument("source", type=_FILE)
@click.argument("destination", type=shared.NewFile(parents=True))
@click.option("--backbone", required=True, help="The backbone the file was made with.")
@click.option("--weights", type=_FILE, help="Its weights, where they are not the published ones.")
def import_(source: Path, destination: Path, backbone: str, weights: Path | None) -> None:
    """Bring a documented feature file into clipkind's format.

    A documented file records neither its backbone nor its preprocessing: by naming the backbone
    you vouch that it was made with it, at 64 frames in the documented geometry.
    """
    from clipkind.features.backbones import load_backbone
    from clipkind.features.documented import import_documented, store_documented

    data = import_documented(source, backbone)
    mode = "documented" if data.multi_scale else "single"
    contract = load_backbone(backbone, weights).contract(
        multi_scale=mode, class_names=data.class_names
    )
    store_documented(data, source, destination, contract)
    click.echo(f"{destination}: {len(data.labels)} videos", err=True)
