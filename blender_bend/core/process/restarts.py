"""How often and how soon a process that keeps dying is started again."""

from __future__ import annotations

from ..errors import BendError, Code

#: So many deaths in a row are followed by a new start at once.
FREE = 2
#: Then a start waits, each time twice as long.
FIRST_SECONDS, LONGEST_SECONDS = 2.0, 60.0
#: After so many deaths in a row a person has to look.
LIMIT = 8


class Restarts:
    """Counts the deaths in a row; one that got something done before it died begins a new row."""

    def __init__(self) -> None:
        self.deaths = 0
        self.not_before = 0.0

    def died(self, useful: bool, now: float) -> None:
        """Note a death.

        Parameters
        ----------
        useful : whether it got something done
        now : seconds of a clock that only goes forward
        """
        self.deaths = 1 if useful else self.deaths + 1
        wait = min(FIRST_SECONDS * 2 ** (self.deaths - FREE - 1), LONGEST_SECONDS) if self.deaths > FREE else 0.0
        self.not_before = now + wait

    def forgive(self) -> None:
        """Begin anew: a person has changed something, or has looked."""
        self.deaths, self.not_before = 0, 0.0

    def check(self, now: float) -> None:
        """Whether it may be started.

        Raises
        ------
        BendError(ENGINE_DIED) if not, or not yet
        """
        if self.deaths >= LIMIT:
            raise BendError(
                Code.ENGINE_DIED,
                f"The engine has stopped {self.deaths} times in a row, so Bend stopped restarting it.",
                "Run Check Engine to find the cause and re-enable it.",
                "bend.check_engine",
            )
        if now < self.not_before:
            raise BendError(
                Code.ENGINE_DIED,
                f"The engine has stopped {self.deaths} times in a row; "
                f"it can be started again in {self.not_before - now:.0f} s.",
                "See the log for the cause.",
                "bend.show_log",
            )
