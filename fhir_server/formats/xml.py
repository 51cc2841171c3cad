"""FHIR XML, both ways, without loss: what one form cannot carry of the other is refused.

https://www.hl7.org/fhir/R4/xml.html. The serialiser of fhir.resources writes decimals as floats and instants as
datetimes, which loses digits, offsets and fractions; so its models only say in which order elements stand, and texts
pass through untouched.
"""

from fhir_server.formats.xml_read import from_xml
from fhir_server.formats.xml_write import to_xml

__all__ = ["from_xml", "to_xml"]
