"""Lines as chronyd writes them (4.3 to 4.8; its own format strings), from arrays with a known truth."""

from __future__ import annotations

import time

BANNERS = {
    "refclocks": "   Date (UTC) Time         Refid  DP L P  Raw offset   Cooked offset      Disp.",
    "measurements": "   Date (UTC) Time     IP Address   L St 123 567 ABCD  LP RP Score    Offset  Peer del."
    " Peer disp.  Root del. Root disp. Refid     MTxRx",
}
UTC_S = 1_767_225_600.0


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
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(utc_s)))
    return (
        f"{moment} {address:<15} N  1 111 111 1111   4  4 0.00 {offset_s:10.3e} {1e-4:10.3e} {1e-7:10.3e}"
        f" {1e-6:10.3e} {2e-6:10.3e} 47505300 4I H H"
    )


def tracking_line(utc_s, offset_s, freq_ppm=-3.541):
    """reference.c; ``offset_s`` + where the clock is fast, ``freq_ppm`` + where it would be without correction."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(utc_s)))
    return (
        f"{moment} {'PPS0':<15}  1 {freq_ppm:10.3f} {0.075:10.3f} {offset_s:10.3e} N  1 {2.94e-8:10.3e}"
        f" {-2.084e-8:10.3e} {1.5e-9:10.3e} {3.4e-7:10.3e} {8.3e-7:10.3e}"
    )


def tempcomp_line(utc_s, value, ppm):
    """tempcomp.c."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(utc_s)))
    return f"{moment} {value:11.4e} {ppm:11.4e}"
