"""
=============================================
All ways to cut a field, and the best of them
=============================================

Over-segmentation cuts writing more finely than digits are written, and joins the
pieces again in every way that may be one digit. Each of these is a step from one cut
to another; the string is that of the best path.
"""

# %%
# Every line below the writing is a step: what it joins, and what it is taken for. The
# first row is the best path. The less probable a step is, the fainter is its line.

import matplotlib.pyplot as plt

from lenet_sklearn import load_dataset
from pipelines import CuttingReader, DrawnLines, LatticeDisplay

lines = DrawnLines(*load_dataset("digits"), n_lines=40, random_state=0)
LatticeDisplay.from_estimator(CuttingReader(), lines.draw_field(35))

plt.show()
