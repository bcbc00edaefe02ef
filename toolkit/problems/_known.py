"""What a class knows is asked once: answers of protocols, kept for every type."""

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from abc import ABCMeta as _Meta
else:
    _Meta = type(Protocol)


class Known(_Meta):
    """The class of protocols whose `isinstance` goes by the type alone.

    A runtime protocol looks for each of its methods at every call, for 5 to 20 microseconds: half
    of what a small instance takes to solve. What an object has been given beside its type's
    attributes counts for nothing, if another of its type has been asked about before.
    """

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _ANSWERS[cls] = WeakKeyDictionary()

    def __instancecheck__(cls, instance: Any) -> bool:
        answers, kind = _ANSWERS[cls], type(instance)
        found = answers.get(kind)
        if found is None:
            found = answers[kind] = super().__instancecheck__(instance)
        return found


_ANSWERS: WeakKeyDictionary[type, WeakKeyDictionary[type, bool]] = WeakKeyDictionary()
