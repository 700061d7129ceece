"""What a contract says about the choice of a model, beyond their list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from steadyhand.types.ids import ModelId
from steadyhand.types.model import Order, Place

Over = Literal["cheaper", "fallback", "refuse"]
"""What happens when the budget has no room for the model that would be asked first: another one that fits answers,
or the declared fallback does, or the run is refused."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A comparison of models. `shares` are percent of the runs whose first model is this one; the rest are control.

    `key` is a CEL expression over `input`: runs with an equal value get the same model. "" stands for the caller.
    """

    name: str
    key: str
    shares: Mapping[ModelId, float]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that is asked beside the answer for `share` percent of the runs, and never answers."""

    model: ModelId
    share: float


@dataclass(frozen=True, slots=True)
class Flag:
    """A feature flag whose value is the model that is asked first. `default` is its value where nothing sets it."""

    name: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """`places` empty allows every place. `hedge_s`: ask a second model after so many seconds, None for never."""

    order: Order = "listed"
    weights: Mapping[ModelId, int] = field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    is_high_volume: bool = False
    hedge_s: float | None = None
    experiment: Experiment | None = None
    shadow: Shadow | None = None
    flag: Flag | None = None
