"""
============================================
How it works, step by step, from page to row
============================================

A page passes through a chain of steps, each of which is a function or a scikit-learn
estimator of its own. Here is one filled-in form of the demo on its way to a row of the
table, with one picture for each step.
"""

# %%
# The scan
# --------
# A file is read into grey pages, dark ink on light paper, whatever its format, depth
# and colours are. This page is drawn: a printed form, filled in by a made-up writer,
# and scanned a little askew.

import tempfile

import cv2
import matplotlib.pyplot as plt
import numpy as np

from lenet_sklearn import LeNet5Classifier
from pipelines import (
    CombReader,
    Form,
    Frame,
    GlyphNormalizer,
    cut_field,
    draw_overlay,
    make_form_reader,
    prepare_blank,
    read_pages,
    register,
)
from pipelines.drawing import draw_filled_forms


def show(image, title, width=5.0, ax=None):
    """Show a grey image, its pixels as they are."""
    if ax is None:
        height = width * image.shape[0] / image.shape[1]
        _, ax = plt.subplots(figsize=(width, height + 0.4), layout="constrained")
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


with tempfile.TemporaryDirectory() as folder:
    stack = draw_filled_forms(folder, n_pages=1, random_state=0)
    form = Form.from_file(stack.form)
    blank = form.load_blank()
    [page] = read_pages(stack.scans[0])
    reading = make_form_reader(form).read(page)

show(page, f"a page of {page.shape[1]} x {page.shape[0]} pixels")

# %%
# The page
# --------
# The page is laid onto the scan of the blank form: features that both have in common
# give a first guess, patches of print refine it. The share of the print that is found
# where it belongs says whether this is the form at all. What comes out is a homography,
# which also undoes the perspective of a photograph. With it, the places that the form
# gives on the blank page are found on this one.

prepared = prepare_blank(blank)
registration = register(page, prepared)
ax = show(page, f"{registration.quality:.0%} of the print is where it belongs")
for field in form.fields:
    top, left, height, width = field.box
    right, bottom = left + width, top + height
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    corners = np.array(corners, dtype=float)[:, None]
    quad = cv2.perspectiveTransform(corners, registration.matrix)[:, 0]
    ax.add_patch(plt.Polygon(quad, fill=False, edgecolor="tab:red", linewidth=1))

# %%
# The field
# ---------
# Each field is cut out straight, and what the blank page has printed there is taken
# away, so that ink is all that is left. A form without a blank page works too: then a
# row of as many boxes as the field has digits is looked for on the page.

field = form.fields[1]
cut = cut_field(page, registration, prepared, field.box)
top, left, height, width = field.box
corner = registration.matrix @ [left, top, 1]
x, y = np.rint(corner[:2] / corner[2]).astype(int)
_, axes = plt.subplots(2, 1, figsize=(6, 3.4), layout="constrained")
around = page[y - 20 : y + height + 20, x - 20 : x + width + 20]
show(around, f"{field.name} on the page", ax=axes[0])
show(cut.image, "cut out, without what is printed", ax=axes[1])

# %%
# The glyphs
# ----------
# A row of boxes is cut at its walls. Every piece is scaled to a box of 20 pixels and
# centred by its mass in 28 x 28, ink bright on black: so MNIST has its digits, and so
# the network knows them.

top, left, height, width = cut.box
boxes = Frame(
    left, top, left + width, top + height, field.digits, ruled=False, hidden=cut.hidden
)
[pieces] = CombReader(digits=field.digits).cut([cut.image], [boxes])
glyphs = GlyphNormalizer().transform([piece.image for piece in pieces])
_, axes = plt.subplots(1, len(glyphs), figsize=(6, 1.4), layout="constrained")
for ax, glyph in zip(axes, glyphs, strict=True):
    show(glyph, "", ax=ax)

# %%
# The digits
# ----------
# A LeNet-5 gives a posterior for each of the ten digits. A temperature, fitted on
# digits kept back from its training, calibrates them: of the digits that get 0.9,
# about nine in ten should be read correctly.

posteriors = LeNet5Classifier.from_pretrained("forms").predict_proba(glyphs)
_, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.imshow(posteriors.T, cmap="Blues", vmin=0, vmax=1)
ax.set_yticks(range(10))
ax.set_xticks(range(len(glyphs)), posteriors.argmax(axis=1))
ax.set_ylabel("class")
ax.set_xlabel("most probable digit of each box")

# %%
# The string, and the decision
# ----------------------------
# The probability that the whole string is right is its confidence: in boxes the product
# over its digits. A value is accepted (green) if it is high enough and no rule of the
# form is broken; else a person should look at it (orange). Fields that nothing is
# written in are blank (grey). This is the picture that ``--overlay`` writes; the table
# has a row with the same values.

print(reading.status)
for name, value in reading.fields.items():
    print(f"{name:15} {value.value:10} {value.status:9} {value.confidence:.4f}")

overlay = draw_overlay(page, reading)
ax = show(overlay[450:1690, 150:1570], "what was read", width=7)

# sphinx_gallery_thumbnail_number = -1
plt.show()

# %%
# What has no boxes is read in two other ways, whose results are multiplied: a network
# slides over the field (:ref:`sphx_glr_generated_gallery_plot_string.py`), and
# over-segmentation looks for the best path through all ways to cut it
# (:ref:`sphx_glr_generated_gallery_plot_lattice.py`).
