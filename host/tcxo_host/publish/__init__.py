"""Estimates in; what chrony and people get out."""
