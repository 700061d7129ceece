"""Everything that is wrong with a workspace's contracts, at once."""

from pathlib import Path

from steadyhand.features.cases import GOLD, check_gold
from steadyhand.features.files import FOLDER, Files, feature_names
from steadyhand.features.known import Known
from steadyhand.features.load import load
from steadyhand.types.feature import Problem


def problems(workspace_root: Path, known: Known) -> list[Problem]:
    """One problem per fault of any contract or gold set, by file and line; empty when all is well.

    Files are named relative to the workspace. A fault in a contract that others extend is told once.
    """
    root = workspace_root.resolve()
    found: list[Problem] = []
    for name in feature_names(root):
        loaded = load(root, name, known)
        found += loaded.problems
        gold = Files(root, known.recipes)
        path = root / FOLDER / name / GOLD
        text = gold.text(path)
        if text is not None and loaded.schemas is not None:
            check_gold(gold, path, text, loaded.schemas)
        found += gold.problems()
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.file, problem.line))
