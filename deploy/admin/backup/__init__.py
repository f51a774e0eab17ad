"""Backups of any deployment as one moment, made through its databases and its object storage: `darkroom-admin backup` and `restore`.

A backup is one tar archive. In this order it holds:

- `backup.json`: that it is one, of which format, and whose version made it;
- `installation/…`: the installation folder as far as it is visible to the command: keys, certificates, passwords, settings;
- `objects/…`: the objects that rows name, those that were there before the moment; then, behind the rows, those that came up to it;
- `moment.json`: the moment, and the tables, columns, sequences and migrations of each database;
- `rows/SERVICE/TABLE/NUMBER`: the rows at that moment, as PostgreSQL's COPY writes them, in the order of their keys;
- `manifest.json`: how much there is, and a digest of it all. An archive without it was cut short.
"""
