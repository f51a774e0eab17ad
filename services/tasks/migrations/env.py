from services.common.db import run_environment
from services.tasks.model import TasksTable

run_environment(TasksTable.metadata)
