"""Every plot kind is drawn, shows its data, names its units, and keeps its legend off the data."""

import gzip
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from support.captures import START_NS, frames
from support.chrony_logs import tracking_line
from support.dump import dump
from tcxo_host.capture.columns import Loader
from tcxo_host.capture.simulated import simulated_entries
from tcxo_host.capture.writer import CaptureWriter
from tcxo_host.daemon.pipeline import Pipeline, Row
from tcxo_host.dump.analyse.clock_pairs import longest_session_pairs
from tcxo_host.dump.analyse.deviations import deviation
from tcxo_host.dump.analyse.replay import UtcClock, replay
from tcxo_host.dump.analyse.temperature_fit import fit_temperature
from tcxo_host.dump.plots import KINDS, draw
from tcxo_host.dump.plots import gpsp as gpsp_plot
from tcxo_host.dump.plots.data import PlotData, Rows, periods_apart, thinned
from tcxo_host.dump.plots.report_page import report_page
from tcxo_host.dump.plots.stability import power_spectrum
from tcxo_host.errors import TcxoError
from tcxo_host.estimate.registry import make_estimator
from tcxo_host.pi.chrony.logs import Tempcomp, Tracking, parse_tracking
from tcxo_host.pi.chrony.refclock_log import RefclockLog, RefclockSeries
from tcxo_host.pi.heat.averages import Row as HeatRow
from tcxo_host.publish.policy import PublishPolicy

UTC_S = 1_767_225_600.0


def tracking(scale, n=2000):
    rng = np.random.default_rng(1)
    return Tracking(UTC_S + np.arange(n), rng.normal(0, 0.003, n), rng.normal(0, scale, n), 0)


def refclocks(n=600):
    """GPSP at any time of each second, PPS at its beginning, late by 4 us; the system clock wanders by 1 us."""

    def series(utc_s, offset_s, pulse=True):
        return RefclockSeries(
            utc_s, offset_s, offset_s, np.full(utc_s.size, 1e-7), np.full(utc_s.size, pulse)
        )

    def slow_s(utc_s):
        return 1e-6 * np.sin((utc_s - UTC_S) / 100)

    rng = np.random.default_rng(1)
    on_second = UTC_S + np.arange(float(n))
    between = on_second + 0.3
    samples = {
        "GPSP": series(between, slow_s(between) + rng.normal(0, 6e-9, n)),
        "PPS": series(on_second, slow_s(on_second) - 4e-6 + rng.normal(0, 1e-6, n)),
        "NMEA": series(on_second, rng.normal(0.1, 0.01, n), pulse=False),
    }
    return RefclockLog(samples, {})


@pytest.fixture(scope="module")
def data():
    """2000 simulated seconds with a swinging temperature, replayed; logs of chrony beside them."""
    loader, clock, rows = Loader(), UtcClock(), Rows()

    def tapped():
        for entry in simulated_entries("sim:gps-outage", 2000):
            loader.take(entry)
            yield entry

    for event in replay(tapped(), Pipeline(make_estimator("boxcar64"), PublishPolicy()), clock):
        if isinstance(event, Row):
            rows.add(clock.utc_s(event.host_ns), event)
    tempcomp = Tempcomp(UTC_S + np.arange(2000), np.zeros(2000), np.linspace(-0.3, 0.1, 2000), 0)
    logs = (tracking(1e-7), tempcomp, tracking(5e-7), refclocks())
    return PlotData(loader.finish(), rows, *logs, heat=oven_rows())


def oven_rows():
    """An hour left alone, an hour held at 61 degrees; the crystal follows by 0.1 ppm/K, at 61 by none."""
    swing = np.sin(np.arange(360) / 30)
    alone = [
        HeatRow(10.0 * n, UTC_S + 10 * n, 50 + 3 * swing[n], 0.0, 0.5, 0.3 * swing[n], mode="watch")
        for n in range(360)
    ]
    held = [
        HeatRow(3600 + 10.0 * n, UTC_S + 3600 + 10 * n, 61 + 0.04 * swing[n], 1.0 - 0.5 * swing[n], 0.5,
                0.001 * swing[n], 61.0, 0.0002)
        for n in range(360)
    ]  # fmt: skip
    return alone + held


def drawn(figure):
    """The figure, laid out, with its panels."""
    figure.draw_without_rendering()
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def visible_points(axes):
    """How many points of lines and scatters lie within the axes."""
    low_x, high_x = axes.get_xlim()
    low_y, high_y = axes.get_ylim()
    points = [
        np.column_stack([line.get_xdata(orig=False), line.get_ydata(orig=False)]) for line in axes.lines
    ]
    points += [each.get_offsets().filled(np.nan) for each in axes.collections if len(each.get_offsets()) > 1]
    x, y = np.concatenate(points).astype(float).T
    return int(np.count_nonzero((x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_its_data_with_units_and_an_uncovered_view(data, kind):
    panels = drawn(draw(kind, data))
    for axes in panels:
        assert visible_points(axes) >= 10
        assert re.search(r"pp[mb]|s\b|1/Hz|fractional|ns|°C", axes.get_ylabel())
        legend = axes.get_legend()
        assert legend is not None
        assert not legend.get_window_extent().overlaps(axes.patch.get_window_extent())
        # nor so wide that it is cut off, or that the axes had to give way
        assert legend.get_window_extent().x1 < axes.figure.bbox.x1
        assert axes.patch.get_window_extent().width > 0.7 * axes.figure.bbox.width
        low, high = axes.get_ylim()
        assert high > low
    assert re.search(r"UTC|, s$|Hz|°C", panels[-1].get_xlabel())


@pytest.mark.parametrize("kind", KINDS)
def test_without_data_it_is_one_clear_sentence(kind):
    loader = Loader()
    for entry in simulated_entries("sim:steady", 3):
        loader.take(entry)
    with pytest.raises(TcxoError, match=rf"^{kind}: "):
        draw(kind, PlotData(loader.finish(), Rows()))


def test_the_channels_plot_has_the_true_values(data):
    axes = drawn(draw("channels", data))[0]
    assert [line.get_label().split(":")[0] for line in axes.lines] == ["TCXO", "RTC", "Pi"]
    tcxo = axes.lines[0].get_ydata()
    assert 0.4 < np.nanmean(tcxo) < 0.55


def test_the_second_panel_of_gpsp_shows_by_how_much_the_interrupt_is_late():
    log = refclocks()
    utc_s, ahead_s = gpsp_plot.difference(log.samples["PPS"], log.samples["GPSP"])
    assert utc_s.size == 599  # the first has no GPSP before it
    assert (ahead_s.mean(), ahead_s.std()) == pytest.approx((-4e-6, 1e-6), abs=1e-7)
    samples, against = drawn(draw("gpsp", PlotData(refclocks=log)))
    assert [line.get_label().split(":")[0] for line in samples.lines] == ["PPS", "GPSP"]
    assert against.lines[0].get_label().startswith("PPS against GPSP: -4.0")


def test_gpsp_is_not_interpolated_over_a_gap_and_may_stand_alone():
    whole = refclocks()
    rest = (whole.samples["GPSP"].utc_s < UTC_S + 100) | (whole.samples["GPSP"].utc_s > UTC_S + 400)
    gpsp = RefclockSeries(*(getattr(whole.samples["GPSP"], name)[rest] for name in RefclockSeries.__slots__))
    utc_s, _ = gpsp_plot.difference(whole.samples["PPS"], gpsp)
    assert not ((utc_s > UTC_S + 101) & (utc_s < UTC_S + 400)).any()
    alone = {refid: each for refid, each in whole.samples.items() if refid != "PPS"}
    assert len(drawn(draw("gpsp", PlotData(refclocks=RefclockLog(alone, {}))))) == 1  # NMEA is no pulse
    assert len(drawn(draw("gpsp", PlotData(refclocks=RefclockLog(alone, {}), against="NMEA")))) == 2


def test_gpsp_says_which_reference_clocks_there_are():
    log = refclocks()
    with pytest.raises(TcxoError, match=r"^gpsp: --against PPS1: other reference clocks .*: NMEA, PPS$"):
        draw("gpsp", PlotData(refclocks=log, against="PPS1"))
    del log.samples["GPSP"]
    with pytest.raises(TcxoError, match=r"^gpsp: no sample of GPSP .*: NMEA, PPS$"):
        draw("gpsp", PlotData(refclocks=log))


def test_the_command_draws_gpsp_from_rotated_logs_and_names_a_bad_line(tmp_path):
    lines = [
        f"2026-11-25 01:0{n // 60}:{n % 60:02}.000417 {refid:<5}   0 N 1 -4.171234e-04 {offset:13.6e}  1.133e-07"
        for n in range(120)
        for refid, offset in (("GPSP", -4e-4 - n * 1e-9), ("PPS", -4.04e-4))
    ]
    (tmp_path / "new").write_text("\n".join([*lines[120:], "torn"]))
    (tmp_path / "old.gz").write_bytes(gzip.compress("\n".join(lines[:120]).encode()))
    done = dump("plot", "gpsp", "--refclocks", "new", "--refclocks", "old.gz", "-o", "x.svg", cwd=tmp_path)
    assert done.returncode == 65
    assert done.stderr.splitlines()[-1] == "tcxo-dump: 1 line cannot be read, first new: line 121: 'torn'"
    assert "PPS against GPSP: -3.94" in (tmp_path / "x.svg").read_text()


def test_each_clock_has_a_panel_in_ppb_with_its_mean_taken_out_and_printed(data):
    _, *panels = drawn(draw("channels", data))
    assert [panel.lines[0].get_label().split(" less")[0] for panel in panels] == ["TCXO", "RTC", "Pi"]
    for panel in panels:
        assert panel.get_ylabel() == "ppb"
        assert abs(np.nanmean(panel.lines[0].get_ydata())) < 5
        assert re.search(r"less its mean of [+-]\d\.\d{5} ppm; std [\d.]+ ppb", panel.lines[0].get_label())
    # the TCXO fills its panel: it was a flat line beside the others
    low, high = panels[0].get_ylim()
    assert high - low < 100
    bands = panels[0].collections[0].get_paths()[0].vertices[:, 1]
    assert np.ptp(bands) > 0.1 * (high - low)


@pytest.mark.parametrize(
    ("slope_ppb", "words"), [(4.0, r"^\+[34]\.?\d* ± "), (0.0, r"not identifiable: .* ± ")]
)
def test_the_temperature_plot_tells_slope_and_sigma(slope_ppb, words):
    from tcxo_host.dump.plots.temperature import slope_in_words

    rng = np.random.default_rng(1)
    celsius = 35 + np.sin(np.arange(100) / 10)
    found = fit_temperature(celsius, slope_ppb * celsius + rng.normal(0, 0.5, 100))
    assert re.search(words, slope_in_words(found))


def test_temperature_has_a_band_that_is_seen(data):
    axes = drawn(draw("temperature", data))[0]
    assert len([line for line in axes.lines if line.get_linestyle() == "--"]) == 2
    assert "ageing taken out" in axes.figure.get_label()


def test_the_oven_plot_tells_the_spread_before_and_after(data):
    temperature, cores, frequency, slope = drawn(draw("heat", data))
    assert [line.get_label() for line in frequency.lines] == [
        "left alone: std 0.2160 ppm",
        "held: std 0.0007 ppm",
    ]
    assert "slope" in slope.get_ylabel()
    assert [line.get_label() for line in temperature.lines] == ["CPU", "set-point"]
    assert cores.get_ylabel() == "busy cores"


def test_local_time_names_its_zone(data, monkeypatch):
    import dataclasses

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        panels = drawn(draw("channels", dataclasses.replace(data, local_time=True)))
        assert panels[-1].get_xlabel() == "time (CET), from 2026-01-01"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_spectrum_of_white_frequency_noise_is_flat_at_its_density():
    y = np.random.default_rng(1).normal(0, 1e-9, 100_000)
    _, density = power_spectrum(y, 1.0)
    # one-sided: variance 1e-18 over 0 to 0.5 Hz
    assert np.median(density) == pytest.approx(2e-18, rel=0.1)


def test_thinning_keeps_extremes_and_gaps():
    x = np.arange(100_000.0)
    y = np.zeros(x.size)
    y[50_000] = 7.0
    y[70_000:80_000] = np.nan
    curve = thinned(x, y, bins=1000)
    assert np.nanmax(curve.high) == 7.0
    assert np.count_nonzero(np.isnan(curve.mean)) == 100


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF-"), ("html", b"<!DOCTYPE html>")],
)
def test_the_command_writes_every_form(tmp_path, suffix, begins):
    path = tmp_path / f"plot.{suffix}"
    done = dump("plot", "channels", "sim:steady", "--seconds", 200, "-o", path)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith(begins)
    assert path.stat().st_size > 5000


def test_a_report_of_the_last_day_is_made_of_the_directory_that_a_daemon_fills(tmp_path):
    start_ns = time.time_ns() - 300 * 10**9
    writer = CaptureWriter(f"{tmp_path}/", 86400, utc_of=lambda host_ns: host_ns - START_NS + start_ns)
    old = CaptureWriter(f"{tmp_path}/", 86400, utc_of=lambda host_ns: host_ns)  # recorded in 1970
    for each, seconds, boot_id in ((old, 80, 7), (writer, 200, 8)):
        for host_ns, payload in frames(seconds, boot_id=boot_id):
            each.write(host_ns, payload)
        each.close()
    page = tmp_path / "report.html"
    done = dump("plot", "report", "--last", "1d", tmp_path, "-o", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "00000008" in text
    assert "00000007" not in text
    assert (
        text.count("<figure") == len(KINDS) - 3
    )  # offsets and gpsp need chrony's logs, heat the oven's record


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (
            ["channels", "sim:steady", "-o", "x.gif"],
            64,
            "expected a name that ends in .png, .svg, .pdf, .html",
        ),
        (["channels", "-o", "x.png"], 64, "name a capture"),
        (["offsets", "-o", "x.png"], 64, "give it with --tracking"),
        (["gpsp", "-o", "x.png"], 64, "give it with --refclocks"),
        (["report", "sim:steady", "-o", "x.png"], 64, "name it .html"),
        (["channels", "sim:nowhere", "-o", "x.png"], 64, "nowhere"),
        (["adev", "sim:steady", "--seconds", "3", "-o", "x.png"], 65, "adev: no channel has"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path, args, status, said):
    done = dump("plot", *args, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines()[-1:])) == (status, 1)
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


PROBE = """<script>
const errors = [];
window.onerror = message => errors.push(message);
console.error = console.warn = (...words) => errors.push(words.join(" "));
window.addEventListener("unhandledrejection", event => errors.push(String(event.reason)));
document.addEventListener("securitypolicyviolation", event => errors.push("refused " + event.blockedURI));
window.addEventListener("load", () => {
  const figures = [...document.querySelectorAll("figure")];
  figures[0].click();
  const drawn = figures.filter(each => {
    const svg = each.querySelector("svg");
    const marks = [...svg.querySelectorAll("path, use")].filter(mark => mark.getBoundingClientRect().width > 50);
    return svg.getBoundingClientRect().height > 100 && marks.length > 3;
  });
  const wide = [...document.querySelectorAll("table, h1, h2, p, svg")].filter(each =>
    !each.closest(".scroll, figure") && each.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
  const numbers = [...document.querySelectorAll("#statistics ~ .scroll td.n")].map(each =>
    getComputedStyle(each).textAlign + getComputedStyle(each).fontVariantNumeric);
  const ids = [...document.querySelectorAll("[id]")].map(each => each.id);
  const images = [...document.querySelectorAll("image")].map(each => each.href.baseVal.slice(0, 5));
  const result = {wide_for_page: wide.length, numbers: [...new Set(numbers)],
    page: document.documentElement.scrollWidth,
    headings: [...document.querySelectorAll("h1, h2")].map(h => h.innerText),
    errors, images: [...new Set(images)], figures: figures.map(each => each.id), drawn: drawn.length,
    wide: figures[0].classList.contains("wide"), tables: document.querySelectorAll("table").length,
    requests: performance.getEntriesByType("resource").length, repeated: ids.length - new Set(ids).size};
  document.title = "probe " + JSON.stringify(result);
});
</script>"""


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_the_report_opens_in_a_browser_without_errors(tmp_path, data, width):
    data.capture.hosts[:] = ["garage"]
    page = report_page(data)
    assert not re.search(r"""(src|href)=["']?https?:""", page)
    (tmp_path / "report.html").write_text(page.replace("<head>", "<head>" + PROBE))
    shown = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
         f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "report.html").as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = json.loads(re.search(r"<title>probe (.*?)</title>", shown.stdout)[1])
    assert found["errors"] == []
    assert found["images"] == ["data:"]  # the colour bar
    assert found["figures"] == [f"{kind}-plot" for kind in KINDS]
    # nothing is wider than the page but what scrolls by itself; chromium's own least width is 500
    assert found["wide_for_page"] == 0
    assert found["page"] <= max(width, 500)
    assert found["numbers"] == ["righttabular-nums"]
    assert found["headings"][0].startswith("garage, board SIM")
    assert len(set(found["headings"])) == len(found["headings"])
    assert found["drawn"] == len(KINDS)
    assert found["wide"]
    assert found["tables"] >= 5
    assert found["requests"] == found["repeated"] == 0
    assert "state track" in page


def test_the_report_has_one_heading_each_and_the_numbers_of_stability(data):
    page = report_page(data)
    headings = re.findall(r"<h2 id='[a-z]+'>(.*?)</h2>", page)
    assert len(headings) == len(set(headings)) == len(KINDS) + 3
    for heading in headings:
        assert page.count(f">{heading}<") == 1
    pairs = longest_session_pairs(data.capture, "stability")
    for pair in pairs.values():
        found = deviation("adev", pair.x_s, pair.interval_s)
        assert f">{found.value[0]:.2e}</td>" in page


def test_logs_that_do_not_meet_the_capture_are_told(data):
    import dataclasses

    first_s, last_s = data.capture.first_utc_s, data.capture.last_utc_s
    span_s = last_s - first_s

    def log(start_s, end_s):
        return Tracking(np.linspace(start_s, end_s, 100), np.zeros(100), np.zeros(100), 0)

    assert periods_apart(dataclasses.replace(data, tempcomp=None, tracking=log(first_s, last_s))) == []
    (apart,) = periods_apart(dataclasses.replace(data, tempcomp=None, tracking=log(0, first_s - 60)))
    assert apart.startswith("tracking.log is of 1970-01-01 00:00:00Z to")
    assert apart.endswith("they do not meet")
    partly = dataclasses.replace(data, tempcomp=None, tracking=log(0, first_s + 0.1 * span_s))
    assert "they share 00:03:2" in periods_apart(partly)[0]
    assert "they do not meet" in report_page(
        dataclasses.replace(data, tempcomp=None, tracking=log(0, first_s - 60))
    )


def test_libraries_are_asked_for_before_anything_is_simulated(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib.figure'] = None; import tcxo_host.capture.simulated as s;"
        " s.simulated_entries = None; from tcxo_host.dump.main import main;"
        f" sys.exit(main(['plot', 'adev', 'sim:day', '-o', {str(tmp_path / 'x.png')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.splitlines())) == (69, 1)
    assert "matplotlib" in done.stderr


def test_stats_and_plot_have_chronys_correction_with_the_sign_of_tempcomp(tmp_path, data):
    log = tmp_path / "tracking.log"
    log.write_text("".join(tracking_line(UTC_S + n, 0.0, freq_ppm=-0.3) + "\n" for n in range(50)))
    parsed = parse_tracking(log.read_text().splitlines())
    axes = drawn(draw("tempcomp", PlotData(tracking=parsed)))[0]
    assert axes.lines[0].get_ydata().tolist() == [0.3] * 50
    shown = dump("stats", "--tracking", log).stdout
    assert "frequency correction, ppm (+ makes the clock faster" in shown
    assert re.search(r"chrony's own correction +50 +\+0\.3000", shown)
    assert "frequency correction, ppm (+ makes the clock faster)" in axes.get_ylabel()


def test_times_that_go_back_are_binned_all_the_same():
    """As where the recording host's clock was set back between two starts of the board."""
    x = np.concatenate([np.arange(1000.0, 3000.0), np.arange(0.0, 500.0)])
    curve = thinned(x, x.copy(), bins=100)
    assert np.nanmax(np.abs(curve.mean - curve.x)) <= 30
