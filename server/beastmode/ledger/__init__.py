"""Every try a row: recorded before its caller sees the end of the answer, summed up, priced."""
