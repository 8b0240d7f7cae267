"""`/metrics` in the text format of Prometheus, for whoever has KABLE_METRICS_TOKEN."""

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from werkzeug.exceptions import NotFound

from kable_hub.usecases.errors import Unauthorized
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.measuring import Measuring
from kable_hub.web.context import current_hub

PREFIX = "kable_"
KEPT = "kable_measuring"
blueprint = Blueprint("metrics", __name__)
_FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


class _Measures(Collector):
    def __init__(self, measuring: Measuring) -> None:
        self._measuring = measuring

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        for one in self._measuring.measure():
            family = _FAMILIES[one.kind](PREFIX + one.name, one.about, labels=one.labels)
            for values, figure in sorted(one.values.items()):
                family.add_metric(values, figure)
            yield family


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything; where no token is set there is nothing at this address."""
    token = current_hub().settings.metrics_token
    if not token:
        raise NotFound
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Unauthorized("unauthorized", "Send the token of KABLE_METRICS_TOKEN as a bearer.")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measures(_measuring(current_hub())))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _measuring(hub: Hub) -> Measuring:
    """The one of this app's hub: it goes on counting from scrape to scrape."""
    kept: tuple[Hub, Measuring] | None = current_app.extensions.get(KEPT)
    if kept is None or kept[0] is not hub:
        kept = current_app.extensions[KEPT] = (hub, Measuring(hub))
    return kept[1]
