"""What happens, in numbers: for the health page and for `/metrics`.

Each process counts in memory (`count`) and adds its counts to the database every ten seconds
(`tallies.write_down`), by the minute and in all. So whoever reads them, in whichever process and
on whichever machine, reads what all of them have done together.
"""

from .tallies import count

__all__ = ["count"]
