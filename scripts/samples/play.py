"""Plays a pygame game without a screen, by a bot, and films it.

Runs as its own process (`python -m samples.play GAME OUT.mp4`) with the game's and pygame's
unpacked wheels on PYTHONPATH. Nothing in the game is changed: pygame's clock, keyboard and
display flip are replaced before the game is imported, so that time passes frame by frame instead
of in real time and every flip can be filmed.
"""

import random
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from samples import bots
from samples.bots import pygame
from samples.encode import Mp4Writer

FPS = 30
SECONDS = 7.0
LONGEST_MENU = 4000
"""Flips a bot may spend on the way to its game before the attempt is given up."""


class Studio:
    """A clock, a keyboard and a camera for one game. Time is in seconds of game time."""

    def __init__(self, path: Path, bot: Generator[bots.Keys, None, None]) -> None:
        self.path = path
        self.bot = bot
        self.keys: frozenset[int] = frozenset()
        self.now = 0.0
        self.flips = 0
        self.started: float | None = None
        self.writer: Mp4Writer | None = None
        self.show = pygame.display.update

    def tick(self, rate: float = FPS) -> int:
        """Stands in for `Clock.tick`: a frame's time passes at once. Returns milliseconds."""
        step = 1.0 / (rate or FPS)
        self.now += step
        return round(step * 1000)

    def flip(self, *_: object) -> None:
        """Stands in for `pygame.display.flip`: films, then asks the bot for the next keys."""
        self.show()
        self.flips += 1
        wanted = next(self.bot)
        if wanted.film:
            self._film()
        elif self.flips > LONGEST_MENU:
            raise SystemExit(f"{self.path.name}: the game did not start")
        self._press(wanted)

    def _press(self, wanted: bots.Keys) -> None:
        for key in wanted.held - self.keys:
            self._post(pygame.KEYDOWN, key)
        for key in self.keys - wanted.held:
            self._post(pygame.KEYUP, key)
        self.keys = wanted.held

    @staticmethod
    def _post(kind: int, key: int) -> None:
        text = chr(key) if key < 128 else ""
        pygame.event.post(pygame.event.Event(kind, key=key, unicode=text, mod=0, scancode=0))

    def _film(self) -> None:
        surface = pygame.display.get_surface()
        if self.started is None or self.writer is None:
            self.started = self.now
            self.writer = Mp4Writer(self.path, surface.get_size(), FPS)
        elapsed = self.now - self.started
        while self.writer.frames <= elapsed * FPS and elapsed < SECONDS:
            width, height = surface.get_size()
            pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
            self.writer.add(pixels.reshape(height, width, 3))
        if elapsed >= SECONDS:
            self.writer.close()
            raise SystemExit(0)


class Pressed:
    """Stands in for the result of `pygame.key.get_pressed`."""

    def __init__(self, keys: frozenset[int]) -> None:
        self.keys = keys

    def __getitem__(self, key: int) -> bool:
        return key in self.keys


def install(studio: Studio) -> None:
    """Put the studio in place of pygame's clock, keyboard and display."""

    class Clock:
        """Game time instead of real time."""

        def tick(self, rate: float = 0) -> int:
            return studio.tick(rate)

        def get_fps(self) -> float:
            return float(FPS)

    replaced: dict[Any, dict[str, Callable[..., Any]]] = {
        pygame: {"Clock": Clock},
        pygame.time: {
            "Clock": Clock,
            "get_ticks": lambda: round(studio.now * 1000),
            "set_timer": lambda event, delay, *_: delay and pygame.event.post(_event(event)),
            "wait": lambda ms: ms,
        },
        pygame.display: {"flip": studio.flip, "update": studio.flip},
        pygame.key: {"get_pressed": lambda: Pressed(studio.keys)},
    }
    for module, names in replaced.items():
        for name, stand_in in names.items():
            setattr(module, name, stand_in)


def _event(event: Any) -> Any:
    return pygame.event.Event(event) if isinstance(event, int) else event


def main() -> None:
    game, path = sys.argv[1], Path(sys.argv[2])
    sys.argv[1:] = []
    random.seed(7)
    start, bot = bots.GAMES[game]
    install(Studio(path, bot()))
    while True:
        start()  # a game that ends too early (the bot lost) is simply played again


if __name__ == "__main__":
    main()
