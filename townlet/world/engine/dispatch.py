"""Choice of the compiled form of a rule for the types it is called with."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.core.registry import CPUDispatcher

# Untyped, like most of Numba.
_Dispatcher: Any = CPUDispatcher
_int64: Any = types.int64


class RuleDispatcher(_Dispatcher):  # type: ignore[misc]
    """A compiled function whose callers pass every integer as an int64.

    Numba would compile it once more for each width and each constant that any caller passes: the rule that records an
    event, 25 times.
    """

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The signature for a call with arguments of these types, which Numba converts to those of the signature."""
        return super().get_call_template([_widened(each) for each in args], {n: _widened(kws[n]) for n in kws})


def _widened(argument: Any) -> Any:
    # Not an uint64, which has values that an int64 has not.
    return _int64 if isinstance(argument, types.Integer) and argument != types.uint64 else argument
