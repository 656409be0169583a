"""A customer's list of tasks: how long its pages take on the server, and how that grows."""

BIG, SMALL = 1, 2  # customers with long and short lists, and their only people
