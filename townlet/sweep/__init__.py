"""Sweeps: search a space of settings for good ones by many trainings, and confirm the best with fresh seeds.

A sweep's folder holds one file and one folder per trial. All that Optuna is asked, the next settings and whether to
prune, is a function of these files, so a sweep that was killed goes on as if nothing had happened.
"""
