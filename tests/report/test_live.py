"""`show --live`: the page for this machine alone, for those who know the token, renewed while the study runs."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest
from report_studies import network

from nasmyth.errors import StudyError
from nasmyth.report.live import Live
from nasmyth.space import Space, choice
from nasmyth.study import Study


@pytest.fixture
def running(tmp_path):
    """A study that is open in this process, and its path."""
    path = tmp_path / "running.db"
    with Study(path, Space(network(choice(*range(4, 17)), 1, 3), (1, 8, 8)), "accuracy") as study:
        yield study, str(path)


@pytest.fixture
def live(running):
    with Live(running[1]) as served:
        thread = threading.Thread(target=served.serve)
        thread.start()
        yield served
        served.server.shutdown()
        thread.join()


def ask(live, path=None, method="GET", **headers):
    """(status, headers, text) of a request on a connection of its own."""
    where = urlsplit(live.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    try:
        connection.request(
            method, where.path if path is None else path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_the_page_is_served_and_renewed(live, running):
    study, _ = running
    status, headers, text = ask(live)
    assert status == 200 and "nothing within the budget yet" in text and "connect-src 'self'" in text
    assert headers["Cache-Control"] == "no-store" and headers["Referrer-Policy"] == "no-referrer"
    assert ask(live, If_None_Match=headers["ETag"])[0] == 304
    (trial,) = study.ask(1)
    status, newer, text = ask(live, If_None_Match=headers["ETag"])
    assert status == 200 and newer["ETag"] != headers["ETag"] and f"working on #{trial.number}" in text
    study.tell(trial, accuracy=0.75)
    status, _, text = ask(live, If_None_Match=newer["ETag"])
    assert status == 200 and "accuracy 0.7500" in text


def test_it_listens_on_this_machine_alone(live):
    assert live.server.server_address[0] == "127.0.0.1" and live.url.startswith("http://127.0.0.1:")
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if not address.startswith("127."):
            with pytest.raises(OSError), socket.create_connection((address, live.server.server_port), timeout=5):
                pass


@pytest.mark.parametrize(
    "path", ["/", "/wrong/", "/../../etc/passwd", "/favicon.ico", "{token}x/", "{token}../{token}", "{token}etc/passwd",
        "{token}?a=1", "//x"]
)  # fmt: skip
def test_nothing_but_the_page_is_there(live, path):
    token = urlsplit(live.url).path
    status, _, text = ask(live, path.replace("{token}", token))
    assert status == 404 and live.token not in text and "accuracy" not in text


def test_every_start_has_another_token(live, running):
    with Live(running[1]) as second:
        assert second.token != live.token and len(second.token) >= 30


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:8000", 200), ("LOCALHOST", 200), ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
     ("", 403), ("localhost:80@evil", 403), ("[::1]:80", 403)],
)  # fmt: skip
def test_names_that_were_made_to_point_here_are_refused(live, host, status):
    assert ask(live, Host=host)[0] == status


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_get_is_answered(live, method):
    status, headers, text = ask(live, method=method)
    assert status == 405 and headers["Allow"] == "GET" and "accuracy" not in text


def test_noise_on_the_port_does_not_end_it(live):
    where = urlsplit(live.url)
    for noise in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n", b""):
        with socket.create_connection((where.hostname, where.port), timeout=10) as raw:
            raw.sendall(noise)
    with socket.create_connection((where.hostname, where.port), timeout=10):  # one that says nothing holds up nobody
        assert ask(live)[0] == 200


def test_what_cannot_be_read_any_more_is_said(live, running):
    study, path = running
    ask(live)
    study.close()
    with contextlib.closing(sqlite3.connect(path)) as broken:
        broken.execute("drop table events")
    status, _, text = ask(live)
    assert status == 500 and "cannot be read now" in text


def test_ports_that_are_taken_and_studies_that_are_none_are_refused(live, running, tmp_path):
    with pytest.raises(StudyError, match="cannot be used"):
        Live(running[1], live.server.server_port)
    with pytest.raises(StudyError):
        Live(str(tmp_path / "absent.db"))


HEARING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("nasmyth.cli", run_name="__main__", alter_sys=True)
"""


def test_the_console_prints_the_address_and_ctrl_c_ends_it(study_path):
    line = [sys.executable, "-c", HEARING_CTRL_C, "show", str(study_path), "--live"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{30,}/", url), process.stderr.read()
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        connection.request("GET", where.path)
        assert "accuracy 0.9861 on test" in connection.getresponse().read().decode()
        connection.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0 and "Traceback" not in err and "Ctrl-C ends it" in err and out == ""
