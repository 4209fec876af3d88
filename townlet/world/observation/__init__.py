"""Observations: the features that agents see, and the schema that names and places them."""
