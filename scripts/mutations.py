"""Breaks the source in forty ways that matter, one at a time: do the tests notice?

    .venv/bin/python scripts/mutations.py                 # all
    .venv/bin/python scripts/mutations.py video/ losses   # those whose file contains a word
    .venv/bin/python scripts/mutations.py --check         # only whether each still applies

Run it before and after the tests or the structure change: as many must be caught. Works on a copy
of the tree; each mutation runs the tests of its room, until the first that fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("src/clipkind")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line of the source made wrong."""

    file: str
    """Below the package."""
    old: str
    """Text that stands in the file once."""
    new: str
    tests: str
    """What must notice: files or folders below `tests`, separated by spaces."""

    def applied(self, text: str) -> str:
        """The file's text with the mutation. Raises ValueError where it does not apply."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands there {text.count(self.old)} times")
        return text.replace(self.old, self.new)


MUTATIONS = (
    # which frames are looked at, and whether they are the right ones
    Mutation("video/sampling.py", "2 * i + 1, 2 * length", "2 * i, 2 * length", "video"),
    Mutation("video/sampling.py", "if distance < reach:", "if distance > reach:", "video"),
    Mutation("video/sampling.py", "max(head.last, last)", "head.last", "video"),
    Mutation("video/decode.py", "and not frame.is_corrupt", "", "video features"),
    Mutation("video/decode.py", "if not clean and run.entry", "if False and run.entry", "video"),
    Mutation("video/table.py", "arange(len(shown)) + REORDERED", "arange(len(shown))", "video"),
    Mutation("video/packets.py", "if self._unpacked.any():", "if False:", "video"),
    Mutation("video/source.py", "min(packets[s.index], 2)", "0", "video"),
    Mutation("video/picture.py", '"full" if full else "limited"', '"limited"', "video"),
    Mutation("video/picture.py", "round(frame.rotation / 90) % 4", "0", "video"),
    Mutation(
        "video/isolation.py", "if self.lost:", "if not self.lost:", "features dataset/test_scan.py"
    ),
    # features
    Mutation(
        "features/multiscale.py",
        "(2 * np.arange(num_frames) + 1)",
        "(2 * np.arange(num_frames))",
        "features",
    ),
    Mutation("features/multiscale.py", "scaled_length(n, s)", "scaled_length(n, 1.0)", "features"),
    Mutation("features/pipeline.py", "[np.array(job.positions)]", "", "features inference"),
    Mutation("contract.py", 'if k != "class_names"', 'if k != "crop"', "test_contract.py features"),
    # heads, losses and what is made of their answers
    Mutation("model/temporal.py", "scores.masked_fill(padding, -torch.inf)", "scores", "model"),
    Mutation("model/temporal_head.py", "x.masked_fill(padding[:, :, None], 0.0)", "x", "model"),
    Mutation("model/losses.py", "doubt**self.gamma", "doubt", "model training"),
    Mutation("model/losses.py", "1.0 - self.smoothing)", "1.0)", "model training"),
    Mutation("model/calibration.py", "+ _TINY) / temperature", "+ _TINY) * temperature", "model"),
    Mutation("model/combination.py", "axes=1)", "axes=1) ** 2", "model workflow/test_voting.py"),
    Mutation("model/risk.py", "failed[0] - 1 if", "failed[0] if", "model"),
    Mutation("model/risk.py", "Z * np.sqrt", "0 * np.sqrt", "model"),
    # training
    Mutation(
        "training/augment.py",
        "picked.minimum(lengths[:, None] - 1)",
        "picked.minimum(lengths[:, None] - 1).flip(1)",
        "training",
    ),
    Mutation(
        "training/augment.py",
        "recipe.feature_dropout\n        x = x * (kept / (1.0 - recipe.feature_dropout))",
        "recipe.feature_dropout\n        x = x * kept",
        "training",
    ),
    Mutation(
        "training/schedule.py",
        "return recipe.learning_rate * (now + 1) / (warmup + 1)",
        "return recipe.learning_rate",
        "training",
    ),
    Mutation(
        "training/learner.py",
        '_seed(self.seed, epoch, "draws")',
        '_seed(self.seed, 0, "draws")',
        "training",
    ),
    Mutation(
        "training/learner.py",
        "self.labels[index]))",
        "self.labels[index].flip(0)))",
        "training workflow/test_train_job.py",
    ),
    # data sets: nothing may cross a split, nothing may go missing
    Mutation(
        "dataset/splits/balance.py",
        "IMPORTANCE[len(stratum)] * count * over",
        "count * over * 0",
        "dataset",
    ),
    Mutation(
        "dataset/scan.py",
        "key=lambda pair: (pair[1].path, pair[0])",
        "key=lambda pair: (pair[0], pair[1].path)",
        "dataset",
    ),
    Mutation("dataset/scan.py", "if entry.duration_s < min_duration_s:", "if False:", "dataset"),
    Mutation("dataset/listing.py", "if is_litter(entry.name):", "if False:", "dataset cli"),
    # figures
    Mutation("evaluation/intervals.py", "_TAIL = 0.025", "_TAIL = 0.25", "evaluation"),
    Mutation(
        "evaluation/comparisons.py", "shown = excludes_zero(figure)", "shown = True", "evaluation"
    ),
    # files, and who may ask for what
    Mutation("files.py", "if path.is_symlink() else path", "if False else path", "test_files.py"),
    Mutation("files.py", 'not in ("", "file")', 'in ("folder",)', "test_files.py cli"),
    Mutation(
        "web/links/address.py",
        "in self.allowed) or is_public(address)",
        "in self.allowed) or True",
        "web",
    ),
    Mutation("web/links/address.py", '"169.254.0.0/16",', "", "web/links"),
    Mutation("web/jobs/store.py", "deaths = deaths + (", "deaths = deaths + 0 * (", "web"),
    Mutation("web/http/security.py", "default-src 'none'; script-src 'self';", "", "web"),
    Mutation(
        "dataset/check/matching.py",
        "if found is not None and is_copy(found):",
        "if found is not None:",
        "dataset",
    ),
    Mutation(
        "inference/classifier.py",
        "probabilities = way.calibration(probabilities)",
        "pass",
        "inference",
    ),
    Mutation("training/checkpoint.py", "if theirs != identity:", "if False:", "training workflow"),
    Mutation("training/checkpoint.py", '_below(tensors, "optimizer/").items()', "()", "training"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="Only mutations of files that contain one.")
    parser.add_argument("--check", action="store_true", help="Only whether each applies.")
    arguments = parser.parse_args()
    chosen = [
        mutation
        for mutation in MUTATIONS
        if not arguments.words or any(word in mutation.file for word in arguments.words)
    ]
    for mutation in chosen:
        mutation.applied((ROOT / PACKAGE / mutation.file).read_text(encoding="utf-8"))
    if arguments.check:
        return
    survived = [mutation for mutation, caught in tried(chosen) if not caught]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} caught")
    sys.exit(bool(survived))


def tried(mutations: list[Mutation]) -> Iterator[tuple[Mutation, bool]]:
    """Whether the tests notice each, telling it as it is known."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        left_out = shutil.ignore_patterns(".git", ".venv", "build", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, tree, ignore=left_out)
        for mutation in mutations:
            file = tree / PACKAGE / mutation.file
            whole = file.read_text(encoding="utf-8")
            file.write_text(mutation.applied(whole), encoding="utf-8")
            caught = not passes(tree, mutation.tests)
            file.write_text(whole, encoding="utf-8")
            print(
                f"{'caught  ' if caught else 'SURVIVED'} {mutation.file}: {mutation.old}",
                flush=True,
            )
            yield mutation, caught


def passes(tree: Path, tests: str) -> bool:
    """Whether tests of a tree pass on its own source."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [str(Path("tests") / name) for name in tests.split()]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "HYPOTHESIS_DATABASE_FILE": ""}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    main()
