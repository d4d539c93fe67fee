"""Lines as chronyd writes them (4.3 to 4.8; its own format strings), from arrays with a known truth."""

from __future__ import annotations

import time

import numpy as np

BANNERS = {
    "refclocks": "   Date (UTC) Time         Refid  DP L P  Raw offset   Cooked offset      Disp.",
    "measurements": "   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del."
    " Peer disp.  Root del. Root disp. Refid     MTxRx",
    "tracking": "   Date (UTC) Time     IP Address   St   Freq ppm   Skew ppm     Offset L Co  Offset sd Rem. corr."
    " Root delay Root disp. Max. error",
}
UTC_S = 1_767_225_600.0


def _moment(utc_s):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(utc_s)))


def banner(log):
    """The three lines that come every 32 entries."""
    bar = "=" * len(BANNERS[log])
    return [bar, BANNERS[log], bar]


def refclock_line(utc_s, refid, offset_s, *, filtered=False):
    """``log_sample`` of refclock.c."""
    whole = int(utc_s)
    moment = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(whole))}.{int((utc_s - whole) * 1e6):06d}"
    if filtered:
        return f"{moment} {refid:<5}   - N -       -       {offset_s:13.6e} {1e-6:10.3e}"
    return f"{moment} {refid:<5} {3:3d} N 1 {offset_s:13.6e} {offset_s:13.6e} {1e-6:10.3e}"


def measurement_line(utc_s, address, offset_s):
    """ntp_core.c."""
    moment = _moment(utc_s)
    return (
        f"{moment} {address:<15} N  1 111 111 1111   4  4 0.00 {offset_s:10.3e} {1e-4:10.3e} {1e-7:10.3e}"
        f" {1e-6:10.3e} {2e-6:10.3e} 47505300 4I H H"
    )


def tracking_line(utc_s, offset_s, freq_ppm=-3.541):
    """reference.c; ``offset_s`` + where the clock is fast, ``freq_ppm`` + where it would be without correction."""
    moment = _moment(utc_s)
    return (
        f"{moment} {'PPS0':<15}  1 {freq_ppm:10.3f} {0.075:10.3f} {offset_s:10.3e} N  1 {2.94e-8:10.3e}"
        f" {-2.084e-8:10.3e} {1.5e-9:10.3e} {3.4e-7:10.3e} {8.3e-7:10.3e}"
    )


def tempcomp_line(utc_s, value, ppm):
    """tempcomp.c."""
    moment = _moment(utc_s)
    return f"{moment} {value:11.4e} {ppm:11.4e}"


def tracking_log(utc_s: np.ndarray, offset_s: np.ndarray) -> str:
    """tracking.log, with its banner."""
    lines = [tracking_line(at, offset) for at, offset in zip(utc_s, offset_s, strict=True)]
    return "\n".join([*banner("tracking"), *lines]) + "\n"


def statistics_log(utc_s: np.ndarray, residual_ppm: np.ndarray) -> str:
    """statistics.log (sourcestats.c: ``%15s %10.3e %10.3e %10.3e %10.3e %10.3e %7.1e ...``)."""
    rows = [
        f"{_moment(at)} PPS0             1.110e-06 -4.215e-08  3.114e-07 {residual * 1e-6:10.3e}  2.900e-08 1.0e-01"
        "  32   0  17  0.00\n"
        for at, residual in zip(utc_s, residual_ppm, strict=True)
    ]
    return "".join(rows)


def refclocks_log(utc_s: np.ndarray, offset_s: np.ndarray, refid: str = "GPSP") -> str:
    """refclocks.log, raw samples."""
    lines = [refclock_line(at, refid, offset) for at, offset in zip(utc_s, offset_s, strict=True)]
    return "\n".join(lines) + "\n"


def wandering(rng: np.random.Generator, count: int, sigma: float, keep: float = 0.7) -> np.ndarray:
    """Samples of which neighbours hang together, as chrony's do: first-order autoregression."""
    values = np.empty(count)
    values[0] = rng.normal(0, sigma)
    noise = rng.normal(0, sigma * np.sqrt(1 - keep**2), count)
    for index in range(1, count):
        values[index] = keep * values[index - 1] + noise[index]
    return values
