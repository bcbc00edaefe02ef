"""What goes wrong for reasons that the user can mend."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what was asked for; its text is one sentence that says what to do."""


def unknown(kind: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that nothing carries, with the nearest one that something does."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}."
    return UserError(f"No {kind} is called {name!r}; {hint}")
