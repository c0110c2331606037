"""What happens to videos on their way to where they are classified, as FFmpeg's filters.

Sizes are even, as H.264 wants them, and no filter knows anything of the video but its size.
"""

from collections.abc import Callable
from dataclasses import dataclass

Filters = list[tuple[str, str]]
"""Names and arguments of FFmpeg's filters, in order."""

NEAR_LOSSLESS = 18
"""CRF of the copies whose coding is not what is measured."""
SMALL_SIDE = 144
SLOW_FPS = 5
BRIGHTNESS = 44
"""Steps of luma, of the 219 from black to white: a fifth."""
BLUR = 0.01
"""Standard deviation of the blur, as a share of the shorter side."""
BAR = 8
"""A letterbox bar is this part of the disturbed picture's height: 16:9 shown in 4:3."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One way to disturb a video: filters for its width and height, then H.264 at `crf`."""

    name: str
    what: str
    filters: Callable[[int, int], Filters]
    crf: int = NEAR_LOSSLESS


def _nothing(_width: int, _height: int) -> Filters:
    return []


def _small(width: int, height: int) -> Filters:
    if min(width, height) <= SMALL_SIDE:
        return []
    size = f"{SMALL_SIDE}:-2" if width < height else f"-2:{SMALL_SIDE}"
    return [("scale", f"{size}:flags=bicubic")]


def _slow(_width: int, _height: int) -> Filters:
    return [("fps", f"{SLOW_FPS}")]


def _vertical(width: int, height: int) -> Filters:
    kept = max(min(round(height * 9 / 16 / 2) * 2, width), 16)
    return [("crop", f"{kept}:{height}")]


def _letterbox(width: int, height: int) -> Filters:
    bar = max(round(height / (BAR - 2) / 2) * 2, 2)
    return [("pad", f"{width}:{height + 2 * bar}:0:{bar}:color=black")]


def _grey(_width: int, _height: int) -> Filters:
    return [("lutyuv", "u=128:v=128")]


def _blur(width: int, height: int) -> Filters:
    return [("gblur", f"sigma={BLUR * min(width, height):.2f}")]


def _brighter(_width: int, _height: int) -> Filters:
    return [("lutyuv", f"y=clip(val+{BRIGHTNESS}\\,16\\,235)")]


def _darker(_width: int, _height: int) -> Filters:
    return [("lutyuv", f"y=clip(val-{BRIGHTNESS}\\,16\\,235)")]


def _logo(width: int, height: int) -> Filters:
    """A bright sign on a dark plate in the top right corner, as channels mark their clips."""
    side = max(min(width, height) // 5, 8)
    gap, wide = side // 4, side * 3 // 2
    left = max(width - gap - wide, 0)
    part = side // 5
    plate = f"x={left}:y={gap}:w={wide}:h={side}:color=0x112244@0.85:t=fill"
    beam = f"x={left + part}:y={gap + part}:w={wide - 2 * part}:h={part}:color=0xffc400:t=fill"
    stem = f"x={left + wide // 2 - part // 2}:y={gap + part}:w={part}:h={3 * part}"
    return [("drawbox", plate), ("drawbox", beam), ("drawbox", f"{stem}:color=0xffc400:t=fill")]


DISTURBANCES: tuple[Disturbance, ...] = (
    Disturbance(
        "coded again",
        f"H.264 at CRF {NEAR_LOSSLESS}, as all below but for their own change",
        _nothing,
    ),
    Disturbance("CRF 30", "H.264 at CRF 30: compression that shows", _nothing, 30),
    Disturbance("CRF 40", "H.264 at CRF 40: heavy compression", _nothing, 40),
    Disturbance("144p", f"scaled down to a shorter side of {SMALL_SIDE} pixels", _small),
    Disturbance("5 fps", f"{SLOW_FPS} frames a second", _slow),
    Disturbance("vertical crop", "the middle, 9 wide by 16 high", _vertical),
    Disturbance(
        "letterbox", f"black bars above and below, an {BAR}th of the height each", _letterbox
    ),
    Disturbance("grey", "without colour", _grey),
    Disturbance("blur", f"Gaussian, {BLUR:.0%} of the shorter side", _blur),
    Disturbance("brighter", "luma a fifth up, clipped", _brighter),
    Disturbance("darker", "luma a fifth down, clipped", _darker),
    Disturbance("logo", "a bright sign on a dark plate, top right", _logo),
)
