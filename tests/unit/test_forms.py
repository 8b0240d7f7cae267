"""Maps in a declared schema: a form to fill in, and faults that name their pair."""

from marshmallow import Schema, fields, validate

from kable_hub.usecases.forms import form_fields, load


class Mapping(Schema):
    items = fields.Dict(
        keys=fields.String(validate=validate.Length(1)),
        values=fields.String(validate=validate.Length(1, 5)),
        load_default=dict,
        metadata={"label": "Item", "key_label": "Product code", "choices": True},
    )


def test_a_dict_is_a_map_with_labels_for_both_sides_and_choices_for_its_values():
    (items,) = form_fields(Mapping)
    assert (items.type, items.label, items.key_label) == ("map", "Item", "Product code")
    assert (items.default, items.from_provider) == ({}, True)


def test_a_map_is_loaded_as_it_was_given():
    assert load(Mapping, {"items": {"API": "7"}}, "settings") == ({"items": {"API": "7"}}, [])
    assert load(Mapping, {}, "settings") == ({"items": {}}, [])


def test_each_wrong_pair_of_a_map_is_named():
    stored, faults = load(Mapping, {"items": {"": "7", "A": 7, "B": "toolong", "C": "1"}}, "s")
    assert stored == {}
    assert {one.field for one in faults} == {"s.items.", "s.items.A", "s.items.B"}
    assert {one.field: one.message for one in faults}["s.items.A"] == "Not a valid string."


def test_what_is_no_map_is_one_fault():
    _, faults = load(Mapping, {"items": "API"}, "settings")
    assert [(one.field, one.code) for one in faults] == [("settings.items", "invalid")]
