"""`clipkind dataset`: from folders of videos to a split that can be believed."""

import click

from clipkind.cli.lazy import LazyGroup


@click.group(
    "dataset",
    cls=LazyGroup,
    prefix="dataset_",
    commands_help={
        "scan": "List a folder or manifest of labelled videos, each with what is wrong with it.",
        "check": "Find near-duplicates, label conflicts and shortcuts a model could take.",
        "split": "Divide videos into train, val and test; footage never crosses.",
        "youtube8m": "Download labelled videos by a plan of YouTube-8M vocabulary names.",
    },
)
def command() -> None:
    """Scan, check and split folders of labelled videos.

    The usual order is scan, check, split; `clipkind fit` does all of it.
    """
