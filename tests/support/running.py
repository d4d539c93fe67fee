"""A daemon's inside without its loop: real pipeline, real outputs, a perfect board."""

from __future__ import annotations

import time

from tcxo_host.config.load import override
from tcxo_host.config.settings import Config
from tcxo_host.daemon.outputs import Outputs
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.publish.policy import PublishPolicy
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import build_record

from support.streams import PerfectBoard, identify

TRUE_PPM = {"pi": 0.3, "tcxo": 1.0, "rtc": -2.0}


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


class Running:
    """Outputs below ``folder`` (``tcxo``, ``status.json``), fed a second at a time, as fast as it goes."""

    def __init__(self, folder, config=None, board=None, estimator="boxcar64", phase=None):
        config = override(config or Config(), "output", path=str(folder / "tcxo"))
        config = override(config, "output", status=str(folder / "status.json"))
        self.status = folder / "status.json"
        self.outputs = Outputs(config, phase=phase)
        self.pipeline = Pipeline(make_estimator(estimator), PublishPolicy())
        self.board = board or PerfectBoard(TRUE_PPM["tcxo"], TRUE_PPM["pi"], TRUE_PPM["rtc"])
        self.line = LineCounts()

    def identify(self):
        self.pipeline.feed(now_ns(), build_record(identify()))

    def run(self, seconds, **payload_options):
        """Let the board send so many seconds."""
        if self.pipeline.needs_identify:
            self.identify()
        for _ in range(seconds):
            self.line = LineCounts(self.line.frames + 1, 2, 3, 40)
            for event in self.pipeline.feed(now_ns(), self.board.payload(**payload_options)):
                if isinstance(event, Row):
                    self.outputs.take_row(event, self.pipeline, self.line)

    def hold(self, reason):
        self.outputs.no_row(reason, self.pipeline, self.line)
