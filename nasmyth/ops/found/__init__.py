"""What an op does not say of itself, found by building its module and running it: costs, the axes of its weights, and which
places look alike."""
