"""Scikit-learn estimators that read handwritten digits in scanned documents."""

from pipelines.fields.combs import Comb, Frame, cut_comb, find_combs
from pipelines.fields.speckle import Despeckler, despeckle
from pipelines.forms import Field, Form, FormError
from pipelines.glyphs.cut import Piece
from pipelines.glyphs.normalize import GlyphNormalizer, normalize_glyph
from pipelines.outcomes import FieldReading, PageReading
from pipelines.pages.deskew import Deskewer, deskew, estimate_skew
from pipelines.pages.flatten import BackgroundFlattener, flatten_background
from pipelines.readers.field import FieldReader, make_field_reader
from pipelines.readers.form import FormReader, make_form_reader
from pipelines.scans import ScanError, read_pages

__all__ = [
    "BackgroundFlattener",
    "Comb",
    "Deskewer",
    "Despeckler",
    "Field",
    "FieldReader",
    "FieldReading",
    "Form",
    "FormError",
    "FormReader",
    "Frame",
    "GlyphNormalizer",
    "PageReading",
    "Piece",
    "ScanError",
    "cut_comb",
    "deskew",
    "despeckle",
    "estimate_skew",
    "find_combs",
    "flatten_background",
    "make_field_reader",
    "make_form_reader",
    "normalize_glyph",
    "read_pages",
]
