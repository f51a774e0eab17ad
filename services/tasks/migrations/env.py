from services.platform.migrations import run_environment
from services.tasks.store.tables import TasksTable

run_environment(TasksTable.metadata)
