from services.common.migrations import run_environment
from services.tasks.model import TasksTable

run_environment(TasksTable.metadata)
