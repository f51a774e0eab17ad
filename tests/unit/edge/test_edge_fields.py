"""Which fields the edge knows of the bodies of calls."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool

from edge.bodies import Fields, _add, fields_of_bodies


def test_fields_of_bodies() -> None:
    found = fields_of_bodies()
    batch = found.messages["darkroom.rest.v1.CreateBatchRequest"]
    assert batch["items"] == "darkroom.rest.v1.BatchItem"
    assert (batch["webhook_url"], batch["webhookUrl"], batch["deadline"]) == (False, False, False)
    assert found.messages["darkroom.operations.v1.Operation"]["removeBackground"] == "darkroom.operations.v1.RemoveBackground"
    assert not [name for name in found.messages if name.endswith("Envelope") or name.startswith("google.")]
    # A call without a body.
    assert "darkroom.rest.v1.GetTaskStatusRequest" not in found.messages


def test_maps_recursion_and_what_takes_everything() -> None:
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    entry = descriptor_pb2.DescriptorProto(name="ByNameEntry", options={"map_entry": True})
    entry.field.add(name="key", number=1, label=one, type=field.TYPE_STRING)
    entry.field.add(name="value", number=2, label=one, type=field.TYPE_MESSAGE, type_name=".made.up.Tree")
    tree = descriptor_pb2.DescriptorProto(name="Tree", nested_type=[entry])
    tree.field.add(name="sub_trees", json_name="subTrees", number=1, label=many, type=field.TYPE_MESSAGE, type_name=".made.up.Tree")
    tree.field.add(name="by_name", json_name="byName", number=2, label=many, type=field.TYPE_MESSAGE, type_name=".made.up.Tree.ByNameEntry")
    tree.field.add(name="anything", json_name="anything", number=3, label=one, type=field.TYPE_MESSAGE, type_name=".google.protobuf.Struct")
    file = descriptor_pb2.FileDescriptorProto(
        name="made/up.proto", package="made.up", dependency=["google/protobuf/struct.proto"], message_type=[tree], syntax="proto3"
    )
    pool = descriptor_pool.DescriptorPool()
    struct = descriptor_pb2.FileDescriptorProto()
    descriptor_pool.Default().FindFileByName("google/protobuf/struct.proto").CopyToProto(struct)
    pool.Add(struct)
    pool.Add(file)
    found = Fields()
    _add(pool.FindMessageTypeByName("made.up.Tree"), found)
    assert found.messages == {
        "made.up.Tree": {
            "sub_trees": "made.up.Tree",
            "subTrees": "made.up.Tree",
            "by_name": "made.up.Tree.ByNameEntry",
            "byName": "made.up.Tree.ByNameEntry",
            "anything": False,
        }
    }
    assert found.maps == {"made.up.Tree.ByNameEntry": "made.up.Tree"}
