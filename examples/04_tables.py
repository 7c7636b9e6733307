"""Tables: a DataFrame in, a network for its rows out. Which columns are numbers, and what is to be learned, is inferred.

The data is scikit-learn's diabetes set: ten columns of 442 patients, and the progression of their disease after a year.
A file works the same way: nasmyth.design("patients.csv", target="progression", ...).
"""

import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

import nasmyth

SPEND = os.environ.get("NASMYTH_EXAMPLE_SPEND", "60s")
out = Path("out")
out.mkdir(exist_ok=True)

table = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
table["sex"] = table["sex"].map({1.0: "a", 2.0: "b"})  # words become categories
table.loc[::10, "bmi"] = np.nan  # missing numbers are filled with what the training rows have in the middle

task = nasmyth.read(table, target="progression", seed=0)
print(f"{task.kind} of {task.outputs.names[0]}, {len(task.train)} rows to train on")
for note in task.notes:
    print(" -", note)

found = nasmyth.design(task, under=["size<=50kB"], spend=SPEND, seed=0, out=out / "diabetes.db")
print(found)

net = found.best
rows = table.drop(columns="progression").head(4)
print("predicted:", np.round(np.ravel(net.predict(rows).values), 1))
print("in truth: ", table["progression"].head(4).tolist())
print(net.export(out / "diabetes.onnx"))
