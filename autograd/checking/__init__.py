"""Gradients you can trust: gradcheck, check_tape, and compare and check_backward with what was
derived by hand."""

from autograd.checking.backward import BackwardReport, Step, check_backward
from autograd.checking.comparison import compare
from autograd.checking.comparison_report import Comparison
from autograd.checking.gradients import gradcheck
from autograd.checking.report import ArgumentReport, Choice, GradcheckError, GradcheckReport
from autograd.checking.tape_check import TapeReport, check_tape

__all__ = [
    "ArgumentReport",
    "BackwardReport",
    "Choice",
    "Comparison",
    "GradcheckError",
    "GradcheckReport",
    "Step",
    "TapeReport",
    "check_backward",
    "check_tape",
    "compare",
    "gradcheck",
]
