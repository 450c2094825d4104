"""
=========================================
What the network says along a whole field
=========================================

A network that slides over a field gives posteriors at every second column. Where a
digit ends it speaks up; in between it says blank.
"""

# %%
# A field of free writing becomes a strip of 32 pixels, and is read whole; here at its
# own width only, not at several of them as the file of the network has it.

import matplotlib.pyplot as plt

from lenet_sklearn import load_model
from lenet_sklearn.plotting import StringPosteriorDisplay
from pipelines import normalize_line
from pipelines.drawing import draw_string, draw_writer

recognizer = load_model("wide", widths=(1.0,))
field = draw_string("60291", draw_writer(3), random_state=3)
StringPosteriorDisplay.from_estimator(recognizer, normalize_line(field))

plt.show()
