"""A local Pebble: shops, people and bills, over a real socket."""

from typing import Any

from flask import Flask, g, request

from kable_hub import Environment, LinkedCustomer, canonical
from kable_hub.testing import Simulator

Row = dict[str, Any]
TAX = 8
"""Percent that Pebble adds to every bill."""


class Problem(Exception):
    """Pebble says no: HTTP status, text, field."""


class PebbleSimulator(Simulator):
    """Pebble on loopback. `limit` is how many requests it takes in a second."""

    def __init__(self, **options: Any) -> None:
        self.keys = {f"pebble-{one}-key": one for one in Environment}
        self.people: dict[str, Row] = {}
        self.bills: dict[str, Row] = {}
        self.limit = 0
        self._lately: list[float] = []
        super().__init__(**options)

    def routes(self, app: Flask) -> None:
        """Register the API."""
        app.before_request(self._gate)
        app.register_error_handler(Problem, _refused)
        app.add_url_rule("/shop", "shop", self._shop)
        app.add_url_rule("/people/<id>", "person", self._person)
        app.add_url_rule("/bills", "bills", self._list)
        app.add_url_rule("/bills", "bill", self._create, methods=["POST"])

    def seed_demo(self) -> None:
        """Three people in each environment."""
        for environment in Environment:
            for name in ("Ada's Books", "Brook & Co", "Cobalt"):
                id = f"P-{len(self.people) + 1:04d}"
                person = {"id": id, "name": name, "mail": "post@example.com", "left": False}
                self.people[id] = {**person, "mode": environment}

    def configuration(self) -> dict[str, str]:
        """The environment variables that point a hub at this simulator."""
        return {f"KABLE_PEBBLE_{one.upper()}_API_URL": self.url for one in Environment}

    def demo_form(self, environment: Environment) -> dict[str, str]:
        """What a person would paste."""
        return {"key": next(key for key, one in self.keys.items() if one is environment)}

    def demo_customers(self, environment: Environment) -> list[LinkedCustomer]:
        """The people that are still there."""
        return [
            LinkedCustomer(one["id"], one["name"])
            for one in list(self.people.values())
            if one["mode"] is environment and not one["left"]
        ]

    def documents(self) -> list[Row]:
        """Every bill. Pebble keeps no marker."""
        return [
            {**one, "external_id": one["id"], "customer": one["person"], "marker": ""}
            for one in list(self.bills.values())
        ]

    def drafts(self) -> list[Row]:
        """None: a bill is final at once."""
        return []

    def revoke_access(self, environment: Environment) -> None:
        """Take back every key of this environment."""
        self.keys = {key: one for key, one in self.keys.items() if one is not environment}

    def close_customer(self, environment: Environment, reference: str) -> None:
        """A person leaves."""
        if self.people[reference]["mode"] is environment:
            self.people[reference]["left"] = True

    def _gate(self) -> None:
        now = self.clock.monotonic()
        self._lately = [one for one in self._lately if one > now - 1]
        if self.limit and len(self._lately) >= self.limit:
            raise Problem(429, "Too many requests from this address.")
        self._lately.append(now)
        key = request.headers.get("X-Key", "")
        if key not in self.keys:
            raise Problem(401, "There is no such key.")
        g.mode = self.keys[key]

    def _shop(self) -> Row:
        return {"id": "shop-1", "name": "Lighthouse", "mode": g.mode}

    def _person(self, id: str) -> Row:
        found = self.people.get(id)
        if found is None or found["mode"] is not g.mode:
            raise Problem(404, f"There is no {id}.", "person")
        return found

    def _list(self) -> Row:
        number = request.args["number"]
        return {
            "bills": [
                one
                for one in self.bills.values()
                if one["number"] == number and one["environment"] is g.mode
            ]
        }

    def _create(self) -> Row:
        bill = canonical.loads(request.get_data())
        self._person(bill["person"])
        for row in bill["rows"]:
            if not isinstance(row["pieces"], int) or row["pieces"] < 1:
                raise Problem(422, "Pebble sells whole pieces.", "pieces")
        net = sum(row["pieces"] * row["cents"] for row in bill["rows"])
        tax, id = net * TAX // 100, f"bill-{len(self.bills) + 1}"
        made = {"id": id, "total": net + tax, "tax": tax, "link": f"{self.url}/pay/{id}"}
        self.bills[id] = {**bill, **made, "status": "open", "environment": g.mode}
        return self.bills[id]


def _refused(problem: Problem) -> tuple[Row, int]:
    status, text, *about = problem.args
    return {"problem": text, "about": "".join(about)}, status
