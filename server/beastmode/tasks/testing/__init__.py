"""From the order "write tests" to tests that have been run: where they go, what the model says, what becomes of it."""
