"""Board streams for unit tests: perfect periodic edges as record payloads, without a firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tcxo_protocol.records import (
    Channel,
    ChannelCounts,
    Edges,
    Identify,
    Status,
    build_record,
)
from tcxo_protocol.spec import Role

TICK_HZ = 84_000_000
RATES_MHZ = {Role.GPS_PPS: 1000, Role.RTC_PPS: 1000, Role.HOST_PWM: 50_000}
CHANNEL_OF = {"gps_pps": 0, "rtc_pps": 1, "host_pwm": 2}


def identify(boot_id: int = 1, **changes: object) -> Identify:
    channels = tuple(Channel(n, role, rate, f"X{n}") for n, (role, rate) in enumerate(RATES_MHZ.items()))
    values = {
        "boot_id": boot_id,
        "reset_cause": 1,
        "tick_hz": TICK_HZ,
        "counter_bits": 32,
        "firmware_version": "0.1.0",
        "board": "TEST",
        "micropython_version": "1.29.0",
        "channels": channels,
    }
    return Identify(**{**values, **changes})  # type: ignore[arg-type]


def status(tick: int) -> Status:
    counts = tuple(ChannelCounts(n, 0, 0, 0) for n in range(3))
    return Status(tick // TICK_HZ, tick, 0, 0, 25.0, None, 3.3, counts)


class PerfectBoard:
    """Edges of clocks with constant errors (ppm, + fast), tick 0 at true time 0, a payload a second."""

    def __init__(self, tcxo_ppm: float = 0.0, pi_ppm: float = 0.0, rtc_ppm: float = 0.0) -> None:
        self._tcxo = 1 + tcxo_ppm * 1e-6
        self._rate = {"gps_pps": 1.0, "rtc_pps": 1 + rtc_ppm * 1e-6, "host_pwm": 50 * (1 + pi_ppm * 1e-6)}
        self._next = dict.fromkeys(self._rate, 0)
        self._pi_shift_s = 0.0
        self.second = 0

    def set_pi_ppm(self, pi_ppm: float) -> None:
        """The Pi's clock runs like this from its next edge on."""
        cycles, rate = self._next["host_pwm"] + 0.3, 50 * (1 + pi_ppm * 1e-6)
        self._pi_shift_s += cycles / self._rate["host_pwm"] - cycles / rate
        self._rate["host_pwm"] = rate

    def edges(self) -> dict[str, tuple[int, list[int]]]:
        """The next true second: first running number and ticks, by role."""
        end_s = self.second + 1.0
        made = {}
        for role, rate in self._rate.items():
            first = self._next[role]
            ticks = []
            shift_s = self._pi_shift_s if role == "host_pwm" else 0.0
            while (time_s := (self._next[role] + 0.3) / rate + shift_s) < end_s:
                ticks.append(int(time_s * TICK_HZ * self._tcxo))
                self._next[role] += 1
            made[role] = (first, ticks)
        self.second += 1
        return made

    def tick_now(self) -> int:
        return int(self.second * TICK_HZ * self._tcxo)

    def payload(
        self, moved: Mapping[str, Mapping[int, int]] | None = None, drop: tuple[str, ...] = ()
    ) -> bytes:
        """The next second as records; ``moved[role][index]`` shifts single edges by ticks."""
        records: list[Edges | Status] = []
        for role, (number, ticks) in self.edges().items():
            shift = (moved or {}).get(role, {})
            ticks = [tick + shift.get(index, 0) for index, tick in enumerate(ticks)]
            if ticks and role not in drop:
                records.append(Edges(CHANNEL_OF[role], 0, number, tuple(ticks)))
        return b"".join(map(build_record, [*records, status(self.tick_now())]))

    def payloads(self, seconds: int) -> Iterator[bytes]:
        for _ in range(seconds):
            yield self.payload()
