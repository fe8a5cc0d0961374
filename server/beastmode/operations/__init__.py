"""What a person runs on top of the core: the status of it all, and the test of one model."""
