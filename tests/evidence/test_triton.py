"""Triton is kept from being loaded after a TensorFlow that it would crash with."""

import importlib
import sys
import types

import pytest

from course.evidence.pytorch import without_triton


@pytest.mark.parametrize("version, loaded", [
    ("2.19.1", True), ("2.20.0", False), ("2.21.0-rc1", False), ("3.0.0", False), (None, True),
])  # fmt: skip
def test_which_tensorflow_keeps_triton_out(version, loaded, monkeypatch, tmp_path):
    tensorflow = types.SimpleNamespace(__version__=version) if version else None
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    (tmp_path / "triton.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with without_triton():
        if loaded:
            importlib.import_module("triton")
        else:
            with pytest.raises(ImportError):
                importlib.import_module("triton")
    assert importlib.import_module("triton").__file__ == str(tmp_path / "triton.py")


def test_a_triton_that_is_there_already_stays(monkeypatch):
    ours = types.ModuleType("triton")
    monkeypatch.setitem(sys.modules, "triton", ours)
    with without_triton():
        assert importlib.import_module("triton") is ours
