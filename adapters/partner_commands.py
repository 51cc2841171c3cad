"""`creneau partner` and `creneau keys`: who may come in, and the keys that sign what lets them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from adapters.partner_registry import Registry, keys_of
from adapters.told_command import ToldCommand
from fhir_server.auth.partner import CERTIFICATE_NAMES
from fhir_server.kernel.audiences import AUDIENCES, HOLDERS
from fhir_server.kernel.origins import ORIGINS
from fhir_server.settings import Settings

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def partner() -> None:
    """Partners that speak FHIR: how they prove who they are, what they may do."""


def _says(*, is_new: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that say what a partner is and may do."""
    options = (
        click.option("--name", required=is_new, help="What people call it."),
        click.option(
            "--scope", "scopes", multiple=True, required=is_new, help="SMART scope, as system/Slot.rs; may be repeated."
        ),
        click.option("--owner", help="Organisation in whose name it acts, if not its own."),
        click.option("--reads", type=click.Choice(["own", "territory", "audit"]), help="Whose rows it sees."),
        click.option(
            "--audience", "audiences", multiple=True, type=click.Choice(list(AUDIENCES)), help="Whose slots it takes."
        ),
        click.option(
            "--direct-access", multiple=True, type=click.Choice(list(HOLDERS)), help="Takes slots kept for them."
        ),
        click.option("--origin", type=click.Choice(list(ORIGINS)), help="Where its bookings come from, for figures."),
        click.option(
            "--certificate",
            type=(click.Choice(CERTIFICATE_NAMES), str),
            help="By what its certificate is known: subject_dn CN=vendor.example.",
        ),
        click.option("--bound/--not-bound", default=None, help="Its tokens are good with its certificate only."),
        click.option("--psc-client-id", help="Its client id at Pro Santé Connect."),
    )

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


@partner.command("add", cls=ToldCommand)
@click.argument("client_id")
@_says(is_new=True)
@click.option("--jwks-uri", help="Where it publishes its public keys, instead of a secret.")
@click.option("--jwks", type=_EXISTING, help="File with its public keys, instead of a secret.")
@click.option("--secret/--no-secret", default=None, help="Give it a secret.  [default: if it has nothing else]")
@click.pass_obj
def partner_add(settings: Settings, /, client_id: str, secret: bool | None, jwks: Path | None, **options: Any) -> None:
    """Register a partner. Prints its secret, once, if it is to have one."""
    members = {"client_id": client_id, **_members(**options), **(keys_of(jwks) if jwks else {})}
    has_proof = any(name.startswith(("jwks", "tls_client_auth")) for name in members)
    with Registry.opened(settings) as registry:
        click.echo(registry.add(members, has_secret=not has_proof if secret is None else secret))


@partner.command("change", cls=ToldCommand)
@click.argument("client_id")
@_says(is_new=False)
@click.pass_obj
def partner_change(settings: Settings, /, client_id: str, **options: Any) -> None:
    """Change what a partner added by command is and may do; what is not said stays."""
    with Registry.opened(settings) as registry:
        click.echo(registry.change(client_id, _members(**options)))


def _members(
    scopes: tuple[str, ...], certificate: tuple[str, str] | None, bound: bool | None, **others: Any
) -> dict[str, Any]:
    """A partner's members as its file would have them, of what was said."""
    members = {name: list(value) if isinstance(value, tuple) else value for name, value in others.items() if value}
    if scopes:
        members["scopes"] = [scope for text in scopes for scope in text.split()]
    if certificate is not None:
        members[f"tls_client_auth_{certificate[0]}"] = certificate[1]
    return members if bound is None else members | {"tls_client_certificate_bound_access_tokens": bound}


@partner.command("list")
@click.pass_obj
def partner_list(settings: Settings) -> None:
    """Every partner, from files and added by command."""
    with Registry.opened(settings) as registry:
        for line in registry.lines():
            click.echo(line)


@partner.command("show")
@click.argument("client_id")
@click.pass_obj
def partner_show(settings: Settings, client_id: str) -> None:
    """All that is registered of a partner, secrets apart."""
    with Registry.opened(settings) as registry:
        click.echo(registry.show(client_id))


@partner.command("rotate", cls=ToldCommand)
@click.argument("client_id")
@click.option("--keep-hours", type=click.IntRange(0, 720), default=0, help="How long the old secret is good too.")
@click.option("--jwks-uri", help="Where it publishes its keys from now on, instead of a new secret.")
@click.option("--jwks", type=_EXISTING, help="File with its new public keys, instead of a new secret.")
@click.pass_obj
def partner_rotate(
    settings: Settings, client_id: str, keep_hours: int, jwks_uri: str | None, jwks: Path | None
) -> None:
    """Give a partner a new secret, printed once, or take its new keys."""
    with Registry.opened(settings) as registry:
        if jwks_uri or jwks:
            proof = keys_of(jwks) if jwks else {"jwks_uri": jwks_uri}
            click.echo(registry.exchange_keys(client_id, proof, keep_hours))
        else:
            click.echo(registry.rotate(client_id, keep_hours))


@partner.command("suspend", cls=ToldCommand)
@click.argument("client_id")
@click.pass_obj
def partner_suspend(settings: Settings, client_id: str) -> None:
    """Let a partner in no more, of a file too: its tokens are worthless when this returns."""
    with Registry.opened(settings) as registry:
        click.echo(registry.suspend(client_id, is_suspended=True))


@partner.command("resume", cls=ToldCommand)
@click.argument("client_id")
@click.pass_obj
def partner_resume(settings: Settings, client_id: str) -> None:
    """Let a suspended partner in again."""
    with Registry.opened(settings) as registry:
        click.echo(registry.suspend(client_id, is_suspended=False))


@partner.command("remove", cls=ToldCommand)
@click.argument("client_id")
@click.pass_obj
def partner_remove(settings: Settings, client_id: str) -> None:
    """Forget a partner that was added by command; what it wrote stays."""
    with Registry.opened(settings) as registry:
        click.echo(registry.remove(client_id))


@click.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command("list")
@click.pass_obj
def keys_list(settings: Settings) -> None:
    """Every key, newest first: the first one signs, the others verify."""
    with Registry.opened(settings) as registry:
        for line in registry.key_lines():
            click.echo(line)


@keys.command("rotate", cls=ToldCommand)
@click.option("--at-once", is_flag=True, help="The old keys verify nothing any more: every token is worthless.")
@click.pass_obj
def keys_rotate(settings: Settings, at_once: bool) -> None:
    """Sign with a new key. The old one still verifies until its tokens have expired."""
    with Registry.opened(settings) as registry:
        click.echo(registry.rotate_keys(at_once=at_once))
