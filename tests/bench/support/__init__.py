"""Support's pages on big tables: how long they take, with how many queries, and how that grows."""
