"""Flags from any OpenFeature provider. Source: the OpenFeature specification, flag evaluation API."""

import asyncio
import logging
from typing import cast

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import FeatureProvider

from steadyhand.routing.flags import Flags

_log = logging.getLogger(__name__)

_DOMAIN = "steadyhand"
PATIENCE_S = 1.0
"""A provider that takes longer gives the default; a run does not wait for a flag."""


def open(provider: object) -> Flags:  # noqa: A001 - what the port is called
    """Flags of this provider, which may block: it is asked in a worker thread."""
    api.set_provider(cast("FeatureProvider", provider), _DOMAIN)
    client = api.get_client(_DOMAIN)

    async def value(name: str, default: str, *, caller: str, feature: str) -> str:
        context = EvaluationContext(targeting_key=caller, attributes={"feature": feature})
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.to_thread(client.get_string_value, name, default, context)
        except TimeoutError:
            _log.warning("flag %s: its provider did not answer within %g s", name, PATIENCE_S)
            return default

    return value
