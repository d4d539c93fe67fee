"""What chrony's tempcomp takes."""

import math

from hypothesis import given
from hypothesis import strategies as st
from tcxo_host import tempcomp


def test_a_clock_that_runs_fast_is_made_slower():
    assert tempcomp.value_ppm(3.0) == -3.0


def test_the_baseline_is_left_to_chrony():
    assert tempcomp.value_ppm(23.25, 23.0) == -0.25


def test_zero_has_no_minus_sign():
    assert tempcomp.text_of(tempcomp.value_ppm(1e-9)) == b"0.000000\n"


@given(st.floats(-tempcomp.LIMIT_PPM, tempcomp.LIMIT_PPM))
def test_the_file_holds_the_value(ppm):
    value_ppm = tempcomp.value_ppm(ppm)
    assert tempcomp.is_in_range(value_ppm)
    assert float(tempcomp.text_of(value_ppm)) == value_ppm


def test_what_chrony_refuses_is_out_of_range():
    assert not any(map(tempcomp.is_in_range, (10.000001, -10.1, math.nan, math.inf)))
