"""The daemon's values for an MQTT broker: what is sent when. A broker that is away costs the daemon nothing."""

from __future__ import annotations

import importlib
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ...errors import ConfigError, missing_extra
from ...estimate.interface import State
from ...files import read_file
from .home_assistant import discovery, known_sensors, message_values, topic_name

__all__ = ["Broker", "Mqtt"]

_PLAIN_PORT, _TLS_PORT = 1883, 8883
_LONGEST_TOPIC = 200


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it is and who we are there, as in ``[mqtt]``."""

    host: str
    port: int = 0
    tls: bool = False
    ca_file: str = ""
    username: str = ""
    password_file: str = ""


class Mqtt:
    """Sends a message each ``period_s``, and what makes Home Assistant show its values after each connection.

    ``name``, ``topic``, ``discovery``: as in ``[mqtt]``. What can only be a mistake stops the daemon at its start:
    raises ConfigError for a file that cannot be read, topics or a host that cannot be, and UnavailableError without
    paho-mqtt.
    A broker that cannot be reached, or refuses, is ``problem``.
    """

    def __init__(
        self, broker: Broker, *, name: str = "", topic: str, discovery: str, period_s: float
    ) -> None:
        for key, each in (("topic", topic), ("discovery", discovery)):
            if any(char in each for char in "#+") or each.startswith(("/", "$")) or each.endswith("/"):
                raise ConfigError(f"mqtt.{key} = {each!r}: expected names with / between, without # and +")
            if len(each) > _LONGEST_TOPIC:
                raise ConfigError(f"mqtt.{key} is longer than {_LONGEST_TOPIC} characters")
        if not topic:
            raise ConfigError("mqtt.topic is empty: expected a name such as tcxo-host")
        password = _password(broker)
        tls = _tls(broker) if broker.tls else None
        try:
            client = importlib.import_module(".mqtt_client", __package__)
        except ImportError:
            raise missing_extra("mqtt", "paho-mqtt", "mqtt") from None
        self._where = f"mqtt broker {broker.host}"
        self._name = topic_name(name or socket.gethostname())
        self._base = f"{topic}/{self._name}"
        self._discovery = discovery
        self._period_s = period_s
        self._version = version("tcxo-host")
        self._sent_s = float("-inf")
        self._followed_s: float | None = None
        self._announced: set[str] = set()
        self._connections = 0
        self._bug = ""
        try:
            self._client = client.MqttClient(
                broker.host,
                broker.port or (_TLS_PORT if broker.tls else _PLAIN_PORT),
                client_id=f"tcxo-host-{self._name}",
                will=f"{self._base}/availability",
                username=broker.username,
                password=password,
                tls=tls,
            )
        except ValueError as error:
            raise ConfigError(f"[mqtt] cannot be: {error}: see host, topic and username") from None

    @property
    def problem(self) -> str:
        """Why nothing can be sent now, or an empty text; before the first answer of the broker there is none."""
        said: str = self._bug or self._client.problem
        return f"{self._where} {said}; trying again until it works" if said else ""

    def update(self, status: Mapping[str, Any], now_s: float) -> None:
        """Take a new status, as the status file has it; ``now_s``: any steady clock. Waits for nobody."""
        try:
            self._send(status, now_s)
            self._bug = ""
        except Exception as error:  # a bug here must not cost the clock its correction
            self._bug = f"cannot be served: {error!r}"

    def _send(self, status: Mapping[str, Any], now_s: float) -> None:
        if status["state"] == State.TRACK:
            self._followed_s = now_s
        connections = self._client.connections
        is_new = connections != self._connections
        if not self._client.connected or not (is_new or now_s - self._sent_s >= self._period_s):
            return
        if is_new:  # the broker may have lost all that it kept
            self._connections = connections
            self._announced.clear()
        self._sent_s = now_s
        values = message_values(status, None if self._followed_s is None else now_s - self._followed_s)
        self._announce(values)
        if is_new:
            self._client.say_online()
        self._client.send(f"{self._base}/values", json.dumps(values, ensure_ascii=False))

    def close(self) -> None:
        """Say that no values come any more. Never raises."""
        self._client.close()

    def _announce(self, values: Mapping[str, Any]) -> None:
        """The sensors that this connection has not told yet."""
        if not self._discovery:
            return
        expire_s = round(3 * self._period_s + 10)
        for sensor in known_sensors(values):
            if sensor.key not in self._announced:
                self._announced.add(sensor.key)
                topic, payload = discovery(sensor, self._base, self._name, self._version, expire_s)
                self._client.send(f"{self._discovery}/{topic}", payload, retain=True)


def _password(broker: Broker) -> str | None:
    if not broker.password_file:
        return None
    if not broker.username:
        raise ConfigError("mqtt.password_file is set, but mqtt.username is empty: set both")
    try:
        text = read_file(broker.password_file).decode()
    except OSError as error:
        problem = f"mqtt.password_file = {broker.password_file!r}: cannot be read: {error.strerror}"
        raise ConfigError(f"{problem}: the daemon's user must be able to") from None
    except UnicodeDecodeError:
        raise ConfigError(f"mqtt.password_file = {broker.password_file!r}: is no text") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise ConfigError(f"mqtt.password_file = {broker.password_file!r}: is empty")
    return password


def _tls(broker: Broker) -> ssl.SSLContext:
    if broker.ca_file and not os.path.isfile(broker.ca_file):
        raise ConfigError(f"mqtt.ca_file = {broker.ca_file!r}: there is no such file")
    try:
        return ssl.create_default_context(cafile=broker.ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        told = error.strerror or str(error)
        raise ConfigError(f"mqtt.ca_file = {broker.ca_file!r}: cannot be used: {told}") from None
