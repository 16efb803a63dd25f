"""What the other documents of a project say, as far as an editor needs it inside of a value: columns, features, quantities, variables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.address import Address, Path
from headrace.lsp.outline import Outline


@dataclass(frozen=True, slots=True)
class Around:
    """Every document of a project by its address, broken or not."""

    documents: Mapping[Address, Outline] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The variables that the project and its environments give, with their values."""
        found: dict[str, str] = {}
        for address, outline in self.documents.items():
            if address.kind in ("project", "environment"):
                for name in sorted(outline.keys(("variables",))):
                    found.setdefault(name, outline.value(("variables", name)) or "")
        return found

    def shell(self) -> list[str]:
        """The names of the shell's variables; what they hold is nobody's business here."""
        return sorted(os.environ)

    def names(self, outline: Outline, path: Path, speaks: str) -> dict[str, str]:
        """What the names in a value may be, each with what it is."""
        found: dict[str, str] = {}
        match speaks:
            case "quantities" if path[:1] == ("retraining",):
                found = {f"alert.{name}": said for name, said in self.alerts(outline).items()}
            case "quantities":
                found = self.quantities(outline)
            case "column":
                found = self.columns(outline, path)
            case "columns" if path[:1] == ("checks",):
                found = self._columns(outline)
            case "columns":
                found = self._of_source(outline.value(("from",)))
            case "features":
                found = dict.fromkeys(sorted(outline.keys(("features",)) - set(map(str, path))), "A feature of this view.")
            case "facts":
                from headrace.project.rules.governance import FACTS

                found = dict.fromkeys(FACTS, "What is known of a version when the policy is asked.")
        return found

    def alerts(self, outline: Outline) -> dict[str, str]:
        """The alerts of a model, with their conditions."""
        found: dict[str, str] = {}
        for said in outline.said:
            match said.path:
                case ("monitoring", "alerts", int() as position, "id") if said.value:
                    found[said.value] = outline.value(("monitoring", "alerts", position, "when")) or ""
        return found

    def quantities(self, outline: Outline) -> dict[str, str]:
        """What a model's windows have, as the validator says it."""
        from headrace.project.rules.alerts import quantities

        monitored = outline.keys(("monitoring",))
        metric = outline.value(("monitoring", "performance", "metric")) if "performance" in monitored else None
        estimate = outline.value(("monitoring", "performance", "estimate"))
        return quantities(drift="drift" in monitored, metric=metric, estimated=estimate != "none")

    def columns(self, outline: Outline, path: Path) -> dict[str, str]:
        """The columns or features that a value which names one may name."""
        found: dict[str, str] = {}
        match (outline.value(("kind",)), *path):
            case ("model", *_):
                found = self._of_model(outline, path)
            case ("source", first, *_) if first != "columns":
                found = self._columns(outline)
            case ("feature_view", *_):
                found = self._of_source(outline.value(("from",)))
            case ("batch", *_):
                found = self._of_source(outline.value(("input",)))
            case ("backtest", *_):
                found = self._of_source(outline.value(("replay", "source")))
        return found

    def _of_model(self, outline: Outline, path: Path) -> dict[str, str]:
        match path:
            case ("features", "use", str() as view, *_):
                return self._features((view,))
            case ("features", *_):
                return self._of_source(outline.value(("features", "rows")))
            case ("rollout" | "experiment", "unit"):
                entity = outline.value(("features", "entity"))
                return {**({entity: "The model's entity."} if entity else {}), **self._inputs(outline)}
        return self._inputs(outline)

    def _inputs(self, outline: Outline) -> dict[str, str]:
        """The features that a model uses."""
        found: dict[str, str] = {}
        for view in sorted(outline.keys(("features", "use"))):
            listed = {said.value for said in outline.said if said.path[:3] == ("features", "use", view) and len(said.path) == 4}  # noqa: PLR2004
            found |= {name: said for name, said in self._features((view,)).items() if not listed or name in listed}
        return found

    def _features(self, views: Iterable[str]) -> dict[str, str]:
        documents = {view: self.documents.get(Address("feature_view", view)) for view in views}
        return {
            name: f"A feature of feature_view/{view}."
            for view, found in documents.items()
            if found is not None
            for name in sorted(found.keys(("features",)))
        }

    def _of_source(self, reference: str | None) -> dict[str, str]:
        found = self.documents.get(Address("source", reference.removeprefix("source/"))) if reference else None
        return self._columns(found) if found is not None else {}

    def _columns(self, source: Outline) -> dict[str, str]:
        found = {name: source.value(("columns", name, "type")) or "A column." for name in sorted(source.keys(("columns",)))}
        made = source.value(("arrival", "time")) or ("arrived_at" if "arrival" in source.keys(()) else None)
        return found | ({made: "timestamp"} if made else {})
