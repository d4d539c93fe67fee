"""The serial link over a pty and over TCP, and what it says when it cannot."""

import os
import pty
import socket
import threading
import tty

import pytest
import serial
from serial.rfc2217 import PortManager
from tcxo_host.errors import LinkError, UsageError
from tcxo_host.link.url import open_link
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import Text, build_record

FRAMES = [encode_frame(n, build_record(Text(f"line {n}"))) for n in range(3)]


@pytest.fixture
def board():
    """The board's end of a pty, and the host's end's name."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def payloads(link, count):
    got = []
    while len(got) < count:
        received = link.read(5)
        assert received, "nothing came for 5 s"
        got += [each.payload for each in received]
    return got


def test_frames_over_a_pty_and_a_command_back(board):
    master, name = board
    link = open_link(f"serial:{name}")
    link.send("id")
    assert os.read(master, 10) == b"id\n"
    os.write(master, FRAMES[0] + FRAMES[1][:5])
    assert payloads(link, 1) == [build_record(Text("line 0"))]
    os.write(master, FRAMES[1][5:] + FRAMES[2])
    assert payloads(link, 2) == [build_record(Text("line 1")), build_record(Text("line 2"))]
    assert link.counts.frames == 3
    assert link.read(0.01) == []
    link.close()


def test_a_bare_path_is_a_serial_device(board):
    link = open_link(board[1])
    assert link.url == f"serial:{board[1]}"
    link.close()


def test_frames_over_tcp():
    server = socket.create_server(("127.0.0.1", 0))
    link = open_link(f"serial:socket://127.0.0.1:{server.getsockname()[1]}")
    peer, _ = server.accept()
    peer.sendall(b"".join(FRAMES))
    assert len(payloads(link, 3)) == 3
    peer.close()
    with pytest.raises(LinkError, match="went away"):
        payloads(link, 1)
    link.close()
    server.close()


class PtyPort(serial.Serial):
    """A pty has no modem lines to ask for or to set."""

    cts = dsr = ri = cd = dtr = rts = False


def serve_rfc2217(server, device):
    """One client of an RFC 2217 server, as a serial device server is one; until the client leaves."""
    connection, _ = server.accept()
    port = PtyPort(device, timeout=0)
    manager = PortManager(port, type("Connection", (), {"write": staticmethod(connection.sendall)}))
    connection.settimeout(0.02)
    while True:
        if data := port.read(1000):
            connection.sendall(b"".join(manager.escape(data)))
        try:
            data = connection.recv(1000)
        except TimeoutError:
            continue
        except OSError:
            data = b""
        if not data:
            break
        port.write(b"".join(manager.filter(data)))
    port.close()
    connection.close()


def test_frames_over_rfc2217(board):
    master, name = board
    server = socket.create_server(("127.0.0.1", 0))
    served = threading.Thread(target=serve_rfc2217, args=(server, name))
    served.start()
    link = open_link(f"serial:rfc2217://127.0.0.1:{server.getsockname()[1]}")
    os.write(master, b"".join(FRAMES))
    assert len(payloads(link, 3)) == 3
    link.send("id")
    assert os.read(master, 10) == b"id\n"
    link.close()
    served.join(20)
    assert not served.is_alive()
    server.close()


def test_a_line_that_vanishes_is_a_link_error():
    master, slave = pty.openpty()
    link = open_link(f"serial:{os.ttyname(slave)}")
    os.close(slave)
    os.close(master)
    with pytest.raises(LinkError, match="went away"):
        link.read(1)
    link.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("serial:/dev/no-such-board", "no such device"),
        ("serial:/dev/null", "not a serial port"),
        ("serial:socket://127.0.0.1:1", "cannot connect"),
        ("serial:nonsense://x", "not a serial device or URL"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(url, says):
    with pytest.raises(LinkError, match=says) as caught:
        open_link(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "serial:", "usb:3", "ttyACM0"])
def test_an_unknown_kind_of_url_names_the_known_ones(url):
    with pytest.raises(UsageError, match="serial:/dev/ttyACM0"):
        open_link(url)
