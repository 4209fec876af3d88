"""Numba's lowering for rules: an index counts from the start of an axis, and an entry is optimized as one program.

Numba tells an index from the start from one from the end with three instructions per index that is not a constant,
which took a tenth of a tick's time. No rule counts from the end; the tests run all rules with every index checked
(``NUMBA_BOUNDSCHECK=1``).
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj

from townlet.world.engine.libraries import EntryLibrary, RuleLibrary

# Untyped, because Numba's stubs lack them.
_arrayobj: Any = arrayobj
_make_function: Any = _dynfunc.make_function
_nopython_passes: Any = DefaultPassBuilder.define_nopython_pipeline
_register_pass: Any = register_pass


def _plain_index(context: Any, builder: Any, index_type: Any, index: Any, size: Any) -> Any:
    """An index as it is, as wide as a machine word."""
    return context.cast(builder, index, index_type, types.intp if index_type.signed else types.uintp)


@_register_pass(mutates_CFG=True, analysis_only=False)
class _PlainLowering(NativeLowering):
    """Numba's code generation with plain indices, which leaves the machine code of rules to the entries that call them.

    If Numba compiled a library function meanwhile, that would get plain indices too, and Numba would keep it for other
    callers; rules call no library function that uses an index. Only one thread at a time compiles, behind Numba's lock.
    """

    _name = "townlet_lowering"

    def run_pass(self, state: Any) -> Any:
        is_entry = not state.flags.no_cpython_wrapper
        kind: Any = EntryLibrary if is_entry else RuleLibrary
        library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
        library.enable_object_caching()
        state.library = library
        state.flags.no_compile = not is_entry
        usual = _arrayobj.fix_integer_index
        _arrayobj.fix_integer_index = _plain_index
        try:
            lower: Any = super().run_pass
            lowered = lower(state)
        finally:
            _arrayobj.fix_integer_index = usual
        if not is_entry:
            _offer(state)
        return lowered


def _offer(state: Any) -> None:
    """Offer a rule to its callers, by the name of a function without machine code."""
    rule = state["cr"]
    name = rule.fndesc.qualname.rpartition(".")[2]
    stub = _make_function(rule.fndesc.lookup_module(), name, "compiled rule", 0, rule.env, (state.library,))
    state.targetctx.insert_user_function(stub, rule.fndesc, [state.library])
    state["cr"] = rule._replace(cfunc=stub)


class RuleCompiler(CompilerBase):
    """The compiler of rules."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes, with our own for generating code."""
        manager = _nopython_passes(self.state)
        manager.passes = [
            (_PlainLowering if each is NativeLowering else each, description) for each, description in manager.passes
        ]
        manager.finalize()
        return [manager]
