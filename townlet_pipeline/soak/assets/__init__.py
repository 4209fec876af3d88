"""The assets of baselines, nights and weekends, one file per asset."""
