"""PROTOCOL.md says what the declarations say."""

from tcxo_protocol import spec
from tcxo_tools.protocol_doc import DOCUMENT, document


def test_the_document_is_not_stale():
    text = DOCUMENT.read_text(encoding="utf8")
    assert document(text) == text, "run python -m tcxo_tools.protocol_doc"


def test_every_field_of_every_record_is_in_the_document():
    text = DOCUMENT.read_text(encoding="utf8")
    for declaration in spec.RECORDS.values():
        for field in declaration.subcons:
            assert f"`{field.name}`" in text


def test_a_stale_table_is_noticed():
    text = DOCUMENT.read_text(encoding="utf8")
    assert document(text.replace("| `boot_id` | u32 |", "| `boot_id` | u16 |")) == text
