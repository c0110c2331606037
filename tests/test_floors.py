"""The floors of the README's file map: a room imports only from floors below its own."""

import ast
import re
from pathlib import Path

import clipkind

PACKAGE = Path(clipkind.__file__).parent
README = Path(__file__).parents[1] / "README.md"
DOORS = {"__init__.py", "__main__.py"}
"""Of the package, and for `python -m`: they lead anywhere."""


def floors() -> dict[str, int]:
    """Room (a folder or file of the package) -> its floor, as the README says."""
    found: dict[str, int] = {}
    for floor, rooms in re.findall(r"^\| (\d) \| ([^|]+) \|", README.read_text(), re.MULTILINE):
        for room in re.findall(r"`([^`]+)`", rooms):
            found[room.removeprefix("src/clipkind/").rstrip("/").removesuffix(".py")] = int(floor)
    return found


def imported(path: Path) -> set[str]:
    """The rooms whose names the file imports, wherever in it that stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: import by full name"
            module = node.module or ""
            names |= {f"{module}.{a.name}" if module == "clipkind" else module for a in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == "clipkind" and len(part) > 1}


def test_every_room_has_its_floor() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert rooms <= floors().keys()
    assert {
        "contract",
        "video",
        "inference",
        "evaluation",
        "workflow",
        "web",
        "cli",
    } <= floors().keys()


def test_rooms_import_only_from_below() -> None:
    """What is not on the map lies on the ground: files that everyone may read."""
    known, wrong = floors(), []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name in DOORS:
            continue
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for other in imported(path) - {room}:
            below = known.get(other, 0) < known.get(room, 0)
            on_the_ground = known.get(other, 0) == known.get(room, 0) == 0
            if not below and not on_the_ground and (PACKAGE / other).exists():
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}")
    assert not wrong
