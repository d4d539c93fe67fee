"""The system clock as a witness against a receiver that is wrong."""

from tcxo_host.publish.witness import AGREES_S, CONTRADICTS_S, LIMIT_PPM, SILENT_S, ClockWitness


def ask(witness, seconds, apart_ppm, start_s=0.0, skew_ppm=0.01):
    """The last of so many answers, one a second, to a GPS that differs from the clock by ``apart_ppm``."""
    for second in range(seconds):
        doubt = witness.doubt(1.0 + apart_ppm, (1.0,), skew_ppm, start_s + second)
    return doubt


def test_ten_minutes_of_contradiction_raise_a_doubt_and_a_minute_of_agreement_ends_it():
    witness = ClockWitness()
    assert ask(witness, int(CONTRADICTS_S), 0.31) == ""
    assert "contradicts the system clock" in ask(witness, 1, 0.31, CONTRADICTS_S)
    assert ask(witness, int(AGREES_S), 0.0, CONTRADICTS_S + 1) != ""
    assert ask(witness, 1, 0.0, CONTRADICTS_S + 1 + AGREES_S) == ""


def test_either_sign_contradicts_and_less_than_the_limit_does_not():
    assert ask(ClockWitness(), 700, -0.5) != ""
    assert ask(ClockWitness(), 3000, 0.99 * LIMIT_PPM) == ""


def test_a_clock_that_is_not_sure_is_a_worse_witness():
    assert ask(ClockWitness(), 3000, 0.9, skew_ppm=0.5) == ""
    assert ask(ClockWitness(), 3000, 1.6, skew_ppm=0.5) != ""


def test_a_moment_of_agreement_starts_the_ten_minutes_anew():
    witness = ClockWitness()
    ask(witness, 500, 1.0)
    ask(witness, 1, 0.0, 500)
    assert ask(witness, 500, 1.0, 501) == ""


def test_a_silent_witness_says_nothing_and_a_silence_proves_nothing():
    witness = ClockWitness()
    assert witness.doubt(5.0, (), 0.0, 0.0) == ""
    assert witness.doubt(5.0, (0.0,), 0.0, 1.0) == ""
    for second in range(2, 900):
        assert witness.doubt(5.0, (), 0.0, float(second)) == ""
    assert witness.doubt(5.0, (0.0,), 0.0, 900.0) == ""


def test_a_doubt_stays_while_nothing_is_measured():
    witness = ClockWitness()
    ask(witness, 700, 1.0)
    assert witness.doubt(None, (), 0.0, 800.0) != ""


def test_a_doubt_ends_when_its_witness_has_been_silent_for_an_hour():
    witness = ClockWitness()
    ask(witness, 700, 1.0)
    assert witness.doubt(2.0, (), 0.0, 699 + SILENT_S) != ""
    assert witness.doubt(2.0, (), 0.0, 700 + SILENT_S) == ""
    assert ask(witness, int(CONTRADICTS_S), 1.0, 800 + SILENT_S) == ""
    assert ask(witness, 1, 1.0, 800 + SILENT_S + CONTRADICTS_S) != ""


def test_chrony_may_read_the_file_or_not():
    witness = ClockWitness()
    for second in range(1000):
        assert witness.doubt(1.2, (1.2, 2.4), 0.01, float(second)) == ""
        assert witness.doubt(1.2, (0.0, 1.2), 0.01, float(second)) == ""
    for second in range(1000, 1700):
        doubt = witness.doubt(1.2, (0.0, -1.2), 0.01, float(second))
    assert doubt != ""
