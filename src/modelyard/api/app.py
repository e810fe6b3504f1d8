"""The HTTP API as one ASGI application over the use cases. Serving it is `main`'s matter."""

from fastapi import Depends, FastAPI

from modelyard import __version__
from modelyard.api import auditing, counting, documents, errors, tracing
from modelyard.api.envelope import Envelope
from modelyard.api.paths import decode_parameters
from modelyard.api.requests import Deps
from modelyard.api.routes import (
    accounts,
    apps,
    audit,
    capacity,
    clusters,
    deliveries,
    docs,
    health,
    identity,
    log_streams,
    logs,
    metrics,
    models,
    objects,
    registries,
    revisions,
    secrets,
    services,
    status,
    subscriber,
    subscriptions,
    tasks,
    top,
    topics,
    watch,
    watch_all,
)
from modelyard.api.schemas import apps as of_apps
from modelyard.api.schemas import capacity as of_administration
from modelyard.api.schemas import identity as of_identity
from modelyard.api.schemas import log_streams as of_log_streams
from modelyard.api.schemas import notifications as of_notifications
from modelyard.api.schemas import objects as of_objects
from modelyard.api.schemas.models import ModelCreate
from modelyard.api.schemas.registries import RegistryBody
from modelyard.api.schemas.secrets import SecretBody
from modelyard.api.schemas.services import NodeStatus, PropertyUpdate, ServiceCreate, ServiceUpdate

DESCRIPTION = """Serves machine-learning models and changes them live.

Success is 200 with a JSON object; every error has one shape and names all that is wrong with a request. Keys that
nobody knows are ignored and named in `X-Modelyard-Ignored`; a key that is there twice is an error.

Bodies are JSON, also in gzip: `Content-Type` says `application/json` or nothing, `Content-Encoding` says `gzip` or
nothing, everything else is answered 415; an object is sent and read as it is. HEAD is known wherever GET is. In a
path, `%2F` is a part of an id."""


def create_app(deps: Deps) -> FastAPI:
    """The API. Holds nothing that outlives a request but `deps`."""
    app = bare_app(deps.version)
    app.state.deps = auditing.audited(deps)
    return app


def bare_app(version: str = __version__) -> FastAPI:
    """The API with nothing behind it, to be described. `/docs` is ours, since FastAPI's needs the Internet."""
    app = FastAPI(
        title="Modelyard",
        version=version,
        description=DESCRIPTION,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(decode_parameters)],
    )
    app.add_middleware(auditing.Auditing)
    app.add_middleware(tracing.Traces)
    app.add_middleware(counting.Counting)
    app.add_middleware(Envelope)
    errors.install(app)
    routers = [
        routes.router
        for routes in (
            watch_all,
            services,
            revisions,
            tasks,
            watch,
            logs,
            log_streams,
            metrics,
            models,
            objects,
            registries,
            secrets,
            clusters,
            apps,
            identity,
            accounts,
            capacity,
            audit,
            topics,
            subscriptions,
            deliveries,
            subscriber,
            top,
            health,
            status,
            docs,
        )
    ]
    for router in (*routers, identity.root, accounts.keys, audit.project, top.project, clusters.of_pools):
        app.include_router(router)
    documents.describe(
        app,
        (
            ServiceCreate,
            ServiceUpdate,
            PropertyUpdate,
            NodeStatus,
            ModelCreate,
            RegistryBody,
            SecretBody,
            *of_identity.BODIES,
            *of_administration.BODIES,
            *of_apps.BODIES,
            *of_objects.BODIES,
            *of_log_streams.BODIES,
            *of_notifications.BODIES,
        ),
    )
    return app


__all__ = ["Deps", "bare_app", "create_app"]
