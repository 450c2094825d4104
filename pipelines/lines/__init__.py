"""Fields without boxes: normalised strips, and drawn ones to learn from."""

from pipelines.lines.drawing import DrawnLines
from pipelines.lines.normalize import LineNormalizer, normalize_line

__all__ = ["DrawnLines", "LineNormalizer", "normalize_line"]
