"""What fetched videos are called, on the way from their servers to people."""

from web.links.link_site import Client, Site, body


def test_a_name_cannot_turn_the_words_around_it(client: Client, site: Site) -> None:
    """It would show 4pm.exe as exe.mp4."""
    turned = "attachment; filename*=UTF-8''clip%E2%80%AE4pm.exe"
    site.answers["/v/"] = body(b"bytes", Content_Disposition=turned)
    assert client.fetch(f"{site.url}/v/").name == "clip4pm.exe"
