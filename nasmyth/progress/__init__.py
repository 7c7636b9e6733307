"""What is going on: told by whatever takes long, shown on terminals and in notebooks.

with shown(None) as display:                       # None: where somebody looks; True: always; False: never
    display(Progress("reading"))
    with watching(lambda step: display(...)):      # the steps of every training that happens inside
        ...
"""

from nasmyth.progress.checkpoint import keeper, keeping
from nasmyth.progress.display import Display, shown
from nasmyth.progress.event import PHASES, Progress
from nasmyth.progress.watch import Step, watch, watching

__all__ = ["PHASES", "Display", "Progress", "Step", "keeper", "keeping", "shown", "watch", "watching"]
