"""The language as one JSON Schema, made of the declarations of its fields: for editors, and for whoever checks specs elsewhere.

Draft 2020-12, kept to what draft 7 reads the same way, since editors' YAML servers stop there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from headrace.address import NAME
from headrace.spec import KINDS
from headrace.spec.place import keys
from headrace.spec.quantity import write_duration
from headrace.spec.vocabulary import Vocabulary, Word
from headrace.spec.written import written

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAPS = ("properties", "patternProperties", "$defs")
_ONE = ("items", "additionalProperties", "propertyNames", "if", "then", "else", "not", "contains")
_SEVERAL = ("anyOf", "allOf", "oneOf", "prefixItems")
_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_MARKS = ("x-refers-to", "x-or-to", "x-names", "x-registered", "x-or-own", "x-params-of", "x-later")

Schema = dict[str, Any]


def schema(vocabulary: Vocabulary | None = None, kind: str | None = None) -> Schema:
    """The schema of a document of any kind, or of one; with a vocabulary, names and parameters that are in scope.

    Equal declarations and vocabularies give equal values, keys in equal order.
    """
    known = vocabulary or Vocabulary()
    chosen = {kind: KINDS[kind]} if kind is not None else dict(KINDS)
    names, definitions = _documents(chosen)
    for axis, words in sorted(known.words.items()):
        for name, word in sorted(words.items()):
            if word.params is not None:
                definitions |= _parameters(f"{axis}.{name}", word.params)
    finished = {name: _Finish(known, definition).value for name, definition in definitions.items()}
    finished = _reached(finished, names.values())
    if kind is not None:
        return {"$schema": DIALECT, "title": f"Headrace: {kind}", "$ref": f"#/$defs/{names[kind]}", "$defs": finished}
    told = "\n".join(f"- `{word}`: {model.__doc__}" for word, model in chosen.items())
    return {
        "$schema": DIALECT,
        "title": "Headrace",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"description": f"Which kind of document this is.\n\n{told}", "enum": list(chosen)}},
        "allOf": [_when("kind", word, {"$ref": f"#/$defs/{names[word]}"}) for word in chosen],
        "$defs": finished,
    }


def _when(key: str, value: str, then: Schema) -> Schema:
    return {"if": {"required": [key], "properties": {key: {"const": value}}}, "then": then}


def _reached(definitions: Schema, first: Iterable[str]) -> Schema:
    """The definitions that something refers to."""
    reached: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _references(definitions[name])
    return {name: definition for name, definition in definitions.items() if name in reached}


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a schema
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/$defs/")
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _documents(kinds: Mapping[str, type[BaseModel]]) -> tuple[dict[str, str], Schema]:
    """What each kind's definition is called, and all definitions: those of the kinds, and of each section under its class."""
    made, found = models_json_schema(
        [(model, "validation") for model in kinds.values()], by_alias=True, ref_template="#/$defs/{model}", schema_generator=_Generator
    )
    names = {word: made[model, "validation"]["$ref"].removeprefix("#/$defs/") for word, model in kinds.items()}
    definitions: Schema = found["$defs"]
    for word, name in names.items():
        # Keys beginning with `x-` belong to the user: anchors stand there.
        definitions[name]["patternProperties"] = {"^x-": {}}
        definitions[name]["properties"]["kind"]["description"] = kinds[word].__doc__
    return names, definitions


def _parameters(name: str, model: type[BaseModel]) -> Schema:
    """The definitions of a plugin's parameters, all under the plugin's name; anything goes where they cannot be told."""
    try:
        made: Schema = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}.{{model}}", schema_generator=_Generator)
    except Exception:  # noqa: BLE001 - a plugin's own types may raise whatever they like
        return {name: {"type": "object"}}
    below = made.pop("$defs", {})
    return {name: made} | {f"{name}.{word}": definition for word, definition in below.items()}


class _Generator(GenerateJsonSchema):
    """Pydantic's, with keys as declared, defaults as a user writes them, and the tag of a tagged block looked at first."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """As declared."""
        del parent_key
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - a field's or a type's
        """A key is its own title."""
        del schema
        return False

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - any default
        """Sections and durations as they are written."""
        if isinstance(dft, BaseModel):
            return written(dft)
        return write_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A function that reads a value may read any, unless its type says which."""
        return super().function_before_schema(schema) if "json_schema_input_schema" in schema else {}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Free keys, each of the form that they must have."""
        found: JsonSchemaValue = {"type": "object", "additionalProperties": True}
        if "values_schema" in schema:
            found["additionalProperties"] = self.generate_inner(schema["values_schema"]) or True
        if "keys_schema" in schema and (form := self.generate_inner(schema["keys_schema"])) not in ({}, {"type": "string"}):
            found["propertyNames"] = form
        self.update_with_validations(found, schema, self.ValidationsMapping.object)
        return found

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        """A list of so many equal values in words of both drafts."""
        made = super().tuple_schema(schema)
        first = made.get("prefixItems", [])
        if first and all(item == first[0] for item in first) and made.get("maxItems") == len(first):
            del made["prefixItems"]
            made["items"] = first[0]
        return made

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """By the tag, so that a fault never speaks of a branch that was not chosen."""
        tag = schema["discriminator"]
        if not isinstance(tag, str):
            return super().tagged_union_schema(schema)
        choices = {str(word): self.generate_inner(choice) for word, choice in schema["choices"].items()}
        return {
            "type": "object",
            "required": [tag],
            "properties": {tag: {"enum": list(choices)}},
            "allOf": [_when(tag, word, choice) for word, choice in choices.items()],
        }


class _Finish:
    """A definition as it is given away: what a vocabulary knows filled in, notes of our own made words of JSON Schema."""

    def __init__(self, vocabulary: Vocabulary, definition: Schema) -> None:
        self.vocabulary = vocabulary
        self.value = self._schema(definition)

    def _schema(self, given: Any) -> Any:  # noqa: ANN401 - a schema, or a boolean for all or nothing
        if not isinstance(given, Mapping):
            return given
        found: Schema = {
            word: self._word(word, value, given)
            for word, value in given.items()
            if word not in ("title", "effect", "example", "unit", "later", "usual", "secret", *_MARKS)
        }
        self._noted(given, found)
        self._listed(given, found)
        if found.get("type") == "string":
            # Bounds of a quantity are written as numbers, and it is not.
            found = {word: value for word, value in found.items() if word not in _NUMERIC}
        if "properties" in given:
            self._chosen(given, found)
        found = _or_expression(found)
        return {word: value for word, value in found.items() if not (word == "default" and value is None)}

    def _word(self, word: str, value: Any, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a word of JSON Schema holds
        if word == "properties":
            return {key: _or_filled_in(key, self._schema(inner)) for key, inner in value.items()}
        if word in _MAPS:
            return {key: self._schema(inner) for key, inner in value.items()}
        if word == "propertyNames":
            form = self._schema(value)
            return next(iter(form["anyOf"]), {}) if "anyOf" in form else form
        if word in _ONE and word != "if":
            return self._schema(value)
        if word not in _SEVERAL:
            return value
        # What is said of single values is said beside the alternatives that list them.
        later = {"x-later": given["later"]} if isinstance(given.get("later"), list) else {}
        return [self._schema({**inner, **later} if "x-registered" in inner else inner) for inner in value]

    def _noted(self, given: Mapping[str, Any], found: Schema) -> None:
        """Description, unit, effect and example."""
        notes = [str(given["description"])] if given.get("description") else []
        if isinstance(given.get("unit"), str):
            notes.append(f"Unit: {given['unit']}.")
        if given.get("later"):
            words = given["later"]
            notes.append(f"Nothing runs by {'it' if words is True else ', '.join(f'`{word}`' for word in words)} yet.")
        if isinstance(given.get("effect"), str):
            notes.append(f"Changing it costs: {given['effect']}.")
            found["x-effect"] = given["effect"]
        if notes:
            found["description"] = "\n\n".join(notes)
        if "example" in given:
            found["examples"] = [given["example"]]

    def _listed(self, given: Mapping[str, Any], found: Schema) -> None:
        """The names that are in scope, in the place of a form."""
        names: list[str] | None = None
        if (kind := given.get("x-refers-to")) in self.vocabulary.names:
            short = self.vocabulary.names[str(kind)]
            other = given.get("x-or-to")
            names = [
                *(f"{kind}/{name}" for name in short),
                *short,
                *(f"{other}/{name}" for name in self.vocabulary.names.get(str(other), ())),
            ]
        elif (kind := given.get("x-names")) in self.vocabulary.names:
            names = list(self.vocabulary.names[str(kind)])
        elif (axis := given.get("x-registered")) in self.vocabulary.words:
            later = given.get("later", given.get("x-later", ()))
            names = sorted({*self.vocabulary.words[str(axis)], *(later if isinstance(later, list) else ())})
            if given.get("x-or-own"):
                found["anyOf"] = [{"enum": names}, {"pattern": f"^{NAME.pattern}$"}]
                names = None
            else:
                # Of an axis of which nothing is registered, no name is right.
                found["enum"] = names
        if names:
            for word in ("pattern", "maxLength"):
                found.pop(word, None)
            found["enum"] = names

    def _chosen(self, given: Mapping[str, Any], found: Schema) -> None:
        """The parameters of the plugin that the key beside them names."""
        rules: list[Schema] = []
        for key, inner in given["properties"].items():
            naming = inner.get("x-params-of") if isinstance(inner, Mapping) else None
            axis = _registered(given["properties"].get(naming, {})) if naming else None
            for name, word in sorted(self.vocabulary.words.get(str(axis), {}).items()):
                rules += _rule(str(axis), str(naming), key, name, word)
        if rules:
            found["allOf"] = [*found.get("allOf", []), *rules]


def _registered(given: Mapping[str, Any]) -> object:
    """The axis whose names a key takes, also where it may be left out."""
    alternatives = [given, *(inner for inner in given.get("anyOf", ()) if isinstance(inner, Mapping))]
    return next((inner["x-registered"] for inner in alternatives if "x-registered" in inner), None)


_ABOUT = ("description", "default", "examples", "x-effect")
_EXPRESSION: Schema = {"type": "string", "pattern": "\\$\\{"}


def _or_expression(found: Schema) -> Schema:
    """A value that may as well be one that is filled in later, such as `${var.rows}`."""
    if "const" in found or found.get("type") not in ("string", "integer", "number", "boolean", None):
        return found
    if "anyOf" in found:
        return {**found, "anyOf": [*found["anyOf"], _EXPRESSION]} if _EXPRESSION not in found["anyOf"] else found
    if found.get("type") == "string" and not {"pattern", "enum", "maxLength", "minLength"} & set(found):
        return found
    form = {word: value for word, value in found.items() if word not in _ABOUT}
    if not {"type", "enum"} & set(form):
        return found
    return {"anyOf": [form, _EXPRESSION], **{word: value for word, value in found.items() if word in _ABOUT}}


def _or_filled_in(key: str, found: Any) -> Any:  # noqa: ANN401 - a schema, or a boolean
    """A key of one word alone, which may be filled in later; the kind may not, since a document is read by it."""
    if key == "kind" or not isinstance(found, Mapping) or "const" not in found:
        return found
    form = {word: value for word, value in found.items() if word not in _ABOUT}
    return {"anyOf": [form, _EXPRESSION], **{word: value for word, value in found.items() if word in _ABOUT}}


def _rule(axis: str, naming: str, key: str, name: str, word: Word) -> Iterator[Schema]:
    needed = [beside for beside, stands in word.beside.items() if stands]
    properties: Schema = {beside: False for beside, stands in word.beside.items() if not stands}
    if word.params is not None:
        properties[key] = {"$ref": f"#/$defs/{axis}.{name}"}
        needed += [key] if any(info.is_required() for info in keys(word.params).values()) else []
    if properties or needed:
        yield _when(naming, name, {**({"required": needed} if needed else {}), **({"properties": properties} if properties else {})})
