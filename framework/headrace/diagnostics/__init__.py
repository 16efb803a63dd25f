"""What is wrong, where, and how to say it."""

from headrace.diagnostics.exit import Exit
from headrace.diagnostics.report import Diagnostic, Edit, HeadraceError, Report, Severity, Span

__all__ = ["Diagnostic", "Edit", "Exit", "HeadraceError", "Report", "Severity", "Span"]
