"""From readings to what burns: control, stops, set-point and its slow walk. Pure."""
