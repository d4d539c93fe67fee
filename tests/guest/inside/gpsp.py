"""GPS time by GPSP in the guest: the shipped phase code, a chronyd that follows it, and the kernel's clock.

What stands in is the PWM's pin (``ClockedPin``, at the register) and the board's filter, which knows all. GPS time
here begins ``AHEAD_NS`` before the system clock and runs ``GPS_PPM`` fast against the raw counter, so both
offset and frequency must come out with the right sign. A second reference clock, as bad as a receiver's
messages, numbers the seconds and gives the first time, as NTP does on a Pi.
"""

from __future__ import annotations

import dataclasses
import random
import socket
import subprocess
import time
from pathlib import Path

from tcxo_host.config import paths
from tcxo_host.config.settings import PhaseConfig
from tcxo_host.daemon.pipeline import Row
from tcxo_host.estimate.interface import Estimate, State
from tcxo_host.pi.install.plan import Options, make_plan
from tcxo_host.pi.models import model_by_key
from tcxo_host.pi.phase_output import PhaseOutput
from tcxo_host.publish.clock_pair import read_pair
from tcxo_host.publish.phase.ambiguity import wrapped
from tcxo_host.publish.phase.pin import raw_ns
from tcxo_host.publish.refclock import pack_sample
from tcxo_host.sim.clocked_pin import ClockedPin

from guest.inside.kernel_clock import kernel_ppm, wait_until

AHEAD_NS = 30_000_000
GPS_PPM = 20.0
NEAR_NS = 50_000.0
"""An emulated machine reads its clocks in some microseconds, not in 60 ns."""
TIMES = 20
"""So often it must be seen near; a machine so slow that samples fail to come in time needs longer for that."""
EVERY_S = 0.5
NMEA = "/run/chrony.nmea.sock"
COMMANDS = "/run/chrony/chronyd.sock"
CHRONY = f"""
refclock SOCK {NMEA} refid NMEA delay 0.004 poll 0 filter 1
user root
port 0
cmdport 0
bindcmdaddress {COMMANDS}
pidfile /run/chronyd-gpsp.pid
"""


class GpsTime:
    """The truth, and what tells chronyd of it."""

    def __init__(self) -> None:
        self._start_ns = raw_ns()
        self._gps_start_ns = (time.time_ns() + AHEAD_NS) % 1_000_000_000
        self._pin = ClockedPin(20_000_000, self._start_ns)
        config = PhaseConfig(sock_path=paths.PHASE_SOCK, pps="", half_width_ns=1e5)
        self.output = PhaseOutput(config, 50, 1_000_000_000, self._pin)
        self._nmea = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._random = random.Random(1)

    def offset_ns(self) -> float:
        """GPS time minus the system clock now, within half a second."""
        pair = read_pair()
        assert pair is not None
        return wrapped(self._gps_ns(pair.raw_ns) - pair.real_ns % 1_000_000_000)

    def tell(self) -> None:
        """A second's work of the daemon, and of a receiver that is right to some milliseconds."""
        now_ns = raw_ns()
        seen = self._pin.phase_now(now_ns)
        edge_ns = self._start_ns + seen.pi_edge * 20_000_000
        phase = dataclasses.replace(seen, gps_after_ns=self._gps_ns(edge_ns) % 1e9, rate_ppb=GPS_PPM * 1e3)
        estimate = Estimate(State.TRACK, "", -GPS_PPM, 0.001, phase=phase)
        self.output.second(Row(1.0, phase.tick, 1, now_ns, State.TRACK, "", GPS_PPM, GPS_PPM, estimate, None))
        late_s = self._random.uniform(0.0, 2e-3)
        self._nmea.sendto(pack_sample(time.time_ns(), self.offset_ns() * 1e-9 - late_s), NMEA)

    def _gps_ns(self, at_raw_ns: int) -> float:
        return self._gps_start_ns + (at_raw_ns - self._start_ns) * (1.0 + GPS_PPM * 1e-6)


def sources() -> str:
    command = ["chronyc", "-n", "-h", COMMANDS, "sources"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def chrony_follows_gpsp() -> None:
    """Selected, the offset gone, the kernel's rate that of GPS, again and again."""
    plan = make_plan(
        Options("/bin/tcxo-host", "serial:x", phase=True),
        model_by_key("pi4"),
        "/boot/config.txt",
        apparmor=False,
    )
    ours = next(file for file in plan.files if file.path == paths.CHRONY_SNIPPET)
    Path(COMMANDS).parent.mkdir(mode=0o770, exist_ok=True)
    Path("/etc/chrony/gpsp.conf").write_text(ours.content + CHRONY)
    chronyd = subprocess.Popen(["chronyd", "-d", "-f", "/etc/chrony/gpsp.conf"])
    try:
        wait_until(
            "chronyd has made its sockets", lambda: Path(paths.PHASE_SOCK).exists() and Path(NMEA).exists()
        )
        gps = GpsTime()
        first_ns = gps.offset_ns()
        seen_ns: list[float] = []

        def steered() -> bool:
            gps.tell()
            offset_ns, ppm = gps.offset_ns(), kernel_ppm()
            if abs(offset_ns) < NEAR_NS and abs(ppm / GPS_PPM - 1) < 0.05 and "#* GPSP" in sources():
                seen_ns.append(offset_ns)
            return len(seen_ns) >= TIMES

        wait_until(f"chronyd follows GPSP, to {NEAR_NS / 1e3:.0f} us", steered, EVERY_S)
        told = gps.output.about("")["phase"]
        print(
            f"GPS was {first_ns / 1e6:+.3f} ms ahead, then {min(seen_ns) / 1e3:+.2f} to {max(seen_ns) / 1e3:+.2f} us;"
            f" kernel {kernel_ppm():+.3f} ppm, GPS {GPS_PPM:+.3f} ppm; {told['sent']} samples"
        )
    finally:
        chronyd.terminate()
        chronyd.wait()
