"""HTTPS: the certificate is checked for the link's host, whichever address is connected to."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipkind.web.links import LinkReason
from web.links.link_site import PUBLIC, Client, Site, body

HOST = "video.example"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by itself, with its key, for HOST only."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
         "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def asked(certificate: Path) -> Iterator[tuple[Site, list[str | None]]]:
    """A site with the certificate, and the names it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    with Site(context=context) as site:
        site.answers["/v.mp4"] = body(b"film")
        yield site, names


def test_a_certificate_that_nobody_vouches_for(
    client: Client, asked: tuple[Site, list[str | None]]
) -> None:
    site, names = asked
    with client.refused(LinkReason.CERTIFICATE):
        client.fetch(f"https://{HOST}:{site.port}/v.mp4", {HOST: [[PUBLIC]]})
    assert names == [HOST]
    assert site.requests == []


def test_the_certificate_must_be_the_hosts(
    client: Client,
    asked: tuple[Site, list[str | None]],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, _ = asked
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the operator vouches for it
    hosts = {HOST: [[PUBLIC]], "other.example": [[PUBLIC]]}
    assert client.fetch(f"https://{HOST}:{site.port}/v.mp4", hosts).size == len(b"film")
    assert site.requests == [("/v.mp4", f"{HOST}:{site.port}")]
    for other in ("other.example", PUBLIC):
        with client.refused(LinkReason.CERTIFICATE):
            client.fetch(f"https://{other}:{site.port}/v.mp4", hosts)
    assert len(site.requests) == 1


def test_https_where_there_is_none(client: Client, site: Site) -> None:
    with client.refused(LinkReason.UNREACHABLE):
        client.fetch(f"https://{PUBLIC}:{site.port}/v.mp4")
