"""`clipkind extract`: a folder or manifest of videos to one feature file."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipkind.cli import options as shared

if TYPE_CHECKING:
    from clipkind.features.extract import Summary
    from clipkind.features.pipeline import Refusal, VideoFeatures


@click.command("extract")
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|MANIFEST")
@click.option(
    "--out", required=True, type=shared.NewFile(parents=True), help="Feature file (.h5) to write."
)
@click.option(
    "--backbone",
    default="efficientnet_lite0_stages",
    show_default=True,
    help="efficientnet_lite0/1/2, the same with _stages (adds what their stages see), resnet50, "
    "resnet101, efficientnet_v2_s, efficientnet_v2_m or timm/<name>.",
)
@shared.weights
@shared.multi_scale
@click.option(
    "--frames", default=64, show_default=True, type=click.IntRange(1, 4096), help="Samples a video."
)
@click.option(
    "--window",
    nargs=2,
    type=shared.Number(min=0, max=1),
    default=(0.0, 1.0),
    show_default=True,
    help="Part of each video to sample, as shares of its duration.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "openvino", "torch"]),
    default="auto",
    show_default=True,
    help="auto: torch where CUDA is, else OpenVINO.",
)
@click.option("--precision", help="bf16 or f32 (OpenVINO); bfloat16, float16 or float32 (torch).")
@click.option("--compile", "compile_", is_flag=True, help="torch.compile the backbone.")
@click.option("--batch-size", default=24, show_default=True, type=click.IntRange(1, 4096))
@shared.jobs()
@shared.timeout
@click.option(
    "--dtype",
    type=click.Choice(["float16", "float32"]),
    default="float16",
    show_default=True,
    help="How features are stored.",
)
def command(source: Path, out: Path, **options: Any) -> int:
    """Turn videos into a feature file, to train on or classify later.

    DIR is laid out class/[subcategory/]video; MANIFEST is a CSV file with a path column and, where
    known, id, label, subcategory and group. Run again to go on after an interruption or to add
    videos: what is done and unchanged is not done again.
    """
    from rich.console import Console
    from rich.text import Text

    from clipkind.cli.progress import progress_bar
    from clipkind.dataset.layouts import items_of
    from clipkind.features.extract import extract_to_store
    from clipkind.features.pipeline import FeatureExtractor, Refusal
    from clipkind.text import printable
    from clipkind.workflow.engine import choose_engine

    start, stop = options["window"]
    if start >= stop:
        raise click.UsageError(f"--window {start:g} {stop:g}: it must start before it stops")
    items, passed_over = items_of(source)
    engine, contract = choose_engine(
        options["backbone"],
        weights=options["weights"],
        engine=options["engine"],
        precision=options["precision"],
        compile=options["compile_"],
        multi_scale=options["multi_scale"],
        num_frames=options["frames"],
        window=options["window"],
    )
    click.echo(f"{len(items)} videos, {contract.backbone} by {engine.name}", err=True)
    console = Console(stderr=True)
    with (
        FeatureExtractor(
            engine,
            contract,
            jobs=options["jobs"],
            batch_size=options["batch_size"],
            timeout_s=options["timeout"],
        ) as extractor,
        progress_bar(console) as bar,
    ):
        task = bar.add_task("videos", total=len(items), rate="")
        started = time.perf_counter()

        def show(result: "VideoFeatures | Refusal | None", summary: "Summary") -> None:
            done = summary.ok + summary.partial + summary.refused + summary.reused
            rate = summary.pictures / (time.perf_counter() - started)
            bar.update(task, completed=done, rate=f"{rate:.0f} frames/s")
            if result is not None and result.reason:
                kind = "refused" if isinstance(result, Refusal) else "partial"
                line = f"{kind}: {result.path}: {result.reason}: {result.message}"
                # as Text, in which rich replaces neither [markup] nor :emoji:
                console.print(Text(printable(line)), soft_wrap=True)

        summary = extract_to_store(items, extractor, out, dtype=options["dtype"], progress=show)
    click.echo(
        f"{out}: {len(items)} videos = {summary.ok} ok + {summary.partial} partial + "
        f"{summary.refused} refused + {summary.reused} done before",
        err=True,
    )
    if told := str(passed_over):
        click.echo(told, err=True)
    return 1 if summary.refused else 0
