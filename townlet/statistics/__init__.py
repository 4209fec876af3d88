"""Statistics of baselines, evaluations, soaks and studies: tests, intervals, effect sizes and fairness."""
