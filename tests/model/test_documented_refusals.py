"""Files that are no documented checkpoints: one line each, and nothing in them is run."""

import builtins
import os
import pickle
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from clipkind.errors import FileFormatError
from clipkind.model.documented import read_documented
from model.old_checkpoints import SMALL, checkpoint, network, rewrite_pickle, save, with_state


class Calls:
    """Pickled, it is a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call

    def __call__(self) -> None:
        """pickle only takes calls of what can be called."""


def refusal(path: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_documented(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    assert path.name in message
    return message


def payloads(canary: Path) -> dict[str, Calls]:
    """Each leaves the canary behind when it runs."""
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    mkdir = Calls(getattr, Calls(__import__, "os"), "mkdir")
    return {
        "os.system": Calls(os.system, f"touch {canary}"),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "subprocess": Calls(subprocess.check_call, ["touch", str(canary)]),
        "open": Calls(open, str(canary), "w"),
        "getattr": Calls(mkdir, str(canary)),
        "numpy": Calls(np.save, f"{canary}", 1),
        "torch": Calls(torch.save, 1, str(canary)),
        "later": Calls(list, Calls(map, mkdir, [str(canary)])),
    }


PLACES: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "by itself": lambda content, call: content.update(extra=call),
    "as the weights": lambda content, call: content.update(model_state_dict=call),
    "among the weights": lambda content, call: content["model_state_dict"].update({"a.b": call}),
    "in the config": lambda content, call: content["model_config"].update(hidden_dim=call),
    "deep in the history": lambda content, call: content["history"].update(a=[[{"b": (call,)}]]),
    "in a numpy array": lambda content, call: content["metrics"].update(
        f1_per_class=np.array([call], dtype=object)
    ),
    "as a key": lambda content, call: content.update({call: 1}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", payloads(Path("x")))
def test_a_malicious_checkpoint_is_refused_and_nothing_runs(
    tmp_path: Path, name: str, place: str
) -> None:
    canary = tmp_path / "canary"
    content = checkpoint(network())
    content["model_state_dict"] = dict(content["model_state_dict"])
    PLACES[place](content, payloads(canary)[name])
    path = save(tmp_path / "bad.pt", content)
    message = refusal(path)
    assert not canary.exists()
    assert not (tmp_path / "canary.npy").exists()
    assert "asks to " in message
    assert "nothing in it was run" in message


@pytest.mark.parametrize("name", ["os.system", "eval", "getattr", "later", "numpy", "torch"])
def test_the_canary_sings_where_files_are_read_carelessly(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    path = save(tmp_path / "bad.pt", {"extra": payloads(canary)[name]})
    torch.load(path, weights_only=False)
    assert canary.exists() or (tmp_path / "canary.npy").exists()


def test_a_call_that_no_module_of_torch_blocks_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "bad.pt", checkpoint(network()) | {"x": Calls(builtins.eval, "1")})
    assert "asks to call eval " in refusal(path)
    path = save(tmp_path / "bad.pt", checkpoint(network()) | {"x": Calls(os.system, "true")})
    assert "asks to call posix.system " in refusal(path)


def test_control_characters_in_what_is_called_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt", checkpoint(network()))
    evil = b"cos\x1b[31m\nsystem\n0"
    message = refusal(rewrite_pickle(path, lambda pickled: pickled[:2] + evil + pickled[2:]))
    assert "\x1b" not in message


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(checkpoint(network())))


def malicious_plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Calls(os.mkdir, str(path.with_name("canary")))))


def old_torch_format(path: Path) -> None:
    torch.save(checkpoint(network()), path, _use_new_zipfile_serialization=False)


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")


def compressed(path: Path, extra: bytes = b"") -> None:
    save(path, checkpoint(network()))
    with zipfile.ZipFile(path) as archive:
        parts = {i.filename: archive.read(i) for i in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content + (extra if name.endswith("data/0") else b""))


def bomb(path: Path) -> None:
    compressed(path, bytes(50_000_000))
    assert path.stat().st_size < 200_000


def overlapping(path: Path) -> None:
    """Directory entries that all point at the same bytes: larger unpacked than the file."""
    save(path, checkpoint(network()))
    with zipfile.ZipFile(path, "a") as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
        for number in range(300):
            copy = zipfile.ZipInfo(f"a/data/{number + 1000}")
            copy.file_size = copy.compress_size = largest.file_size
            copy.CRC, copy.header_offset = largest.CRC, largest.header_offset
            archive.filelist.append(copy)
        archive.NameToInfo["x"] = copy
        archive._didModify = True


def huge_pickle(path: Path) -> None:
    save(path, checkpoint(network()) | {"x": "x" * 17_000_000})


def second_pickle(path: Path, name: str) -> None:
    """A sound file, and beside its pickle another of 17 million bytes."""
    save(path, checkpoint(network()))
    large = pickle.dumps(checkpoint(network()) | {"x": "x" * 17_000_000}, protocol=2)
    with zipfile.ZipFile(path) as archive:
        parts = {i.filename: archive.read(i) for i in archive.infolist()}
    folder = next(iter(parts)).partition("/")[0]
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of the name that is there already
        archive.writestr(name.format(folder), large)
        for part, content in parts.items():
            archive.writestr(part, content)


def torchscript(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, protocol=2))
        archive.writestr("a/constants.pkl", pickle.dumps((), protocol=2))


FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(np.random.default_rng(0).bytes(10_000)),
    "text": lambda path: path.write_text("no checkpoint\n" * 100),
    "plain pickle": plain_pickle,
    "malicious plain pickle": malicious_plain_pickle,
    "old torch format": old_torch_format,
    "other zip": other_zip,
    "compressed": compressed,
    "bomb": bomb,
    "overlapping": overlapping,
    "huge pickle": huge_pickle,
    "TorchScript": torchscript,
    "a list": lambda path: save(path, [1, 2]),
    "a tensor": lambda path: save(path, torch.zeros(3)),
    "no weights": lambda path: save(path, {"epoch": 1}),
    "weights alone": lambda path: save(path, network().state_dict()),
    "weights a list": lambda path: save(path, {"model_state_dict": [1]}),
    "weights empty": lambda path: save(path, {"model_state_dict": {}}),
    "a number among the weights": lambda path: with_state(path, lambda s: s.update(a=1)),
    "keys no names": lambda path: with_state(path, lambda s: s.update({(1, 2): torch.zeros(1)})),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.pt"
    FILES[kind](path)
    message = refusal(path)
    assert "; " in message  # what to do comes after it
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{}/data.pkl", "two parts of one name"),
        ("{}/DATA.PKL", "two parts of one name"),
        ("other/data.pkl", "parts in several folders"),
    ],
)
def test_the_pickle_that_is_checked_is_the_one_that_is_read(
    tmp_path: Path, name: str, words: str
) -> None:
    path = tmp_path / "bad.pt"
    second_pickle(path, name)
    assert words in refusal(path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.95, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, share: float) -> None:
    path = save(tmp_path / "bad.pt", checkpoint(network()))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "cut short" in refusal(path)


def test_a_storage_larger_than_its_record_reads_nothing_beyond_the_file(tmp_path: Path) -> None:
    path = with_state(tmp_path / "bad.pt", lambda s: s.update({"a": torch.zeros(201, 201)}))
    element, large = (
        bytes([77]) + (201 * 201).to_bytes(2, "little"),
        bytes([74]) + (2**30).to_bytes(4, "little"),
    )
    side, wide = b"K\xc9K\xc9", b"K\x01" + large  # 201 × 201 becomes 1 × 2**30

    def claim(pickled: bytes) -> bytes:
        assert pickled.count(element) == pickled.count(side) == 1
        return pickled.replace(element, large).replace(side, wide)

    assert "damaged" in refusal(rewrite_pickle(path, claim))


def test_a_tensor_that_repeats_a_few_numbers_does_not_fill_the_memory(tmp_path: Path) -> None:
    tensor = torch.zeros(1).expand(2**17, 2**16)  # 32 GB of 4 bytes
    path = with_state(tmp_path / "bad.pt", lambda s: s.update({"a": tensor}))
    assert "more weights than the file" in refusal(path)


KEYS: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "missing": (lambda s: s.pop("lstm.bias_hh_l1_reverse"), "lacks lstm.bias_hh_l1_reverse"),
    "no projection": (
        lambda s: s.pop("input_projection.0.weight"),
        "lacks input_projection.0.weight",
    ),
    "no lstm": (
        lambda s: [s.pop(k) for k in list(s) if k.startswith("lstm.")],
        "lacks lstm.weight_ih_l0",
    ),
    "no attention": (
        lambda s: [s.pop(k) for k in list(s) if k.startswith("attention.")],
        "lacks attention.",
    ),
    "unknown": (lambda s: s.update({"fc.weight": torch.zeros(2)}), "fc.weight is no weight"),
    "shape": (
        lambda s: s.update({"attention_norm.weight": torch.zeros(3)}),
        "attention_norm.weight has shape [3], but beside the other weights it must have [16]",
    ),
    "no matrix": (
        lambda s: s.update({"classifier.0.weight": torch.zeros(3)}),
        "classifier.0.weight has shape [3]",
    ),
    "no rows": (
        lambda s: s.update({"input_projection.0.weight": torch.zeros(0, 6)}),
        "input_projection.0.weight has shape [0, 6]",
    ),
    "NaN": (lambda s: s["lstm.weight_hh_l0"].fill_(float("nan")), "lstm.weight_hh_l0 holds"),
    "infinite": (lambda s: s["classifier.0.bias"].fill_(1e38), "classifier.0.bias holds"),
    "integers": (
        lambda s: s.update({"classifier.0.bias": torch.zeros(10, dtype=torch.int64)}),
        "classifier.0.bias in model_state_dict holds no plain numbers",
    ),
    "no values": (
        lambda s: s.update({"classifier.0.bias": torch.zeros(10, device="meta")}),
        "classifier.0.bias in model_state_dict holds no plain numbers",
    ),
    "sparse": (
        lambda s: s.update({"classifier.0.bias": torch.zeros(10).to_sparse()}),
        "classifier.0.bias in model_state_dict holds no plain numbers",
    ),
    "the other system": (
        lambda s: (
            s.clear(),
            s.update({"backbone.0.weight": torch.zeros(64, 3, 7, 7)}),
            s.update({"attention.weight": torch.zeros(1, 512)}),
        ),
        "backbone.0.weight shows a checkpoint of the other documented system",
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_weights_that_do_not_fit_are_refused_by_key(tmp_path: Path, kind: str) -> None:
    change, expected = KEYS[kind]
    message = refusal(with_state(tmp_path / "bad.pt", change))
    assert expected in message
    assert "give " in message


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = save(tmp_path_factory.mktemp("sound") / "a.pt", checkpoint(network(SMALL)))
    return path.read_bytes()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_is_refused_or_harmless(
    data: st.DataObject, sound: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged", numbered=True) / "a.pt"
    content = bytearray(sound)
    pickled = sound.index(b"PK\x03\x04") + 64, 9000  # most damage where it can do most
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(*pickled) | st.integers(0, len(content) - 1))
        content[where] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(FileFormatError):
        read = read_documented(path)
        assert all(bool(t.isfinite().all()) for t in read.model.parameters())
