"""The operations served: one row each. Adding one is a row here and a function where `web` looks for its handler."""

from fhir_server.registry.model import Operation, OperationParameter
from fhir_server.registry.scheduling_operations import SCHEDULING

#: Every operation served, by name (without its `$`).
OPERATIONS: dict[str, Operation] = {
    row.name: row
    for row in (
        Operation(
            "validate",
            levels=frozenset({"type", "instance"}),
            types=frozenset(),
            handler="validate",
            definition="http://hl7.org/fhir/OperationDefinition/Resource-validate",
            documentation="Says whether a resource would be accepted, and all that is wrong with it.",
            affects_state=False,
            parameters=(
                OperationParameter("resource", "in", "Resource", "What to judge; left out when the mode is delete."),
                OperationParameter("mode", "in", "code", "create, update or delete; left out for the resource alone."),
                OperationParameter("profile", "in", "uri", "A profile to judge by, beside the R4 definition."),
                OperationParameter("return", "out", "OperationOutcome", "What was found.", is_required=True),
            ),
        ),
        Operation(
            "translate",
            levels=frozenset({"type", "instance"}),
            types=frozenset({"ConceptMap"}),
            handler="translate",
            definition="http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
            documentation="Says what a code is in another system, by one of the ConceptMaps here.",
            affects_state=False,
            parameters=(
                OperationParameter("url", "in", "uri", "Canonical URL of the ConceptMap, where the address has no id."),
                OperationParameter("code", "in", "code", "The code to translate; its system stands beside it."),
                OperationParameter("system", "in", "uri", "The system of the code."),
                OperationParameter("coding", "in", "Coding", "Code and system in one."),
                OperationParameter("targetsystem", "in", "uri", "The system to translate into; left out for any."),
                OperationParameter("result", "out", "boolean", "Whether there is a translation.", is_required=True),
                OperationParameter("message", "out", "string", "Why there is none."),
                OperationParameter("match", "out", "", "A translation: equivalence, concept, source.", is_list=True),
            ),
        ),
        Operation(
            "generate-slots",
            levels=frozenset({"instance"}),
            types=frozenset({"Schedule"}),
            handler="generate-slots",
            definition="urn:creneau:OperationDefinition:generate-slots",
            documentation="Makes the slots that a Schedule's availability rules offer, and lists what does not fit.",
            affects_state=True,
            parameters=(
                OperationParameter("until", "in", "date", "Last day; left out for the server's horizon."),
                OperationParameter("dryRun", "in", "boolean", "Only tell what would be done."),
                OperationParameter("return", "out", "OperationOutcome", "What was done.", is_required=True),
            ),
        ),
        Operation(
            "match",
            levels=frozenset({"type", "instance"}),
            types=frozenset({"ServiceRequest"}),
            handler="match",
            definition="urn:creneau:OperationDefinition:match",
            documentation="Proposes the open slots that meet a request best, each with a reason for each criterion.",
            affects_state=False,
            parameters=(
                OperationParameter("resource", "in", "ServiceRequest", "The need, where the address has no id."),
                OperationParameter("commune", "in", "code", "INSEE code of where the patient is."),
                OperationParameter("postalCode", "in", "string", "Or its postal code."),
                OperationParameter("within", "in", "integer", "Hours within which care must begin."),
                OperationParameter("maxDistance", "in", "decimal", "Kilometres beyond which nothing is near."),
                OperationParameter("teleconsultation", "in", "boolean", "Whether a teleconsultation would do."),
                OperationParameter("noFamilyDoctor", "in", "boolean", "Whether the patient has no family doctor."),
                OperationParameter("_count", "in", "integer", "Proposals at most: 10, or up to 50."),
                OperationParameter("return", "out", "Bundle", "Slots, the best first, with reasons.", is_required=True),
            ),
        ),
        Operation(
            "evaluate-measure",
            levels=frozenset({"instance"}),
            types=frozenset({"Measure"}),
            handler="evaluate-measure",
            definition="http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
            documentation="Tells the figures of a period, small groups hidden, to whoever sees the whole territory.",
            affects_state=False,
            parameters=(
                OperationParameter("periodStart", "in", "date", "First day, in Paris.", is_required=True),
                OperationParameter("periodEnd", "in", "date", "Last day, in Paris.", is_required=True),
                OperationParameter("reportType", "in", "code", "population, and nothing else."),
                OperationParameter("asOf", "in", "dateTime", "Tell what was known then; else a week after the end."),
                OperationParameter("return", "out", "MeasureReport", "The figures.", is_required=True),
            ),
        ),
        *SCHEDULING,
    )
}
