"""Statistical tests and intervals that baselines, soaks and studies share."""
