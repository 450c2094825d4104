"""Batches that survive what ends them: a folder of parts, each whole or not there."""
