"""The ops, one family a file: value, derivative rules, samples and documentation of each in one block."""
