"""The rules of the town, one file per subject; :mod:`townlet.world.step` names their order."""
