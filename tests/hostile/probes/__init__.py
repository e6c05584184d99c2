"""What an obedient agent tries from inside a sandbox: one table, for every provider; see README.md."""

from tests.hostile.probes import calling, filling, network, proxying, reading, writing
from tests.hostile.probes.shape import Answers, Difference, Probe, answers, attempt, judge

GROUPS: dict[str, tuple[Probe, ...]] = {
    "reading": reading.PROBES,
    "writing": writing.PROBES,
    "calling": calling.PROBES,
    "filling": filling.PROBES,
    "network": network.PROBES,
    "proxying": proxying.PROBES,
}
TABLE = tuple(probe for group in GROUPS.values() for probe in group)

__all__ = ["GROUPS", "TABLE", "Answers", "Difference", "Probe", "answers", "attempt", "judge"]
