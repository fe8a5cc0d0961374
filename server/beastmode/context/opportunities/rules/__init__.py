"""One rule a file; what they find is a matter of judgement, so each says its numbers and keeps quiet when in doubt."""

from __future__ import annotations

from beastmode.context.opportunities.rules import (
    boolean_flag,
    commented_out_code,
    complex_condition,
    complex_function,
    deep_nesting,
    large_class,
    long_chain,
    long_function,
    magic_number,
    same_branches,
    swallowed_error,
    too_many_parameters,
    unreachable_code,
    unused_function,
    unused_import,
    unused_variable,
)

RULES = (
    long_function.RULE,
    complex_function.RULE,
    deep_nesting.RULE,
    too_many_parameters.RULE,
    large_class.RULE,
    complex_condition.RULE,
    long_chain.RULE,
    same_branches.RULE,
    boolean_flag.RULE,
    swallowed_error.RULE,
    unreachable_code.RULE,
    unused_function.RULE,
    unused_import.RULE,
    unused_variable.RULE,
    commented_out_code.RULE,
    magic_number.RULE,
)
"""Every rule that looks at one file; duplicates are found among many (`clones.py`)."""
