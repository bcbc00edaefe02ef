"""What can be set about the paper's methods, and the two presets."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

from ._base import Learner

MOST = 1e6  # of rates, noise and weights: float32 has room for it
MOST_ROWS = 10_000_000  # of a memory, and steps of a run: what a machine can hold
MOST_WIDTH = 10_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hyper-parameters; the defaults are Table I of the paper where it has them."""

    actor_rate: float = 1e-4
    critic_rate: float = 1e-4
    gamma: float = 0.85
    width: tuple[int, ...] = (24, 16)
    batch: int = 64
    buffer: int = 100_000
    tau_soft: float = 0.005
    noise: float = 1.0  # standard deviation on the logits, at first
    noise_end: float = 1.0  # and at the end
    bit_noise: float = 1.0  # the same for the bits' logits: a flip is news, a jitter is not
    bit_noise_end: float = 1.0
    steps: int = 4500  # over which noise falls where the run has no number of its own
    episode: int = 150
    clip: float = 0.0  # of delay (s) and energy (J) in deadlines; 0: none
    bandwidth: str = "normalise"  # shares to a sum of B; or "cap" them there, or leave them "free"
    reward: str = "intent"  # or "letter": (17) as printed
    bonus: float = 0.1  # of (17)
    penalty: float = 0.02  # weight of (18) in (19)
    least_power: float = 0.0  # of P_max: from there upwards in equal ratios; 0: in equal steps


PRESETS = {
    "paper": Settings(),
    "tuned": Settings(
        actor_rate=1e-3,
        critic_rate=3e-3,
        gamma=0.0,
        width=(128, 128),
        buffer=1500,
        noise_end=0.05,
        bit_noise=1.5,
        bit_noise_end=1.0,
        clip=1.5,
        least_power=0.02,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Configured(Learner):
    """A learner with `settings`: those of a preset, but for the fields that are given."""

    preset: str = "tuned"  # or "paper"
    actor_rate: float | None = None
    critic_rate: float | None = None
    gamma: float | None = None
    width: tuple[int, ...] | None = None
    batch: int | None = None
    buffer: int | None = None
    tau_soft: float | None = None
    noise: float | None = None
    noise_end: float | None = None
    bit_noise: float | None = None
    bit_noise_end: float | None = None
    steps: int | None = None
    episode: int | None = None
    clip: float | None = None
    bandwidth: str | None = None
    reward: str | None = None
    bonus: float | None = None
    penalty: float | None = None
    least_power: float | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"preset is {self.preset!r}; it must be {' or '.join(PRESETS)}.")
        if isinstance(self.width, list):
            object.__setattr__(self, "width", tuple(self.width))  # JSON knows lists only
        _check(self.settings)

    @cached_property
    def settings(self) -> Settings:
        given = {f.name: getattr(self, f.name) for f in fields(Settings)}
        return replace(PRESETS[self.preset], **{k: v for k, v in given.items() if v is not None})


def _check(s: Settings) -> None:
    """Refuses what makes no sense, of whatever type it is."""
    for name in ("actor_rate", "critic_rate", "noise", "noise_end", "bit_noise", "bit_noise_end"):
        if not (_number(value := getattr(s, name)) and 0 < value <= MOST):
            raise ValueError(f"{name} is {value!r}; it must be above 0 and at most {MOST:g}.")
    for name in ("batch", "buffer", "steps", "episode"):
        if not (_whole(value := getattr(s, name)) and value <= MOST_ROWS):
            raise ValueError(
                f"{name} is {value!r}; it must be a whole number from 1 to {MOST_ROWS:,}."
            )
    if s.batch > s.buffer:
        raise ValueError(
            f"batch is {s.batch}, but the buffer holds {s.buffer}; nothing would be learnt."
        )
    if not (isinstance(s.width, tuple) and s.width and all(_layer(w) for w in s.width)):
        raise ValueError(
            f"width is {_plain(s.width)!r}; it must be a list of layer widths such as [64,64], "
            f"each at most {MOST_WIDTH:,}."
        )
    for name, most in (
        ("gamma", 0.999999),
        ("tau_soft", 1.0),
        ("least_power", 0.999999),
        ("clip", MOST),
        ("bonus", MOST),
        ("penalty", MOST),
    ):
        if not (_number(value := getattr(s, name)) and 0 <= value <= most):
            raise ValueError(f"{name} is {value!r}; it must lie between 0 and {most:g}.")
    for name, known in (
        ("bandwidth", ("normalise", "cap", "free")),
        ("reward", ("intent", "letter")),
    ):
        if getattr(s, name) not in known:
            raise ValueError(f"{name} is {getattr(s, name)!r}; it must be {' or '.join(known)}.")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _layer(value: object) -> bool:
    return _whole(value) and isinstance(value, int) and value <= MOST_WIDTH


def _plain(width: object) -> object:
    """As it was written, for a message."""
    return list(width) if isinstance(width, tuple) else width
