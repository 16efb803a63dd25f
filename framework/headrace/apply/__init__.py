"""Carrying a plan out, one recorded step at a time; deciding nothing."""
