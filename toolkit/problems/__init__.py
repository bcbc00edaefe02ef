"""Problems: one file or folder each. The file system is the registry."""

from typing import Any

from toolkit.component import Registry
from toolkit.errors import UserError, unknown

from ._any_pictures import pictures as pictures
from ._any_pictures import units as units
from ._base import TOLERANCE as TOLERANCE
from ._base import Evaluation as Evaluation
from ._base import Field as Field
from ._base import Problem as Problem
from ._dynamics import Dynamics as Dynamics
from ._dynamics import HasDynamics as HasDynamics
from ._dynamics import HasRewards as HasRewards
from ._dynamics import HasRules as HasRules
from ._frames import Frames as Frames
from ._frames import by_frames as by_frames
from ._frames import episodes as episodes
from ._frames import least_mean as least_mean
from ._knowledge import Bounded as Bounded
from ._knowledge import HasCompletion as HasCompletion
from ._knowledge import HasConic as HasConic
from ._knowledge import HasCvxpy as HasCvxpy
from ._knowledge import HasDiagnosis as HasDiagnosis
from ._knowledge import HasFeatures as HasFeatures
from ._knowledge import HasFitting as HasFitting
from ._knowledge import HasLinear as HasLinear
from ._knowledge import HasMasters as HasMasters
from ._knowledge import HasNearest as HasNearest
from ._knowledge import HasOptions as HasOptions
from ._knowledge import HasOutcome as HasOutcome
from ._knowledge import HasPictures as HasPictures
from ._knowledge import HasPlant as HasPlant
from ._knowledge import HasPolish as HasPolish
from ._knowledge import HasPricing as HasPricing
from ._knowledge import HasPrior as HasPrior
from ._knowledge import HasProof as HasProof
from ._knowledge import HasPublished as HasPublished
from ._knowledge import HasPyomo as HasPyomo
from ._knowledge import HasRanking as HasRanking
from ._knowledge import HasRelaxation as HasRelaxation
from ._knowledge import HasRepair as HasRepair
from ._knowledge import HasSmallModels as HasSmallModels
from ._knowledge import Options as Options
from ._knowledge import Published as Published
from ._knowledge import consistent as consistent
from ._pictures import Marks as Marks
from ._pictures import Picture as Picture
from ._pictures import Scale as Scale
from ._proof import Certificate as Certificate
from ._space import Space as Space
from ._space import Var as Var


class Problems(Registry[Problem]):
    """The problems; a parameter `frames` makes an episode of any of them."""

    def build(self, name: str, *, frames: Any = None, **params: Any) -> Problem:
        problem = super().build(name, **params)
        if frames is None:
            return problem
        try:
            return episodes(problem, frames)
        except ValueError as error:
            raise UserError(f"Problem {name!r}: {error}") from None


registry = Problems(__name__, Problem)  # type: ignore[type-abstract]


def load(name: str, preset: str | None = None, **params: object) -> Problem:
    """Builds a problem, from a preset of its own if one is named; `params` override the preset."""
    presets = registry.find(name).presets
    if preset is not None and preset not in presets:
        raise unknown(f"preset of problem {name!r}", preset, presets)
    chosen = presets[preset] if preset is not None else {}
    return registry.build(name, **{**chosen, **params})
