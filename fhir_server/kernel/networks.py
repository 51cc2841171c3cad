"""Lists of addresses and networks, as operators write them."""

import ipaddress
from functools import lru_cache


class Networks:
    """Addresses that are meant together; `in` asks for one."""

    def __init__(self, text: str) -> None:
        """`text`: addresses or networks, separated by commas. Raises ValueError for what is neither."""
        self._networks = tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        """Whether a text is an address of one of them; False for what is no address."""
        found = _address(address) if self._networks else None
        return found is not None and any(found in network for network in self._networks)


@lru_cache(maxsize=1024)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
