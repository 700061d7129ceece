"""The features that can run now."""

from steadyhand.errors import ContractInvalid
from steadyhand.types.feature import Feature
from steadyhand.workspace import AsyncWorkspace


def runnable(workspace: AsyncWorkspace) -> dict[str, Feature]:
    """By name, sorted; in their last good version where an edit broke them."""
    found = {name: good(workspace, name) for name in workspace.features.names()}
    return {name: feature for name, feature in found.items() if feature is not None}


def good(workspace: AsyncWorkspace, name: str) -> Feature | None:
    """The feature, None when its contract never was good. Raises `NotFound`."""
    try:
        return workspace.features.get(name)
    except ContractInvalid:
        return None
