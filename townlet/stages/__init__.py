"""What the stages between a scenario and a report write: one function per artefact, from files to a file.

Captures, trainings and tables have rooms of their own. Nothing is imported here, because each stage needs other
libraries.
"""
