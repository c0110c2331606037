"""The players: each bot says, once a frame, which keys it holds and whether to film."""

import importlib
import itertools
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

pygame: Any = importlib.import_module("pygame")
"""It comes out of a wheel and is not installed where the project is checked."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys held down until the next frame; `film` is false on the way through the menus."""

    held: frozenset[int] = frozenset()
    film: bool = True


Bot = Generator[Keys, None, None]


def play_aliens() -> None:
    """Pygame's own example game."""
    importlib.import_module("pygame.examples.aliens").main()


def aliens_bot() -> Bot:
    """Runs from bombs, otherwise keeps below the lowest alien and shoots."""
    game = importlib.import_module("pygame.examples.aliens")
    yield Keys(film=False)
    for frame in itertools.count():
        held = {pygame.K_SPACE} if frame % 8 < 3 else set()
        held |= _steer(_aliens_target(game))
        yield Keys(frozenset(held), film=frame > 80)


def _aliens_target(game: Any) -> int:
    """How far, in pixels, the buggy should go to the right."""
    sprites = list(game.Player.containers)
    me = next((s for s in sprites if isinstance(s, game.Player)), None)
    if me is None:
        return 0
    for bomb in game.Bomb.containers[0]:
        gap = bomb.rect.centerx - me.rect.centerx
        if abs(gap) < 60 and bomb.rect.bottom > 200:
            return -80 if (gap > 0 or me.rect.right > 600) and me.rect.left > 40 else 80
    aliens = sorted(game.Alien.containers[0], key=lambda alien: -alien.rect.top)
    return aliens[0].rect.centerx + aliens[0].facing * 12 - me.rect.centerx if aliens else 0


def _steer(distance: int) -> set[int]:
    if abs(distance) < 12:
        return set()
    return {pygame.K_RIGHT if distance > 0 else pygame.K_LEFT}


def play_dani() -> None:
    """Dani To The Rescue, a platformer."""
    importlib.import_module("danittr.gameloop").run_game()


def dani_bot() -> Bot:
    """Starts a new game (typing a name for it), then walks and jumps."""
    config = importlib.import_module("danittr.config")
    typed = [frozenset({key}) for key in (pygame.K_RETURN, *map(ord, "dani"), pygame.K_RETURN)]
    for held in itertools.cycle(typed):
        if hasattr(config.GAME_REFS, "dirname"):
            break  # the new game has a place to be saved in: its first level comes next
        yield Keys(held, film=False)
        yield Keys(film=False)
    for frame in itertools.count():
        held = frozenset({pygame.K_d})
        if frame % 40 < 3:
            held |= {pygame.K_k}
        yield Keys(held, film=frame > 215)


GAMES: dict[str, tuple[Callable[[], None], Callable[[], Bot]]] = {
    "aliens": (play_aliens, aliens_bot),
    "dani": (play_dani, dani_bot),
}
