"""The vocabulary: frozen values that every other room speaks in. No I/O, no clock, standard library only."""
