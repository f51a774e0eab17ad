"""Operators of content streams by what they do (ISO 32000-2, annex A)."""

from __future__ import annotations

SAVE, RESTORE = b"q", b"Q"
BEGIN_TEXT, END_TEXT = b"BT", b"ET"
BEGIN_MARKED, BEGIN_MARKED_WITH_PROPERTIES, END_MARKED = b"BMC", b"BDC", b"EMC"
BEGIN = frozenset({BEGIN_MARKED, BEGIN_MARKED_WITH_PROPERTIES})
DRAW_XOBJECT = b"Do"
END_PATH = b"n"
NEXT_LINE = b"T*"
SHOW_ON_NEXT_LINE, SHOW_ON_NEXT_LINE_SPACED = b"'", b'"'

#: Build the current path; they draw nothing yet.
PATH = frozenset({b"m", b"l", b"c", b"v", b"y", b"h", b"re"})
#: Make the current path a clip once it is painted or ended.
CLIP = frozenset({b"W", b"W*"})
#: Draw the current path and end it.
PAINT_PATH = frozenset({b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"})
#: Draw text.
SHOW = frozenset({b"Tj", b"TJ", SHOW_ON_NEXT_LINE, SHOW_ON_NEXT_LINE_SPACED})
#: Draw something else: an inline image, a shading, a form or an image.
DRAW = frozenset({b"BI", b"sh", DRAW_XOBJECT})
#: Paint something.
PAINTS = PAINT_PATH | SHOW | DRAW
#: Position text independently of what was shown before on the line.
PLACE_TEXT = frozenset({b"Td", b"TD", b"Tm", NEXT_LINE, SHOW_ON_NEXT_LINE, SHOW_ON_NEXT_LINE_SPACED, END_TEXT})
#: Marks without extent.
POINTS = frozenset({b"MP", b"DP"})

#: Affect only what is painted after them, up to the Q of their block.
INERT = (
    PATH
    | CLIP
    | frozenset({END_PATH, BEGIN_TEXT, END_TEXT})
    | frozenset({b"cm", b"w", b"J", b"j", b"M", b"d", b"ri", b"i", b"gs"})
    | frozenset({b"CS", b"cs", b"SC", b"SCN", b"sc", b"scn", b"G", b"g", b"RG", b"rg", b"K", b"k"})
    | frozenset({b"Tc", b"Tw", b"Tz", b"TL", b"Tf", b"Tr", b"Ts", b"Td", b"TD", b"Tm", NEXT_LINE})
)

#: Choose the paint for filling and stroking.
FILL_COLOUR = frozenset({b"cs", b"sc", b"scn", b"g", b"rg", b"k"})
STROKE_COLOUR = frozenset({b"CS", b"SC", b"SCN", b"G", b"RG", b"K"})
#: Set one number of the text state.
TEXT_PARAMETERS = frozenset({b"Tc", b"Tw", b"Tz", b"TL", b"Tr", b"Ts"})
