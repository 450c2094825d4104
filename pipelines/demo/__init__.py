"""Drawn demonstrations: printed forms, filled in by hand and scanned."""

from pipelines.demo.filling import (
    draw_comb,
    draw_entries,
    entry_value,
    fill_comb,
    fill_form,
)
from pipelines.demo.handwriting import Pen, Writer, draw_pen, draw_writer, trace_digit
from pipelines.demo.inking import draw_digit, draw_string, ink_strokes
from pipelines.demo.printing import (
    CombField,
    draw_blank_form,
    form_description,
    print_comb,
)
from pipelines.demo.scanning import (
    Photograph,
    Scan,
    compress_page,
    draw_scan,
    photograph_page,
    scan_page,
)
from pipelines.demo.stack import (
    FilledForms,
    clear_demo_folder,
    draw_filled_forms,
)

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
