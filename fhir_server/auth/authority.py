"""What access is made of, in one process of the server."""

from typing import Protocol

from fhir_server.auth.changes import Changes
from fhir_server.auth.clients import Clients
from fhir_server.auth.keys import Keys
from fhir_server.auth.partners import Partners
from fhir_server.auth.peer import Peers
from fhir_server.auth.pro_sante_connect import ProSanteConnect
from fhir_server.settings import Settings


class Authority(Protocol):
    """What the guard and the token endpoint need of the server's services."""

    @property
    def settings(self) -> Settings: ...

    @property
    def partners(self) -> Partners: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def changes(self) -> Changes: ...

    @property
    def peers(self) -> Peers: ...


class TokenAuthority(Authority, Protocol):
    """What the token endpoint needs beside."""

    @property
    def clients(self) -> Clients: ...

    @property
    def pro_sante_connect(self) -> ProSanteConnect | None: ...
