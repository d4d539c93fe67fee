"""Golden frames, held in CPython, in MicroPython's unix port and in a MicroPython with 31-bit integers."""

import dataclasses
import json
import shutil

import pytest
from support.firmware_vms import run_31bit, run_unix
from tcxo_protocol.framing import FrameDecoder, encode_frame
from tcxo_protocol.records import build_record, parse_payload, printable
from tcxo_tools.vectors import VECTORS_PATH, vectors_text

VECTORS = json.loads(VECTORS_PATH.read_text())
CHECKED = f"checked {len(VECTORS['good'])} good and {len(VECTORS['bad'])} bad"


def test_the_file_is_what_the_declaration_gives():
    assert VECTORS_PATH.read_text() == vectors_text(), "stale: run python -m tcxo_tools.vectors"


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_a_good_frame_decodes_to_its_fields_and_back(vector):
    decoder = FrameDecoder()
    [frame] = decoder.feed(bytes.fromhex(vector["frame"]))
    records = parse_payload(frame.payload)
    assert frame.seq == vector["seq"]
    told = [{name: value for name, value in fields.items() if name != "kind"} for fields in vector["records"]]
    shown = [{**fields, "text": printable(fields["text"])} if "text" in fields else fields for fields in told]
    assert [json.loads(json.dumps(dataclasses.asdict(record))) for record in records] == shown
    if shown == told:
        assert b"".join(map(build_record, records)).hex() == vector["payload"]
    assert encode_frame(frame.seq, frame.payload).hex() == vector["frame"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_a_bad_frame_is_counted_and_gives_nothing(vector):
    decoder = FrameDecoder()
    assert decoder.feed(b"\0" + bytes.fromhex(vector["bytes"])) == []
    assert decoder.counts.bad_frames == 1


def test_the_device_builds_the_same_bytes_in_the_unix_port(tmp_path, monkeypatch):
    shutil.copy(VECTORS_PATH, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert CHECKED in run_unix("check_vectors.py")


def test_the_device_builds_the_same_bytes_with_31_bit_integers():
    assert CHECKED in run_31bit("check_vectors.py", VECTORS_PATH)
