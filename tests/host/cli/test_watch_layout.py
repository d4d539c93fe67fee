"""The rows of ``status --watch``, whatever the terminal's size."""

import json

import pytest
from support.running import Running, now_ns
from tcxo_host.cli.status_view import Ages, Line, status_lines
from tcxo_host.cli.watch_layout import WINDOWS_S, History, bars, screen

SIZES = ((20, 3), (40, 10), (80, 24), (200, 60))


@pytest.fixture
def lines(tmp_path):
    running = Running(tmp_path)
    running.run(70)
    running.outputs.close()
    values = json.loads(running.status.read_text())
    return status_lines(values, Ages.of(values, now_ns()), None)


def history_of(*ppm, start_s=1000.0):
    history = History()
    for at, value in enumerate(ppm):
        history.add(
            {
                "host_ns": round((start_s + at) * 1e9),
                "freq_error_ppm": value,
                "tcxo_ppm": None,
                "rtc_ppm": None,
            }
        )
    return history


def drawn(lines, history, size, window_s=60, now_s=1119.0, has_keys=True):
    width, height = size
    return screen(
        lines, history, now_s=now_s, window_s=window_s, width=width, height=height, has_keys=has_keys
    )


def texts(rows):
    return [f"{row.label:11}{row.text}" if row.level != "keys" else row.text for row in rows]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_fills_the_screen_and_no_row_is_wider(lines, size):
    rows = drawn(lines, history_of(*range(120)), size)
    assert len(rows) == size[1]
    assert max(len(row.text) + 11 * (row.level != "keys") for row in rows) <= size[0]


@pytest.mark.parametrize("size", SIZES[2:], ids=str)
def test_graphs_take_the_whole_width_and_carry_their_scale(lines, size):
    rows = drawn(lines, history_of(*(0.1 + at * 1e-3 for at in range(120))), size)
    graph = [row for row in rows if row.level == "graph"]
    assert all(len(row.text) == size[0] - 11 for row in graph)
    assert graph[-1].text.strip()[-1] in "█▇▆▅▄▃▂▁"
    assert any("(graph +0.16" in row.text and "to +0.21" in row.text and " ppm)" in row.text for row in rows)
    if len(graph) > 1:
        assert graph[0].label.startswith("+0.21")
        assert graph[-1].label.startswith("+0.16")


def test_what_does_not_fit_is_said_and_the_most_important_stays(lines):
    rows = drawn(lines, history_of(0.1, 0.2), (40, 10))
    labels = [row.label for row in rows]
    assert {"state", "published", "Pi", "TCXO", "chrony"} <= set(labels)
    assert labels.index("state") < labels.index("Pi") < labels.index("chrony"), "in the usual order"
    missing = len(lines) - 9
    assert rows[-1].text.startswith(f"{missing} rows do not fit  q ends")
    assert any(text.endswith("…") for text in texts(rows))
    assert "do not fit" not in drawn(lines, history_of(), (200, 60))[-1].text


def test_the_last_row_tells_keys_and_window(lines):
    history = history_of(*range(120))
    assert drawn(lines, history, (80, 24), 600)[-1].text == "q ends  ←→ window 10 min  known for 119 s"
    assert drawn(lines, history, (80, 24), 600, has_keys=False)[-1].text.startswith(
        "Ctrl-C ends  window 10 min"
    )
    assert "known" not in drawn(lines, history, (80, 24), 60)[-1].text


def test_a_graph_shows_the_mean_of_each_part_of_the_window():
    history = history_of(*range(60))
    assert history.columns("Pi", 1059.5, 60, 6) == pytest.approx([4.5, 14.5, 24.5, 34.5, 44.5, 54.5], abs=0.6)
    assert history.columns("TCXO", 1059.5, 60, 6) == [None] * 6


def test_a_wide_graph_of_a_short_window_has_no_holes_but_an_outage_is_one():
    history = history_of(*[1.0] * 30)
    history.add({"host_ns": 1050 * 10**9, "freq_error_ppm": 2.0, "tcxo_ppm": None, "rtc_ppm": None})
    columns = history.columns("Pi", 1059.0, 60, 180)
    assert columns[3:90] == [1.0] * 87
    assert columns[100:150] == [None] * 50
    assert columns[-25] == 2.0


def test_the_same_second_counts_once_and_a_restart_of_the_machine_begins_anew():
    history = history_of(1.0, 1.0)
    history.add({"host_ns": 1001 * 10**9, "freq_error_ppm": 5.0, "tcxo_ppm": None, "rtc_ppm": None})
    assert history.span_s(1010) == pytest.approx(10)
    history.add({"host_ns": 3 * 10**9, "freq_error_ppm": 5.0, "tcxo_ppm": None, "rtc_ppm": None})
    assert history.span_s(4) == pytest.approx(1)
    history.add({"host_ns": None})
    assert history.span_s(4) == pytest.approx(1)


def test_the_longest_watch_keeps_no_more_than_the_longest_window():
    history = history_of(*[0.0] * (WINDOWS_S[-1] + 100))
    assert history.span_s(1000 + WINDOWS_S[-1] + 99) == pytest.approx(WINDOWS_S[-1] - 1)


@pytest.mark.parametrize(
    "values",
    [
        {"host_ns": 10**9, "freq_error_ppm": float("nan")},
        {"host_ns": 10**9, "freq_error_ppm": float("inf")},
        {"host_ns": 10**9, "freq_error_ppm": "x"},
        {"host_ns": float("nan"), "freq_error_ppm": 1.0},
        {"host_ns": 10**400, "freq_error_ppm": 1.0},
    ],
    ids=str,
)
def test_what_is_no_number_is_not_drawn(lines, values):
    history = history_of(1.0, 2.0, start_s=0.0)
    history.add({"tcxo_ppm": None, "rtc_ppm": None} | values)
    assert drawn(lines, history, (80, 24), now_s=2.0)


def test_without_a_terminal_there_are_neither_graphs_nor_keys(lines):
    levels = {row.level for row in drawn(lines, history_of(*range(120)), (80, None))}
    assert levels.isdisjoint({"graph", "keys"})


def test_bars_span_their_own_range():
    assert bars([0, 1, 2, 3, 4, 5, 6, 7], 1) == ["▁▂▃▄▅▆▇█"]
    assert bars([0, 15], 2) == [" █", "▁█"]
    assert bars([5, None, 5], 1) == ["▄ ▄"]
    assert bars([None], 2) == [" ", " "]


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (12, 1)], ids=str)
def test_an_absurd_size_is_no_crash(lines, size):
    rows = drawn(lines, history_of(1.0), size)
    assert all(isinstance(row, Line) for row in rows)
