"""`sharedplan openapi`: the OpenAPI document of this version, as it is served at /openapi.json."""

import click

from sharedplan.rest.openapi.document import openapi_text


@click.command()
def command() -> None:
    """Print the OpenAPI 3.1 description of every address, as JSON.

    The file openapi/openapi.json holds the same; a test compares the two.
    """
    click.echo(openapi_text(), nl=False)
