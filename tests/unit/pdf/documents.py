"""All kinds of documents with a mark, by name; each is built with it or without."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.pdf import declarations as by
from tests.unit.pdf import structures as within

STYLES: dict[str, Callable[[bool], bytes]] = {
    "acrobat": by.acrobat,
    "compound form alone": by.compound_form_alone,
    "compound form in a busy block": by.compound_form_in_a_busy_block,
    "annotation": by.annotation,
    "layer in English": by.only_a_layer("WaterMarks (all pages)"),
    "layer in Chinese": by.only_a_layer("水印图层"),
    "hidden layer": by.hidden_layer,
    "image in a layer": by.image_in_a_layer,
    "annotation in a layer": by.annotation_in_a_layer,
    "property list": by.property_list,
    "nested": within.nested,
    "inline images": within.inline_images,
    "form shared by pages": within.form_shared_by_pages,
    "mark across streams": within.mark_across_streams,
    "streams shared by pages": within.streams_shared_by_pages,
    "state that outlives the mark": within.state_that_outlives_the_mark,
    "unbalanced blocks": within.unbalanced_blocks,
    "clip in the mark": within.clip_in_the_mark,
    "text on lines of its own": within.text_on_lines_of_its_own,
    "text placed anew": within.text_placed_anew,
    "resources inherited and shared": within.resources_inherited_and_shared,
    "users that no page draws directly": within.users_that_no_page_draws_directly,
    "glyphs that borrow": within.glyphs_that_borrow,
    "stream that lacks its end": within.stream_that_lacks_its_end,
}
