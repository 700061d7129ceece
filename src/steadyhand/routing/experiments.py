"""Who takes part in which arm of an experiment: the same key always in the same, in every process, for ever.

A key's bucket is the first 8 bytes of SHA-256 over `name:key`, as a big-endian number, modulo 10,000. The arms
divide the buckets from 0 on, in the order of the contract; 1 % is 100 buckets, and what is left is control. Raising
the last share moves nobody between arms, only out of control.
"""

import hashlib
from dataclasses import dataclass

from steadyhand.types.ids import ModelId
from steadyhand.types.routing import Experiment

BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Arm:
    """`model` is asked first; None for control."""

    bucket: int
    model: ModelId | None


def bucket(name: str, key: str) -> int:
    """0 to 9,999."""
    digest = hashlib.sha256(f"{name}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def arm(experiment: Experiment, key: str) -> Arm:
    """Where a run with this key takes part."""
    found = bucket(experiment.name, key)
    upto = 0.0
    for model, percent in experiment.shares.items():
        upto += percent * BUCKETS / 100
        if found < round(upto):
            return Arm(found, model)
    return Arm(found, None)
