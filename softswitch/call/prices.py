"""Least-cost routing: prices by prefix, found by the longest prefix that holds now, then by the price."""

from collections.abc import Mapping

from softswitch.config.trunks import Lcr, Rate

LONGEST_PREFIX = 15


class PriceTable:
    """Of one `[lcr.NAME]`; made once for each configuration."""

    def __init__(self, lcr: Lcr) -> None:
        self.lcr = lcr
        self._by_prefix: dict[str, list[Rate]] = {}
        for rate in lcr.rates:
            self._by_prefix.setdefault(rate.prefix, []).append(rate)
        for rates in self._by_prefix.values():
            rates.sort(key=lambda rate: rate.cost)

    def find(self, digits: str, is_open: Mapping[str, bool]) -> tuple[Rate, ...]:
        """Prices of the longest prefix that has any at this hour, cheapest first; then those of shorter prefixes, as
        what is left when none of the first can take the call."""
        found: list[Rate] = []
        for length in range(min(len(digits), LONGEST_PREFIX), -1, -1):
            for rate in self._by_prefix.get(digits[:length], ()):
                if not rate.when or is_open.get(rate.when, False):
                    found.append(rate)
        return tuple(found)
