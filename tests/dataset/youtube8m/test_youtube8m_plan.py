"""Plans: names to ids by the vocabulary, and every mistake named with its line."""

from pathlib import Path

import pytest

from clipkind.dataset.youtube8m.plan import PlanRow, read_plan
from clipkind.errors import ClipkindError, FileFormatError
from dataset.youtube8m.video_site import VOCABULARY, Site


@pytest.fixture
def vocabulary(tmp_path: Path) -> str:
    path = tmp_path / "vocabulary.csv"
    path.write_text(VOCABULARY, encoding="utf-8")
    return str(path)


def plan(folder: Path, text: str, name: str = "plan.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_names_become_ids_and_name_the_subcategory_where_none_is_given(
    tmp_path: Path, vocabulary: str
) -> None:
    text = (
        "Name,Count,Label,Subcategory\n"
        "Cartoon,562,Animation,\nNaruto, 44 ,Animation,Anime\nAC/DC,3,Natural,\n"
    )
    assert read_plan(plan(tmp_path, text), vocabulary) == [
        PlanRow("0215n", 562, "Animation", "Cartoon"),
        PlanRow("01lg_z", 44, "Animation", "Anime"),
        PlanRow("0bgb1", 3, "Natural", "AC_DC"),
    ]


def test_ids_do_for_names_and_the_vocabulary_names_them(tmp_path: Path, vocabulary: str) -> None:
    text = "id,name,count,label\n/m/0215n,,1,A\n0tw2,,2,A\n/m/0xxxx,,3,A\n/m/0zz,My own,4,B\n"
    assert read_plan(plan(tmp_path, text), vocabulary) == [
        PlanRow("0215n", 1, "A", "Cartoon"),
        PlanRow("0tw2", 2, "A", "Twin"),
        PlanRow("0xxxx", 3, "A", "0xxxx"),
        PlanRow("0zz", 4, "B", "My own"),
    ]


def test_a_plan_of_ids_needs_no_vocabulary(tmp_path: Path) -> None:
    path = plan(tmp_path, "id,count,label,subcategory\n/m/0215n,1,A,Toons\n")
    assert read_plan(path, "/nowhere") == [PlanRow("0215n", 1, "A", "Toons")]


def test_the_documented_list_of_names_and_counts(tmp_path: Path, vocabulary: str) -> None:
    text = "Cartoon:562\n\nNaruto\n Game : 7 \n"
    path = plan(tmp_path, text, "downloadlist.txt")
    assert [(r.category, r.count) for r in read_plan(path, vocabulary, "Animation")] == [
        ("0215n", 562),
        ("01lg_z", 10),
        ("03bt1gh", 7),
    ]
    with pytest.raises(ClipkindError, match="add --label"):
        read_plan(path, vocabulary)


def test_the_vocabulary_comes_from_a_server_too(tmp_path: Path, site: Site) -> None:
    path = plan(tmp_path, "name,count,label\nGame,5,Gaming\n")
    assert read_plan(path, f"{site.url}/vocabulary.csv") == [
        PlanRow("03bt1gh", 5, "Gaming", "Game")
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Cartoons,1,A,", "line 2: no 'Cartoons' in the vocabulary; did you mean 'Cartoon'?"),
        ("cartoon,1,A,", "did you mean 'Cartoon'"),
        ("Cart,1,A,", "no 'Cart' in the vocabulary"),
        ("qqqqqq,1,A,", "names must match exactly"),
        ("Twin,1,A,", "is the name of several; give one of /m/0tw1, /m/0tw2 as id"),
        (",1,A,", "line 2: no name"),
        ("Cartoon,ten,A,", "count 'ten' is not a number of videos"),
        ("Cartoon,0,A,", "count '0'"),
        ("Cartoon,-3,A,", "count '-3'"),
        (f"Cartoon,{'9' * 5000},A,", "is not a number of videos"),
        ("Cartoon,1.5,A,", "count '1.5'"),
        ("Cartoon,,A,", "count ''"),
        ("Cartoon,1,,", "no label there"),
        ("Cartoon,1,a/b,", "label 'a/b' cannot name a folder"),
        ("Cartoon,1,..,", "label '..' cannot name a folder"),
        ("Cartoon,1,A,../../x", "subcategory '../../x' cannot name a folder"),
        ("Cartoon,1,A,.hidden", "subcategory '.hidden' cannot name a folder"),
        ("Cartoon,1,A\x1b[31m,", r"label 'A\\x1b[31m' cannot name a folder"),
        (f"Cartoon,1,{'é' * 101},", "cannot name a folder"),
        ("Cartoon,1,A,\nCartoon,2,A,", "line 3: repeats an earlier row"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_in_one_line(
    row: str, message: str, tmp_path: Path, vocabulary: str
) -> None:
    path = plan(tmp_path, f"name,count,label,subcategory\n{row}\n")
    with pytest.raises(FileFormatError) as caught:
        read_plan(path, vocabulary)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line ")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("id", ["/m/../x", "0215n/../../j", "0215N", "x", "/m/", "a" * 25])
def test_an_id_that_could_lead_elsewhere_is_refused(id: str, tmp_path: Path) -> None:
    path = plan(tmp_path, f"id,count,label,subcategory\n{id},1,A,B\n")
    with pytest.raises(FileFormatError, match="is none of the vocabulary"):
        read_plan(path, "/nowhere")


@pytest.mark.parametrize("text", ["", "name,count,label\n"])
def test_an_empty_plan_is_said_to_be_empty(text: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="the plan is empty"):
        read_plan(plan(tmp_path, text), "/nowhere")


def test_another_file_in_place_of_the_vocabulary_is_refused(tmp_path: Path) -> None:
    path = plan(tmp_path, "name,count,label\nCartoon,1,A\n")
    with pytest.raises(FileFormatError, match="no columns KnowledgeGraphId and Name"):
        read_plan(path, str(path))
