"""Text in pictures: where it is (`detection`), what it says (`reading`), and in which order it is read (`order`)."""
