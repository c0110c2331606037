"""Files that are damaged, hostile or no videos at all, each made in a given folder."""

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from media import card, numbered_frames, write_tone, write_video

TITLE = "PLAIN-ASCII-TITLE"
FRAMES = 60
"""Frames in the videos that are damaged afterwards; they are numbered (see `read_number`)."""


def empty(folder: Path) -> Path:
    return _bytes(folder / "empty.mp4", b"")


def text(folder: Path) -> Path:
    return _bytes(folder / "text.mp4", b"This is a letter, not a video.\n" * 200)


def noise(folder: Path) -> Path:
    return _bytes(folder / "noise.mp4", np.random.default_rng(1).bytes(50_000))


def audio(folder: Path) -> Path:
    """Sound only, AAC in mp4."""
    return _sound(folder / "audio.m4a", "aac")


def audio_wav(folder: Path) -> Path:
    return _sound(folder / "audio.wav", "pcm_s16le")


def audio_with_cover(folder: Path) -> Path:
    """Sound with a cover picture, which FFmpeg lists as a video stream (`attached_pic`)."""
    return _sound(folder / "cover.mp3", "libmp3lame", cover=True)


def truncated_faststart(folder: Path) -> Path:
    """An mp4 with its index in front, cut at 60 %: the first frames are all there."""
    return _cut(_numbered(folder / "truncated-faststart.mp4", movflags="+faststart"), 0.6)


def truncated(folder: Path) -> Path:
    """An mp4 with its index at the end, cut at 60 %: the index is gone."""
    return _cut(_numbered(folder / "truncated.mp4"), 0.6)


def truncated_mkv(folder: Path) -> Path:
    """Matroska needs no index: what is there plays."""
    return _cut(_numbered(folder / "truncated.mkv"), 0.6)


def no_frames(folder: Path) -> Path:
    """An mp4 whose video track has no samples: the start of a recording that never came."""
    path = folder / "no-frames.mp4"
    with av.open(str(path), "w", options={"movflags": "empty_moov+frag_keyframe"}) as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        output.start_encoding()
    return path


def one_pixel(folder: Path) -> Path:
    """1 x 1 pixels."""
    pictures = [card((1, 1))] * 5
    return write_video(folder / "one-pixel.mkv", pictures, codec="ffv1", pix_fmt="yuv444p")


def huge_gif(folder: Path) -> Path:
    """A GIF of 35 bytes that wants a canvas of 16000 x 16000 pixels, a gigabyte of BGRA.

    FFmpeg allows that. From about 16250 x 16250 on it refuses by itself, and then the stream it
    shows is 0 x 0 pixels: so do `huge_avi` and `huge_png`.
    """
    screen = b"GIF89a" + struct.pack("<HHBBB", 16_000, 16_000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0;"
    return _bytes(folder / "huge.gif", screen + image)


def huge_avi(folder: Path) -> Path:
    """A small avi whose header claims 20000 x 20000 pixels of uncompressed video."""
    path = folder / "huge.avi"
    write_video(path, [card((64, 64))] * 3, codec="rawvideo", pix_fmt="bgr24")
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8
    data[header + 4 : header + 12] = struct.pack("<ii", 20_000, 20_000)
    return _bytes(path, bytes(data))


def huge_png(folder: Path) -> Path:
    """PNG in mov: the header of every picture claims 20000 x 20000 pixels."""
    path = folder / "huge-png.mov"
    write_video(path, [card((64, 64))] * 3, codec="png", pix_fmt="rgb24")
    size, claim = struct.pack(">II", 64, 64), struct.pack(">II", 20_000, 20_000)
    data = path.read_bytes().replace(b"IHDR" + size, b"IHDR" + claim)
    return _bytes(
        path, data.replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 20_000, 20_000))
    )


def corrupted(folder: Path) -> Path:
    """An H.264 mp4 with a whole index, but a run of random bytes in the middle of its pictures."""
    path = _numbered(folder / "corrupted.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    size = struct.unpack(">I", data[start - 8 : start - 4])[0]
    rng = np.random.default_rng(3)
    for place in rng.integers(start + size // 3, start + 2 * size // 3, 60):
        data[place : place + 8] = rng.bytes(8)
    return _bytes(path, bytes(data))


def not_utf8(folder: Path) -> Path:
    """A good video whose title is Latin-1: `av.open` raises UnicodeDecodeError if not told."""
    path = folder / "not-utf8.mp4"
    write_video(path, numbered_frames(10), metadata={"title": TITLE})
    data = path.read_bytes()
    return _bytes(path, data.replace(TITLE.encode(), b"caf\xe9 " + b"\xff" * (len(TITLE) - 5)))


def forbidden(folder: Path) -> Path:
    """A video nobody may read, except root: skip such a test where `os.geteuid() == 0`."""
    path = _numbered(folder / "forbidden.mp4")
    path.chmod(0)
    return path


def directory(folder: Path) -> Path:
    path = folder / "folder.mp4"
    path.mkdir()
    return path


def fifo(folder: Path) -> Path:
    """A named pipe nobody writes to: opening it for reading blocks forever."""
    path = folder / "fifo.mp4"
    os.mkfifo(path)
    return path


def unix_socket(folder: Path) -> Path:
    """A socket's file. The kernel allows its path about 100 bytes, so it is made from inside."""
    path = folder / "socket.mp4"
    back = Path.cwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(folder)
        try:
            made.bind(path.name)
        finally:
            os.chdir(back)
    return path


def symlink_loop(folder: Path) -> Path:
    """Two links that point at each other."""
    one, other = folder / "loop.mp4", folder / "pool.mp4"
    one.symlink_to(other)
    other.symlink_to(one)
    return one


def dangling_link(folder: Path) -> Path:
    path = folder / "dangling.mp4"
    path.symlink_to(folder / "nothing.mp4")
    return path


def absent(folder: Path) -> Path:
    return folder / "absent.mp4"


BROKEN: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker
    for maker in (
        empty,
        text,
        noise,
        audio,
        audio_wav,
        audio_with_cover,
        truncated_faststart,
        truncated,
        truncated_mkv,
        no_frames,
        one_pixel,
        huge_gif,
        huge_avi,
        huge_png,
        corrupted,
        not_utf8,
        forbidden,
        directory,
        fifo,
        unix_socket,
        symlink_loop,
        dangling_link,
        absent,
    )
}
"""Every maker by its name. `not_utf8` is a good video; some damaged ones still show frames."""


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(path: Path, share: float) -> Path:
    os.truncate(path, int(path.stat().st_size * share))
    return path


def _numbered(path: Path, **container_options: str) -> Path:
    """A key frame every ten; noise makes frames alike in size, so that 60 % is about frame 36."""
    options = {"crf": "20", "preset": "ultrafast", "g": "10", "bf": "0"}
    rng = np.random.default_rng(2)
    grain = rng.integers(-40, 41, (4, 240, 320, 1))
    frames = (
        np.clip(pixels + grain[number % 4], 0, 255).astype(np.uint8)
        for number, pixels in enumerate(numbered_frames(FRAMES))
    )
    return write_video(path, frames, options=options, container_options=container_options)


def _sound(path: Path, codec: str, *, cover: bool = False) -> Path:
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(codec, rate=44_100)
        stream.layout = "mono"
        if cover:
            picture: Any = output.add_stream("mjpeg", rate=25)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(card((64, 64))).reformat(format="yuvj420p")
            output.mux(picture.encode(frame))
            output.mux(picture.encode(None))
        write_tone(output, stream)
    return path
