"""What a month cost and saved: read from the ledger once (`read`), then written in any format, one file a format.

`reconcile` compares it with what a provider's bill says.
"""
