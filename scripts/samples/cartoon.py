"""A short cartoon: a fox walks over the hills and meets a butterfly.

Drawn at twice its size and halved, so that edges are smooth, and on twos (twelve drawings a
second), as drawn cartoons are.
"""

import math
from collections.abc import Iterator

from PIL import Image, ImageDraw

from samples.encode import Rgb
from samples.screen import Color, Point, pixels

FPS = 24
DRAWINGS = 80
WIDTH, HEIGHT = 1280, 720
"""The size it is drawn at; the frames have half of it."""
GROUND = 590
OUTLINE: Color = (58, 34, 30)
ORANGE, CREAM, DARK = (238, 126, 48), (255, 236, 206), (92, 48, 36)
SUN, CLOUD, TRUNK = (255, 226, 120), (255, 255, 255), (124, 82, 52)
HILLS: tuple[tuple[Color, float, float, float, float], ...] = (
    ((156, 206, 196), 360, 60, 310, 0.15),
    ((120, 190, 130), 440, 46, 220, 0.4),
    ((92, 168, 84), 520, 26, 170, 0.8),
)
"""Color, height, swing, wave length and speed of each row, from the back to the front."""

Draw = ImageDraw.ImageDraw


def frames() -> Iterator[Rgb]:
    """DRAWINGS at FPS / 2, each shown twice."""
    for drawing in range(DRAWINGS):
        image = Image.new("RGB", (WIDTH, HEIGHT), (134, 206, 242))
        draw = ImageDraw.Draw(image)
        now = drawing / (FPS / 2)
        _sky(draw, now)
        _land(draw, now)
        _fox(draw, 460 + 60 * math.sin(now * 0.9), now)
        _butterfly(draw, now)
        rgb = pixels(image.reduce(2))
        yield rgb
        yield rgb


def _sky(draw: Draw, now: float) -> None:
    for band in range(12):
        shade = (134 + band * 8, 206 + band * 3, 242)
        draw.rectangle((0, band * 36, WIDTH, band * 36 + 36), fill=shade)
    for ray in range(12):
        angle = ray * math.tau / 12 + now * 0.3
        tip = (1060 + 128 * math.cos(angle), 130 + 128 * math.sin(angle))
        draw.line((1060, 130, *tip), fill=SUN, width=10)
    draw.ellipse((980, 50, 1140, 210), fill=(255, 206, 70), outline=(240, 170, 40), width=5)
    for number, (y, size) in enumerate(((110, 1.0), (210, 0.7), (70, 0.8))):
        x = (number * 520 + 200 - now * 26 * size) % (WIDTH + 400) - 200
        for dx, dy, radius in ((-70, 10, 44), (0, -14, 62), (66, 8, 48), (10, 18, 52)):
            _disc(draw, (x + dx * size, y + dy * size), radius * size, CLOUD)


def _land(draw: Draw, now: float) -> None:
    for number, (color, height, swing, wave, speed) in enumerate(HILLS):
        shift = now * 220 * speed
        ridge = [
            (x, height + swing * math.sin((x + shift) / wave) + 8 * math.sin((x + shift) / 47))
            for x in range(0, WIDTH + 20, 20)
        ]
        draw.polygon([(0, HEIGHT), *ridge, (WIDTH, HEIGHT)], fill=color)
        draw.line(ridge, fill=_darker(color), width=5)
        for tree in range(-1, 5):
            x = tree * 330 + number * 140 - shift % 330
            y = height + swing * math.sin((x + shift) / wave) + 8
            if number < 2:
                _tree(draw, (x, y), 0.5 + 0.35 * number)
    draw.rectangle((0, GROUND, WIDTH, HEIGHT), fill=(214, 178, 112))
    draw.line((0, GROUND, WIDTH, GROUND), fill=(120, 156, 62), width=14)
    for tuft in range(9):
        x = tuft * 170 - (now * 220) % 170
        for lean in (-9, 0, 9):
            draw.line((x, GROUND, x + lean, GROUND - 22), fill=(70, 130, 52), width=5)
        draw.ellipse((x + 60, GROUND + 50, x + 96, GROUND + 66), fill=(188, 148, 88))


def _tree(draw: Draw, at: Point, size: float) -> None:
    x, y = at
    draw.rectangle((x - 9 * size, y - 90 * size, x + 9 * size, y), fill=TRUNK, outline=OUTLINE)
    for dx, dy, radius in ((-34, -100, 40), (34, -104, 42), (0, -140, 50)):
        _disc(draw, (x + dx * size, y + dy * size), radius * size, (66, 138, 78), OUTLINE)
    _disc(draw, (x, y - 112 * size), 44 * size, (66, 138, 78))


def _fox(draw: Draw, x: float, now: float) -> None:
    step = now * 7.5
    y = GROUND - 96 - 7 * abs(math.sin(step))
    wag = 16 * math.sin(step / 2)
    _leg(draw, (x - 58, y + 30), step + 2.2, DARK)
    _leg(draw, (x + 60, y + 30), step + math.pi + 2.2, DARK)
    tail = [(x - 92, y + 4), (x - 168, y - 60 + wag), (x - 232, y - 66 + wag * 2)]
    tail += [(x - 214, y - 16 + wag), (x - 150, y + 30), (x - 88, y + 26)]
    draw.polygon(tail, fill=ORANGE, outline=OUTLINE, width=6)
    draw.polygon((tail[2], tail[3], (x - 176, y - 34 + wag)), fill=CREAM, outline=OUTLINE, width=4)
    draw.rounded_rectangle((x - 106, y - 36, x + 106, y + 54), 44, ORANGE, OUTLINE, 6)
    draw.ellipse((x - 70, y + 16, x + 74, y + 50), fill=CREAM)
    _leg(draw, (x - 70, y + 34), step, ORANGE)
    _leg(draw, (x + 72, y + 34), step + math.pi, ORANGE)
    _head(draw, (x + 122, y - 72 + 5 * math.sin(step)), now)


def _leg(draw: Draw, hip: Point, phase: float, color: Color) -> None:
    knee = (hip[0] + 14 * math.sin(phase), hip[1] + 30)
    lift = max(0.0, math.cos(phase)) * 16
    foot = (hip[0] + 36 * math.sin(phase), GROUND - 8 - lift)
    for width, ink in ((32, OUTLINE), (22, color)):
        draw.line((hip, knee, foot), fill=ink, width=width, joint="curve")
        for joint in (hip, foot):
            _disc(draw, joint, width / 2, ink)
    paw = (foot[0] - 14, foot[1] - 8, foot[0] + 24, foot[1] + 14)
    draw.ellipse(paw, fill=DARK, outline=OUTLINE, width=4)


def _head(draw: Draw, at: Point, now: float) -> None:
    x, y = at
    for side in (-40, 26):
        ear = ((x + side - 22, y - 34), (x + side, y - 112), (x + side + 32, y - 40))
        draw.polygon(ear, fill=ORANGE, outline=OUTLINE, width=6)
        inner = ((x + side - 8, y - 46), (x + side + 2, y - 90), (x + side + 18, y - 48))
        draw.polygon(inner, fill=DARK)
    draw.ellipse((x - 76, y - 66, x + 76, y + 56), fill=ORANGE, outline=OUTLINE, width=6)
    draw.polygon(((x + 20, y - 2), (x + 128, y + 22), (x + 24, y + 50)), CREAM, OUTLINE, 5)
    draw.ellipse((x - 44, y + 2, x + 56, y + 52), fill=CREAM)
    _disc(draw, (x + 122, y + 20), 13, (40, 28, 30))
    draw.arc((x + 30, y + 8, x + 92, y + 46), 20, 130, fill=OUTLINE, width=5)
    if now % 2.4 < 0.17:
        draw.line((x + 4, y - 18, x + 44, y - 18), fill=OUTLINE, width=6)
    else:
        draw.ellipse((x + 4, y - 42, x + 44, y + 6), fill=CLOUD, outline=OUTLINE, width=4)
        _disc(draw, (x + 31, y - 18 + 5 * math.sin(now * 2)), 11, (34, 28, 34))
        _disc(draw, (x + 35, y - 23 + 5 * math.sin(now * 2)), 4, CLOUD)


def _butterfly(draw: Draw, now: float) -> None:
    x = 820 + 70 * math.sin(now * 1.7)
    y = 330 + 60 * math.sin(now * 2.6)
    open_wings = 12 + 40 * abs(math.sin(now * 11))
    for side in (-1, 1):
        for dy, color in ((-34, (214, 92, 190)), (12, (250, 180, 72))):
            left, right = sorted((x, x + side * open_wings))
            draw.ellipse((left, y + dy, right, y + dy + 42), color, OUTLINE, 4)
    draw.line((x, y - 30, x, y + 44), fill=OUTLINE, width=8)


def _disc(draw: Draw, at: Point, radius: float, color: Color, outline: Color | None = None) -> None:
    box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
    draw.ellipse(box, fill=color, outline=outline, width=5)


def _darker(color: Color) -> Color:
    red, green, blue = (value * 3 // 4 for value in color)
    return red, green, blue
