"""The real ptp4l and pmc on two hosts of the test's own: what the client hears follows the daemon's state."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time

import pytest
from support.running import Running
from support.two_hosts import INTERFACES, TwoHosts
from tcxo_host.config.settings import PtpConfig
from tcxo_host.pi.install.plan import Plan
from tcxo_host.pi.ptp.configuration import PtpOptions, linuxptp_text, server_plan
from tcxo_host.pi.ptp.hardware import ptp_hardware
from tcxo_host.pi.ptp.pmc import ask, fields_of, pmc_command
from tcxo_host.pi.ptp.quality_output import AGAIN_S, PtpOutput
from tcxo_host.pi.root import Root

pytestmark = [
    pytest.mark.needs("ptp4l", "pmc", "ip", "unshare", "nsenter"),
    pytest.mark.skipif(os.geteuid() != 0, reason="left out: network namespaces need root"),
]

# Stands for chronyc: one line of "tracking" in chronyc's CSV form (client.c), synchronised to a pulse or not at all.
CHRONYC = """#!/bin/sh
now=$(date +%s)
case $(cat {mode}) in
pulse) echo "50505300,PPS,1,$now.0,0.000000010,0.000000020,0.000000060,-12.3,0.000,0.010,0.0,0.0,16.0,Normal" ;;
*) echo "7F7F0101,,0,0.0,0.0,0.0,0.0,-12.3,0.000,0.010,0.0,0.0,0.0,Not synchronised" ;;
esac
"""


class Site:
    """A server with the daemon's inside, a client; time for the daemon's patience can be jumped over."""

    def __init__(self, folder):
        self.folder, self.hosts, self.ahead_s = folder, TwoHosts(), 0.0
        self.mode = folder / "mode"
        self.mode.write_text("pulse")
        chronyc = folder / "chronyc"
        chronyc.write_text(CHRONYC.format(mode=self.mode))
        chronyc.chmod(0o755)
        self.servers = []
        self.start_server()
        client = self.options("client")
        text = linuxptp_text(client)
        assert "clock_servo " in text
        self.start("client", text.replace("clock_servo ", "free_running 1\n#"))
        config = self.options("server").settings
        self.output = PtpOutput(config, Root("/"), (str(chronyc),), lambda: time.monotonic() + self.ahead_s)
        self.daemon = Running(folder, phase=self.output, estimator="kalman")

    def options(self, role):
        settings = PtpConfig(uds=str(self.folder / f"{role}.uds"), own_socket=str(self.folder / "pmc.sock"))
        return PtpOptions(role, INTERFACES[role], (3, 1), "software", None, ptp_hardware(Root("/")), settings)

    def start(self, host, text):
        conf = self.folder / f"{host}.conf"
        conf.write_text(text + "logAnnounceInterval -2\n")  # in a quarter of the time
        command = ("ptp4l", "-m", "-f", str(conf), "-i", INTERFACES[host])
        return self.hosts.start(host, *command, log=self.folder / f"{host}.log")

    def start_server(self):
        self.servers.append(self.start("server", linuxptp_text(self.options("server"))))

    def heard(self):
        """What the client was announced: class, accuracy, whether the frequency is traceable."""
        socket = str(self.folder / "ask.sock")
        asked = ("GET PARENT_DATA_SET", "GET TIME_PROPERTIES_DATA_SET", "GET PORT_DATA_SET")
        text = ask(pmc_command(str(self.folder / "client.uds"), 0, socket, *asked))
        parent, time_ = fields_of(text, "PARENT_DATA_SET"), fields_of(text, "TIME_PROPERTIES_DATA_SET")
        if (
            not parent
            or not time_
            or (fields_of(text, "PORT_DATA_SET") or {}).get("portState") == "LISTENING"
        ):
            return None
        return int(parent["gm.ClockClass"]), parent["gm.ClockAccuracy"], time_["frequencyTraceable"]

    def until(self, clock_class, drive):
        """Let the daemon go on by ``drive`` until the client hears that class."""
        while not (heard := self.heard()) or heard[0] != clock_class:
            drive()
            time.sleep(0.05)
        return heard

    def close(self):
        self.hosts.close()
        self.output.close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


def test_the_announced_quality_follows_the_daemons_state(site):
    run, hold = site.daemon.run, site.daemon.hold
    assert site.until(248, lambda: None)[0] == 248, "before the daemon says anything"
    # synchronised: accuracy from chronyd's own figures, 3 * 60 ns
    assert site.until(6, lambda: run(1)) == (6, "0x22", "1")
    assert site.until(7, lambda: run(1, drop=("gps_pps",)))[0] == 7, "holdover: GPS is away"
    assert site.until(6, lambda: run(1))[0] == 6, "and back"
    # the board is gone: for a moment that is a holdover, after a minute it is lost
    assert site.until(7, lambda: hold("no records from the board for 5 s"))[0] == 7
    site.ahead_s += 61.0
    assert site.until(52, lambda: hold("no records from the board for 5 s")) == (52, "0xfe", "0")
    assert site.until(6, lambda: run(1))[0] == 6
    # chronyd has lost its pulse, whatever the daemon measures
    site.mode.write_text("nothing")
    site.ahead_s += 31.0
    assert site.until(7, lambda: run(1))[0] == 7
    site.mode.write_text("pulse")
    site.ahead_s += 31.0
    assert site.until(6, lambda: run(1))[0] == 6
    # the daemon ends: its claim does not outlive it
    site.output.close()
    assert site.until(52, lambda: None)[0] == 52


def test_a_ptp4l_that_was_restarted_is_told_again_and_one_that_is_away_is_a_problem(site):
    site.until(6, lambda: site.daemon.run(1))
    site.servers[-1].kill()
    site.servers[-1].wait()
    site.ahead_s += AGAIN_S

    def told():
        site.daemon.run(1)
        time.sleep(0.05)
        return site.output.about("")["ptp"]

    while not told()["problem"]:
        pass
    assert told()["clock_class"] is None
    os.unlink(site.folder / "server.uds")
    site.start_server()

    def drive():
        site.daemon.run(1)
        site.ahead_s += 1.0

    assert site.until(6, drive)[0] == 6


def test_a_daemon_that_is_killed_leaves_no_claim(site):
    """systemd runs the drop-in's ExecStopPost however the daemon ended."""
    site.until(6, lambda: site.daemon.run(1))
    drop_in = server_plan(site.options("server"), Plan((), (), ())).files[-1].content
    command = re.search(r"^ExecStopPost=-(.*)$", drop_in, re.MULTILINE)[1].replace("$$", "$")
    subprocess.run(shlex.split(command.replace("/usr/sbin/pmc", "pmc")), check=True, capture_output=True)
    assert site.until(52, lambda: None) == (52, "0xfe", "0")


def test_nothing_touches_the_clock(site):
    """Both run free: a client of the same kernel would steer the machine's own clock."""
    site.until(6, lambda: site.daemon.run(1))
    log = (site.folder / "client.log").read_text()
    assert "free_running 1" in (site.folder / "client.conf").read_text()
    assert "selected best master clock" in log
    assert " s2 " not in log, "no servo has locked"
