"""Every problem of the registry as a Gymnasium environment, called toolkit/NAME-v0.

import gymnasium, toolkit.envs
env = gymnasium.make("toolkit/cpdrl-v0", preset="paper", n_users=4, view="reduced")
many = gymnasium.make_vec("toolkit/cpdrl-v0", num_envs=256)
"""

import gymnasium

from toolkit import problems

from ._gym import ProblemEnv as ProblemEnv
from ._gym import ProblemVectorEnv as ProblemVectorEnv
from ._rules import Rules as Rules

# Of the ids: raise it when an action, an observation or a reward comes to mean something else.
# The problem's own version is at env.unwrapped.problem.version.
VERSION = 0


def env_id(name: str) -> str:
    """The id by which `gymnasium.make` knows a problem."""
    return f"toolkit/{name}-v{VERSION}"


def register() -> None:
    """Makes every problem known to Gymnasium; call it again after a plug-in brought a problem."""
    for name in problems.registry.names():
        if env_id(name) not in gymnasium.registry:
            gymnasium.register(
                env_id(name),
                entry_point="toolkit.envs:ProblemEnv",
                vector_entry_point="toolkit.envs:ProblemVectorEnv",
                kwargs={"problem": name},
            )


register()
