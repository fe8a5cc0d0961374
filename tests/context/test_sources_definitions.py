"""Definitions of what is used around the cursor, in real workspaces of several languages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.open_documents import Desk

from beastmode.context.sources.definitions import Definitions
from beastmode.domain.context import Snippet

ORDER_PY = '''"""Orders."""

VAT = 0.2


class Order:
    """What a customer wants."""

    lines: list[int]

    def total(self, vat: float = VAT) -> float:
        """With tax."""
        return sum(self.lines) * (1 + vat)


def ship(order: Order, to: str) -> str:
    """Send it."""
    return to
'''


@dataclass(frozen=True)
class Case:
    """Files of a workspace, the one that is typed in (with `║`), and what must be found: path and part of the text."""

    name: str
    language: str
    path: str
    text: str
    files: dict[str, str]
    found: list[tuple[str, str]]
    absent: list[str] = field(default_factory=list)


CASES = [
    Case(
        "python, relative",
        "python",
        "shop/basket/api.py",
        "from ..models import Order\nfrom ..models import ship as send\n\ndef handle(order: Order):\n    send(order, ║",
        {"shop/__init__.py": "", "shop/basket/__init__.py": "", "shop/models.py": ORDER_PY},
        [("shop/models.py", "def total(self, vat: float = VAT) -> float:"), ("shop/models.py", "def ship(")],
        ["return sum"],
    ),
    Case(
        "python, absolute in a src layout, passed on by the package",
        "python",
        "src/shop/api.py",
        "from shop.store import Order\n\nOrder(║",
        {
            "src/shop/__init__.py": "",
            "src/shop/store/__init__.py": "from .models import Order\n",
            "src/shop/store/models.py": ORDER_PY,
        },
        [("src/shop/store/models.py", "class Order:")],
    ),
    Case(
        "python, a package that passes everything on",
        "python",
        "tests/test_api.py",
        "from shop import Order\n\nOrder(║",
        {"src/shop/__init__.py": "from shop.models import *\n", "src/shop/models.py": ORDER_PY},
        [("src/shop/models.py", "class Order:")],
    ),
    Case(
        "python, modules and submodules",
        "python",
        "api.py",
        "import shop.models\nfrom shop import prices as p\n\nshop.models.ship(p.discount(║",
        {"shop/models.py": ORDER_PY, "shop/prices.py": "def discount(rate: int) -> int:\n    return rate\n"},
        [("shop/models.py", "def ship("), ("shop/prices.py", "def discount(rate: int)")],
    ),
    Case(
        "python, a module of the standard library beside one of the same name in a package",
        "python",
        "shop/api.py",
        "import logging\n\nlogging.warn_all(║",
        {"shop/__init__.py": "", "shop/logging.py": "def warn_all(): ...\n"},
        [],
        ["warn_all"],
    ),
    Case(
        "typescript",
        "typescript",
        "web/src/page.ts",
        "import Basket, { total as sum } from './basket.js';\nimport type { Order } from '../types';\n"
        "import { price } from './prices';\n\nconst basket = new Basket();\nsum(basket as Order, price(║",
        {
            "web/src/basket.ts": "export default class Basket { add(n: number): void { } }\n"
            "export function total(basket: Basket): number { return 1; }\n",
            "web/types/index.ts": "export interface Order { id: string }\n",
            "web/src/prices.ts": "export { price } from './deep/price';\n",
            "web/src/deep/price.tsx": "export const price = (n: number): number => n;\n",
        },
        [
            ("web/src/basket.ts", "class Basket"),
            ("web/src/basket.ts", "function total(basket: Basket)"),
            ("web/types/index.ts", "interface Order"),
            ("web/src/deep/price.tsx", "price = (n: number)"),
        ],
    ),
    Case(
        "javascript, required",
        "javascript",
        "lib/page.js",
        "const { total } = require('./basket');\nconst prices = require('../prices');\ntotal(prices.discount(║",
        {
            "lib/basket/index.js": "function total(basket) { return 1; }\nmodule.exports = { total };\n",
            "prices.js": "function discount(rate) { return rate; }\nmodule.exports = { discount };\n",
        },
        [("lib/basket/index.js", "function total(basket)"), ("prices.js", "function discount(rate)")],
    ),
    Case(
        "go",
        "go",
        "cmd/shop/main.go",
        'package main\n\nimport (\n\t"fmt"\n\t"example.org/shop/orders"\n)\n\nfunc main() {\n'
        "\torder := orders.NewOrder(1)\n\tvar other orders.Order\n\tfmt.Println(render(order, other), ║\n}\n",
        {
            "go.mod": "module example.org/shop\n\ngo 1.22\n",
            "orders/order.go": "package orders\n\n// Order is what they want.\ntype Order struct {\n\tID int\n}\n\n"
            "func (o *Order) Total(vat float64) float64 { return vat }\n\n"
            "// NewOrder makes one.\nfunc NewOrder(id int) *Order { return &Order{ID: id} }\n",
            "orders/order_test.go": "package orders\n\nfunc NewOrder() {}\n",
            "cmd/shop/render.go": 'package main\n\nfunc render(orders ...any) string { return "" }\n',
        },
        [
            ("orders/order.go", "func NewOrder(id int) *Order"),
            ("orders/order.go", "func (o *Order) Total(vat float64)"),
            ("cmd/shop/render.go", "func render(orders ...any) string"),
        ],
    ),
    Case(
        "rust",
        "rust",
        "shop/src/api/handlers.rs",
        "use crate::models::Order;\nuse super::routes::route;\nuse money::Price;\n\n"
        "fn handle(order: Order, price: Price) {\n    route(║\n}\n",
        {
            "shop/src/lib.rs": "pub mod api;\npub mod models;\n",
            "shop/src/api/mod.rs": "pub mod handlers;\npub mod routes;\n",
            "shop/src/api/routes.rs": "/// Finds the way.\npub fn route(path: &str) -> u32 { 1 }\n",
            "shop/src/models.rs": "pub struct Order { pub id: u32 }\n\nimpl Order {\n"
            "    pub fn total(&self, vat: f64) -> f64 { vat }\n}\n",
            "money/src/lib.rs": "pub struct Price(pub u32);\n",
        },
        [
            ("shop/src/models.rs", "pub struct Order"),
            ("shop/src/models.rs", "pub fn total(&self, vat: f64)"),
            ("shop/src/api/routes.rs", "pub fn route(path: &str)"),
            ("money/src/lib.rs", "pub struct Price"),
        ],
    ),
    Case(
        "java",
        "java",
        "src/main/java/com/acme/api/Handler.java",
        "package com.acme.api;\n\nimport com.acme.models.Order;\nimport static com.acme.models.Rates.discount;\n\n"
        "class Handler {\n    Reply handle(Order order) {\n        return new Reply(discount(║\n    }\n}\n",
        {
            "src/main/java/com/acme/models/Order.java": "package com.acme.models;\n\npublic class Order {\n"
            "    public double total(double vat) { return vat; }\n}\n",
            "src/main/java/com/acme/models/Rates.java": "package com.acme.models;\n\npublic class Rates {\n"
            "    public static double discount(int percent) { return 0; }\n}\n",
            "src/main/java/com/acme/api/Reply.java": "package com.acme.api;\n\nclass Reply {\n    Reply(int n) {}\n}\n",
        },
        [
            ("src/main/java/com/acme/models/Order.java", "public double total(double vat)"),
            ("src/main/java/com/acme/models/Rates.java", "double discount(int percent)"),
            ("src/main/java/com/acme/api/Reply.java", "class Reply"),
        ],
    ),
    Case(
        "c",
        "c",
        "src/main.c",
        '#include <stdio.h>\n#include "order.h"\n#include "util/text.h"\n\nint main(void) {\n'
        "    order_t order;\n    return order_total(&order, trim(║\n}\n",
        {
            "include/order.h": "typedef struct { int id; } order_t;\n\n/* With tax. */\n"
            "double order_total(const order_t *order, double vat);\n",
            "src/util/text.h": '#include "trim.h"\n',
            "src/util/trim.h": "char *trim(char *text);\n",
        },
        [
            ("include/order.h", "double order_total(const order_t *order, double vat);"),
            ("include/order.h", "order_t"),
            ("src/util/trim.h", "char *trim(char *text);"),
        ],
    ),
    Case(
        "c++",
        "cpp",
        "src/main.cpp",
        '#include "order.h"\n\nint main() {\n    shop::Order order;\n    order.║\n}\n',
        {"src/order.h": "namespace shop {\nclass Order {\n public:\n  double total(double vat) const;\n};\n}\n"},
        [("src/order.h", "double total(double vat) const;")],
    ),
    Case(
        "c#",
        "csharp",
        "Shop/Api/Handler.cs",
        "using Acme.Shop.Models;\n\nnamespace Acme.Shop.Api;\n\nclass Handler {\n"
        "    Reply Handle(Order order) {\n        return new Reply(║\n    }\n}\n",
        {
            "Shop/Models/Order.cs": "namespace Acme.Shop.Models;\n\npublic class Order {\n"
            "    public double Total(double vat) { return vat; }\n}\n",
            "Shop/Api/Reply.cs": "namespace Acme.Shop.Api;\n\nclass Reply {\n    public Reply(double sum) { }\n}\n",
        },
        [("Shop/Models/Order.cs", "public double Total(double vat)"), ("Shop/Api/Reply.cs", "class Reply")],
    ),
    Case(
        "ruby",
        "ruby",
        "lib/shop/api.rb",
        "require_relative 'models/order'\nrequire 'shop/prices'\n\nOrder.new(discount(║",
        {
            "lib/shop/models/order.rb": "class Order\n  def total(vat)\n    vat\n  end\nend\n",
            "lib/shop/prices.rb": "def discount(rate)\n  rate\nend\n",
        },
        [("lib/shop/models/order.rb", "def total(vat)"), ("lib/shop/prices.rb", "def discount(rate)")],
    ),
    Case(
        "php",
        "php",
        "src/Api/Handler.php",
        "<?php\nnamespace App\\Api;\n\nuse App\\Models\\Order;\nrequire_once __DIR__ . '/helpers.php';\n\n"
        "$order = new Order();\nformat_price(║",
        {
            "src/Models/Order.php": "<?php\nnamespace App\\Models;\n\nclass Order {\n"
            "    public function total(float $vat): float { return $vat; }\n}\n",
            "src/Api/helpers.php": "<?php\nfunction format_price(float $price): string { return ''; }\n",
        },
        [
            ("src/Models/Order.php", "public function total(float $vat)"),
            ("src/Api/helpers.php", "function format_price(float $price)"),
        ],
    ),
    Case(
        "bash",
        "shellscript",
        "bin/deploy.sh",
        '#!/bin/bash\nHERE=$(dirname "$0")\nsource "$HERE/../lib/log.sh"\n. ./common.sh\n\nlog_line "x"\ncheck_all ║\n',
        {
            "lib/log.sh": '# Says it.\nlog_line() {\n  echo "$1"\n}\n',
            "bin/common.sh": "check_all() {\n  true\n}\n",
        },
        [("lib/log.sh", "log_line()"), ("bin/common.sh", "check_all()")],
    ),
]


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")


async def found_in(
    desk: Desk, path: Path, picture: str, language: str = "python", indexes: dict[str, object] | None = None
) -> Sequence[Snippet]:
    before, _, after = picture.partition("║")
    tab = desk.open(path, before + after, language)
    return await Definitions(indexes or {}).find(desk.here(tab, before.count("\n")))  # type: ignore[arg-type] # fakes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_definitions_of_imported_names(case: Case, tmp_path: Path) -> None:
    """What the file imports and uses is found, with its signature and without its body."""
    write(tmp_path, case.files)
    found = await found_in(Desk(tmp_path), tmp_path / case.path, case.text, case.language)
    for path, part in case.found:
        assert any(each.path == path and part in each.text for each in found), (path, part, found)
    for part in case.absent:
        assert not any(part in each.text for each in found)


async def test_why_names_the_import(tmp_path: Path) -> None:
    """The user reads which name led there, and from which line."""
    write(tmp_path, {"models.py": ORDER_PY})
    found = await found_in(Desk(tmp_path), tmp_path / "api.py", "import os\nfrom models import Order\n\nOrder(║")
    assert [(each.why, each.line, each.source) for each in found] == [("Order, imported in line 2", 5, "definitions")]


async def test_the_nearest_name_comes_first(tmp_path: Path) -> None:
    """What stands at the cursor matters more than what stands ten lines above it."""
    write(tmp_path, {"models.py": ORDER_PY})
    text = "from models import Order, ship\n\nOrder()\n" + "x = 1\n" * 10 + "ship(║"
    found = await found_in(Desk(tmp_path), tmp_path / "api.py", text)
    assert [each.why.split(",")[0] for each in found] == ["ship", "Order"]


async def test_an_open_document_is_newer_than_the_disk(tmp_path: Path) -> None:
    """What was typed in the other tab and is not saved yet is what is shown."""
    write(tmp_path, {"models.py": ORDER_PY})
    desk = Desk(tmp_path)
    tab = desk.open(tmp_path / "models.py")
    desk.edit(tab, 5, 1, ["class Order(Base):"])
    found = await found_in(desk, tmp_path / "api.py", "from models import Order\n\nOrder(║")
    assert "class Order(Base):" in found[0].text


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """What another program wrote is seen, and what did not change is not parsed again."""
    write(tmp_path, {"models.py": ORDER_PY})
    desk, source = Desk(tmp_path), Definitions({})
    tab = desk.open(tmp_path / "api.py", "from models import Order\n\nOrder(")
    here = desk.here(tab, 2)
    first = await source.find(here)
    kept = dict(source._memory.facts)
    assert await source.find(here) == first
    assert source._memory.facts == kept
    (tmp_path / "models.py").write_text(ORDER_PY.replace("class Order:", "class Order(Base):"), "utf-8")
    assert "class Order(Base):" in (await source.find(here))[0].text


async def test_far_definitions_of_the_same_file(tmp_path: Path) -> None:
    """A function of the same file that the window does not show is shown; one that it shows is not."""
    text = (
        "def far(a: int) -> int:\n    return a\n\n\n"
        + "x = 1\n" * 300
        + "def close(b: int) -> int:\n    return b\n\nfar(close("
    )
    desk = Desk(tmp_path)
    tab = desk.open(tmp_path / "api.py", text)
    found = await Definitions({}).find(desk.here(tab, len(tab.lines) - 1))
    assert [(each.text, each.why) for each in found] == [("def far(a: int) -> int:\n", "far, in line 1")]


async def test_a_notebook_cell_imports_above(tmp_path: Path) -> None:
    """The imports of the cells above count in the cell below."""
    write(tmp_path, {"models.py": ORDER_PY})
    desk = Desk(tmp_path)
    tab = desk.open(tmp_path / "a.ipynb", "Order(", scheme="vscode-notebook-cell")
    here = desk.here(tab, 0)
    cursor = type(here.cursor)(
        tab.uri, tab.path, "python", 1, 0, 6, "Order(", "", preamble="from models import Order\n"
    )
    found = await Definitions({}).find(type(here)(cursor, here.window, desk.session))
    assert [each.why for each in found] == ["Order, imported in a cell above"]


@pytest.mark.parametrize("language", ["kotlin", "markdown", ""])
async def test_a_language_without_a_grammar(language: str, tmp_path: Path) -> None:
    """Finds nothing by imports, and does not fail."""
    write(tmp_path, {"models.py": ORDER_PY})
    assert await found_in(Desk(tmp_path), tmp_path / "a.kt", "import models.Order\nOrder(║", language) == []


async def test_nothing_outside_the_workspace(tmp_path: Path) -> None:
    """Neither an import nor a link leads out of the workspace folder."""
    root = tmp_path / "workspace"
    write(tmp_path, {"outside.py": ORDER_PY, "workspace/pkg/__init__.py": ""})
    (root / "linked.py").symlink_to(tmp_path / "outside.py")
    (root / "folder").symlink_to(tmp_path, target_is_directory=True)
    for module in ("...outside", "..linked", "linked", "folder.outside"):
        text = f"from {module} import Order\n\nOrder(║"
        assert await found_in(Desk(root), root / "pkg" / "api.py", text) == [], module
    write(root, {"inside.py": ORDER_PY})
    (root / "good.py").symlink_to(root / "inside.py")
    assert await found_in(Desk(root), root / "api.py", "from good import Order\n\nOrder(║")


async def test_a_file_outside_of_every_workspace(tmp_path: Path) -> None:
    """Its imports are not followed: there is no folder that it belongs to."""
    write(tmp_path, {"models.py": ORDER_PY, "workspace/x.py": ""})
    text = "from models import Order\n\nOrder(║"
    assert await found_in(Desk(tmp_path / "workspace"), tmp_path / "api.py", text) == []


@pytest.mark.parametrize(
    "name", [".env", "prod.env", "deploy.key", "link.sh", "key_link.sh", "big.sh", "binary.sh", "folder.sh", "pipe.sh"]
)
async def test_no_secrets_and_no_odd_files(name: str, tmp_path: Path) -> None:
    """Files that no model may see, under another name too, folders, pipes, huge and binary files are passed over."""
    secret = "database_password() {\n  echo hunter2\n}\n"
    write(tmp_path, {".env": secret, "prod.env": secret, "deploy.key": secret, "big.sh": secret + "#" * 500_000})
    (tmp_path / "binary.sh").write_bytes(b"\0" + secret.encode())
    (tmp_path / "folder.sh").mkdir()
    os.mkfifo(tmp_path / "pipe.sh")
    (tmp_path / "link.sh").symlink_to(tmp_path / ".env")
    (tmp_path / "key_link.sh").symlink_to(tmp_path / "deploy.key")
    text = f"source ./{name}\n\ndatabase_password ║"
    assert await found_in(Desk(tmp_path), tmp_path / "a.sh", text, "shellscript") == []
    (tmp_path / "good.sh").write_text(secret, "utf-8")
    text = "source ./good.sh\n\ndatabase_password ║"
    assert await found_in(Desk(tmp_path), tmp_path / "a.sh", text, "shellscript")


@dataclass(frozen=True)
class Symbol:
    name: str
    path: str
    line: int
    text: str
    parent: str = ""


class Symbols:
    def __init__(self, *symbols: Symbol) -> None:
        self.symbols = symbols
        self.asked: list[str] = []

    async def definitions(self, names: Sequence[str], *, limit: int) -> list[Symbol]:
        self.asked.extend(names)
        return [each for each in self.symbols if each.name in names]


async def test_the_index_knows_the_rest(tmp_path: Path) -> None:
    """Names that no import explains are looked up; not those that come from a package, and not ambiguous ones."""
    write(tmp_path, {"models.py": ORDER_PY})
    index = Symbols(
        Symbol("parse_price", "prices.py", 3, "def parse_price(text: str) -> int:\n"),
        Symbol("parse_date", "a.py", 3, "def parse_date(text: str) -> int:\n"),
        Symbol("parse_date", "b.py", 3, "def parse_date(text: bytes) -> int:\n"),
        Symbol("load_all", "c.go", 3, "func load_all() int {\n"),
        Symbol("get_secret", ".env", 3, "get_secret=1\n"),
    )
    text = (
        "from models import Order\nfrom sqlalchemy import Column\n\n"
        "Order(Column(parse_price, parse_date, load_all, get_secret, name, ║"
    )
    found = await found_in(Desk(tmp_path), tmp_path / "api.py", text, indexes={str(tmp_path): index})
    assert [(each.path, each.text) for each in found] == [
        ("models.py", found[0].text),
        ("prices.py", "def parse_price(text: str) -> int:\n"),
    ]
    assert not {"Order", "Column", "name"} & set(index.asked)


async def test_a_typed_import_is_noticed(tmp_path: Path) -> None:
    """A name that the file imports makes it worth asking again; another word does not."""
    write(tmp_path, {"models.py": ORDER_PY})
    desk, source = Desk(tmp_path), Definitions({})
    tab = desk.open(tmp_path / "api.py", "from models import Order\n\nvalue = ")
    assert not source.notices("Order")
    await source.find(desk.here(tab, 2))
    assert source.notices("Order")
    assert not source.notices("value")
