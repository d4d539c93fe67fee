"""Connections to the metrics endpoint that are many, idle or slow cost the daemon neither room nor seconds."""

import contextlib
import os
import pty
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from support.streams import PerfectBoard, identify
from tcxo_host.publish.export.metrics import Metrics
from tcxo_host.publish.export.metrics_server import MOST_CONNECTIONS
from tcxo_protocol.framing import encode_frame
from tcxo_protocol.records import build_record

IDLE = 2000


def polled(question, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come")


def descriptors(process="self"):
    return len(os.listdir(f"/proc/{process}/fd"))


@pytest.fixture
def endpoint():
    metrics = Metrics("127.0.0.1:0")
    yield metrics.port
    metrics.close()


def scraped(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return answer.read().startswith(b"# HELP")


@contextlib.contextmanager
def many(port, count):
    """So many connections that say nothing; those that were ended may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_take_a_handful_of_threads_and_a_scraper_still_gets_in(endpoint):
    before = threading.active_count()
    with many(endpoint, 200):
        assert scraped(endpoint)
        assert threading.active_count() - before <= MOST_CONNECTIONS


def test_when_they_end_all_is_free_again(endpoint):
    before = descriptors()
    with many(endpoint, 50):
        pass
    for _ in range(3 * MOST_CONNECTIONS):
        assert scraped(endpoint)
    polled(lambda: descriptors() <= before)


@pytest.mark.parametrize("how", ["a byte at a time", "never reading"])
def test_a_slow_client_is_ended_after_its_time(endpoint, how, monkeypatch):
    monkeypatch.setattr("tcxo_host.publish.export.metrics_server.DEADLINE_S", 0.5)
    with socket.create_connection(("127.0.0.1", endpoint), timeout=60) as client:
        if how == "never reading":
            client.sendall(b"GET /metrics HTTP/1.0\r\n")  # and never the empty line
            assert client.recv(1) == b""
            return
        for _ in range(60 * 50):
            try:
                client.sendall(b"G")
            except OSError:
                return
            time.sleep(0.02)
        raise AssertionError("the slow client is still connected")


@pytest.fixture
def daemon(tmp_path):
    """A real daemon with room for 48 descriptors, on a pty where ``send`` plays the board."""
    master, slave = pty.openpty()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "c.toml"
    config.write_text(
        f'[link]\nurl = "serial:{os.ttyname(slave)}"\nsilence_s = 30\n'
        f'[output]\npath = "{tmp_path}/tcxo"\n[estimator]\nname = "boxcar64"\n'
        f'[metrics]\nlisten = "127.0.0.1:{port}"\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tcxo_host", "run", "--config", str(config)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48)),
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if "is open" in line:
            break
    threading.Thread(target=process.stderr.read, daemon=True).start()
    process.port = port
    process.published = tmp_path / "tcxo"
    process.send = lambda seq, payload: os.write(master, encode_frame(seq, payload))
    yield process
    process.kill()
    process.wait()
    os.close(master)
    os.close(slave)


def test_two_thousand_idle_connections_do_not_stop_the_publishing(daemon):
    who = build_record(
        identify()
    )  # with every second: connecting so often takes longer than a board may be silent
    payloads = enumerate(PerfectBoard(tcxo_ppm=1.0, pi_ppm=0.3).payloads(3000))

    def published_after(before_ns):
        seq, payload = next(payloads)
        daemon.send(seq, who + payload)
        return daemon.published.exists() and daemon.published.stat().st_mtime_ns > before_ns

    polled(lambda: published_after(0))
    with many(daemon.port, IDLE):
        for _ in range(3):
            before_ns = daemon.published.stat().st_mtime_ns
            polled(lambda before_ns=before_ns: published_after(before_ns))
        assert descriptors(daemon.pid) < 40
        assert scraped(daemon.port)
    assert daemon.poll() is None
