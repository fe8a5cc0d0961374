"""What a small shop has on its shelves. A sample to type in; see the README."""

from dataclasses import dataclass


@dataclass
class Item:
    name: str
    price: float
    count: int


def total_value(items):
    """The worth of everything on the shelves."""
    return sum(item.price * item.count for item in items)


def most_expensive(items):
    """The item with the highest price."""
    return max(items, key=lambda item: item.price)


def print_report(items):
    """Print a line for each item, then the total."""
    for item in items:
        print(f"{item.name}: {item.count} x {item.price:.2f}")
    print(f"total: {total_value(items):.2f}")
