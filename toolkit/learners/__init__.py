"""Learners: one per file. The file system is the registry."""

from toolkit.component import Registry

from ._base import Checkpoint as Checkpoint
from ._base import Learner as Learner
from ._base import head_of as head_of
from ._base import load as load
from ._base import save as save
from ._train import Teacher as Teacher
from ._train import Training as Training
from ._train import fit as fit

registry: Registry[Learner] = Registry(__name__, Learner)  # type: ignore[type-abstract]
