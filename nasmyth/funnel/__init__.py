"""The funnel of a design: what each price buys, who passes, and who is best. `nasmyth.design` tells the story with it."""
