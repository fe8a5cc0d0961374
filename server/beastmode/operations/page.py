"""A web page that needs nothing else: no script, no font, no picture from anywhere, and its policy allows none."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from beastmode.operations.svg import DARK, LIGHT, STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = f"""
:root {{ {LIGHT}; color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK}; }} }}
body {{ font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1240px;
  margin: 2.5rem auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.7rem; margin-bottom: .2rem; }} h2 {{ font-size: 1.2rem; margin: 2.6rem 0 .6rem; }}
p.soft, figcaption {{ color: var(--soft); }} figure {{ margin: 1.4rem 0; overflow-x: auto; }}
svg {{ max-width: 100%; height: auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; width: 100%; }}
th, td {{ text-align: right; padding: .38rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }}
th {{ color: var(--soft); font-weight: 600; vertical-align: bottom; }}
th:first-child, td:first-child {{ text-align: left; white-space: normal; min-width: 11rem; }}
{STYLE}
"""


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """The page, as HTML.

    Args:
        title: as text.
        body: HTML in which everything foreign is escaped already.
        style: what this page needs besides the common rules.
    """
    parts = "\n".join(body)
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>\n"
        f"<body>\n{parts}\n</body></html>\n"
    )
