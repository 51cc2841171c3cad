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
    )
}
