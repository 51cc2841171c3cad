"""The figures as resources that the server declares: the Measure, and the CodeSystem of its figures.

https://www.hl7.org/fhir/R4/measure.html
"""

from typing import Any

from fhir_server.registry.figures import (
    FIGURE_SYSTEM,
    FIGURES,
    MEASURE,
    MEASURE_URL,
    POPULATION_SYSTEM,
    POPULATIONS,
    Figure,
)

_SUBJECTS = "http://hl7.org/fhir/resource-types"


def measure() -> dict[str, Any]:
    """The Measure: a group for each figure, its populations told in words."""
    return {
        "resourceType": "Measure",
        "id": MEASURE,
        "url": MEASURE_URL,
        "name": "UnplannedCare",
        "title": "Soins non programmés : indicateurs de la CPTS",
        "status": "active",
        "experimental": False,
        "subjectCodeableConcept": {"coding": [{"system": _SUBJECTS, "code": "Organization"}]},
        "description": "What a territory does for unplanned care in a period: requests, delays, slots, appointments. "
        "Groups under five are hidden.",
        "group": [_group(figure) for figure in FIGURES.values()],
    }


def code_system() -> dict[str, Any]:
    """The CodeSystem of the figures, with their French titles."""
    return {
        "resourceType": "CodeSystem",
        "id": "figure",
        "url": FIGURE_SYSTEM,
        "name": "Figure",
        "title": "Figures of a territory",
        "status": "active",
        "experimental": False,
        "caseSensitive": True,
        "content": "complete",
        "count": len(FIGURES),
        "concept": [
            {
                "code": figure.code,
                "display": figure.title,
                "definition": figure.definition,
                "designation": [{"language": "fr", "value": figure.title_fr}],
            }
            for figure in FIGURES.values()
        ],
    }


def _group(figure: Figure) -> dict[str, Any]:
    coding = {"system": FIGURE_SYSTEM, "code": figure.code, "display": figure.title}
    return {
        "code": {"coding": [coding], "text": figure.title_fr},
        "description": figure.definition,
        "population": [
            {
                "code": {"coding": [{"system": POPULATION_SYSTEM, "code": name}]},
                "criteria": {"language": "text/plain", "expression": figure.definition},
            }
            for name in POPULATIONS[figure.kind]
        ],
    }
