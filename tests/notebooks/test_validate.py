"""*Validate* does not end by time: our settings reach the command and JupyterLab's button."""

import pytest
from nbgrader.apps import ValidateApp
from nbgrader.preprocessors import Execute
from nbgrader.server_extensions.validate_assignment.handlers import ValidateAssignmentHandler
from nbgrader.validator import Validator

from tests.classroom import ROOT


def command():
    app = ValidateApp()
    app.load_config_file()
    return app.config


def button():
    return ValidateAssignmentHandler.load_config(None)


@pytest.mark.parametrize("config", [command, button])
def test_a_cell_may_take_as_long_as_a_busy_machine_needs(config, monkeypatch):
    monkeypatch.chdir(ROOT)  # where `make lab` and a student's terminal are
    step = Execute(parent=Validator(config=config()))
    for limit in (step.timeout, step.iopub_timeout, step.startup_timeout):
        assert limit == 600
