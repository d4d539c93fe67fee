"""gpsd says whether the receiver has a fix: a real gpsd fed with NMEA, and one that misbehaves."""

import contextlib
import json
import socket
import subprocess
import threading
import time
from functools import reduce

import pytest
from tcxo_host.daemon.gpsd import CONNECTING_S, MOST_BYTES, SILENT_S, STALE_S, GpsFix, parse_address
from tcxo_host.errors import ConfigError

SEARCH_S = 30


def sentence(body):
    return f"${body}*{reduce(lambda a, b: a ^ b, body.encode()):02X}\r\n".encode()


def nmea(second, fix):
    """A second of an NMEA receiver, with or without a fix."""
    at = f"1200{second % 60:02d}.00"
    where = "5230.00,N,01324.00,E" if fix else ",,,"
    return b"".join(
        (
            sentence(f"GPRMC,{at},{'A' if fix else 'V'},{where},0.0,0.0,010126,,,{'A' if fix else 'N'}"),
            sentence(f"GPGGA,{at},{where},{1 if fix else 0},08,1.0,34.0,M,45.0,M,,"),
            sentence(f"GPGSA,A,{3 if fix else 1},01,02,03,04,05,06,07,08,,,,,1.5,1.0,1.1"),
        )
    )


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def gpsd():
    """A real gpsd that listens to NMEA over UDP; yields (its port, a function that sends a second)."""
    port, feed = free_port(), free_port(socket.SOCK_DGRAM)
    process = subprocess.Popen(["gpsd", "-N", "-n", "-S", str(port), f"udp://127.0.0.1:{feed}"])
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        yield port, lambda second, fix: sender.sendto(nmea(second, fix), ("127.0.0.1", feed))
    finally:
        sender.close()
        process.terminate()
        process.wait(20)


@pytest.mark.needs("gpsd")
def test_a_real_gpsd_tells_a_fix_from_none(gpsd):
    port, send = gpsd
    deadline = time.monotonic() + SEARCH_S
    while time.monotonic() < deadline:  # until it listens
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
    fix = GpsFix(f"127.0.0.1:{port}")
    told = []
    second = 0
    for wanted in (False, True, False):
        while not told or told[-1] is not wanted:
            assert time.monotonic() < deadline, (wanted, told, fix.problem)
            send(second, wanted)
            second += 1
            time.sleep(0.2)
            told.append(fix.has_fix(time.monotonic()))
    assert fix.problem == ""
    fix.close()


def until_connected(fix, now_s):
    """Ask until the name is resolved and the connection begun, or refused."""
    fix.has_fix(now_s)
    deadline = time.monotonic() + 20
    while fix._resolving is not None and time.monotonic() < deadline:
        time.sleep(0.01)
        fix.has_fix(now_s)


class Server:
    """Stands where gpsd listens, and sends what it is told."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.fix = GpsFix(self.address)
        until_connected(self.fix, 0.0)
        self.client, _ = self._server.accept()

    def ask(self, now_s, *reports):
        """What the client makes of ``reports``, once they are through the socket."""
        self.client.sendall(b"".join(reports))
        deadline = time.monotonic() + 10
        while (answer := self.fix.has_fix(now_s)) is None and time.monotonic() < deadline and reports:
            time.sleep(0.01)
        return answer

    def close(self):
        self.fix.close()
        self.client.close()
        self._server.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def tpv(mode):
    return json.dumps({"class": "TPV", "mode": mode}).encode() + b"\n"


def test_it_asks_for_reports_when_it_is_greeted(server):
    server.ask(1.0, b'{"class":"VERSION","release":"3.25"}\n', tpv(3))
    assert server.client.recv(100).startswith(b"?WATCH=")


def test_old_news_is_no_news(server):
    assert server.ask(1.0, tpv(2)) is True
    assert server.fix.has_fix(1.0 + STALE_S) is True
    assert server.fix.has_fix(1.1 + STALE_S) is None
    assert "no report for 10 s" in server.fix.problem
    assert server.ask(2.0 + STALE_S, tpv(1)) is False


@pytest.mark.parametrize(
    "noise",
    [b"\xff\xfe\n", b"[1,2]\n", b'{"class":"TPV","mode":"3"}\n', b'{"class":"TPV","mode":true}\n', b"[" * 9999 + b"\n"],
    ids=["not text", "not a report", "mode is text", "mode is a truth", "deep"],
)  # fmt: skip
def test_nonsense_is_passed_over(server, noise):
    assert server.ask(1.0, noise, tpv(3)) is True


def test_a_line_without_end_ends_the_connection(server):
    server.client.settimeout(10)
    sent = 0
    deadline = time.monotonic() + 10
    while "without end" not in server.fix.problem and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            sent += server.client.send(b"x" * 4096)
        server.fix.has_fix(1.0)
    assert "without end" in server.fix.problem
    assert sent <= 40 * MOST_BYTES


def test_a_gpsd_that_is_not_there_is_tried_again():
    port = free_port()
    fix = GpsFix(f"127.0.0.1:{port}")
    until_connected(fix, 0.0)
    assert fix.has_fix(1.0) is None
    assert "trying again" in fix.problem
    with socket.create_server(("127.0.0.1", port)) as server:
        until_connected(fix, 11.0)
        client, _ = server.accept()
        client.sendall(tpv(3))
        deadline = time.monotonic() + 10
        while fix.has_fix(12.0) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert fix.has_fix(12.0) is True
        client.close()
    fix.close()


def two_addresses(monkeypatch, *found):
    """A host with these addresses, in this order."""
    kind = (socket.SOCK_STREAM, 0, "")
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *asked, **more: [
            (socket.AF_INET6 if ":" in at[0] else socket.AF_INET, *kind, at) for at in found
        ],
    )


def until_fix(fix, now_s):
    deadline = time.monotonic() + 10
    while (answer := fix.has_fix(now_s)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


def test_every_address_of_a_host_is_tried(monkeypatch):
    """As localhost, which is ::1 first, where gpsd listens on 127.0.0.1 only."""
    port = free_port()
    two_addresses(monkeypatch, ("::1", port, 0, 0), ("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(10)
        fix = GpsFix(f"localhost:{port}")
        until_connected(fix, 0.0)
        fix.has_fix(0.1)
        client, _ = server.accept()
        client.sendall(tpv(3))
        assert until_fix(fix, 1.0) is True
        client.close()
    fix.close()


def test_an_address_that_does_not_answer_makes_room_for_the_next(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.create_server(("127.0.0.1", 0)) as server:
        two_addresses(monkeypatch, mute.getsockname(), server.getsockname())
        server.settimeout(10)
        fix = GpsFix("gps.example")
        until_connected(fix, 0.0)
        assert fix.has_fix(CONNECTING_S) is None
        assert fix.has_fix(CONNECTING_S + 0.1) is None
        client, _ = server.accept()
        client.sendall(tpv(3))
        assert until_fix(fix, CONNECTING_S + 0.2) is True
        client.close()
        fix.close()


def test_a_gpsd_that_went_without_a_word_is_connected_anew(server):
    """Its machine lost power: no FIN comes, and the old connection looks open for ever."""
    assert server.ask(1.0, tpv(3)) is True
    assert server.fix.has_fix(1.0 + SILENT_S) is None
    said = server.fix.problem
    assert "no report for 10 s: does it run" in said
    server.fix.has_fix(1.1 + SILENT_S)
    until_connected(server.fix, 1.2 + SILENT_S)
    assert server.fix.problem == said  # in the log it is one trouble, not many
    server._server.settimeout(10)
    again, _ = server._server.accept()
    again.sendall(tpv(2))
    assert until_fix(server.fix, 1.3 + SILENT_S) is True
    again.close()


def test_a_gpsd_without_a_receiver_is_left_connected_while_it_speaks(server):
    for second in range(5, 60, 5):
        server.client.sendall(b'{"class":"DEVICES","devices":[]}\n')
        deadline = time.monotonic() + 10
        while server.fix._heard_s != second and time.monotonic() < deadline:
            assert server.fix.has_fix(float(second)) is None
    server._server.settimeout(0.2)
    with pytest.raises(TimeoutError):
        server._server.accept()


@pytest.mark.parametrize("text", ["", ":2947", "host:", "host:0", "host:99999", "host:x"])
def test_a_malformed_address_is_named(text):
    with pytest.raises(ConfigError, match=r"gps\.gpsd = "):
        parse_address(text)


def test_the_port_may_be_left_out():
    assert parse_address("localhost") == ("localhost", 2947)
    assert parse_address("[::1]:2948") == ("::1", 2948)


def test_a_name_that_takes_long_to_resolve_stops_nobody(monkeypatch):
    """A resolver without a network answers after half a minute; here not before it is let."""
    answers = threading.Event()
    asked = []

    def getaddrinfo(host, port, **kind):
        asked.append(threading.current_thread())
        answers.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    fix = GpsFix("gps.example:2947")
    for second in range(60):
        assert fix.has_fix(float(second)) is None
    assert threading.current_thread() not in asked
    assert len(asked) <= 1
    answers.set()
    until_connected(fix, 60.0)
    assert "Temporary failure in name resolution: trying again" in fix.problem
    fix.close()


def test_a_host_that_is_not_a_name_is_said():
    fix = GpsFix("a..b:2947")
    until_connected(fix, 0.0)
    assert "trying again" in fix.problem
