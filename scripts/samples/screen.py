"""What the drawn screen recordings share: a desktop, a window, fonts and a mouse pointer."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from samples.encode import Rgb

SIZE = WIDTH, HEIGHT = 960, 540
FPS = 15
TITLE_BAR = 34
MARGIN = 26

Font = ImageFont.FreeTypeFont
Color = tuple[int, int, int]
Point = tuple[float, float]


@cache
def sans(size: int) -> Font:
    """The typeface Pillow carries."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise SystemExit("Pillow was built without FreeType, so it cannot draw text")
    return font


@cache
def mono(path: Path | None, size: int) -> Font:
    """A typewriter face from a file, or the sans face, which `typewrite` then sets in columns."""
    return sans(size) if path is None else ImageFont.truetype(path, size)


def typewrite(
    draw: ImageDraw.ImageDraw, at: Point, text: str, color: Color, font: Font, step: float
) -> None:
    """Draw text in columns of `step` pixels, whatever the font."""
    for column, letter in enumerate(text):
        if letter != " ":
            draw.text((at[0] + column * step, at[1]), letter, fill=color, font=font)


@cache
def _wallpaper() -> Image.Image:
    x = np.linspace(0, 1, WIDTH)[None, :, None]
    y = np.linspace(0, 1, HEIGHT)[:, None, None]
    top, bottom, glow = (np.array(c) for c in ((38, 52, 94), (92, 60, 110), (226, 132, 104)))
    light = np.exp(-((x - 0.8) ** 2 + (y - 1.0) ** 2) * 4)
    pixels = (top * (1 - y) + bottom * y) * (1 - light) + glow * light
    return Image.fromarray(pixels.astype(np.uint8))


def window(title: str, body: Color, bar: Color, ink: Color) -> Image.Image:
    """A desktop with one window; its contents start at (MARGIN, MARGIN + TITLE_BAR)."""
    image = _wallpaper().copy()
    draw = ImageDraw.Draw(image)
    box = (MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN)
    for spread in range(8, 0, -2):
        shade = (box[0] - spread, box[1], box[2] + spread, box[3] + spread)
        draw.rounded_rectangle(shade, 12, outline=(30, 30, 50), width=1)
    draw.rounded_rectangle(box, 10, fill=body)
    draw.rounded_rectangle((*box[:2], box[2], MARGIN + TITLE_BAR + 8), 10, fill=bar)
    draw.rectangle((box[0], MARGIN + TITLE_BAR, box[2], MARGIN + TITLE_BAR + 9), fill=body)
    for number, color in enumerate(((255, 95, 87), (254, 188, 46), (40, 200, 64))):
        left = MARGIN + 14 + number * 20
        draw.ellipse((left, MARGIN + 11, left + 12, MARGIN + 23), fill=color)
    draw.text((WIDTH / 2, MARGIN + 17), title, fill=ink, font=sans(14), anchor="mm")
    return image


def pointer(image: Image.Image, at: Point) -> None:
    """Draw the mouse pointer with its tip at a point."""
    shape = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))
    outline = [(at[0] + x, at[1] + y) for x, y in shape]
    ImageDraw.Draw(image).polygon(outline, fill=(20, 20, 20), outline=(255, 255, 255))


def glide(points: list[tuple[float, Point]], now: float) -> Point:
    """Where a hand would move the pointer: eased between (seconds, point) marks."""
    for (start, a), (end, b) in pairwise(points):
        if now < end:
            share = min(max((now - start) / (end - start), 0.0), 1.0)
            share = share * share * (3 - 2 * share)
            return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
    return points[-1][1]


def pixels(image: Image.Image) -> Rgb:
    return np.asarray(image.convert("RGB"))
