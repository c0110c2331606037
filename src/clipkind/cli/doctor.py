"""`clipkind doctor`: what is here, what is missing, what to do about it."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from clipkind.errors import ClipkindError
from clipkind.memory import address_space, shortage
from clipkind.text import printable

_BASE = ("av", "click", "h5py", "numpy", "openvino", "rich")
_TRAIN = ("torch", "torchvision", "timm", "scikit-learn", "onnx", "safetensors")
_BROKEN = (ImportError, OSError, RuntimeError, MemoryError, ClipkindError)
"""What a package that is there but does not fit the machine or its neighbours raises."""
_DECODERS = ("h264", "hevc", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores", "gif")


@click.command("doctor")
def command() -> int:
    """Show versions, engines and codecs, and what is wrong."""
    problems = sum(_show(*check) for check in _checks())
    if not problems:  # of what is broken, an answer would only say so once more
        problems += _show(*_answer())
    problems += _show(*_cuda())  # last: torch may take memory that the others need
    click.echo(
        "everything needed is here" if not problems else f"{problems} problems, see FAIL above"
    )
    return 3 if problems else 0


def _show(state: str, what: str, detail: str) -> bool:
    """Print a check's line; whether it is a problem."""
    color = {"ok": "green", "FAIL": "red"}.get(state, "yellow")
    click.echo(f"{click.style(f'{state:<6}', fg=color)}{what:<22}{detail}")
    return state == "FAIL"


def _checks() -> Iterator[tuple[str, str, str]]:
    from clipkind import __version__

    yield "ok", "clipkind", f"{__version__}, Python {platform.python_version()}, {sys.platform}"
    for name in _BASE:
        yield _package(name, missing="FAIL")
    for name in _TRAIN:
        yield _package(name, missing="-")
    yield _address_space()
    yield _openvino()
    yield _codecs()
    yield _model()


def _package(name: str, *, missing: str) -> tuple[str, str, str]:
    try:
        return "ok", name, version(name)
    except PackageNotFoundError:
        extra = "clipkind" if missing == "FAIL" else "clipkind[train]"
        return missing, name, f"not installed: pip install '{extra}'"


def _broken(what: str, error: Exception, package: str) -> tuple[str, str, str]:
    if told := str(error) if isinstance(error, ClipkindError) else shortage(error):
        return "FAIL", what, told
    why = printable(str(error).strip() or type(error).__name__)
    return "FAIL", what, f"does not work ({why}): pip install --force-reinstall {package}"


def _address_space() -> tuple[str, str, str]:
    limit = address_space()
    if limit is None:
        return "ok", "address space", "no limit"
    shown = f"{limit / 1e6:.0f} MB (ulimit -v {limit // 1024})"
    return "-", "address space", f"{shown}: large videos, and training, may need more"


def _openvino() -> tuple[str, str, str]:
    try:
        from clipkind.silent_openvino import ov

        core = ov.Core()
        fast = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        name = core.get_property("CPU", "FULL_DEVICE_NAME")
    except _BROKEN as error:
        return _broken("OpenVINO CPU", error, "openvino")
    return "ok", "OpenVINO CPU", f"{name}, {'bfloat16 in hardware' if fast else 'float32 only'}"


def _cuda() -> tuple[str, str, str]:
    try:
        import torch
    except _BROKEN as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return "-", "CUDA", "needs torch: pip install 'clipkind[train]'"
        return _broken("torch", error, "torch torchvision")
    if not torch.cuda.is_available():
        return "-", "CUDA", "no GPU that torch can use; OpenVINO serves the CPU"
    return "ok", "CUDA", torch.cuda.get_device_name()


def _codecs() -> tuple[str, str, str]:
    try:
        import av
    except _BROKEN as error:
        return _broken("FFmpeg", error, "av")
    have = [name for name in _DECODERS if name in av.codecs_available]
    if "h264" not in have:
        return "FAIL", "FFmpeg", "this PyAV has no H.264 decoder: pip install --force-reinstall av"
    return "ok", "FFmpeg", f"decodes {', '.join(have)} and more"


def _model() -> tuple[str, str, str]:
    from clipkind.model.bundle import load_bundle

    try:
        bundle = load_bundle()
    except ClipkindError as error:
        return "FAIL", "bundled model", str(error)
    contract = bundle.contract
    return (
        "ok",
        "bundled model",
        (
            f"{bundle.name}: {contract.backbone}, {len(bundle.members)} members, "
            f"{', '.join(contract.class_names)}"
        ),
    )


def _answer() -> tuple[str, str, str]:
    """Whether all of it together answers: the decoding process, the engine, the model."""
    import clipkind

    try:
        with TemporaryDirectory() as folder, clipkind.load() as classifier:
            answer = classifier.classify(_clip(Path(folder)))
    except _BROKEN as error:
        return "FAIL", "first answer", shortage(error) or printable(str(error))
    return "ok", "first answer", f"in {answer.elapsed_s:.1f} s"


def _clip(folder: Path) -> Path:
    """A video of as many different frames as the engine takes at once."""
    import av
    import numpy as np

    path = folder / "clip.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for grey in range(0, 256, 32):
            picture = np.full((64, 64, 3), grey, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    return path
