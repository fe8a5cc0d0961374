"""How much load a model's endpoint bears: `drive` asks, `measure` adds up, `result` is what is kept and compared."""
