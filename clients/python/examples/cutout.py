"""Cut a subject out, and enlarge what is left of the picture."""

from darkroom import Client, InsufficientCredits, InvalidRequest, TaskFailed, operations

with Client() as client:
    task = client.remove_background("portrait.jpg", subject="portrait", trim=True)
    print(client.download(task, "results"))

    # Several operations in one task, each working on what the one before has made.
    steps = [operations.remove_background(), operations.upscale(factor=2)]
    try:
        print(client.process("portrait.jpg", steps, "results"))
    except InvalidRequest as refused:
        print(refused, refused.field, refused.allowed)
    except InsufficientCredits as poor:
        print(poor.needed_millicredits, poor.available_millicredits)
    except TaskFailed as failed:
        print(failed.reason, failed.task.id)
