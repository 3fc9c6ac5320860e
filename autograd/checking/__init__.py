"""Gradients you can trust: gradcheck, check_tape, and compare with what was derived by hand."""

from autograd.checking.comparison import compare
from autograd.checking.comparison_report import Comparison
from autograd.checking.gradients import gradcheck
from autograd.checking.report import ArgumentReport, Choice, GradcheckError, GradcheckReport
from autograd.checking.tape_check import TapeReport, check_tape

__all__ = [
    "ArgumentReport",
    "Choice",
    "Comparison",
    "GradcheckError",
    "GradcheckReport",
    "TapeReport",
    "check_tape",
    "compare",
    "gradcheck",
]
