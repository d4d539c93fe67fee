"""Figures from captures and chrony logs."""
