"""What code in the fetching process can not do, whatever it is."""

import subprocess
import sys

import pytest

from web.links.link_site import PRIVATE, PUBLIC, Site, body

PROLOGUE = f"""
import socket, subprocess, os, sys, urllib.request
from clipkind.web.links.address import Judge
from clipkind.web.links.guard import Blocked, Guard
from clipkind.web.links.resolver import Resolver
system_getaddrinfo = socket.getaddrinfo
judge = Judge.of(["{PUBLIC}"])
names = {{"turning.example": [["{PUBLIC}"], ["{PRIVATE}"]]}}
Guard(judge, Resolver(judge, names)).install()
port = int(sys.argv[1])
"""
ATTEMPTS = {
    "a private address": f"socket.socket().connect(('{PRIVATE}', port))",
    "its odd spelling": "socket.socket().connect(('0x7f000002', port))",
    "in IPv6": f"socket.socket(socket.AF_INET6).connect(('::ffff:{PRIVATE}', port))",
    "without an exception": f"socket.socket().connect_ex(('{PRIVATE}', port))",
    "a name": "socket.socket().connect(('localhost', port))",
    "by the library": f"socket.create_connection(('{PRIVATE}', port))",
    "by urllib": f"urllib.request.urlopen('http://{PRIVATE}:%d/' % port)",
    "a datagram": f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{PRIVATE}', port))",
    "a message": f"""
socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('{PRIVATE}', port))""",
    "a Unix socket": "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect(b'\\0bus')",
    "a server": f"socket.socket().bind(('{PUBLIC}', 0))",
    "the system's resolver": "system_getaddrinfo('localhost', port)",
    "the old resolver": "socket.gethostbyname('localhost')",
    "a program": "subprocess.run(['true'])",
    "a shell": "os.system('true')",
    "a fork": "os.fork()",
    "another self": "os.execv('/bin/true', ['true'])",
    "a spawned program": "os.posix_spawn('/bin/true', ['true'], {})",
    "a local file": "urllib.request.urlopen('file:///etc/hostname')",
    "FTP": f"urllib.request.urlopen('ftp://{PUBLIC}/')",
    "data": "urllib.request.urlopen('data:,x')",
    "rebinding": """
socket.create_connection(('turning.example', port)).close()
print('once')
socket.create_connection(('turning.example', port))""",
    "late rebinding": f"""
judged = socket.getaddrinfo('turning.example', port)
socket.getaddrinfo = lambda *a, **k: [(*judged[0][:4], ('{PRIVATE}', port))]
socket.create_connection(('turning.example', port))""",
}  # fmt: skip


def run(code: str, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", PROLOGUE + code, str(port)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("attempt", list(ATTEMPTS))
def test_nothing_else_is_reached(site: Site, private: Site, attempt: str) -> None:
    ended = run(ATTEMPTS[attempt] + "\nprint('done')", site.port)
    assert "done" not in ended.stdout
    error = ended.stderr.splitlines()[-1]
    assert "Blocked" in error or "not on the public network" in error, error
    assert site.callers == (attempt == "rebinding")


def test_what_is_permitted_is_reached(site: Site) -> None:
    site.answers["/"] = body(b"hello")
    code = "print(urllib.request.urlopen('http://turning.example:%d/' % port).read())"
    assert run(code, site.port).stdout == "b'hello'\n"


def test_libraries_with_sockets_of_their_own_are_out_of_reach() -> None:
    code = """
for name in ("curl_cffi", "pycurl", "requests", "urllib3", "websockets"):
    try:
        __import__(name)
    except ImportError:
        print(name)
"""
    assert len(run(code, 1).stdout.split()) == 5
