"""From data and a budget to a network you own: 8x8 handwritten digits, at most 10,000 parameters.

The data comes with scikit-learn. With your own, write a folder of class folders, a file or arrays in place of "digits".
"""

import os
from pathlib import Path

import nasmyth
from nasmyth.measure import macs, params

SPEND = os.environ.get("NASMYTH_EXAMPLE_SPEND", "60s")
out = Path("out")
out.mkdir(exist_ok=True)

# The data is read and split, a space of networks is narrowed to the budget, and the search begins. Everything it finds
# goes to digits.db at once: stop it whenever you like, and run the same line again to go on.
found = nasmyth.design("digits", under=[params <= 10e3], spend=SPEND, seed=0, out=out / "digits.db")
print(found)

# What comes out is a torch.nn.Module that knows its graph, its preprocessing and the names of its classes.
net = found.best
print(net)
print("MACs:", macs(net), " check:", net.check(params <= 10e3))

# So it takes raw images, as they were in the data.
task = nasmyth.read("digits")
images = task.test.x[:5].numpy()
prediction = net.predict(images)
print("labels:       ", prediction.labels)
print("probabilities:", [round(p, 2) for p in prediction.probabilities.max(1).values.tolist()])
print("right answers:", [task.classes[i] for i in task.test.y[:5]])

# Each file is run and compared with the network before it counts as written.
for name in ("digits.safetensors", "digits.onnx", "digits.py"):
    print(net.export(out / name))
