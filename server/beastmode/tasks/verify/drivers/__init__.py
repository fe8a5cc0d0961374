"""What runs in the user's own runtime, beside a project's tests: never imported by this package, only put on a path."""
