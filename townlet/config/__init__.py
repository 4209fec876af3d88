"""Scenario files as frozen, typed, validated models."""
