"""Which patients a text of ours speaks of: by its references and its resources, without reading it as JSON.

What the server stores and answers is compact, and names `resourceType` and `id` first, in that order.
"""

import re

_PATIENT = re.compile(r'"(?:reference":"Patient/|resourceType":"Patient","id":")([A-Za-z0-9\-.]{1,64})["/]')


def patients_in(text: str | bytes) -> tuple[str, ...]:
    """The ids of the patients that stored or answered JSON names, without repeats.

    >>> patients_in('{"actor":{"reference":"Patient/p1"},"subject":{"reference":"Patient/p1/_history/2"}}')
    ('p1',)
    """
    if isinstance(text, bytes):
        if b"Patient" not in text:
            return ()
        text = text.decode()
    return tuple(dict.fromkeys(_PATIENT.findall(text))) if "Patient" in text else ()
