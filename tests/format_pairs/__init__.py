"""Files of every format that is read, with each pair of the traits that the format can have, made by other code than that under test."""
