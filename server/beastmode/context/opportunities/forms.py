"""What the parts of a function are called in each language's grammar. Pure data; what is shared is said once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

_NONE: frozenset[str] = frozenset()


def _kinds(names: str) -> frozenset[str]:
    return frozenset(names.split())


@dataclass(frozen=True, slots=True)
class Forms:
    """Kinds of nodes.

    Attributes:
        functions: with a name of their own; `lambdas`: without, or named by what they are set to.
        classes: with a body of members.
        nests: what indents the code within: conditions, loops, switches, tries.
        ifs: which of them are conditions.
        elses: links of a chain that are a node of their own kind: `elif`.
        blocks: what holds statements one after the other.
        ends: statements behind which nothing runs in the same block.
        hoisted: what may stand behind one of those all the same.
        catches: handlers of errors.
        comments: line and block.
        numbers: literals.
        statements: what is counted in a function.
        parameters: entries of a parameter list that are one, or say something of those behind them.
        line_comment: what begins one.
        equality: names of functions that compare field after field.
    """

    functions: frozenset[str]
    nests: frozenset[str]
    blocks: frozenset[str]
    ends: frozenset[str]
    parameters: frozenset[str]
    ifs: frozenset[str] = field(default=_kinds("if_statement"))
    elses: frozenset[str] = _NONE
    lambdas: frozenset[str] = _NONE
    classes: frozenset[str] = _NONE
    hoisted: frozenset[str] = _NONE
    catches: frozenset[str] = field(default=_kinds("catch_clause"))
    comments: frozenset[str] = field(default=_kinds("comment"))
    numbers: frozenset[str] = _NONE
    line_comment: str = "//"
    equality: frozenset[str] = field(default=_kinds("equals Equals"))


_JAVASCRIPT = Forms(
    functions=_kinds("function_declaration generator_function_declaration method_definition"),
    lambdas=_kinds("arrow_function function_expression generator_function"),
    classes=_kinds("class_declaration class abstract_class_declaration"),
    nests=_kinds(
        "if_statement for_statement for_in_statement while_statement do_statement switch_statement try_statement"
    ),
    blocks=_kinds("program statement_block switch_case switch_default class_body class_static_block"),
    ends=_kinds("return_statement throw_statement break_statement continue_statement"),
    parameters=_kinds("identifier required_parameter optional_parameter assignment_pattern object_pattern"),
    hoisted=_kinds(
        "function_declaration generator_function_declaration empty_statement type_alias_declaration "
        "interface_declaration enum_declaration export_statement import_statement"
    ),
    numbers=_kinds("number"),
)
_C = Forms(
    functions=_kinds("function_definition"),
    classes=_kinds("class_specifier struct_specifier"),
    nests=_kinds("if_statement for_statement while_statement do_statement switch_statement"),
    blocks=_kinds("compound_statement case_statement translation_unit field_declaration_list declaration_list"),
    ends=_kinds("return_statement break_statement continue_statement goto_statement throw_statement"),
    parameters=_kinds("parameter_declaration optional_parameter_declaration"),
    numbers=_kinds("number_literal"),
    hoisted=_kinds("attributed_statement"),
)

FORMS = {
    "python": Forms(
        functions=_kinds("function_definition"),
        lambdas=_kinds("lambda"),
        classes=_kinds("class_definition"),
        nests=_kinds("if_statement for_statement while_statement try_statement match_statement"),
        elses=_kinds("elif_clause"),
        blocks=_kinds("module block"),
        ends=_kinds("return_statement raise_statement break_statement continue_statement"),
        parameters=_kinds(
            "identifier default_parameter typed_parameter typed_default_parameter keyword_separator "
            "list_splat_pattern dictionary_splat_pattern positional_separator"
        ),
        catches=_kinds("except_clause"),
        numbers=_kinds("integer float"),
        line_comment="#",
        equality=_kinds("__eq__ __lt__ __ne__"),
    ),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "typescriptreact": _JAVASCRIPT,
    "go": Forms(
        functions=_kinds("function_declaration method_declaration"),
        lambdas=_kinds("func_literal"),
        nests=_kinds("if_statement for_statement expression_switch_statement type_switch_statement select_statement"),
        blocks=_kinds("source_file block statement_list expression_case default_case"),
        ends=_kinds("return_statement break_statement continue_statement goto_statement"),
        parameters=_kinds("parameter_declaration"),
        numbers=_kinds("int_literal float_literal"),
        equality=_kinds("Equal"),
    ),
    "rust": Forms(
        functions=_kinds("function_item"),
        lambdas=_kinds("closure_expression"),
        classes=_kinds("impl_item"),
        ifs=_kinds("if_expression"),
        nests=_kinds("if_expression for_expression while_expression loop_expression match_expression"),
        blocks=_kinds("source_file block declaration_list"),
        ends=_kinds("return_expression break_expression continue_expression"),
        hoisted=_kinds("function_item use_declaration const_item struct_item enum_item impl_item empty_statement"),
        parameters=_kinds("parameter"),
        catches=_NONE,
        comments=_kinds("line_comment block_comment"),
        numbers=_kinds("integer_literal float_literal"),
        equality=_kinds("eq"),
    ),
    "java": Forms(
        functions=_kinds("method_declaration constructor_declaration compact_constructor_declaration"),
        lambdas=_kinds("lambda_expression"),
        classes=_kinds("class_declaration enum_declaration record_declaration"),
        nests=_kinds(
            "if_statement for_statement enhanced_for_statement while_statement do_statement switch_expression "
            "try_statement try_with_resources_statement"
        ),
        blocks=_kinds("program block constructor_body switch_block_statement_group class_body"),
        ends=_kinds("return_statement throw_statement break_statement continue_statement"),
        parameters=_kinds("formal_parameter spread_parameter"),
        comments=_kinds("line_comment block_comment"),
        numbers=_kinds("decimal_integer_literal decimal_floating_point_literal"),
    ),
    "c": _C,
    "cpp": replace(
        _C,
        lambdas=_kinds("lambda_expression"),
        nests=_C.nests | _kinds("for_range_loop try_statement"),
        equality=_kinds("operator=="),
    ),
    "csharp": Forms(
        functions=_kinds("method_declaration constructor_declaration operator_declaration local_function_statement"),
        lambdas=_kinds("lambda_expression anonymous_method_expression"),
        classes=_kinds("class_declaration struct_declaration record_declaration"),
        nests=_kinds(
            "if_statement for_statement foreach_statement while_statement do_statement switch_statement try_statement"
        ),
        blocks=_kinds("block switch_section declaration_list compilation_unit"),
        ends=_kinds("return_statement throw_statement break_statement continue_statement goto_statement"),
        hoisted=_kinds("local_function_statement empty_statement class_declaration namespace_declaration"),
        parameters=_kinds("parameter"),
        numbers=_kinds("integer_literal real_literal"),
    ),
    "ruby": Forms(
        functions=_kinds("method singleton_method"),
        lambdas=_kinds("lambda"),
        classes=_kinds("class module"),
        ifs=_kinds("if unless"),
        nests=_kinds("if unless while until for case case_match begin"),
        elses=_kinds("elsif"),
        blocks=_kinds("program body_statement then else do block_body"),
        ends=_kinds("return break next redo retry"),
        hoisted=_kinds("rescue ensure else"),
        parameters=_kinds("identifier optional_parameter keyword_parameter destructured_parameter"),
        catches=_kinds("rescue"),
        numbers=_kinds("integer float"),
        line_comment="#",
        equality=_kinds("== eql? equal?"),
    ),
    "php": Forms(
        functions=_kinds("function_definition method_declaration"),
        lambdas=_kinds("anonymous_function arrow_function"),
        classes=_kinds("class_declaration trait_declaration enum_declaration"),
        nests=_kinds(
            "if_statement for_statement foreach_statement while_statement do_statement switch_statement "
            "match_expression try_statement"
        ),
        elses=_kinds("else_if_clause"),
        blocks=_kinds("program compound_statement case_statement default_statement declaration_list colon_block"),
        ends=_kinds("return_statement break_statement continue_statement goto_statement throw_expression"),
        hoisted=_kinds("function_definition class_declaration interface_declaration empty_statement php_tag text"),
        parameters=_kinds("simple_parameter property_promotion_parameter"),
        numbers=_kinds("integer float"),
    ),
    "shellscript": Forms(
        functions=_kinds("function_definition"),
        nests=_kinds("if_statement for_statement c_style_for_statement while_statement case_statement"),
        elses=_kinds("elif_clause"),
        blocks=_kinds("program compound_statement do_group case_item else_clause"),
        ends=_NONE,  # `return` and `exit` are commands like any other
        parameters=_NONE,
        catches=_NONE,
        line_comment="#",
    ),
}
"""By the editor's id of the language."""
