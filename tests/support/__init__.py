"""Helpers of the tests: small towns, captures, soaks, services, and whatever else several tests share."""
