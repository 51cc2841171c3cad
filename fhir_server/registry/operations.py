"""The operations served: one row each. Adding one is a row here and a function where `web` looks for its handler."""

from fhir_server.registry.model import Operation, OperationParameter

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
    )
}
