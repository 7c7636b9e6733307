"""Calls of other libraries as ops: what a traced network does that no op of ours says."""
