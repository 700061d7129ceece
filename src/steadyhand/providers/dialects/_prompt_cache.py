"""When it pays to mark the stable beginning of a prompt for a vendor's cache.

Source: Anthropic's and Amazon's guides to prompt caching, 2026-10. What is written to the cache costs a quarter
more than plain input, what is read from it a tenth. A beginning is cached from 1,024 tokens on, for Haiku models
from 2,048; some models want up to 4,096, and pass over a mark that comes earlier at no cost.
"""

from steadyhand.catalog import tokens
from steadyhand.types.model import CompletionRequest

_LEAST_TOKENS = 1_024
_LEAST_TOKENS_OF_HAIKU = 2_048


def pays(request: CompletionRequest, model_name: str) -> bool:
    """Is the stable beginning, with the tools that come before it, long enough to be cached?"""
    stable = request.messages[: request.stable_messages]
    least = _LEAST_TOKENS_OF_HAIKU if "haiku" in model_name.lower() else _LEAST_TOKENS
    return bool(stable) and tokens.of_tools(request.tools) + tokens.of_messages(stable) >= least
