"""A recording of a talk's slides: bullet points appear, slides push each other away."""

from collections.abc import Iterator

from PIL import Image, ImageDraw

from samples.encode import Rgb
from samples.screen import FPS, HEIGHT, SIZE, WIDTH, glide, pixels, pointer, sans

PAPER, INK, SOFT, ACCENT = (255, 255, 255), (33, 37, 49), (110, 116, 130), (13, 122, 107)
TALK = "Keeping a small library healthy"
SLIDES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (TALK, ("Notes from three years of maintenance", "Mira Lindqvist, April meet-up")),
    (
        "What takes the time",
        (
            "Answering the same question twice a week",
            "Releases that need a checklist on paper",
            "Tests that fail on Mondays only",
            "Old versions that nobody may break",
        ),
    ),
    (
        "What helped",
        (
            "One command for a release, run by anybody",
            "An answer becomes a page, the page a link",
            "Every flaky test gets an owner and a date",
        ),
    ),
    ("From a question to a fix", ()),
)
STEPS = ("question", "page", "test", "fix", "release")
BUILD, HOLD, PUSH = 6, 6, 6
"""Frames from one bullet to the next, after the last one, and for a change of slides."""
MARKS = [(0.0, (700.0, 420.0)), (2.0, (520.0, 300.0)), (4.5, (620.0, 380.0)), (7.5, (480.0, 330.0))]


def frames() -> Iterator[Rgb]:
    """About eight seconds at FPS."""
    for number, image in enumerate(_talk()):
        shown = image.copy()
        pointer(shown, glide(MARKS, number / FPS))
        yield pixels(shown)


def _talk() -> Iterator[Image.Image]:
    last: Image.Image | None = None
    for number in range(len(SLIDES)):
        builds = list(_builds(number))
        if last is not None:
            yield from _push(last, builds[0])
        for image in builds:
            yield from [image] * BUILD
        yield from [builds[-1]] * HOLD
        last = builds[-1]


def _push(old: Image.Image, new: Image.Image) -> Iterator[Image.Image]:
    for step in range(1, PUSH):
        share = step / PUSH
        shift = round(WIDTH * share * share * (3 - 2 * share))
        both = Image.new("RGB", SIZE)
        both.paste(old, (-shift, 0))
        both.paste(new, (WIDTH - shift, 0))
        yield both


def _builds(number: int) -> Iterator[Image.Image]:
    """The slide as it fills: once for each bullet or step that appears."""
    title, points = SLIDES[number]
    if number == 0:
        yield _title_slide(title, points)
        return
    for shown in range(1, len(points or STEPS) + 1):
        image = _slide(title, number)
        draw = ImageDraw.Draw(image)
        if points:
            for row, point in enumerate(points[:shown]):
                y = 170 + row * 66
                draw.ellipse((84, y + 9, 96, y + 21), fill=ACCENT)
                draw.text((116, y), point, fill=INK, font=sans(27))
        else:
            _flow(draw, shown)
        yield image


def _title_slide(title: str, points: tuple[str, ...]) -> Image.Image:
    image = Image.new("RGB", SIZE, ACCENT)
    draw = ImageDraw.Draw(image)
    draw.text((80, 190), title, fill=PAPER, font=sans(46))
    draw.rectangle((82, 262, 240, 266), fill=(250, 204, 90))
    for row, point in enumerate(points):
        draw.text((82, 290 + row * 36), point, fill=(214, 238, 232), font=sans(22))
    return image


def _slide(title: str, number: int) -> Image.Image:
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 10), fill=ACCENT)
    draw.text((80, 60), title, fill=ACCENT, font=sans(40))
    draw.text((80, HEIGHT - 34), TALK, fill=SOFT, font=sans(14))
    place = f"{number + 1} / {len(SLIDES)}"
    draw.text((WIDTH - 80, HEIGHT - 34), place, fill=SOFT, font=sans(14), anchor="ra")
    return image


def _flow(draw: ImageDraw.ImageDraw, shown: int) -> None:
    for step, name in enumerate(STEPS[:shown]):
        left = 70 + step * 172
        if step:
            draw.line((left - 40, 275, left - 8, 275), fill=INK, width=3)
            draw.polygon(((left - 12, 268), (left, 275), (left - 12, 282)), fill=INK)
        draw.rounded_rectangle((left, 230, left + 132, 320), 12, outline=ACCENT, width=3)
        draw.text((left + 66, 275), name, fill=INK, font=sans(22), anchor="mm")
