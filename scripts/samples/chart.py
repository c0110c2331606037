"""A recording of a dashboard: figures arrive, two curves and a bar chart are drawn."""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from samples.encode import Rgb
from samples.screen import FPS, MARGIN, TITLE_BAR, WIDTH, glide, pixels, pointer, sans, window

SECONDS = 7.0
BACK, BAR, INK = (250, 250, 252), (228, 230, 236), (60, 64, 74)
GRID, SOFT, BLUE, ORANGE = (226, 229, 235), (120, 126, 140), (37, 99, 235), (234, 120, 30)
PLOT = (86, 170, 620, 470)
BARS = (690, 170, 900, 470)
DAYS = 60
TOWNS = (("Lund", 0.82), ("Umea", 0.55), ("Visby", 0.36), ("Kiruna", 0.24), ("Ystad", 0.63))
MARKS = [(0.0, (880.0, 500.0)), (1.6, (300.0, 330.0)), (4.6, (560.0, 240.0)), (6.4, (745.0, 300.0))]


def frames() -> Iterator[Rgb]:
    """SECONDS at FPS."""
    rng = np.random.default_rng(5)
    day = np.arange(DAYS)
    visits = 320 + 5.2 * day + 60 * np.sin(day / 4.2) + rng.normal(0, 14, DAYS)
    orders = 120 + 2.1 * day + 26 * np.sin(day / 5 + 1) + rng.normal(0, 9, DAYS)
    base = _page()
    for number in range(int(SECONDS * FPS)):
        now = number / FPS
        image = base.copy()
        draw = ImageDraw.Draw(image)
        shown = 2 + int((DAYS - 2) * min(now / 4.5, 1.0))
        _curve(draw, visits[:shown], BLUE)
        _curve(draw, orders[:shown], ORANGE)
        _figures(draw, int(visits[:shown].sum()), int(orders[:shown].sum()))
        _bars(draw, 1 - math.exp(-now * 0.9))
        at = glide(MARKS, now)
        if PLOT[0] < at[0] < PLOT[2] and PLOT[1] < at[1] < PLOT[3]:
            _tooltip(draw, at, visits[:shown])
        pointer(image, at)
        yield pixels(image)


def _page() -> Image.Image:
    image = window("Sales overview", BACK, BAR, INK)
    draw = ImageDraw.Draw(image)
    top = MARGIN + TITLE_BAR
    draw.text((50, top + 14), "Sales overview", fill=INK, font=sans(24))
    draw.text((50, top + 46), "March and April, all shops", fill=SOFT, font=sans(14))
    for step in range(6):
        y = PLOT[3] - step * (PLOT[3] - PLOT[1]) / 5
        draw.line((PLOT[0], y, PLOT[2], y), fill=GRID)
        draw.text((PLOT[0] - 8, y), str(step * 150), fill=SOFT, font=sans(12), anchor="rm")
    for week in range(0, DAYS, 10):
        x = PLOT[0] + week / (DAYS - 1) * (PLOT[2] - PLOT[0])
        draw.text((x, PLOT[3] + 12), f"day {week}", fill=SOFT, font=sans(12), anchor="mm")
    draw.line((PLOT[0], PLOT[3], PLOT[2], PLOT[3]), fill=SOFT)
    for number, (name, color) in enumerate((("visits", BLUE), ("orders", ORANGE))):
        x = PLOT[0] + 10 + number * 80
        draw.line((x, 152, x + 18, 152), fill=color, width=3)
        draw.text((x + 24, 152), name, fill=INK, font=sans(13), anchor="lm")
    draw.text((BARS[0], 145), "Orders by town", fill=INK, font=sans(14))
    return image


def _figures(draw: ImageDraw.ImageDraw, visits: int, orders: int) -> None:
    rate = f"{100 * orders / visits:.1f} %"
    for number, (name, value) in enumerate(
        (("Visits", f"{visits:,}"), ("Orders", f"{orders:,}"), ("Rate", rate))
    ):
        left = 430 + number * 165
        box = (left, 68, left + 150, 128)
        draw.rounded_rectangle(box, 8, fill=(255, 255, 255), outline=GRID)
        draw.text((left + 12, 74), name, fill=SOFT, font=sans(13))
        draw.text((left + 12, 94), value, fill=INK, font=sans(22))


def _curve(draw: ImageDraw.ImageDraw, values: np.ndarray, color: tuple[int, int, int]) -> None:
    points = [_point(day, float(value)) for day, value in enumerate(values)]
    draw.line(points, fill=color, width=3, joint="curve")
    x, y = points[-1]
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=color)


def _point(day: float, value: float) -> tuple[float, float]:
    x = PLOT[0] + day / (DAYS - 1) * (PLOT[2] - PLOT[0])
    return x, PLOT[3] - value / 750 * (PLOT[3] - PLOT[1])


def _bars(draw: ImageDraw.ImageDraw, growth: float) -> None:
    for number, (town, share) in enumerate(TOWNS):
        y = BARS[1] + 8 + number * 58
        width = share * growth * (BARS[2] - BARS[0])
        draw.text((BARS[0], y), town, fill=SOFT, font=sans(13))
        draw.rounded_rectangle((BARS[0], y + 20, BARS[0] + width + 4, y + 40), 4, fill=BLUE)
        label = f"{share * growth * 4200:,.0f}"
        draw.text((BARS[0] + width + 10, y + 30), label, fill=INK, font=sans(12), anchor="lm")


def _tooltip(draw: ImageDraw.ImageDraw, at: tuple[float, float], values: np.ndarray) -> None:
    day = round((at[0] - PLOT[0]) / (PLOT[2] - PLOT[0]) * (DAYS - 1))
    if day >= len(values):
        return
    x, y = _point(day, float(values[day]))
    draw.line((x, PLOT[1], x, PLOT[3]), fill=SOFT)
    draw.ellipse((x - 5, y - 5, x + 5, y + 5), outline=BLUE, width=2)
    left = min(x + 12, WIDTH - 200.0)
    draw.rounded_rectangle((left, y - 50, left + 118, y - 10), 6, fill=INK)
    text = f"day {day}: {values[day]:.0f} visits"
    draw.text((left + 59, y - 30), text, fill=BACK, font=sans(12), anchor="mm")
