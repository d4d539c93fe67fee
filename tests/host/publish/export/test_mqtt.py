"""Values at a real MQTT broker, and a daemon that a broker in whatever state does not hold up."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from support import broker as real
from support.broker import PASSWORD, USER, Listener
from support.running import Running
from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.errors import ConfigError
from tcxo_host.publish.export import mqtt_client
from tcxo_host.publish.export.mqtt import Broker, Mqtt

MOSQUITTO = pytest.mark.needs("mosquitto", "mosquitto_passwd", "openssl")


@pytest.fixture
def status(tmp_path):
    """A running daemon's status after 70 s."""
    running = Running(tmp_path)
    running.run(70)
    running.outputs.close()
    return json.loads(running.status.read_text())


def mqtt_of(broker, **changes):
    where = {
        "host": "localhost",
        "port": broker.port,
        "username": USER,
        "password_file": str(broker.password_file),
    }
    where |= {key: changes.pop(key) for key in list(changes) if key in Broker.__dataclass_fields__}
    options = {"name": "attic", "topic": "tcxo-host", "discovery": "homeassistant", "period_s": 5} | changes
    return Mqtt(Broker(**where), **options)


def wait_until(condition, step=lambda: None):
    deadline = time.monotonic() + 60
    while not condition():
        step()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@MOSQUITTO
def test_a_real_daemon_at_a_broker_with_tls_and_a_password_up_to_its_sudden_death(tmp_path):
    with real.Broker(tmp_path, tls=True) as broker:
        listener = Listener(broker)
        config = tmp_path / "c.toml"
        config.write_text(
            f'[mqtt]\nhost = "localhost"\nport = {broker.port}\ntls = true\nca_file = "{broker.ca}"\n'
            f'username = "{USER}"\npassword_file = "{broker.password_file}"\nname = "Attic Pi"\nperiod_s = 1\n'
        )
        options = ["--link", "sim:steady", "--measure-only", "--config", config]
        daemon = subprocess.Popen([sys.executable, "-m", "tcxo_host", "run", *options])
        try:
            listener.until(lambda it: it.count.get("tcxo-host/Attic-Pi/values", 0) >= 3)
            assert listener.last["tcxo-host/Attic-Pi/availability"] == "online"
            values = json.loads(listener.last["tcxo-host/Attic-Pi/values"])
            assert values["host_pwm_hz"] is None or values["host_pwm_hz"] == pytest.approx(50, abs=1)
            about = json.loads(listener.last["homeassistant/sensor/tcxo_host_Attic-Pi/state/config"])
            assert about["state_topic"] == "tcxo-host/Attic-Pi/values"
            daemon.kill()
            listener.until(lambda it: it.last["tcxo-host/Attic-Pi/availability"] == "offline")
        finally:
            daemon.kill()
            daemon.wait()
        late = Listener(broker)  # as Home Assistant after a restart of its own
        late.until(lambda it: "homeassistant/sensor/tcxo_host_Attic-Pi/state/config" in it.retained)
        late.until(lambda it: it.last.get("tcxo-host/Attic-Pi/availability") == "offline")
        assert "tcxo-host/Attic-Pi/values" not in late.last
        late.close()
        listener.close()


@MOSQUITTO
def test_a_restart_of_the_broker_is_lived_through_and_everything_is_told_again(tmp_path, status):
    with real.Broker(tmp_path) as broker:
        listener = Listener(broker)
        mqtt = mqtt_of(broker)
        now = iter(range(1_000_000))

        def step():
            mqtt.update(status, next(now))

        def discovered(it):
            return it.count.get("homeassistant/sensor/tcxo_host_attic/state/config", 0)

        listener.until(lambda it: "tcxo-host/attic/values" in it.last, step)
        assert json.loads(listener.last["tcxo-host/attic/values"])["freq_error_ppm"] == pytest.approx(
            0.3, abs=1e-3
        )
        before = discovered(listener)
        broker.stop()
        wait_until(lambda: mqtt.problem, step)
        assert "trying again until it works" in mqtt.problem
        broker.start()
        listener.until(lambda it: discovered(it) > before, step)
        wait_until(lambda: not mqtt.problem, step)
        mqtt.close()
        listener.until(lambda it: it.last["tcxo-host/attic/availability"] == "offline")
        listener.close()


@MOSQUITTO
def test_a_message_comes_each_period_and_no_more(tmp_path, status):
    with real.Broker(tmp_path) as broker:
        listener = Listener(broker)
        mqtt = mqtt_of(broker, discovery="")
        wait_until(lambda: mqtt._client.connected)
        for now_s in range(21):
            mqtt.update(status, now_s)
        mqtt.close()
        listener.until(lambda it: it.last.get("tcxo-host/attic/availability") == "offline")
        assert listener.count["tcxo-host/attic/values"] == 5
        assert not any(topic.startswith("homeassistant") for topic in listener.last)
        listener.close()


@MOSQUITTO
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password_file": "wrong"}, "the broker refuses: not authorized: see username and password_file"),
        ({"username": "", "password_file": ""}, "the broker refuses: not authorized"),
        ({"tls": True}, "cannot be reached: "),
    ],
    ids=str,
)
def test_a_refusal_is_said_once_in_words_while_the_daemon_goes_on(tmp_path, caplog, changes, said):
    (tmp_path / "wrong").write_text("wrong\n")
    with real.Broker(tmp_path) as broker:
        settings = {"host": "localhost", "port": broker.port, "username": USER}
        settings["password_file"] = str(broker.password_file)
        settings |= {k: str(tmp_path / v) if v == "wrong" else v for k, v in changes.items()}
        running = Running(tmp_path, override(Config(), "mqtt", **settings))
        wait_until(lambda: said in caplog.text, lambda: running.run(1))
        for _ in range(100):
            running.run(1)
        running.outputs.close()
    assert sum(said in record.message for record in caplog.records) == 1
    assert json.loads(running.status.read_text())["state"] == "track"


def test_a_broker_that_is_not_there_is_one_line(tmp_path, caplog):
    running = Running(tmp_path, override(Config(), "mqtt", host="localhost", port=real.free_port()))
    wait_until(
        lambda: "mqtt broker localhost cannot be reached: Connection refused" in caplog.text,
        lambda: running.run(1),
    )
    running.outputs.close()


class Peer:
    """Listens where a broker should; ``answer`` is what each connection gets."""

    def __init__(self, answer):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.connections = []
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                one, _ = self.server.accept()
                self.connections.append(one)
                one.sendall(self._answer)
        except OSError:
            pass

    def close(self):
        self.server.close()
        for each in self.connections:
            each.close()


def test_a_peer_that_takes_the_connection_and_says_nothing_holds_nothing_up(status):
    peer = Peer(b"")
    mqtt = Mqtt(Broker("127.0.0.1", peer.port), topic="t", discovery="", period_s=1)
    wait_until(lambda: peer.connections)
    for now_s in range(1000):
        mqtt.update(status, now_s)
    mqtt.close()
    peer.close()


CONNACK = b"\x20\x02\x00\x00"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00" * 100,
        b"\xff" * 100,
        CONNACK + b"\x30\x05\x00\x40abc",
        CONNACK + b"\xf0\x00",
    ],
    ids=["http", "zeros", "ones", "short publish", "no packet"],
)
def test_whatever_a_peer_sends_the_connection_is_tried_again(monkeypatch, status, answer):
    monkeypatch.setattr(mqtt_client, "RETRY_MOST_S", 1)
    monkeypatch.setattr(mqtt_client, "KEEPALIVE_S", 1)
    peer = Peer(answer)
    mqtt = Mqtt(Broker("127.0.0.1", peer.port), topic="t", discovery="", period_s=1)
    wait_until(lambda: len(peer.connections) >= 2, lambda: mqtt.update(status, 0.0))
    mqtt.close()
    peer.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"password_file": "/nonexistent", "username": "u"}, "cannot be read: No such file"),
        ({"password_file": "/etc", "username": "u"}, "cannot be read: is a directory"),
        ({"password_file": "/dev/null", "username": "u"}, "cannot be read: is a character device"),
        ({"password_file": "/etc/hostname"}, "mqtt.username is empty"),
        ({"tls": True, "ca_file": "/nonexistent"}, "there is no such file"),
        ({"tls": True, "ca_file": "/etc/hostname"}, "cannot be used"),
        ({"topic": "a/#"}, "without # and +"),
        ({"topic": ""}, "mqtt.topic is empty"),
        ({"topic": "x" * 70_000}, "mqtt.topic is longer than 200"),
        ({"discovery": "/x"}, "expected names"),
    ],
    ids=str,
)
def test_a_mistake_stops_the_daemon_at_its_start(tmp_path, settings, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        Running(tmp_path, override(Config(), "mqtt", host="localhost", **settings))
    assert PASSWORD not in said


def test_ending_a_daemon_whose_broker_is_away_leaves_no_process(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text('[mqtt]\nhost = "192.0.2.1"\n')
    status = tmp_path / "status"
    options = ["--link", "sim:steady", "--measure-only", "--status", status, "--config", config]
    daemon = subprocess.Popen([sys.executable, "-m", "tcxo_host", "run", *options], stderr=subprocess.DEVNULL)
    wait_until(lambda: status.exists() and "SIMULATED" in status.read_text())
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0


def test_a_connection_that_ends_while_the_daemon_ends_does_not_keep_it_from_ending():
    mqtt = Mqtt(Broker("localhost", real.free_port()), topic="t", discovery="", period_s=1)
    mqtt._client.connected = True  # as between the end of a connection and the thread that notices it
    mqtt.close()


def test_a_bug_in_here_costs_the_clock_nothing(tmp_path, caplog, monkeypatch):
    running = Running(tmp_path, override(Config(), "mqtt", host="localhost", port=real.free_port()))
    monkeypatch.setattr(Mqtt, "_send", lambda *_: 1 / 0)
    for _ in range(70):
        running.run(1)
    running.outputs.close()
    assert "mqtt broker localhost cannot be served: ZeroDivisionError" in caplog.text
    assert json.loads(running.status.read_text())["last_published_ppm"] is not None


def test_a_host_that_cannot_be_one_is_a_problem_in_words(status):
    mqtt = Mqtt(Broker("ä" * 100), topic="t", discovery="", period_s=1)
    wait_until(lambda: mqtt.problem, lambda: mqtt.update(status, 0.0))
    assert "trying again" in mqtt.problem
    mqtt.close()
