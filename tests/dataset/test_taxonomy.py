"""Subcategories find their class, whatever they are called; what is unknown is said."""

from pathlib import Path

import pytest

from clipkind.dataset.taxonomy import Taxonomy, load_taxonomy, name_key
from clipkind.errors import ClipkindError, FileFormatError


@pytest.fixture(scope="module")
def documented() -> Taxonomy:
    return load_taxonomy()


def own(folder: Path, text: str) -> Taxonomy:
    (folder / "own.toml").write_text(text)
    return load_taxonomy(folder / "own.toml")


def test_the_documented_taxonomy_has_46_subcategories_in_four_classes(
    documented: Taxonomy,
) -> None:
    sizes = {name: len(names) for name, names in documented.classes.items()}
    assert sizes == {"Animation": 9, "Flat_Content": 9, "Gaming": 12, "Natural_Content": 16}
    names = [name for names in documented.classes.values() for name in names]
    assert len(set(names)) == 46
    for owner, subcategories in documented.classes.items():
        for name in subcategories:
            assert documented.subcategory_of(name) == (owner, name)


@pytest.mark.parametrize(
    ("labelled", "meant"),
    [
        (("Natural Content", ""), ("Natural_Content", "")),
        (("natural_content", "cat"), ("Natural_Content", "Cat")),
        (("Natural", "Outdoor_recreation"), ("Natural_Content", "Outdoor recreation")),
        (("Gaming", "Chess"), ("Gaming", "Chess")),
        (("Animation", ""), ("Animation", "")),
        (("", ""), ("", "")),
        (("", "Minecraft"), ("Gaming", "Minecraft")),
        (("", "home videos"), ("", "home videos")),
        (("call of_DUTY", ""), ("Gaming", "Call of Duty")),
        (("Cartoon", "season 1"), ("Animation", "Cartoon")),
    ],
)
def test_names_become_proper_ones(
    labelled: tuple[str, str], meant: tuple[str, str], documented: Taxonomy
) -> None:
    assert documented.place([labelled]) == {labelled: meant}


def test_where_folders_are_subcategories_animation_is_one_too(documented: Taxonomy) -> None:
    places = documented.place([("Animation", ""), ("Cartoon", ""), ("Gaming", "")])
    assert places == {
        ("Animation", ""): ("Animation", "Animation"),
        ("Cartoon", ""): ("Animation", "Cartoon"),
        ("Gaming", ""): ("Gaming", ""),
    }


def test_unknown_labels_are_all_named_with_what_they_may_be(documented: Taxonomy) -> None:
    names = ["Catoon", "Sports", "Animashon", "Gamign", "Wildlive"]
    with pytest.raises(ClipkindError) as caught:
        documented.place([(name, "") for name in names])
    message = str(caught.value)
    assert "'Catoon' (is it Cartoon" in message
    assert "'Animashon' (is it Animation" in message
    assert "and 2 more are no classes of the taxonomy" in message
    assert "\n" not in message
    with pytest.raises(ClipkindError, match=r"^'xyzzy' is no class or subcategory of the taxonomy"):
        documented.place([("xyzzy", "")])


def test_a_subcategory_under_another_class_is_refused(documented: Taxonomy) -> None:
    with pytest.raises(ClipkindError, match=r"^Gaming/cartoon: Cartoon is a subcategory of Anima"):
        documented.place([("Gaming", "cartoon")])


def test_a_taxonomy_of_ones_own(tmp_path: Path) -> None:
    taxonomy = own(
        tmp_path,
        """
        classes = { "Übung" = ["Lauf", "Sprung"], Spiel = [] }
        aliases = { run = "Lauf", game = "spiel", "U\u0308BUNG" = "Übung" }
        """,
    )
    assert taxonomy.place([("RUN", ""), ("Game", "x")]) == {
        ("RUN", ""): ("Übung", "Lauf"),
        ("Game", "x"): ("Spiel", "x"),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("classes = {", "is not TOML"),
        ("Cats = []\nDogs = []", "has no table [classes] of lists of names"),
        ("[classes]\nCats = 'tabby'\nDogs = []", "has no table [classes] of lists of names"),
        ("[classes]\nCats = [1]\nDogs = []", "has no table [classes] of lists of names"),
        ("[classes]\nCats = []", "has 1 class; a taxonomy needs two or more"),
        ("[classes]\nCats = ['x']\nDogs = ['X']", "'X' is in Cats and again in Dogs"),
        ("[classes]\nCats = []\nDogs = ['cats']", "'cats' is a class and a subcategory of Dogs"),
        ("[classes]\nBig_Cats = []\n'big cats' = []", "two classes differ only in case"),
        ("aliases = 3\n[classes]\nCats = []\nDogs = []", "[aliases] must be names = names"),
        ("[classes]\nA = []\nB = []\n[aliases]\nC = 'D'", "alias 'C' stands for 'D', which is no"),
        ("[classes]\nA = []\nB = []\n[aliases]\nA = 'B'", "alias 'A' is a class or subcategory"),
    ],
)
def test_a_taxonomy_that_says_two_things_or_nothing_is_refused_in_one_line(
    text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError) as caught:
        own(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'own.toml'}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes("[classes]\n'\u00dcbung' = []".encode("latin-1"))
    with pytest.raises(FileFormatError, match="is not TOML"):
        load_taxonomy(tmp_path / "own.toml")


def test_only_case_spaces_underscores_and_encoding_are_overlooked() -> None:
    alike = ["Natural Content", "natural_content", " NATURAL  _ content "]
    assert len({name_key(name) for name in alike}) == 1
    assert name_key("cafe\u0301") == name_key("caf\u00e9")
    assert name_key("Games") != name_key("Game")
    assert name_key("AB") != name_key("A B")
