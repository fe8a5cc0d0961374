"""What definitions look like in each language: the kinds of nodes that its grammar gives them. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Shapes:
    """Node kinds, divided by blanks. `wrappers` start a definition earlier: a decorator, a template's parameters.

    `scopes` name a parent without being a definition; `opaque` may hold definitions that nobody else can use.
    `comments` begin the lines above a definition that belong to it. `left` is the only kind of target whose assignment
    defines anything. `docstrings`: the first string of a body documents it.
    """

    functions: str
    classes: str = ""
    types: str = ""
    variables: str = ""
    wrappers: str = ""
    scopes: str = ""
    opaque: str = ""
    comments: tuple[str, ...] = ("//", "/*", "*")
    left: str = ""
    docstrings: bool = False


_HASH = ("#",)
_JAVASCRIPT = Shapes(
    functions="function_declaration generator_function_declaration method_definition",
    classes="class_declaration",
    variables="variable_declarator field_definition",
    wrappers="export_statement lexical_declaration variable_declaration",
    opaque="arrow_function function_expression class object",
)
_TYPESCRIPT = replace(
    _JAVASCRIPT,
    functions=_JAVASCRIPT.functions + " function_signature method_signature abstract_method_signature",
    classes="class_declaration abstract_class_declaration interface_declaration",
    types="enum_declaration type_alias_declaration",
    variables="variable_declarator public_field_definition property_signature",
    wrappers=_JAVASCRIPT.wrappers + " ambient_declaration",
)
_C = Shapes(
    functions="function_definition preproc_function_def",
    classes="struct_specifier union_specifier",
    types="enum_specifier type_definition",
    variables="preproc_def declaration",
)
SHAPES = {
    "python": Shapes(
        functions="function_definition",
        classes="class_definition",
        types="type_alias_statement",
        variables="assignment",
        wrappers="decorated_definition",
        opaque="lambda",
        comments=_HASH,
        left="identifier",
        docstrings=True,
    ),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "typescriptreact": _TYPESCRIPT,
    "go": Shapes(
        functions="function_declaration method_declaration",
        types="type_spec type_alias",
        variables="const_spec var_spec",
        wrappers="type_declaration",
        opaque="func_literal",
    ),
    "rust": Shapes(
        functions="function_item function_signature_item macro_definition",
        classes="struct_item enum_item union_item trait_item",
        types="type_item",
        variables="const_item static_item",
        scopes="impl_item",
        opaque="closure_expression block",
        comments=("//", "/*", "*", "#["),
    ),
    "java": Shapes(
        functions="method_declaration constructor_declaration compact_constructor_declaration",
        classes="class_declaration interface_declaration enum_declaration record_declaration"
        " annotation_type_declaration",
        variables="field_declaration constant_declaration",
        opaque="lambda_expression block object_creation_expression",
    ),
    "c": _C,
    "cpp": replace(
        _C,
        classes="struct_specifier union_specifier class_specifier",
        types="enum_specifier type_definition alias_declaration concept_definition",
        variables="preproc_def declaration field_declaration",
        wrappers="template_declaration",
        opaque="lambda_expression",
    ),
    "csharp": Shapes(
        functions="method_declaration constructor_declaration operator_declaration",
        classes="class_declaration struct_declaration interface_declaration record_declaration",
        types="enum_declaration delegate_declaration",
        variables="property_declaration field_declaration event_field_declaration",
        opaque="lambda_expression block object_creation_expression",
        comments=("//", "/*", "*", "["),
    ),
    "ruby": Shapes(
        functions="method singleton_method",
        classes="class module",
        variables="assignment",
        opaque="lambda block do_block",
        comments=_HASH,
        left="constant",
    ),
    "php": Shapes(
        functions="function_definition method_declaration",
        classes="class_declaration interface_declaration trait_declaration enum_declaration",
        variables="const_element property_declaration",
        opaque="anonymous_function arrow_function",
        comments=("//", "/*", "*", "#"),
    ),
    "shellscript": Shapes(
        functions="function_definition", variables="variable_assignment", opaque="command", comments=_HASH
    ),
}
