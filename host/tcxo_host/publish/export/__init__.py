"""What leaves for other people's screens: Prometheus, MQTT with Home Assistant; never in the way of publishing."""
