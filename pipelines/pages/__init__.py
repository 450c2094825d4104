"""Transformers on whole pages."""
