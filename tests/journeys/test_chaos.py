"""Every part is killed, paused or locked out once while people ask for work: `bench/chaos.py` in some seconds."""

from __future__ import annotations

import os

import pytest

from bot.triggers import wanted
from jobs.testing.chaos.faults import SORTS
from jobs.testing.chaos.storm import Storm, Weather
from tests.conftest import short_folder

pytestmark = pytest.mark.bubblewrap
WEATHER = Weather(seed=67, seconds=18, rate=0.5, talk=4, faults=len(SORTS), workers=4)
RECOVERY_SECONDS = 90.0
"""How quickly is measured by the bench, on a machine that has nothing else to do."""
ACKNOWLEDGED = 0.9
"""Of a few dozen webhooks one or two are on their way when their process is killed; the bench sends thousands."""


def test_every_event_is_worked_on_once_whatever_dies() -> None:
    """No event is lost, each has one task, one pull request, one comment and one check run, no step is paid twice."""
    with short_folder("o67-chaos-") as home:
        home.chmod(0o711)
        figures = Storm(home, WEATHER, os.environ, wanted).run()
    told = "\n".join([figures.table(), *figures.wrong, *figures.log])
    assert figures.broken(recovery=RECOVERY_SECONDS, acknowledged=ACKNOWLEDGED) == [], told
    assert sum(figures.faults.values()) >= len(SORTS) - 3, told
    assert figures.hits + figures.pauses, told
