from .drawing.lines import DrawnLines
from .fields.combs import Comb, Frame, cut_comb, find_combs
from .fields.dropout import FieldCut, cut_field, drop_print
from .forms.drafting import draft_form
from .forms.form import Field, Form, FormError, Option, Sum
from .glyphs.cut import BoxCutter, Piece
from .glyphs.normalize import GlyphNormalizer, normalize_glyph
from .lines.strips import LineNormalizer, normalize_line
from .lines.surroundings import RuleRemover
from .memory import ImageMemory
from .models import load_line_reader
from .outcomes import FieldReading, MarkReading, PageReading, Reason, ReasonKind
from .pages.cleaning import (
    BackgroundFlattener,
    Despeckler,
    despeckle,
    flatten_background,
)
from .pages.placement import (
    Registration,
)
from .pages.prepared import (
    PreparedBlank,
    prepare_blank,
)
from .pages.register import (
    PageRegistrar,
    RegistrationError,
    register,
)
from .pages.upright import Deskewer, deskew, estimate_skew, upright_log_odds
from .plotting import LatticeDisplay
from .readers.comb import CombReader
from .readers.field import FieldReader, make_field_reader
from .readers.form import FormReader, make_form_reader
from .readers.free import CuttingReader, SlidingReader
from .readers.voting import VotingReader
from .review.applying import Change, Review, apply_corrections
from .review.corrections import Correction, read_corrections
from .runs.tables import write_table
from .scans.read import Scan, ScanError, find_scans, open_scan, read_pages
from .scoring.batch import score_documents, score_fields
from .scoring.comparing import ComparedField, Comparison, Tally, compare_results
from .scoring.matching import Match, Matching, match_pages, write_matches
from .scoring.overlay import draw_overlay
from .scoring.processes import PageLimits
from .scoring.roster import Roster
from .scoring.table import PageResult, Summary, to_dicts, to_frame

__all__ = [
    "BackgroundFlattener",
    "BoxCutter",
    "Change",
    "Comb",
    "CombReader",
    "ComparedField",
    "Comparison",
    "Correction",
    "CuttingReader",
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
    "ImageMemory",
    "LatticeDisplay",
    "LineNormalizer",
    "MarkReading",
    "Match",
    "Matching",
    "Option",
    "PageLimits",
    "PageReading",
    "PageRegistrar",
    "PageResult",
    "Piece",
    "PreparedBlank",
    "Reason",
    "ReasonKind",
    "Registration",
    "RegistrationError",
    "Review",
    "Roster",
    "RuleRemover",
    "Scan",
    "ScanError",
    "SlidingReader",
    "Sum",
    "Summary",
    "Tally",
    "VotingReader",
    "apply_corrections",
    "compare_results",
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
    "match_pages",
    "normalize_glyph",
    "normalize_line",
    "open_scan",
    "prepare_blank",
    "read_corrections",
    "read_pages",
    "register",
    "score_documents",
    "score_fields",
    "to_dicts",
    "to_frame",
    "upright_log_odds",
    "write_matches",
    "write_table",
]
