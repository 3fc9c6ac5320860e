"""What a tape says of itself: its derivation in formulas, and its records as a table or a graph."""

from autograd.explanation.entry import explain, tape_of
from autograd.explanation.report import Explanation
from autograd.explanation.tabulation import TapeTable

__all__ = ["Explanation", "TapeTable", "explain", "tape_of"]
