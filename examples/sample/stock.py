"""What a small shop has on its shelves. A sample to type in; see the README."""

import json
from dataclasses import dataclass


@dataclass
class Item:
    name: str
    price: float
    count: int


def load(path):
    """Read items from a JSON file."""
    with open(path) as file:
        rows = json.load(file)
    return [Item(row["name"], row["price"], row["count"]) for row in rows]


def total_value(items):
    """The worth of everything on the shelves."""
    total = 0.0
    for item in items:
        total += item.price * item.count
    return total


def most_expensive(items):
    """The item with the highest price, None if there are no items."""
    if not items:
        return None
    return max(items, key=lambda item: item.price)


def print_report(items):
    """Print a line for each item, then the total."""
    for item in items:
        print(f"{item.name}: {item.count} x {item.price:.2f}")
    print(f"total: {total_value(items):.2f}")
