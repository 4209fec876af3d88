"""A scenario's column: the assets from its capture to its evaluation, and the checks, sensors and jobs around them."""
