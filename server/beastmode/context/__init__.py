"""What a model gets to see of the user's code."""
