"""A real MQTT broker (mosquitto) on a port of its own, with a password and TLS where asked for, and a listener."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

USER, PASSWORD = "tcxo", "söme thing"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Broker:
    """Files below ``folder``; started and stopped as often as a test likes, on the same port."""

    def __init__(self, folder, *, tls=False):
        self.folder = folder
        self.port = free_port()
        self.ca = folder / "ca.pem" if tls else None
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self._process = None
        users = folder / "users"
        subprocess.run(
            ["mosquitto_passwd", "-c", "-b", users, USER, PASSWORD], check=True, capture_output=True
        )
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous false", f"password_file {users}"]
        if os.geteuid() == 0:
            lines.append("user root")
        if tls:
            make_certificate(folder)
            lines += [f"certfile {folder}/ca.pem", f"keyfile {folder}/key.pem"]
        (folder / "conf").write_text("\n".join(lines) + "\n")

    def start(self):
        self._process = subprocess.Popen(
            [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", self.folder / "conf"],
            stderr=subprocess.DEVNULL,
        )
        while True:
            assert self._process.poll() is None
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def make_certificate(folder):
    """``ca.pem``: a certificate for localhost that vouches for itself; ``key.pem``: its key."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names,
         "-keyout", folder / "key.pem", "-out", folder / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


class Listener:
    """Hears everything: ``last`` message by topic, ``count`` of messages by topic."""

    def __init__(self, broker):
        self.last, self.count, self.retained = {}, {}, set()
        self._heard = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER, PASSWORD)
        if broker.ca:
            self._client.tls_set(str(broker.ca))
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _take(self, client, userdata, message):
        with self._heard:
            self.last[message.topic] = message.payload.decode()
            self.count[message.topic] = self.count.get(message.topic, 0) + 1
            if message.retain:
                self.retained.add(message.topic)
            self._heard.notify_all()

    def until(self, wanted, step=lambda: None):
        """Wait until ``wanted(self)`` holds; ``step`` is called again and again meanwhile."""
        deadline = time.monotonic() + 60
        while not wanted(self):
            step()
            with self._heard:
                self._heard.wait(0.1)
            assert time.monotonic() < deadline, self.last

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
