"""Time and power: measured row by row, or said to be unavailable."""

import pytest

from course.anatomy import anatomy
from course.architectures.lenet import LENET5, LENET5_1998
from course.kit import timing


def test_each_row_takes_its_time():
    spent = timing.forward(LENET5, repeats=2)
    assert list(spent) == [step.name for step in anatomy(LENET5)]
    assert all(0 < seconds < 10 for seconds in spent.values())


def test_rows_that_networks_share_are_timed_once():
    known = {}
    first = timing.forward(LENET5, known=known)
    assert timing.forward(LENET5, known=known) == first
    assert timing.forward(LENET5) != first
    published = timing.forward(LENET5_1998, known=known)
    assert published["C1"] == first["C1"] and published["S2"] != first["S2"]


def test_counters_that_may_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_COUNTERS", tmp_path)
    assert timing.energy_counters() == []
    for name in ("intel-rapl:1", "intel-rapl:0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("17\n")
    found = [path.parent.name for path in timing.energy_counters()]
    assert found == ["intel-rapl:0", "intel-rapl:1"]


def nvidia_smi(folder, script):
    """A command of that name that does what a script says, and nothing else beside it."""
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    "told, watts",
    [("echo 60.00; echo 70.50; echo 80.10", 70.2), ("echo '[N/A]'", None), ("exit 9", None)],
)
def test_the_power_of_a_gpu_is_the_mean_while_something_runs(tmp_path, monkeypatch, told, watts):
    nvidia_smi(tmp_path, f'{told}; echo "$@" > {tmp_path}/asked; exec /bin/sleep 20')
    monkeypatch.setenv("PATH", str(tmp_path))
    done = []

    def run():
        while not (tmp_path / "asked").exists() and "exit" not in told:
            pass
        done.append(True)

    assert timing.gpu_watts(run, every=0.5) == pytest.approx(watts)
    assert done == [True]
    if "exit" not in told:
        assert "--query-gpu=power.draw" in (tmp_path / "asked").read_text()
        assert "--loop-ms=500" in (tmp_path / "asked").read_text()


def test_without_a_gpu_there_is_no_power(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert timing.gpu_watts(lambda: pytest.fail("nothing to run for")) is None
