"""XMP packets (ISO 16684-1) with changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from services.inference.media.errors import corrupt
from services.inference.tagging.changes import GPS, XMP, Changes, Place
from services.inference.tagging.dates import shift_date, xmp_date

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_BASIC = "http://ns.adobe.com/xap/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_PREFIXES = {"dc": _DC, "xmp": _BASIC, "exif": _EXIF, "photoshop": _PHOTOSHOP}
_NEW = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
).encode()
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not allow."""
_MICRO = 1_000_000
_Matches = Callable[[str], bool]


def edit_xmp(packet: bytes | None, changes: Changes, *, has_exif: bool, has_iptc: bool) -> bytes | None:
    """The packet with changes, None for none.

    Values for which a format has no Exif or IPTC data are written here. Raises `FILE_CORRUPT` for a packet that is no XML, or has entities.
    """
    if changes.removed_tags.whole(XMP):
        packet = None
    tree = _Packet(packet)
    tree.remove(changes.removed_tags.of(XMP))
    if changes.loses_place or changes.place is not None:
        tree.remove_place()
    tree.remove({name for name in changes.removed_tags.of(GPS) if name.startswith("gps")})
    if changes.title:
        tree.write(_DC, "title", changes.title, kind="Alt")
    if changes.keywords:
        before = [] if changes.replace_keywords else tree.items(_DC, "subject")
        tree.write(_DC, "subject", *dict.fromkeys([*before, *changes.keywords]), kind="Bag")
    if not has_iptc:
        _without_iptc(tree, changes)
    if not has_exif:
        _without_exif(tree, changes)
    return tree.content if tree.differs else packet


def _without_iptc(tree: _Packet, changes: Changes) -> None:
    """As the IPTC Photo Metadata Standard maps IIM to XMP."""
    if changes.object_name and not changes.title:
        tree.write(_DC, "title", changes.object_name, kind="Alt")
    named = {"Headline": changes.headline, "City": changes.city, "State": changes.state, "Country": changes.country}
    for name, text in named.items():
        if text:
            tree.write(_PHOTOSHOP, name, text)


def _without_exif(tree: _Packet, changes: Changes) -> None:
    """As "Exif 2.32 metadata for XMP" maps them."""
    if changes.artist:
        tree.write(_DC, "creator", changes.artist, kind="Seq")
    for name, text in (("description", changes.description or changes.title), ("rights", changes.copyright)):
        if text:
            tree.write(_DC, name, text, kind="Alt")
    if changes.software:
        tree.write(_BASIC, "CreatorTool", changes.software)
    names = ((_BASIC, "ModifyDate"), (_EXIF, "DateTimeOriginal"), (_BASIC, "CreateDate"))
    for (space, name), wanted in zip(names, changes.dates(), strict=True):
        moved = shift_date(tree.text(space, name), changes.shift_minutes) if changes.shift_minutes else None
        date = wanted or moved
        if date:
            tree.write(space, name, xmp_date(date))
    if changes.place is not None and not changes.loses_place:
        for name, text in _place(changes.place).items():
            tree.write(_EXIF, name, text)


class _Packet:
    def __init__(self, packet: bytes | None) -> None:
        self.differs = False
        self._tree = _parsed(packet if packet and packet.strip(b"\0 \r\n\t") else _NEW)
        found = next(self._tree.iter(f"{{{_RDF}}}RDF"), None)
        if found is None:
            raise _damaged()
        self._rdf = found

    @property
    def content(self) -> bytes:
        """The packet in UTF-8."""
        return bytes(etree.tostring(self._tree, encoding="UTF-8", xml_declaration=False))

    def remove(self, names: set[str] | frozenset[str]) -> None:
        """Removes properties by their names without prefix, in lower case."""
        self._drop(lambda key: _local(key).lower() in names)

    def remove_place(self) -> None:
        """Removes where the photo was taken."""
        self._drop(lambda key: key.startswith(f"{{{_EXIF}}}GPS"))

    def text(self, space: str, name: str) -> str:
        """A simple value, or nothing."""
        key = f"{{{space}}}{name}"
        for description in self._descriptions():
            element = description.find(key)
            text = description.get(key) or (element.text if element is not None else None)
            if text:
                return str(text).strip()
        return ""

    def items(self, space: str, name: str) -> list[str]:
        """The values of a list."""
        found = [
            item.text.strip() for each in self._descriptions() for item in each.iterfind(f"{{{space}}}{name}//{{{_RDF}}}li") if item.text
        ]
        single = self.text(space, name)
        return found or ([single] if single else [])

    def write(self, space: str, name: str, *texts: str, kind: str = "") -> None:
        """Sets a property, to a text or a list of a kind, in place of any that it has."""
        wanted = [_UNWRITABLE.sub("", text) for text in texts]
        if self.items(space, name) == [text.strip() for text in wanted]:
            return
        key = f"{{{space}}}{name}"
        self._drop(lambda other: other == key)
        description = next(self._descriptions(), None)
        if description is None:
            description = etree.SubElement(self._rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
        prefix = next(prefix for prefix, known in _PREFIXES.items() if known == space)
        taken = description.nsmap.get(prefix, space) != space
        element = etree.SubElement(description, key, nsmap=None if taken else {prefix: space})
        if kind:
            items = etree.SubElement(element, f"{{{_RDF}}}{kind}")
            for text in wanted:
                etree.SubElement(items, f"{{{_RDF}}}li", {_LANGUAGE: "x-default"} if kind == "Alt" else {}).text = text
        else:
            element.text = wanted[0]
        self.differs = True

    def _drop(self, matches: _Matches) -> None:
        for description in self._descriptions():
            for key in [str(key) for key in description.attrib if matches(str(key)) and not str(key).startswith(f"{{{_RDF}}}")]:
                del description.attrib[key]
                self.differs = True
            for child in [child for child in description if isinstance(child.tag, str) and matches(child.tag)]:
                description.remove(child)
                self.differs = True

    def _descriptions(self) -> Iterator[etree._Element]:
        return iter(self._rdf.findall(f"{{{_RDF}}}Description"))


def _parsed(packet: bytes) -> etree._ElementTree:
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet or b"<\0!\0" in packet or b"\0<\0!" in packet:
        raise _damaged()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        return etree.ElementTree(etree.fromstring(packet.strip(b"\0 \r\n\t"), parser))
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise _damaged() from error


def _damaged() -> Exception:
    return corrupt('The XMP data of the picture is damaged. "XMP:All" among the tags to remove removes it.')


def _local(key: str) -> str:
    return key.rpartition("}")[2]


def _place(place: Place) -> Mapping[str, str]:
    found = {"GPSLatitude": _degrees(place.latitude, "NS"), "GPSLongitude": _degrees(place.longitude, "EW")}
    if place.altitude is not None:
        found["GPSAltitudeRef"] = "1" if place.altitude < 0 else "0"
        found["GPSAltitude"] = f"{round(abs(place.altitude) * 1000)}/1000"
    return found


def _degrees(degrees: float, references: str) -> str:
    """Degrees, and minutes to a millionth: `52,30.500000N`."""
    whole, minutes = divmod(round(abs(degrees) * 60 * _MICRO), 60 * _MICRO)
    return f"{whole},{minutes / _MICRO:.6f}{references[degrees < 0]}"
