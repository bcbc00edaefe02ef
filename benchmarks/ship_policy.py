"""Puts a checkpoint of the verb train among the policies that come with the package.

python benchmarks/ship_policy.py cpdrl-imitate imitate.zip 'python -m toolkit.bench train …'

What training needs to go on is left out, and so is its curve.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

import toolkit
from toolkit.learners import Checkpoint
from toolkit.learners._base import write
from toolkit.learners._shipped import FOLDER

INDEX = FOLDER / "index.json"


def slim(source: Path, target: Path) -> dict[str, object]:
    """Writes head and weights alone; returns the head."""
    file = Checkpoint.read(source)
    head = {**file.head, "curve": []}
    write(target, head, file.weights, {})
    return head


def main(name: str, source: Path, command: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    target = FOLDER / f"{name}.zip"
    head = slim(source, target)
    index = json.loads(INDEX.read_text()) if INDEX.exists() else {}
    index[name] = {
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": target.stat().st_size,
        **{key: head[key] for key in ("learner", "problem", "version", "steps", "seconds")},
        "toolkit": toolkit.__version__,
        "torch": torch.__version__,
        "command": command,
    }
    INDEX.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    print(index[name])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
