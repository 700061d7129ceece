"""What a base wants from its people: a report, and what it is made from."""
