"""A project folder: its form, the files that come with Townlet, and the making of a new one from them.

The folders beside this file are links into the checkout; a wheel has their files.
"""

from townlet.project.make import Made, is_project, make_project, may_become_project
from townlet.project.shipped import documentation, shipped_files

__all__ = ["Made", "documentation", "is_project", "make_project", "may_become_project", "shipped_files"]
