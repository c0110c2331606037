"""Split files: what was written comes back, and damage is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.splits.table import SplitRow, SplitTable, read_split, write_split
from clipkind.errors import FileFormatError
from clipkind.features.layout import stored

HEADER = "id,split,label,subcategory,group\n"
GOOD = HEADER + "a,train,Gaming,chess,film\nb,test,Natural,,b\nc,excluded,Gaming,,film\n"
words = st.text(min_size=1).map(stored)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        words,
        st.tuples(
            st.sampled_from(["train", "val", "test", "excluded"]), words, st.text().map(stored)
        ),
    )
)
def test_whatever_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "split.csv"
    rows = [
        SplitRow(id, split, label, subcategory, group=f"{split} {label}")  # type: ignore[arg-type]
        for id, (split, label, subcategory) in sorted(found.items())
    ]
    write_split(path, SplitTable(tuple(rows)))
    if rows:
        assert read_split(path) == SplitTable(tuple(rows))
    else:
        with pytest.raises(FileFormatError, match="holds no videos"):
            read_split(path)


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "split.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_ids_and_classes_of_each_split(tmp_path: Path) -> None:
    split = read_split(written(tmp_path, GOOD + "d,excluded,Flat,,d\n"))
    assert split.ids("train") == ("a",)
    assert split.ids("val") == ()
    assert split.ids("excluded") == ("c", "d")
    assert split.sides == {"a": "train", "b": "test", "c": "excluded", "d": "excluded"}
    assert split.class_names == ("Gaming", "Natural")


def test_a_file_from_a_spreadsheet_will_do(tmp_path: Path) -> None:
    text = (
        "\ufeffgroup,note,id,split,subcategory,label\r\n,x,b,val,,Natural\r\nfilm,,a,test,,Flat\r\n"
    )
    assert read_split(written(tmp_path, text)).rows == (
        SplitRow("a", "test", "Flat", "", "film"),
        SplitRow("b", "val", "Natural", "", "b"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no column id"),
        ("path,label\na.mp4,Gaming\n", "it has no column id"),
        (HEADER, "holds no videos"),
        (GOOD + "d,val,Ga", "line 5: is cut short"),
        (GOOD + ",val,Gaming,,\n", "line 5: is cut short"),
        (GOOD + "d,val,,,\n", "line 5: is cut short"),
        (GOOD + "d,Train,Gaming,,\n", "line 5: split 'Train' is none of train, val, test"),
        (GOOD + "a,train,Gaming,chess,film\n", "video a stands in two rows"),
        (GOOD + "d,val,Flat,,film\n", "group film crosses: a is in train, d in val"),
        (GOOD + 'd,"val,Flat,,film\n', "is not a CSV file in UTF-8"),
        (GOOD + "\0", "line 5: is cut short"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_split(path)
    assert str(caught.value).startswith(f"{path}")
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="not a CSV file in UTF-8"):
        read_split(written(tmp_path, GOOD.replace("film", "café"), "latin-1"))


def test_a_split_of_other_videos_says_how_many_and_which(tmp_path: Path) -> None:
    split = read_split(written(tmp_path, GOOD))
    split.require_in({"b", "a", "x"}, ours="split.csv", theirs="f.h5")
    with pytest.raises(
        FileFormatError, match=r"split\.csv is a split of other videos: 1 of its 2 .* f\.h5 .a.;"
    ):
        split.require_in(["b"], ours="split.csv", theirs="f.h5")
