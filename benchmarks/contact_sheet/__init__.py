"""Contact sheets: what SnapOtter's tools make of the same few pictures, with every setting, seen side by side."""
