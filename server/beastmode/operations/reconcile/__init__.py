"""Compares the ledger with a provider's bill: `bill` reads the export, `compare` explains every difference."""
