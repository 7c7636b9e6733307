"""Models of what was tried: what is expected of a genome that was not, and how sure that is."""
