"""How Numba compiles rules: as ever, except that an index counts from the start of an axis and never from its end.

Telling the two apart took three instructions for every index that is not a constant, a tenth of a tick's time. No rule
counts from the end: the tests run them with every index checked (``NUMBA_BOUNDSCHECK=1``).
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj

# Without types of their own.
_arrayobj: Any = arrayobj
_nopython_passes: Any = DefaultPassBuilder.define_nopython_pipeline
_register_pass: Any = register_pass


def _plain_index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as it is, of a machine word."""
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


@_register_pass(mutates_CFG=True, analysis_only=False)
class _PlainLowering(NativeLowering):
    """Numba's own generation of code, with plain indices, also of what Numba compiles on the way and keeps for others;
    of that, rules need nothing that has an index. Numba compiles behind a lock, one thread at a time."""

    _name = "townlet_lowering"

    def run_pass(self, state: Any) -> Any:
        usual = _arrayobj.fix_integer_index
        _arrayobj.fix_integer_index = _plain_index
        try:
            lower: Any = super().run_pass
            return lower(state)
        finally:
            _arrayobj.fix_integer_index = usual


class RuleCompiler(CompilerBase):
    """What rules are compiled by."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes, with another one for generating code."""
        manager = _nopython_passes(self.state)
        manager.passes = [
            (_PlainLowering if each is NativeLowering else each, description) for each, description in manager.passes
        ]
        manager.finalize()
        return [manager]
