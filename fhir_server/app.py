"""The web application."""

from flask import Flask

from fhir_server.bootstrap import Services
from fhir_server.web import about, errors, fhir, oauth, origins, rendering, request_log, sas, sas_regulators, well_known
from fhir_server.web.auditing import Auditor


def create_app(services: Services) -> Flask:
    """The whole HTTP surface over these services."""
    app = Flask("fhir_server", static_folder=None)
    # One more than is taken: at the limit itself Werkzeug cuts a chunked body short without a word.
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body_bytes + 1
    # An address with // is another address; a redirect would send the token along to whatever Host names.
    app.url_map.merge_slashes = False
    # What runs after a request runs in reverse order: answers are rendered first and logged last.
    finish = Auditor(services, services.journal).finish if services.journal is not None else None
    settings = services.settings
    request_log.register(
        app, is_logged=settings.request_log, finish=finish, statement_seconds=settings.statement_seconds
    )
    origins.register(app, services.settings.cors_origins)
    rendering.register(app)
    errors.register(app)
    app.register_blueprint(about.blueprint(services))
    app.register_blueprint(oauth.blueprint(services))
    app.register_blueprint(well_known.blueprint(services))
    app.register_blueprint(fhir.blueprint(services), url_prefix="/fhir")
    app.register_blueprint(sas.blueprint(services), url_prefix=sas.PREFIX)
    app.register_blueprint(sas_regulators.blueprint(services), url_prefix="/sas")
    return app
