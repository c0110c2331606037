"""The models to choose from, and what may be asked of them."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from clipkind.errors import ClipkindError
from clipkind.inference.classifier import Classifier
from clipkind.model.bundle import Bundle, load_bundle
from clipkind.web.models import Models
from inference.calibrated import calibrated_bundle


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model of four members, calibrated."""
    return calibrated_bundle(tmp_path_factory.mktemp("models") / "ensemble")


@pytest.fixture(scope="module")
def models(ensemble: Bundle) -> Models:
    return Models([ensemble.path, ensemble.path])


def test_bundles_and_their_members_have_names_of_their_own(
    models: Models, ensemble: Bundle
) -> None:
    members = [member.name for member in ensemble.members]
    first = [ensemble.name, *(f"{ensemble.name}/{member}" for member in members)]
    second = [f"{ensemble.name}-2", *(f"{ensemble.name}-2/{member}" for member in members)]
    assert models.names == (*first, *second)
    assert models.default == ensemble.name
    assert [models.choice(name).member for name in first] == [None, *range(len(members))]


def test_a_model_of_one_network_is_one_choice() -> None:
    bundle = load_bundle()
    if len(bundle.members) > 1:
        pytest.skip("the bundled model has several networks")
    assert Models([None]).names == (bundle.name,)


def test_what_is_told_of_a_model_comes_from_its_bundle(models: Models, ensemble: Bundle) -> None:
    told = models.describe(models.default)
    json.dumps(told)
    assert told["classes"] == list(ensemble.contract.class_names)
    assert told["measured"] == ensemble.measured
    assert told["card"].startswith("#")
    assert told["calibrated"]
    assert told["weights"] == list(ensemble.combination.weights)
    assert told["members"] == [member.name for member in ensemble.members]
    alone = models.describe(models.names[2])
    assert alone["members"] == [ensemble.members[1].name]
    assert alone["weights"] == [1.0]
    assert not alone["calibrated"]


@pytest.mark.parametrize(
    ("name", "risk"), [("", 0.9), ("", 0.0), ("/member-0", 0.05), ("/member-9", None), ("x", None)]
)
def test_what_a_model_cannot_answer_is_said_in_a_line(
    models: Models, name: str, risk: float | None
) -> None:
    with pytest.raises(ClipkindError) as caught:
        models.check(models.default + name, False, risk)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("risk", [None, 0.05, 0.9])
def test_the_check_says_what_the_classifier_would(
    models: Models, tta: bool, risk: float | None
) -> None:
    name, classifier = models.default, Classifier(models.bundle(models.default))

    def complaint(ask: Callable[[], object]) -> str:
        try:
            ask()
        except (ValueError, ClipkindError) as error:
            return str(error)
        return ""

    said = complaint(lambda: classifier.classify_many([], tta=tta, risk=risk))
    assert complaint(lambda: models.check(name, tta, risk)) == said
    assert bool(said) == (risk == 0.9)


def test_models_are_known_without_loading_a_network() -> None:
    ask = (
        "import sys; from clipkind.web.models import Models; m = Models([None]); "
        "m.check(m.default, True, 0.1); m.describe(m.default); "
        "print([name for name in ('openvino', 'torch', 'av') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
