"""Every problem of the registry as a Gymnasium environment, called toolkit/NAME-v0.

import gymnasium, toolkit.envs
env = gymnasium.make("toolkit/cpdrl-v0", preset="paper", n_users=4, view="reduced")
many = gymnasium.make_vec("toolkit/cpdrl-v0", num_envs=256)

Those that unfold in time are also played step by step, as toolkit/NAME-steps-v0 (`_rollout`).
"""

import gymnasium

from toolkit import problems

from ._gym import ProblemEnv as ProblemEnv
from ._gym import ProblemVectorEnv as ProblemVectorEnv
from ._rollout import RolloutEnv as RolloutEnv
from ._rollout import RolloutVectorEnv as RolloutVectorEnv
from ._rules import Rules as Rules

# Of the ids: raise it when an action, an observation or a reward comes to mean something else.
# The problem's own version is at env.unwrapped.problem.version.
VERSION = 0


def env_id(name: str) -> str:
    """The id by which `gymnasium.make` knows a problem."""
    return f"toolkit/{name}-v{VERSION}"


def rollout_id(name: str) -> str:
    """The id of the environment whose steps are the problem's own."""
    return f"toolkit/{name}-steps-v{VERSION}"


def register() -> None:
    """Makes every problem known to Gymnasium; call it again after a plug-in brought a problem.

    What a broken package brings is left out, and told where somebody asks for it.
    """
    for name, problem in problems.registry.usable(lambda text: None):
        _register(env_id(name), "ProblemEnv", "ProblemVectorEnv", name)
        if hasattr(problem, "dynamics"):
            _register(rollout_id(name), "RolloutEnv", "RolloutVectorEnv", name)


def _register(known_as: str, single: str, many: str, name: str) -> None:
    if known_as not in gymnasium.registry:
        gymnasium.register(
            known_as,
            entry_point=f"toolkit.envs:{single}",
            vector_entry_point=f"toolkit.envs:{many}",
            kwargs={"problem": name},
        )


register()
