from .drawing.lines import DrawnLines
from .fields.combs import Frame, cut_comb, find_combs
from .fields.dropout import FieldCut, cut_field, drop_print
from .fields.speckle import Despeckler, despeckle
from .fields.walls import Comb
from .forms.drafting import draft_form
from .forms.form import Field, Form, FormError, Sum
from .glyphs.cut import Piece
from .glyphs.normalize import GlyphNormalizer, normalize_glyph
from .lines.strips import LineNormalizer, normalize_line
from .outcomes import FieldReading, PageReading
from .pages.deskew import Deskewer, deskew, estimate_skew
from .pages.flatten import BackgroundFlattener, flatten_background
from .pages.orientation import upright_log_odds
from .pages.register import (
    PageRegistrar,
    PreparedBlank,
    Registration,
    RegistrationError,
    prepare_blank,
    register,
)
from .plotting import LatticeDisplay
from .readers.field import FieldReader, make_field_reader
from .readers.form import FormReader, make_form_reader
from .readers.line import LineReader
from .readers.loading import load_line_reader
from .readers.segment import SegmentReader
from .readers.vote import VoteReader
from .scans.read import Scan, ScanError, find_scans, open_scan, read_pages
from .scoring.batch import score_fields, score_pages
from .scoring.overlay import draw_overlay

__all__ = [
    "BackgroundFlattener",
    "Comb",
    "Deskewer",
    "Despeckler",
    "DrawnLines",
    "Field",
    "FieldCut",
    "FieldReader",
    "FieldReading",
    "Form",
    "FormError",
    "FormReader",
    "Frame",
    "GlyphNormalizer",
    "LatticeDisplay",
    "LineNormalizer",
    "LineReader",
    "PageReading",
    "PageRegistrar",
    "Piece",
    "PreparedBlank",
    "Registration",
    "RegistrationError",
    "Scan",
    "ScanError",
    "SegmentReader",
    "Sum",
    "VoteReader",
    "cut_comb",
    "cut_field",
    "deskew",
    "despeckle",
    "draft_form",
    "draw_overlay",
    "drop_print",
    "estimate_skew",
    "find_combs",
    "find_scans",
    "flatten_background",
    "load_line_reader",
    "make_field_reader",
    "make_form_reader",
    "normalize_glyph",
    "normalize_line",
    "open_scan",
    "prepare_blank",
    "read_pages",
    "register",
    "score_fields",
    "score_pages",
    "upright_log_odds",
]
