"""Files of the kinds that users of such tools report most, made here."""
