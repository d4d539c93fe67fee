"""What chrony's tempcomp line makes of the number in the file."""

import pytest
from tcxo_host.pi.chrony.config import added_ppm
from tcxo_host.pi.root import Root


@pytest.mark.parametrize(
    ("lines", "adds_ppm"),
    [
        (["tempcomp /run/tcxo 1 0 0 1 0"], 0.0),
        (["tempcomp /run/tcxo 1 12.5 0.5 1 0"], -12.0),
        (["tempcomp /run/tcxo-host/tcxo 1 12.5 0 1 0"], -12.5),  # where /run/tcxo leads
        (["tempcomp /run/tcxo 1 12.5 0 1 0", "tempcomp /run/tcxo 1 0 0 1 0"], 0.0),  # the last one counts
        (["tempcomp /run/other 1 12.5 0 1 0"], 0.0),
        (["tempcomp /run/tcxo 1 12.5 0 2 0"], 0.0),  # doctor tells that this cannot be meant
        (["tempcomp /run/tcxo 1 points"], 0.0),
        ([], 0.0),
    ],
)
def test_t0_and_k0_add_a_constant(tmp_path, lines, adds_ppm):
    for folder in ("etc/chrony", "run/tcxo-host"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "run/tcxo").symlink_to("/run/tcxo-host/tcxo")
    (tmp_path / "etc/chrony/chrony.conf").write_text("\n".join(lines))
    assert added_ppm(Root(tmp_path), "/run/tcxo") == adds_ppm


def test_without_chrony_there_is_nothing_to_add(tmp_path):
    assert added_ppm(Root(tmp_path), "/run/tcxo") == 0.0
