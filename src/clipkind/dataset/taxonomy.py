"""Which subcategory belongs to which class, and what else they are called."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.text import composed, printable

Place = tuple[str, str]
"""Class and subcategory."""
SHOWN = 3
"""Unknown names an error lists before it only counts them."""
_HELP = "see clipkind/dataset/taxonomy.toml for how to write one"


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Classes, their subcategories and other names of both. See `load_taxonomy`."""

    classes: Mapping[str, tuple[str, ...]]
    """Each class's subcategories, in the order of the file."""
    aliases: Mapping[str, str]
    """Other names of classes and subcategories, and the names they stand for."""

    def class_of(self, name: str) -> str:
        """The class called `name`, or so by an alias; empty where there is none."""
        return self._find(name, self.classes)

    def subcategory_of(self, name: str) -> Place:
        """The class and proper name of a subcategory; two empty texts where there is none."""
        for owner, subcategories in self.classes.items():
            if found := self._find(name, subcategories):
                return owner, found
        return "", ""

    def place(self, labelled: Iterable[Place]) -> dict[Place, Place]:
        """For each label and subcategory of a data set, the class and subcategory they mean.

        A label may also be a subcategory, as in the layout `subcategory/video`. An empty label
        stays so unless the subcategory tells the class; a subcategory the taxonomy does not know
        stays as it is. Raises ClipkindError where a label is neither class nor subcategory, or a
        subcategory belongs to another class.
        """
        pairs = set(labelled)
        unknown = sorted({n for n, _ in pairs if n and not self.class_of(n) + self._owner(n)})
        if unknown:
            raise ClipkindError(self._unknown(unknown))
        by_subcategory = any(name and not self.class_of(name) for name, _ in pairs)
        return {pair: self._place(*pair, by_subcategory) for pair in pairs}

    def _place(self, label: str, subcategory: str, by_subcategory: bool) -> Place:
        owner, proper = self.subcategory_of(subcategory)
        known = self.class_of(label)
        if not label:
            return owner, proper or subcategory
        if not known or (by_subcategory and not subcategory and self._owner(label) == known):
            return self.subcategory_of(label)  # such as Animation, which is both
        if owner not in ("", known):
            raise ClipkindError(
                f"{printable(label)}/{printable(subcategory)}: {proper} is a subcategory of "
                f"{owner}, not of {known}; move these videos, or give a taxonomy that says so"
            )
        return known, proper or subcategory

    def _owner(self, name: str) -> str:
        return self.subcategory_of(name)[0]

    def _unknown(self, names: list[str]) -> str:
        known = [*self.classes, *(n for names in self.classes.values() for n in names)]
        by_key = {name_key(name): name for name in [*self.aliases, *known]}
        shown = []
        for name in names[:SHOWN]:
            close = get_close_matches(name_key(name), by_key, n=2)
            likely = " or ".join(by_key[key] for key in close)
            shown.append(repr(printable(name)) + (f" (is it {likely}?)" if likely else ""))
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        what = "is no class or subcategory" if len(names) == 1 else "are no classes"
        return (
            f"{', '.join(shown)}{more} {what} of the taxonomy; rename, or add to [aliases] of a "
            "taxonomy of your own"
        )

    def _find(self, name: str, among: Iterable[str]) -> str:
        key = name_key(name)
        target = next((t for alias, t in self.aliases.items() if name_key(alias) == key), name)
        key = name_key(target)
        return next((known for known in among if name_key(known) == key), "")


def name_key(name: str) -> str:
    """The same for names that differ only in case, in spaces and underscores or in encoding."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_]+", "_", folded.strip())


def load_taxonomy(path: Path | None = None) -> Taxonomy:
    """Read a taxonomy file; without `path` the documented one: 46 subcategories of four classes.

    Raises FileFormatError where it is no TOML, has fewer than two classes, or says two things of
    one name.
    """
    shown = "the documented taxonomy" if path is None else printable(str(path))
    source = files("clipkind.dataset") / "taxonomy.toml" if path is None else path
    try:
        data = tomllib.loads(composed(source.read_bytes().decode("utf-8-sig")))
    except ValueError as error:  # of the encoding or of TOML
        raise FileFormatError(f"{shown}: is not TOML ({printable(str(error))}); {_HELP}") from None
    classes, aliases = data.get("classes"), data.get("aliases", {})
    if not (isinstance(classes, dict) and all(map(_is_names, classes.values()))):
        raise FileFormatError(f"{shown}: has no table [classes] of lists of names; {_HELP}")
    if not (isinstance(aliases, dict) and _is_names(list(aliases.values()))):
        raise FileFormatError(f"{shown}: [aliases] must be names = names; {_HELP}")
    if len(classes) < 2:
        raise FileFormatError(f"{shown}: has {len(classes)} class; a taxonomy needs two or more")
    _check_names(classes, aliases, shown)
    return Taxonomy(
        MappingProxyType({name: tuple(names) for name, names in classes.items()}),
        MappingProxyType(dict(aliases)),
    )


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(n, str) and n.strip() for n in value)


def _check_names(classes: Mapping[str, list[str]], aliases: Mapping[str, str], shown: str) -> None:
    """Raises FileFormatError where a name means two things, or an alias nothing."""
    owners = {name_key(name): name for name in classes}
    if len(owners) < len(classes):
        raise FileFormatError(f"{shown}: two classes differ only in case, spaces or underscores")
    seen: dict[str, str] = {}
    for owner, subcategories in classes.items():
        for name in subcategories:
            key = name_key(name)
            if owners.get(key, owner) != owner:
                raise FileFormatError(
                    f"{shown}: {name!r} is a class and a subcategory of {owner}; rename one"
                )
            if key in seen:
                raise FileFormatError(
                    f"{shown}: {name!r} is in {seen[key]} and again in {owner}; list it once"
                )
            seen[key] = owner
    for alias, target in aliases.items():
        if name_key(target) not in seen | owners:
            raise FileFormatError(
                f"{shown}: alias {alias!r} stands for {target!r}, which is no class or subcategory"
            )
        if name_key(alias) in seen | owners and name_key(alias) != name_key(target):
            raise FileFormatError(
                f"{shown}: alias {alias!r} is a class or subcategory itself; rename one"
            )
