"""Videos and pictures over HTTP: in ranges, as long as they are kept, and never as a page."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from clipkind.web.app import create_app
from clipkind.web.services import Services, services
from clipkind.web.settings import Settings
from posting import JOBS, finished, send

NOBODY = "A" * 22


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"OggS", "video/ogg"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "application/octet-stream"),
    ],
)
def test_a_video_is_served_in_ranges_and_never_as_a_page(
    client: FlaskClient, head: bytes, kind: str
) -> None:
    content = head + bytes(1000)
    where = send(client, content, "x.html").headers["Location"] + "/video"
    whole = client.get(where, buffered=True)
    assert (whole.status_code, whole.data, whole.content_type) == (200, content, kind)
    assert whole.headers["Content-Security-Policy"].startswith("sandbox")
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    part = client.get(where, headers={"Range": "bytes=2-5"}, buffered=True)
    assert (part.status_code, part.data) == (206, content[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(content)}"
    for odd in ("bytes=0-1,5-6", "bytes=5-2", "bytes", "lines=0-1"):  # not one part: the whole
        found = client.get(where, headers={"Range": odd}, buffered=True)
        assert (found.status_code, found.data) == (200, content), odd
    beyond = client.get(where, headers={"Range": "bytes=9000-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"


def test_pictures_are_there_until_they_are_not_kept(client: FlaskClient, known: Services) -> None:
    id = finished(known)
    known.spool.keep_frames(id, [b"jpeg 0", b"jpeg 1"])
    picture = client.get(f"{JOBS}/{id}/frames/1.jpg")
    assert (picture.data, picture.content_type) == (b"jpeg 1", "image/jpeg")
    again = client.get(
        f"{JOBS}/{id}/frames/1.jpg", headers={"If-None-Match": picture.headers["ETag"]}
    )
    assert again.status_code == 304
    assert client.get(f"{JOBS}/{id}/frames/2.jpg").status_code == 404
    known.spool.drop(id)
    known.store.forget([id])
    assert client.get(f"{JOBS}/{id}/frames/1.jpg").status_code == 404
    assert client.get(f"{JOBS}/{id}/video").status_code == 404


def test_videos_of_the_data_set_go_by_ids(tmp_path: Path, dataset: Path) -> None:
    app = create_app(Settings(state=tmp_path / "other", dataset=dataset))
    client, known = app.test_client(), services(app)
    try:
        found = client.get("/api/v1/videos?text=RUN&label=Gaming").json
        assert (found["total"], found["labels"]) == (1, {"Animation": 1, "Gaming": 2})
        (video,) = found["videos"]
        assert video["name"] == "run <1>.mp4"
        assert str(dataset) not in client.get("/api/v1/videos").text
        job = client.post(JOBS, json={"video_id": video["id"]}).json
        assert (job["name"], job["truth"], job["source"]) == ("run <1>.mp4", "Gaming", "dataset")
        played = client.get(f"{JOBS}/{job['id']}/video", buffered=True)
        assert played.data == (dataset / "Gaming" / "run <1>.mp4").read_bytes()
        thumbnail = client.get(f"/api/v1/videos/{video['id']}/thumbnail.jpg")
        assert thumbnail.content_type == "image/jpeg"
        assert thumbnail.data.startswith(b"\xff\xd8")
        assert client.get(f"/api/v1/videos/{NOBODY}/thumbnail.jpg").status_code == 404
        gone = client.delete(f"{JOBS}/{job['id']}")
        assert gone.status_code == 202
        assert (dataset / "Gaming" / "run <1>.mp4").exists()
    finally:
        known.thumbnails.close()
        known.store.close()


def test_a_state_folder_may_be_named_from_where_the_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client = create_app(Settings(state=Path("state"))).test_client()
    where = send(client, b"a video", "x.mp4").headers["Location"] + "/video"
    assert client.get(where, buffered=True).data == b"a video"


def test_a_worker_finds_what_was_named_from_where_the_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = Settings(state=Path("state"), models=(None, Path("model")), dataset=Path("videos"))
    handed = given.to_json()
    monkeypatch.chdir("/")
    found = Settings.from_json(handed)
    assert (found.models, found.dataset) == ((None, tmp_path / "model"), tmp_path / "videos")
