"""Helpers of the tests: small towns, captures, soaks, services, and whatever several tests begin with."""
