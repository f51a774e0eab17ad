"""Up to 500 tasks by one call, and all their results in one archive."""

from pathlib import Path

from darkroom import Client, operations

with Client() as client:
    files = [client.upload(path) for path in sorted(Path().glob("*.jpg"))]
    created = client.batches.create([[file.id] for file in files], [operations.remove_background()], per_item=True)
    batch = client.batches.wait(created.batch.id, lambda batch: print(f"{batch.progress:.0%}"))
    archive = client.wait(client.batches.archive(batch.id).id)
    print(client.download(archive, "results"))

    balance = client.balance()
    print("unlimited" if balance.unlimited else f"{balance.available_millicredits / 1000} credits left")
    for entry in client.iterate_ledger(limit=3):
        print(entry.id, entry.amount_millicredits)
