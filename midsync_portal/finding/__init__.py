"""Finding old work: what is looked for, page by page, its points, and taking it away.

`filters` reads the question from a URL, `text` looks into prompts and numbers, `pages` cuts what
is found into pages, `totals` adds it up, `export` writes it down as CSV.
"""
