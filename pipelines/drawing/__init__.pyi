from .filling import draw_comb, draw_entries, entry_value, fill_comb, fill_form
from .inking import ink_strokes
from .printing import CombField, draw_blank_form, make_form, print_comb
from .scanning import (
    Photograph,
    Scanner,
    compress_page,
    draw_scanner,
    photograph_page,
    scan_page,
)
from .stack import DrawnFields, FilledForms, draw_fields, draw_filled_forms
from .strings import draw_digit, draw_string
from .writers import Pen, Writer, draw_pen, draw_writer, trace_digit

__all__ = [
    "CombField",
    "DrawnFields",
    "FilledForms",
    "Pen",
    "Photograph",
    "Scanner",
    "Writer",
    "compress_page",
    "draw_blank_form",
    "draw_comb",
    "draw_digit",
    "draw_entries",
    "draw_fields",
    "draw_filled_forms",
    "draw_pen",
    "draw_scanner",
    "draw_string",
    "draw_writer",
    "entry_value",
    "fill_comb",
    "fill_form",
    "ink_strokes",
    "make_form",
    "photograph_page",
    "print_comb",
    "scan_page",
    "trace_digit",
]
