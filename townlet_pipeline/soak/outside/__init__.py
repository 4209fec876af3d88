"""Policies made elsewhere: their declarations, and what is made of them, from a check to a soak."""
