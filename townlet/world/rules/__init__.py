"""The rules of the town, one file per subject; :mod:`townlet.world.step` calls them in order.

All rules name indices alike, after the axes of :class:`townlet.world.state.arrays.TownState`: ``w`` is a world, ``a`` a
person, ``o`` an object, ``t`` a type of object, ``k`` an entry of a ledger, ``use`` an affordance. ``person`` and
``thing`` are the records of a person and of an object.
"""
