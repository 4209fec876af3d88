"""Stages between a scenario and a report: one function per artefact, from files to files.

Captures, trainings and tables have packages of their own. Each stage needs different libraries, so import its module.
"""
