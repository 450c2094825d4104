"""Readers: from fields to strings, from pages to the fields of a form."""

from pipelines.readers.comb import CombReader
from pipelines.readers.field import FieldReader, make_field_reader
from pipelines.readers.form import FormReader, make_form_reader
from pipelines.readers.free import CuttingReader, SlidingReader
from pipelines.readers.voting import VotingReader

__all__ = [
    "CombReader",
    "CuttingReader",
    "FieldReader",
    "FormReader",
    "SlidingReader",
    "VotingReader",
    "make_field_reader",
    "make_form_reader",
]
