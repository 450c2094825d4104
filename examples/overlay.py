"""Read one page of a stack, list its fields, and draw them onto the page.

``python examples/overlay.py examples/images/overlay.png`` makes the picture in
the README.
"""

import sys
import tempfile
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from pipelines import Form, draw_overlay, make_form_reader, read_pages
from pipelines.drawing import draw_filled_forms

target = Path(sys.argv[1] if len(sys.argv) > 1 else "overlay.png")

with tempfile.TemporaryDirectory() as folder:
    stack = draw_filled_forms(folder, n_pages=2, random_state=0)
    form = Form.from_file(stack.form)
    [page] = read_pages(stack.scans[-1])
    reading = make_form_reader(form).read(page)

print(f"the page: {reading.status}")
for name, field in reading.fields.items():
    print(f"{name:15} {field.value:10} {field.status:9} {field.confidence:.4f}")

# Only the part with the fields, at half the size and without the paper's grain.
picture = PIL.Image.fromarray(draw_overlay(page, reading))
picture = picture.crop((150, 450, 1570, 1690)).reduce(2)
PIL.ImageOps.posterize(picture, bits=4).save(target, optimize=True)
print(f"picture: {target}")
