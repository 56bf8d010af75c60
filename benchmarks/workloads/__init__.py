"""The workloads: in each module a function per contender, which prepares it and returns its measurement."""
