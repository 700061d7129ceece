"""Steadyhand runs AI features in production: one package, one process, one PostgreSQL.

    from steadyhand import Client, Workspace

`Client` calls a server, `Workspace` runs features in this process; both have an `Async` twin. They are imported
when first asked for, so that `import steadyhand` costs nothing.
"""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steadyhand.client import AsyncClient, Client
    from steadyhand.workspace import AsyncWorkspace, Workspace

__version__ = "0.1.0"
__all__ = ["AsyncClient", "AsyncWorkspace", "Client", "Workspace", "__version__"]

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reads it when loaded: nothing leaves the house

_HOMES = {
    "AsyncClient": "steadyhand.client",
    "Client": "steadyhand.client",
    "AsyncWorkspace": "steadyhand.workspace",
    "Workspace": "steadyhand.workspace",
}


def __getattr__(name: str) -> object:
    """PEP 562: the public classes, loaded when they are used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
