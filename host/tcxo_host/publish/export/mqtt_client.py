"""A connection to an MQTT broker that looks after itself in paho's own thread, with what went wrong in words."""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

__all__ = ["MqttClient"]

KEEPALIVE_S = 30
"""A broker that has gone without a word is noticed within twice this."""
RETRY_MOST_S = 60
CLOSE_S = 1.0


class MqttClient:
    """Connects, and connects again, until closed. Nothing here waits for the broker but ``close``, ``CLOSE_S`` at most.

    ``will``: topic of the availability, which reads ``online`` once ``say_online`` was called and ``offline`` when the
    connection is gone. ``tls``: None for a plain connection. Raises ValueError for a host name or topic that cannot be.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        will: str,
        username: str = "",
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.problem = ""
        """What keeps it from the broker now; empty while connected, and before the first try has ended."""
        self.connected = False
        self.connections = 0
        """How often it has been connected."""
        self._availability = will
        self._client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_connect_fail = self._failed
        self._client.on_crash = self._crashed
        self._client.will_set(will, "offline", qos=1, retain=True)
        self._client.reconnect_delay_set(1, RETRY_MOST_S)
        if username:
            self._client.username_pw_set(username, password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.connect_async(host, port, KEEPALIVE_S)
        self._client.loop_start()

    def say_online(self) -> None:
        """Tell all that values come."""
        self.send(self._availability, "online", retain=True)

    def send(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Hand it to the thread; without a connection it is dropped."""
        if self.connected:
            self._client.publish(topic, payload, qos=0, retain=retain)

    def close(self) -> None:
        """Say that no values come any more, and leave."""
        if self.connected:
            with contextlib.suppress(RuntimeError):  # the connection has just ended
                self._client.publish(self._availability, "offline", qos=1, retain=True).wait_for_publish(
                    CLOSE_S
                )
        self._client.closing = True
        self._client.disconnect()
        # the thread may hang in a name server's silence; it ends with the process
        ending = threading.Thread(target=self._client.loop_stop, daemon=True)
        ending.start()
        ending.join(CLOSE_S)

    def _connected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the broker refuses: {str(reason).lower()}: see username and password_file"
        else:
            self.connections += 1
            self.problem = ""
            self.connected = True

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.connected = False
        if not self.problem:  # after a refusal it is closed, too
            self.problem = f"the connection ended: {str(reason).lower()}"

    def _failed(self, client: Any, userdata: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles the error, and does not hand it on
        self.problem = f"cannot be reached: {getattr(error, 'strerror', None) or error}"

    def _crashed(self, error: Exception) -> None:
        self.connected = False
        self.problem = f"cannot be understood, or not be found ({error!r:.120})"


class _Client(paho.Client):
    """Its thread survives what a broker may send."""

    closing = False
    on_crash: Any = None

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> Any:
        while True:
            try:
                return super().loop_forever(timeout, retry_first_connection)
            except Exception as error:  # paho raises what its parser stumbles over
                self.on_crash(error)
            self.connect_async(
                self.host, self.port, self.keepalive
            )  # ends the connection, for a new one later
            end = time.monotonic() + RETRY_MOST_S
            while time.monotonic() < end:
                if self.closing:
                    return MQTTErrorCode.MQTT_ERR_SUCCESS
                time.sleep(0.2)
