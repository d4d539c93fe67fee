"""Interrupt code in real MicroPython: every order of edges, wraps and instructions; see ``vm/``."""

from support.firmware_vms import run_31bit, run_unix


def test_native_and_bytecode_captures_are_exact_around_wraps():
    output = run_unix("check_captures.py")
    assert "tcxo.isr: 3360 pairs of edges exact" in output
    assert "tcxo.isr_plain: 3360 pairs of edges exact" in output


def test_bytecode_captures_are_exact_and_allocate_nothing_with_31_bit_integers():
    output = run_31bit("check_captures.py")
    assert "tcxo.isr_plain: 3360 pairs of edges exact" in output
    assert "tcxo.isr:" not in output, "this VM has no native code"


def test_edges_and_wraps_between_any_two_instructions():
    assert "3840 cases" in run_unix("check_instructions.py")


def test_edges_and_wraps_between_any_two_instructions_with_31_bit_integers():
    assert "3840 cases" in run_31bit("check_instructions.py")
