"""What an evaluation comes to, as the JSON that the report, the plots and the card are made from.

`schema.json` beside this file says the same for other programs; a test holds the two together.
Every figure that cannot be had is null, with the reason in `notes`.
"""

from typing import Literal, NotRequired, TypedDict

FORMAT = "clipkind-evaluation"
FORMAT_VERSION = 1


class Figure(TypedDict):
    """A number with its 95 % interval: a bootstrap over groups, not over clips."""

    value: float
    low: float
    high: float


class ClassScores(TypedDict):
    """One class against the others."""

    precision: float
    recall: float
    f1: Figure
    support: int


class Curve(TypedDict):
    """A ROC curve (x false positive rate, y true positive rate) or PR curve (x recall, y
    precision) of one class against the others, and the area under it (average precision)."""

    x: list[float]
    y: list[float]
    area: float


class Bin(TypedDict):
    """Of a reliability diagram: the answers whose confidence is above `low`, up to `high`."""

    low: float
    high: float
    videos: int
    confidence: float
    accuracy: float


class Scores(TypedDict):
    """How good the answers of one system are on the split."""

    accuracy: Figure
    macro_f1: Figure
    weighted_f1: Figure
    ece: Figure | None
    """Expected calibration error over 15 bins of equal width; null: no probabilities. Where the
    ensemble is calibrated all systems are, each by a temperature of its own (see `what`)."""
    brier: Figure | None
    """Mean over videos of the squared distance to the truth, summed over classes: 0 to 2."""
    nll: Figure | None
    """Mean negative log-likelihood of the true class."""
    classes: dict[str, ClassScores]
    confusion: list[list[int]]
    """Rows true, columns answered, in the order of the classes."""
    roc: dict[str, Curve] | None
    pr: dict[str, Curve] | None
    reliability: list[Bin] | None


class System(TypedDict):
    """Something that answers."""

    name: str
    """Unique: "ensemble", "ensemble + TTA", "member-0", "majority class", "without BiLSTM" …"""
    kind: Literal["ensemble", "member", "baseline", "ablation"]
    tta: bool
    what: str
    """In words, with how it was made."""
    scores: Scores


class Comparison(TypedDict):
    """Two systems on the same videos, paired."""

    a: str
    b: str
    accuracy: Figure
    """Accuracy of `a` less that of `b`."""
    shown: bool
    """Whether the interval excludes 0: only then is one of them called better."""
    sentence: str


class Slice(TypedDict):
    """The ensemble's answers for some of the videos."""

    value: str
    videos: int
    groups: int
    accuracy: Figure
    """Of one group the interval is 0 to 1: it says nothing about others. Of fewer than 6 it is
    narrower than what is known, and no report shows it."""
    worse: bool
    """Whether it is below the rest of the videos by more than chance explains, however many slices
    are looked at; never with fewer than 6 groups."""


class Error(TypedDict):
    """A wrong answer."""

    id: str
    path: str | None
    true: str
    answered: str
    confidence: float
    thumbnail: str | None
    """A JPEG as a data: URL."""


class Robustness(TypedDict):
    """The ensemble's answers for the same videos, disturbed."""

    name: str
    what: str
    videos: int
    refused: int
    accuracy: Figure
    drop: Figure
    """Accuracy undisturbed less accuracy disturbed, paired."""


class LearningPoint(TypedDict):
    """A system trained on part of the training groups."""

    system: str
    groups: int
    videos: int
    accuracy: Figure


class Selective(TypedDict):
    """What comes of answering only where the risk allows it."""

    tta: bool
    """Whether the ensemble was asked with test-time augmentation, which has a rule of its own."""
    risk: float
    single: float
    """Share of videos with one label."""
    several: float
    unsure: float
    single_error: Figure | None
    """Share of wrong ones among single answers; null where there is none."""
    several_error: Figure | None
    """Share of answers of several labels that the true one is not among."""


class Outliers(TypedDict):
    """How well the outlier score tells a foreign kind from the split's videos."""

    kind: str
    videos: int
    auroc: Figure


class Evaluation(TypedDict):
    """The whole of it."""

    format: str
    format_version: int
    made_by: str
    date: str
    command: str
    model: str
    class_names: list[str]
    features: str
    split_file: str
    split: str
    videos: int
    groups: int
    videos_by_class: dict[str, int]
    missing: list[str]
    """Ids of the split without features: not in any figure."""
    combination: str
    """How members vote, in words."""
    tta_modes: list[str]
    temperature: float | None
    systems: list[System]
    comparisons: list[Comparison]
    question: str
    """Is the network worth it? By the name of its head."""
    verdict: str
    """The answer, in one line."""
    slices: dict[str, list[Slice]]
    errors: list[Error]
    learning_curve: list[LearningPoint]
    robustness: list[Robustness]
    selective: list[Selective]
    outliers: list[Outliers]
    notes: list[str]
    """What is missing and why: parts that were not asked for, classes without videos …"""
    extra: NotRequired[dict[str, str]]
