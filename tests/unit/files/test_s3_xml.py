from __future__ import annotations

from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.session import get_session

from services.files.s3_xml import Element, completion, deletion, parsed

ODD = "a&b<c>\"d' é\r\n]]>"


def test_elements_are_found_by_name_whatever_their_namespace() -> None:
    root = parsed(b'<?xml version="1.0"?>\n<a:R xmlns:a="x"><a:K>one</a:K><K>t<!-- no -->w&#111;</K><E/></a:R>')
    assert (root.name, [each.text for each in root.all("K")], root.value("E")) == ("R", ["one", "two"], "")
    assert (root.find("none"), root.child("none"), root.value("none", "else")) == (None, Element("none"), "else")
    with pytest.raises(ValueError, match="no none in R"):
        root.value("none")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "not XML"),
        (b" \n ", "not XML"),
        (b"<html><br></html>", "not XML"),
        (b"<R><K>cut", "not XML"),
        (b'<!DOCTYPE R [<!ENTITY e "x">]><R>&e;</R>', "a document type"),
        ('<!DOCTYPE R [<!ENTITY e "x">]><R>&e;</R>'.encode("utf-16"), "a document type"),
        (b"<R>" * 1000, "nested"),
    ],
)
def test_other_documents_are_refused(document: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(document)


def test_requests_keep_every_character_that_xml_can_hold() -> None:
    assert [each.value("Key") for each in parsed(deletion(["plain", ODD])).all("Object")] == ["plain", ODD]
    [first, second] = parsed(completion([(1, '"a"'), (2, ODD)])).all("Part")
    assert (first.value("PartNumber"), first.value("ETag"), second.value("ETag")) == ("1", '"a"', ODD)


def test_the_requests_have_the_form_of_the_service() -> None:
    model: Any = get_session().get_service_model("s3")
    parser = create_parser("rest-xml")
    for name, shape, body in (
        ("Delete", "DeleteObjectsRequest", deletion(["k"])),
        ("MultipartUpload", "CompleteMultipartUploadRequest", completion([(1, '"e"')])),
    ):
        of = model.shape_for(shape).members[name]
        told = parser.parse({"status_code": 200, "headers": {}, "body": body}, of)
        told.pop("ResponseMetadata")
        assert told in ({"Objects": [{"Key": "k"}], "Quiet": True}, {"Parts": [{"ETag": '"e"', "PartNumber": 1}]})
        assert f"<{of.serialization.get('name', '')}".encode() in body
        assert of.serialization["xmlNamespace"]["uri"].encode() in body
