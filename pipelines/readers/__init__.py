"""Readers: from fields to strings, from pages to the fields of a form."""

from pipelines.readers.field import FieldReader, make_field_reader
from pipelines.readers.form import FormReader, make_form_reader
from pipelines.readers.line import LineReader
from pipelines.readers.segment import SegmentReader
from pipelines.readers.vote import VoteReader

__all__ = [
    "FieldReader",
    "FormReader",
    "LineReader",
    "SegmentReader",
    "VoteReader",
    "make_field_reader",
    "make_form_reader",
]
