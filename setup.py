"""Which packages there are; everything else is in pyproject.toml, which cannot say where a single package lies."""

from setuptools import find_packages, setup

# The scenarios stand in a folder of their own for those who edit them, and are installed with the package.
setup(
    packages=[*find_packages(include=["townlet*"]), "townlet.scenarios"],
    package_dir={"townlet.scenarios": "configs/scenarios"},
    package_data={
        "townlet": ["py.typed", "view/replay/page/*"],
        "townlet.scenarios": ["*.yaml"],
        "townlet_pipeline": ["*.yaml"],
    },
)
