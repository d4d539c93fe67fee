"""The estimator ``boxcar64``: 64 s averages. Pure."""
