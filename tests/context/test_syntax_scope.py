"""Where the block that the cursor stands in ends.

A picture: `║` is the cursor, `│` where the block ends. What stands between is kept, what stands from there to `◆` (or
to the picture's end) is cut, and what follows stands in the file.
"""

from __future__ import annotations

import pytest

from beastmode.context.syntax import scope_end

PICTURES = [
    (
        "python",
        """
def f():
    ║x = 1
    return x
│
def g():
    pass
""",
    ),
    (
        "python",
        """
def f():
║    return 1
│
def g(): pass
""",
    ),
    (
        "python",
        """
class A:
    def f(self):║
        return 1
│
    def g(self): pass
""",
    ),
    (
        "python",
        """
class A:
    ║def f(self):
        return 1

    def g(self): pass
│
x = 1
""",
    ),
    (
        "python",
        """
def f(x):
    if x:
        ║return 1
    else:
        return 2
│    return 3

def g(): pass
""",
    ),
    (
        "python",
        """
def f(x):
    if x:
        ║return 1
    else:
        return 2
│◆
    return 3
""",
    ),
    (
        "python",
        """
║def f():
    return 1
│

def g(): pass
""",
    ),
    (
        "python",
        """
║import os
import sys
│
x = 1
""",
    ),
    (
        "python",
        """
║@deco
def f():
    return 1
│
@deco
def g(): pass
""",
    ),
    (
        "python",
        """
x = ║foo(
    a,
)
│
y = 2
""",
    ),
    (
        "python",
        '''
def f(a║, b):
    """Doc

dedented
    """
    return 1
│
def g(): pass
''',
    ),
    (
        "typescript",
        """
function f() {
  ║foo();
}│

function g() {}
""",
    ),
    (
        "typescript",
        """
function f() {
  ║foo();
│}

function g() {}◆
}
""",
    ),
    (
        "typescript",
        """
function f() {
  if (x) {
    ║a();
  } else {
    b();
  }│
  c();
}
""",
    ),
    (
        "typescript",
        """
function f() {
  if (x) {
    ║a();
  } else {
    b();
│  }
  c();
}◆
  }
}
""",
    ),
    (
        "typescript",
        """
items.forEach((x) => {
  ║foo(x);
});│
bar();
""",
    ),
    (
        "go",
        """
func f() error {
	║return nil
}│

func g() {}
""",
    ),
    (
        "go",
        """
║func f() error {
	return nil
}
│
func g() {}
""",
    ),
    (
        "rust",
        """
impl A {
    ║fn f() {}

    fn g() {}
}│

impl B {}
""",
    ),
    (
        "c",
        """
║static int
f(void)
{
  return 1;
}
│
int g(void) { }
""",
    ),
    (
        "ruby",
        """
class A
  def f
    ║1
  end│

  def g
  end
end
""",
    ),
    (
        "ruby",
        """
class A
  def f
    ║x if y
│  end

  def g
  end
end◆
  end
end
""",
    ),
    (
        "shellscript",
        """
f() {
  if [ a ]; then
    ║echo 1
  else
    echo 2
  fi│
  echo 3
}
""",
    ),
    (
        "shellscript",
        """
f() {
  ║echo ${a}
}│

g() { :; }
""",
    ),
    (
        "php",
        """
function f() {
    ║return 1;
}│

function g() {}
""",
    ),
    (
        "java",
        """
class A {
    void f() {
        ║foo();
│    }

    void g() {}◆
    }
}
""",
    ),
    (
        "csharp",
        """
class A
{
    void F()
    {
        ║x();
    }│

    void G() { }
}
""",
    ),
    (
        "cpp",
        """
║#include <a>
#include <b>
│
int main() {}
""",
    ),
    (
        "cpp",
        """
try {
  ║a();
} catch (E& e) {
  b();
}
│
int x;
""",
    ),
    (
        "javascript",
        """
foo(
  a,
  ║b,
│)
bar()◆
)
""",
    ),
    (
        "javascript",
        """
║// hi
export function f() {
  return `a
b`;
}
│// g
export function g() {}
""",
    ),
]


@pytest.mark.parametrize(("language", "picture"), PICTURES)
def test_ends(language: str, picture: str) -> None:
    """A block ends with its own closer, or before a line that stands outside of it; blank lines count for neither."""
    before, _, rest = picture.strip("\n").partition("║")
    rest, _, after = rest.partition("◆")
    kept, _, cut = rest.partition("│")
    end = scope_end(before, kept + cut, after, language)
    assert end is not None
    assert (kept + cut)[:end].rstrip() == kept.rstrip()


@pytest.mark.parametrize(
    ("language", "picture"),
    [
        ("python", "def f():\n    ║x = [1,\n         2]\n    return x"),
        ("python", "x = {║\n    1: 2,\n}\n"),
        ("go", "func f() {\n\t║if x {\n\t\ty()\n\t}\n\tz()"),
        ("typescript", "const x = `║a\nb\n\nc`;"),
        ("ruby", "def f\n  ║xs.each do |x|\n    x\n  end\n  y"),
        ("rust", "fn f() {\n    ║match x {\n        A => 1,\n    }"),
    ],
)
def test_does_not_end(language: str, picture: str) -> None:
    """What stays in the block is not cut, however the brackets and strings in it look."""
    before, _, text = picture.partition("║")
    assert scope_end(before, text, "\n", language) == len(text)


def test_a_window_that_starts_in_a_docstring() -> None:
    """Quotes that are half there do not turn code into text and text into code."""
    before = '    Says more.\n    """\n    return 1\n\n\ndef f():\n    """Doc."""\n    '
    text = 'x = 1\n    return x\n\n\ndef g():\n    """Doc."""\n'
    assert scope_end(before, text, "", "python") == text.index("def g")


def test_no_grammar() -> None:
    """Without a grammar nothing is known."""
    assert scope_end("", "a\n\nb", "", "cobol") is None
