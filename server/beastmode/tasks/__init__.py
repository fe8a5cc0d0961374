"""What a model can be asked to do, one file a task, its words in prompts/*.md."""
