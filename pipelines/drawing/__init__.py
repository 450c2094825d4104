"""Drawn demonstrations: printed forms, filled in by hand and scanned."""

from pipelines.drawing.filling import (
    draw_comb,
    draw_entries,
    entry_value,
    fill_comb,
    fill_form,
)
from pipelines.drawing.inking import draw_digit, draw_string, ink_strokes
from pipelines.drawing.printing import (
    CombField,
    draw_blank_form,
    form_description,
    print_comb,
)
from pipelines.drawing.scanning import (
    Photograph,
    Scan,
    compress_page,
    draw_scan,
    photograph_page,
    scan_page,
)
from pipelines.drawing.stack import (
    FilledForms,
    clear_demo_folder,
    draw_filled_forms,
)
from pipelines.drawing.tracing import Pen, Writer, draw_pen, draw_writer, trace_digit

__all__ = [
    "CombField",
    "FilledForms",
    "Pen",
    "Photograph",
    "Scan",
    "Writer",
    "clear_demo_folder",
    "compress_page",
    "draw_blank_form",
    "draw_comb",
    "draw_digit",
    "draw_entries",
    "draw_filled_forms",
    "draw_pen",
    "draw_scan",
    "draw_string",
    "draw_writer",
    "entry_value",
    "fill_comb",
    "fill_form",
    "form_description",
    "ink_strokes",
    "photograph_page",
    "print_comb",
    "scan_page",
    "trace_digit",
]
