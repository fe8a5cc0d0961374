"""Metrics of this process: one table says what there is, a recorder fills it from the router's tries, sinks show it."""
