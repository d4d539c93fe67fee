"""The estimator ``kalman``: all clocks in one filter, from every edge. Pure."""
