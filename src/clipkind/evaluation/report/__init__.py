"""An evaluation as people look at it: one HTML page, and a set of PNGs of the same plots."""

from clipkind.evaluation.report.page import write_html
from clipkind.evaluation.report.pictures import write_pngs
from clipkind.evaluation.report.thumbnails import thumbnail, thumbnails

__all__ = ["thumbnail", "thumbnails", "write_html", "write_pngs"]
